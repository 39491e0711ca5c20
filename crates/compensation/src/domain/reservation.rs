//! The state machine of a reservation in the ledger: money set aside for one payout, then posted or released, once.

use super::transition::InvalidTransition;

/// Where a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReservationState {
    /// Set aside.
    Pending,
    /// Spent. Final.
    Posted,
    /// Released. Final.
    Voided,
}

/// What happens to a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReservationEvent {
    /// The money was paid.
    Post,
    /// The money certainly was not and will not be paid.
    Void,
}

impl ReservationState {
    /// All states.
    pub const ALL: [ReservationState; 3] = [Self::Pending, Self::Posted, Self::Voided];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Posted => "POSTED",
            Self::Voided => "VOIDED",
        }
    }

    /// The state after an event.
    ///
    /// # Errors
    /// When the reservation was posted or released before.
    pub const fn on(self, event: ReservationEvent) -> Result<Self, InvalidTransition> {
        match self {
            Self::Pending => Ok(match event {
                ReservationEvent::Post => Self::Posted,
                ReservationEvent::Void => Self::Voided,
            }),
            Self::Posted | Self::Voided => {
                let event = match event {
                    ReservationEvent::Post => "posting",
                    ReservationEvent::Void => "a release",
                };
                Err(InvalidTransition { machine: "the reservation", state: self.as_str(), event })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReservationEvent::{Post, Void};
    use ReservationState as S;

    /// What the constraint of the table allows.
    #[test]
    fn a_state_is_stored_by_its_name() {
        assert_eq!(S::ALL.map(S::as_str), ["PENDING", "POSTED", "VOIDED"]);
    }

    #[test]
    fn a_reservation_ends_once() {
        for state in S::ALL {
            let expected = match state {
                S::Pending => [Some(S::Posted), Some(S::Voided)],
                S::Posted | S::Voided => [None, None],
            };
            for (event, expected) in [Post, Void].into_iter().zip(expected) {
                assert_eq!(state.on(event).ok(), expected, "{state:?} on {event:?}");
            }
        }
    }
}
