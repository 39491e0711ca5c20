//! What the LedgerService shows: the domain's values as its contract has them.

use api::compensation as wire;
use chassis::wire::to_timestamp;

use crate::domain::freeze::{FreezeState, PayoutFreeze};

/// The one name of a tenant's kill switch.
pub(crate) const PAYOUT_FREEZE: &str = "payoutFreeze";

/// The kill switch.
pub(crate) fn payout_freeze(freeze: &PayoutFreeze) -> wire::PayoutFreeze {
    use wire::payout_freeze::State;
    let state = match freeze.state {
        FreezeState::Flowing => State::Flowing,
        FreezeState::Frozen => State::Frozen,
    };
    wire::PayoutFreeze {
        name: PAYOUT_FREEZE.to_owned(),
        state: state.into(),
        reason: freeze.reason.clone(),
        changed_by: freeze.changed_by.clone(),
        update_time: freeze.changed_at.map(to_timestamp),
    }
}
