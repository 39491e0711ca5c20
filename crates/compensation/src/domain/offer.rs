//! The state machine of an offer: open until it is answered or its time has passed.

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
}

impl OfferState {
    /// All states.
    pub const ALL: [OfferState; 4] = [Self::Open, Self::Accepted, Self::Declined, Self::Expired];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Accepted => "ACCEPTED",
            Self::Declined => "DECLINED",
            Self::Expired => "EXPIRED",
        }
    }

    /// The reverse of [`OfferState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The state after an event.
    ///
    /// # Errors
    /// When the offer is not open any more.
    pub const fn on(self, event: OfferEvent) -> Result<Self, InvalidTransition> {
        match self {
            Self::Open => Ok(match event {
                OfferEvent::Accept => Self::Accepted,
                OfferEvent::Decline => Self::Declined,
                OfferEvent::Expire => Self::Expired,
            }),
            Self::Accepted | Self::Declined | Self::Expired => {
                let event = match event {
                    OfferEvent::Accept | OfferEvent::Decline => "an answer",
                    OfferEvent::Expire => "the end of its time",
                };
                Err(InvalidTransition { machine: "the offer", state: self.as_str(), event })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OfferEvent::{Accept, Decline, Expire};
    use OfferState as S;

    #[test]
    fn an_offer_is_answered_once() {
        for state in S::ALL {
            let expected = match state {
                S::Open => [Some(S::Accepted), Some(S::Declined), Some(S::Expired)],
                S::Accepted | S::Declined | S::Expired => [None; 3],
            };
            for (event, expected) in [Accept, Decline, Expire].into_iter().zip(expected) {
                assert_eq!(state.on(event).ok(), expected, "{state:?} on {event:?}");
            }
            assert_eq!(S::parse(state.as_str()), Some(state));
        }
    }
}
