//! What callers are told when the state does not allow what they ask for.

use kernel::{ServiceError, reason};

use crate::domain::transition::InvalidTransition;

/// FAILED_PRECONDITION `INVALID_TRANSITION` with the state.
pub(super) fn not_now(refused: InvalidTransition) -> ServiceError {
    ServiceError::precondition(reason::INVALID_TRANSITION, refused.to_string()).with("state", refused.state)
}
