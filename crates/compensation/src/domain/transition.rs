//! The one answer of a state machine that says no.

/// An event that a state does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{machine} is {state} and does not take {event}")]
pub struct InvalidTransition {
    /// What it is: an offer, a payout.
    pub machine: &'static str,
    /// The state that it is in.
    pub state: &'static str,
    /// What was asked of it.
    pub event: &'static str,
}
