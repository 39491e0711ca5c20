//! The state machine of an offer: open until it is answered or its time has passed; before that, where it is above what an
//! agent may decide alone, it waits for somebody else's approval.

use super::transition::InvalidTransition;

/// Where an offer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OfferState {
    /// Waits for an answer.
    Open,
    /// The customer chose an option. Final.
    Accepted,
    /// The customer declined. Final.
    Declined,
    /// Nobody answered in time. Final.
    Expired,
    /// Waits for approval; the customer does not know of it.
    PendingApproval,
    /// Was not approved; the customer never knew of it. Final.
    Rejected,
}

/// What happens to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OfferEvent {
    /// The customer chooses an option.
    Accept,
    /// The customer declines.
    Decline,
    /// Its time has passed.
    Expire,
    /// Somebody else approves it.
    Approve,
    /// Somebody else rejects it, or nobody approved it in time.
    Reject,
}

impl OfferState {
    /// All states.
    pub const ALL: [OfferState; 6] =
        [Self::Open, Self::Accepted, Self::Declined, Self::Expired, Self::PendingApproval, Self::Rejected];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Accepted => "ACCEPTED",
            Self::Declined => "DECLINED",
            Self::Expired => "EXPIRED",
            Self::PendingApproval => "PENDING_APPROVAL",
            Self::Rejected => "REJECTED",
        }
    }

    /// The reverse of [`OfferState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The state after an event.
    ///
    /// # Errors
    /// When the offer does not take it: an answer when it is not open, an approval when it does not wait for one.
    pub const fn on(self, event: OfferEvent) -> Result<Self, InvalidTransition> {
        use OfferEvent as E;
        match self {
            Self::Open => match event {
                E::Accept => Ok(Self::Accepted),
                E::Decline => Ok(Self::Declined),
                E::Expire => Ok(Self::Expired),
                E::Approve | E::Reject => Err(self.refuses(event)),
            },
            Self::PendingApproval => match event {
                E::Approve => Ok(Self::Open),
                E::Reject => Ok(Self::Rejected),
                E::Accept | E::Decline | E::Expire => Err(self.refuses(event)),
            },
            Self::Accepted | Self::Declined | Self::Expired | Self::Rejected => Err(self.refuses(event)),
        }
    }

    const fn refuses(self, event: OfferEvent) -> InvalidTransition {
        let event = match event {
            OfferEvent::Accept | OfferEvent::Decline => "an answer",
            OfferEvent::Expire => "the end of its time",
            OfferEvent::Approve | OfferEvent::Reject => "a decision about its approval",
        };
        InvalidTransition { machine: "the offer", state: self.as_str(), event }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OfferEvent::{Accept, Approve, Decline, Expire, Reject};
    use OfferState as S;

    #[test]
    fn an_offer_is_answered_once() {
        for state in S::ALL {
            let expected = match state {
                S::Open => [Some(S::Accepted), Some(S::Declined), Some(S::Expired), None, None],
                S::PendingApproval => [None, None, None, Some(S::Open), Some(S::Rejected)],
                S::Accepted | S::Declined | S::Expired | S::Rejected => [None; 5],
            };
            for (event, expected) in [Accept, Decline, Expire, Approve, Reject].into_iter().zip(expected) {
                assert_eq!(state.on(event).ok(), expected, "{state:?} on {event:?}");
            }
            assert_eq!(S::parse(state.as_str()), Some(state));
        }
    }
}
