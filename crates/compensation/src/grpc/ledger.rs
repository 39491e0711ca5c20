//! Requests of the LedgerService.

use kernel::{ServiceError, Violations};

use crate::app::SwitchPayouts;
use crate::domain::freeze::FreezeEvent;
use crate::ledger_wire::PAYOUT_FREEZE;

/// FreezePayouts and UnfreezePayouts: request id and command.
pub(super) fn switch(
    event: FreezeEvent,
    (request_id, reason, changed_by): (&str, &str, &str),
) -> Result<(String, SwitchPayouts), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(request_id);
    let reason = violations.text("reason", reason, 1, 512);
    let changed_by = violations.text("changed_by", changed_by, 1, 128);
    violations.finish().map(|()| (request_id, SwitchPayouts { event, reason, changed_by }))
}

/// GetPayoutFreeze: there is one.
pub(super) fn freeze_name(name: &str) -> Result<(), ServiceError> {
    let mut violations = Violations::new();
    if name != PAYOUT_FREEZE {
        let reason = if name.is_empty() { "REQUIRED" } else { "RESOURCE_NAME" };
        violations.add("name", reason, format!("must be {PAYOUT_FREEZE}"));
    }
    violations.finish()
}
