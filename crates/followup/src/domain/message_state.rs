//! The states of a message: it waits, then it has left or it never will.

use kernel::Timestamp;

/// Where a message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MessageState {
    /// Waits to be handed over.
    Queued,
    /// Handed over. Final.
    Sent {
        /// When.
        at: Timestamp,
    },
    /// Will never be delivered. Final.
    Failed {
        /// `UPPER_SNAKE`, with the transport's words after a colon where it had any.
        reason: String,
    },
}

/// What can happen to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MessageEvent {
    /// The transport took it.
    HandedOver {
        /// When.
        at: Timestamp,
    },
    /// It can never be delivered.
    Undeliverable {
        /// Why.
        reason: String,
    },
}

impl MessageState {
    /// The state after `event`; `None` when the message is final: what was said of it first stands.
    pub(crate) fn after(&self, event: MessageEvent) -> Option<Self> {
        match (self, event) {
            (Self::Queued, MessageEvent::HandedOver { at }) => Some(Self::Sent { at }),
            (Self::Queued, MessageEvent::Undeliverable { reason }) => Some(Self::Failed { reason }),
            (Self::Sent { .. } | Self::Failed { .. }, MessageEvent::HandedOver { .. }) => None,
            (Self::Sent { .. } | Self::Failed { .. }, MessageEvent::Undeliverable { .. }) => None,
        }
    }

    /// As it is stored.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Sent { .. } => "SENT",
            Self::Failed { .. } => "FAILED",
        }
    }

    /// True when nothing can happen to the message any more.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Queued => false,
            Self::Sent { .. } | Self::Failed { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(7);

    fn handed_over() -> MessageEvent {
        MessageEvent::HandedOver { at: AT }
    }

    fn undeliverable() -> MessageEvent {
        MessageEvent::Undeliverable { reason: "UNDELIVERABLE".to_owned() }
    }

    fn sent() -> MessageState {
        MessageState::Sent { at: AT }
    }

    fn failed() -> MessageState {
        MessageState::Failed { reason: "UNDELIVERABLE".to_owned() }
    }

    #[test]
    fn every_state_meets_every_event() {
        for (state, event, after) in [
            (MessageState::Queued, handed_over(), Some(sent())),
            (MessageState::Queued, undeliverable(), Some(failed())),
            (sent(), handed_over(), None),
            (sent(), undeliverable(), None),
            (failed(), handed_over(), None),
            (failed(), undeliverable(), None),
        ] {
            assert_eq!(state.after(event.clone()), after, "{state:?} {event:?}");
        }
    }

    proptest! {
        #[test]
        fn the_first_word_on_a_message_is_the_last(events in prop::collection::vec(any::<bool>(), 1..8)) {
            let mut state = MessageState::Queued;
            for took in &events {
                let event = if *took { handed_over() } else { undeliverable() };
                state = state.after(event).unwrap_or(state);
            }
            prop_assert_eq!(state, if events[0] { sent() } else { failed() });
        }
    }
}
