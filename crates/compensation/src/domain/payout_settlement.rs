//! The state machine of a person's decision about a payout: proposed by one, approved by another.

use kernel::{PayoutId, PayoutSettlementId, Timestamp};

use super::transition::InvalidTransition;

/// Where a decision stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SettlementState {
    /// Waits for a second person.
    Proposed,
    /// Holds. Final.
    Approved,
    /// Does not hold. Final.
    Rejected,
}

/// What happens to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SettlementEvent {
    /// Another person agrees.
    Approve,
    /// A person disagrees, or takes it back.
    Reject,
}

/// What became of the payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub enum Outcome {
    /// It was executed.
    Executed,
    /// It was not executed and never will be.
    NotExecuted,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutSettlement {
    /// Its id.
    pub id: PayoutSettlementId,
    /// The payout.
    pub payout: PayoutId,
    /// Where it stands.
    pub state: SettlementState,
    /// What became of the payout.
    pub outcome: Outcome,
    /// The provider's reference, of an executed one.
    pub reference: String,
    /// What it is known from.
    pub evidence: String,
    /// Who proposed it.
    pub proposed_by: String,
    /// Who approved or rejected it.
    pub decided_by: String,
    /// Why it was approved or rejected.
    pub decision_reason: String,
    /// When it was proposed.
    pub created_at: Timestamp,
    /// When it was approved or rejected.
    pub decided_at: Option<Timestamp>,
}

impl Outcome {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Executed => "EXECUTED",
            Self::NotExecuted => "NOT_EXECUTED",
        }
    }

    /// The reverse of [`Outcome::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Executed, Self::NotExecuted].into_iter().find(|outcome| outcome.as_str() == text)
    }
}

impl SettlementState {
    /// All states.
    pub const ALL: [SettlementState; 3] = [Self::Proposed, Self::Approved, Self::Rejected];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "PROPOSED",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
        }
    }

    /// The reverse of [`SettlementState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The state after an event.
    ///
    /// # Errors
    /// When it was decided before.
    pub const fn on(self, event: SettlementEvent) -> Result<Self, InvalidTransition> {
        match self {
            Self::Proposed => Ok(match event {
                SettlementEvent::Approve => Self::Approved,
                SettlementEvent::Reject => Self::Rejected,
            }),
            Self::Approved | Self::Rejected => {
                let event = match event {
                    SettlementEvent::Approve => "an approval",
                    SettlementEvent::Reject => "a rejection",
                };
                Err(InvalidTransition { machine: "the decision", state: self.as_str(), event })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SettlementEvent::{Approve, Reject};
    use SettlementState as S;

    #[test]
    fn a_decision_is_decided_once() {
        for state in S::ALL {
            let expected = match state {
                S::Proposed => [Some(S::Approved), Some(S::Rejected)],
                S::Approved | S::Rejected => [None, None],
            };
            for (event, expected) in [Approve, Reject].into_iter().zip(expected) {
                assert_eq!(state.on(event).ok(), expected, "{state:?} on {event:?}");
            }
            assert_eq!(S::parse(state.as_str()), Some(state));
        }
        for outcome in [Outcome::Executed, Outcome::NotExecuted] {
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
        }
    }
}
