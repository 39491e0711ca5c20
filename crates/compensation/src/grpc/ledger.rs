//! Requests of the LedgerService.

use api::compensation as wire;
use chassis::wire::positive_money;
use kernel::{Money, PayoutId, ResourceId as _, ServiceError, Violations, VoucherId};

use super::names::done;
use crate::app::{Grant, RecordCapture, RedeemVoucher, ReverseGrant, SwitchPayouts};
use crate::domain::freeze::FreezeEvent;
use crate::domain::order_funds::MAX_REFERENCE;
use crate::domain::voucher::read_code;
use crate::ledger_wire::{PAYOUT_FREEZE, REVERSAL};

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

/// RedeemVoucher: request id and command. Text that cannot be a code is told from a code that does not exist: it is no
/// guess.
pub(super) fn redeem(request: &wire::RedeemVoucherRequest) -> Result<(String, RedeemVoucher), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let code = read_code(&request.code);
    if code.is_none() {
        let reason = if request.code.is_empty() { "REQUIRED" } else { "VOUCHER_CODE" };
        violations.add("code", reason, "must be 14 letters and digits such as 0A1B2C3-4D5E6F7");
    }
    let amount = optional_positive("amount", request.amount.as_ref(), &mut violations);
    let order = violations.text("order", &request.order, 0, 128);
    let presented_by = violations.text("presented_by", &request.presented_by, 0, 128);
    let command = code.map(|code| RedeemVoucher { code, amount, order, presented_by });
    done(violations, command).map(|command| (request_id, command))
}

/// ReverseGrant: request id and command.
pub(super) fn reverse(request: &wire::ReverseGrantRequest) -> Result<(String, ReverseGrant), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let grant = grant("grant", &request.grant, &mut violations);
    let amount = optional_positive("amount", request.amount.as_ref(), &mut violations);
    if matches!(grant, Some(Grant::Voucher(_))) && request.amount.is_some() {
        violations.add("amount", "NOT_ALLOWED", "must be absent: of a voucher all that is left is taken back");
    }
    let reason = violations.text("reason", &request.reason, 1, 512);
    let reversed_by = violations.text("reversed_by", &request.reversed_by, 1, 128);
    let command = grant.map(|grant| ReverseGrant { grant, amount, reason, reversed_by });
    done(violations, command).map(|command| (request_id, command))
}

/// GetGrantReversal: the grant.
pub(super) fn reversal_name(name: &str) -> Result<Grant, ServiceError> {
    let mut violations = Violations::new();
    let of = name.strip_suffix(REVERSAL).and_then(|name| name.strip_suffix('/')).unwrap_or_default();
    let grant = parse_grant(of);
    if grant.is_none() {
        let reason = if name.is_empty() { "REQUIRED" } else { "RESOURCE_NAME" };
        violations.add("name", reason, "must be vouchers/ or payouts/, a UUID in lower case, and /reversal");
    }
    done(violations, grant)
}

fn grant(field: &str, name: &str, violations: &mut Violations) -> Option<Grant> {
    let grant = parse_grant(name);
    if grant.is_none() {
        let reason = if name.is_empty() { "REQUIRED" } else { "RESOURCE_NAME" };
        violations.add(field, reason, "must be vouchers/ or payouts/ and a UUID in lower case");
    }
    grant
}

fn parse_grant(name: &str) -> Option<Grant> {
    let voucher = VoucherId::parse_name(name).map(Grant::Voucher);
    voucher.or_else(|| PayoutId::parse_name(name).map(Grant::Payout))
}

fn optional_positive(
    field: &str,
    value: Option<&api::google::r#type::Money>,
    violations: &mut Violations,
) -> Option<Money> {
    value.and_then(|value| positive_money(field, Some(value), violations))
}

/// RecordCapture: request id and command.
pub(super) fn capture(request: &wire::RecordCaptureRequest) -> Result<(String, RecordCapture), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let order = violations.text("order", &request.order, 1, MAX_REFERENCE);
    let capture = violations.text("capture", &request.capture, 1, MAX_REFERENCE);
    let amount = positive_money("amount", request.amount.as_ref(), &mut violations);
    let command = amount.map(|amount| RecordCapture { order, capture, amount });
    done(violations, command).map(|command| (request_id, command))
}

/// GetOrderFunds: the order.
pub(super) fn order(order: &str) -> Result<String, ServiceError> {
    let mut violations = Violations::new();
    let order = violations.text("order", order, 1, MAX_REFERENCE);
    violations.finish().map(|()| order)
}
