//! Why a case does not do what a caller asks of it now.

use super::case_state::State;

/// A no of the domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is asked or found out before the customer has our acknowledgement.
    #[error("the customer has not been given our acknowledgement and apology yet; wait for ACKNOWLEDGED")]
    AcknowledgeFirst,
    /// The recovery has ended.
    #[error("the case has ended; reopen it first")]
    Final,
    /// The state does not allow it.
    #[error("the case is {}; {needed}", state.as_str())]
    WrongState {
        /// The state now.
        state: State,
        /// What it would have to be.
        needed: &'static str,
    },
    /// The story has as many entries as one may have.
    #[error("the story of the case has {entries} entries, as many as one may have; open another case for the customer")]
    TooLarge {
        /// Entries of a full story.
        entries: i64,
    },
    /// More facts than an event holds.
    #[error("the event would have more than 64 facts")]
    TooManyFacts,
}
