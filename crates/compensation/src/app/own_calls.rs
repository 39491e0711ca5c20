//! The durable calls that compensation makes to itself: the ends of offers and vouchers, the steps of payouts, and the
//! days of settlements.
//!
//! A timer that comes early, because two clocks differ or an operator sent it by hand, is asked to come again: to do
//! nothing and say so would be the end of it.

use api::compensation::{
    AdvancePayoutRequest, CloseSettlementRequest, ExpireApprovalRequest, ExpireExperimentRequest, ExpireOfferRequest,
    ExpireVoucherRequest, ReleaseOfferRequest,
};
use api::method::authority_service::EXPIRE_APPROVAL;
use api::method::compensation_service::{ADVANCE_PAYOUT, EXPIRE_OFFER, EXPIRE_VOUCHER};
use api::method::experiment_service::{EXPIRE_EXPERIMENT, RELEASE_OFFER};
use api::method::settlement_service::CLOSE_SETTLEMENT;
use durable::{OutboundCall, Tx};
use kernel::{
    ApprovalId, OfferId, PayoutId, RequestContext, ResourceId, ServiceError, TenantId, Timestamp, VoucherId,
    message_id_for_step,
};
use uuid::Uuid;

use crate::NAME;
use crate::domain::approval::Approval;
use crate::domain::grant::Voucher;
use crate::domain::payout_step::Payout;
use crate::domain::records::{Offer, Remedy};

/// Sets the timer that ends an offer.
pub(super) fn expire_offer_later(tx: &Tx, context: &RequestContext, offer: &Offer) {
    let call = offer_timer(&context.tenant, offer.id);
    let request = ExpireOfferRequest { request_id: call.to_string(), name: offer.id.to_string() };
    tx.enqueue(OutboundCall::timer(context, NAME, EXPIRE_OFFER, call, offer.expires_at, &request));
}

/// Takes the timer of an offer back.
pub(super) fn cancel_offer_timer(tx: &Tx, tenant: &TenantId, offer: OfferId) {
    tx.cancel(offer_timer(tenant, offer));
}

/// Sets the timer that ends an approval.
pub(super) fn expire_approval_later(tx: &Tx, context: &RequestContext, approval: &Approval) {
    let call = approval_timer(&context.tenant, approval.id);
    let request = ExpireApprovalRequest { request_id: call.to_string(), name: approval.id.to_string() };
    tx.enqueue(OutboundCall::timer(context, NAME, EXPIRE_APPROVAL, call, approval.expires_at, &request));
}

/// Takes the timer of an approval back.
pub(super) fn cancel_approval_timer(tx: &Tx, tenant: &TenantId, approval: ApprovalId) {
    tx.cancel(approval_timer(tenant, approval));
}

/// Sets the timer that makes an offer which was put off.
pub(super) fn release_offer_later(tx: &Tx, context: &RequestContext, remedy: &Remedy, at: Timestamp) {
    let call = message_id_for_step(remedy.id.uuid(), &format!("{}/release-offer", context.tenant), 1);
    let request = ReleaseOfferRequest { request_id: call.to_string(), name: remedy.id.to_string() };
    tx.enqueue(OutboundCall::timer(context, NAME, RELEASE_OFFER, call, at, &request));
}

/// Sets the timer that makes an offer of what the law demands though no apology of ours is on record.
pub(super) fn offer_without_apology_later(tx: &Tx, context: &RequestContext, remedy: &Remedy, at: Timestamp) {
    let call = apology_timer(&context.tenant, remedy);
    let request = ReleaseOfferRequest { request_id: call.to_string(), name: remedy.id.to_string() };
    tx.enqueue(OutboundCall::timer(context, NAME, RELEASE_OFFER, call, at, &request));
}

/// Takes it back: the customer has our apology.
pub(super) fn cancel_apology_timer(tx: &Tx, tenant: &TenantId, remedy: &Remedy) {
    tx.cancel(apology_timer(tenant, remedy));
}

/// Sets the timer that ends an experiment.
pub(super) fn expire_experiment_later(tx: &Tx, context: &RequestContext, id: &str, at: Timestamp) {
    let call = experiment_timer(&context.tenant, id);
    let request = ExpireExperimentRequest { request_id: call.to_string(), name: format!("experiments/{id}") };
    tx.enqueue(OutboundCall::timer(context, NAME, EXPIRE_EXPERIMENT, call, at, &request));
}

/// Takes the timer of an experiment back.
pub(super) fn cancel_experiment_timer(tx: &Tx, tenant: &TenantId, id: &str) {
    tx.cancel(experiment_timer(tenant, id));
}

/// Sets the timer that ends a voucher, if it ends.
pub(super) fn expire_voucher_later(tx: &Tx, context: &RequestContext, voucher: &Voucher) {
    let Some(expires_at) = voucher.expiry() else { return };
    let call = voucher_timer(&context.tenant, voucher.id);
    let request = ExpireVoucherRequest { request_id: call.to_string(), name: voucher.id.to_string() };
    tx.enqueue(OutboundCall::timer(context, NAME, EXPIRE_VOUCHER, call, expires_at, &request));
}

/// Takes the timer of a voucher back.
pub(super) fn cancel_voucher_timer(tx: &Tx, tenant: &TenantId, voucher: VoucherId) {
    tx.cancel(voucher_timer(tenant, voucher));
}

/// Has the next step of a payout taken when it is due.
pub(super) fn advance_payout_later(tx: &Tx, context: &RequestContext, payout: &Payout) {
    let call = payout_step(&context.tenant, payout, payout.steps + 1);
    let request = AdvancePayoutRequest { request_id: call.to_string(), name: payout.id.to_string(), look_up: false };
    tx.enqueue(OutboundCall::timer(context, NAME, ADVANCE_PAYOUT, call, payout.next_step_at, &request));
}

/// Has a payout looked up now, because the provider told of an event.
pub(super) fn look_up_payout_now(tx: &Tx, context: &RequestContext, payout: PayoutId, event: &str) {
    let call = message_id_for_step(payout.uuid(), &format!("{}/event/{event}", context.tenant), 1);
    let request = AdvancePayoutRequest { request_id: call.to_string(), name: payout.to_string(), look_up: true };
    tx.enqueue(OutboundCall::timer(context, NAME, ADVANCE_PAYOUT, call, tx.now(), &request));
}

/// Has the day of a complete settlement file closed, once the provider had its time.
pub(super) fn close_settlement_later(tx: &Tx, context: &RequestContext, file: &str, at: Timestamp) {
    let call = message_id_for_step(Uuid::nil(), &format!("{}/settlement/{file}", context.tenant), 1);
    let request = CloseSettlementRequest { request_id: call.to_string(), file: file.to_owned() };
    tx.enqueue(OutboundCall::timer(context, NAME, CLOSE_SETTLEMENT, call, at, &request));
}

/// Takes back the call that would take step number `step` of a payout.
pub(super) fn cancel_payout_step(tx: &Tx, tenant: &TenantId, payout: &Payout, step: u32) {
    tx.cancel(payout_step(tenant, payout, step));
}

/// The id of the call that takes step number `step`.
pub(super) fn payout_step(tenant: &TenantId, payout: &Payout, step: u32) -> Uuid {
    message_id_for_step(payout.id.uuid(), &format!("{tenant}/advance"), step)
}

fn offer_timer(tenant: &TenantId, offer: OfferId) -> Uuid {
    message_id_for_step(offer.uuid(), &format!("{tenant}/expire"), 1)
}

fn apology_timer(tenant: &TenantId, remedy: &Remedy) -> Uuid {
    message_id_for_step(remedy.id.uuid(), &format!("{tenant}/apology"), 1)
}

/// An offer that was approved bears the approval's UUID: the step tells their timers apart.
fn approval_timer(tenant: &TenantId, approval: ApprovalId) -> Uuid {
    message_id_for_step(approval.uuid(), &format!("{tenant}/expire-approval"), 1)
}

fn experiment_timer(tenant: &TenantId, id: &str) -> Uuid {
    message_id_for_step(Uuid::nil(), &format!("{tenant}/experiment/{id}"), 1)
}

fn voucher_timer(tenant: &TenantId, voucher: VoucherId) -> Uuid {
    message_id_for_step(voucher.uuid(), &format!("{tenant}/expire"), 1)
}

/// True for a call that this service made to itself.
pub(super) fn is_own(context: &RequestContext) -> bool {
    context.client.strip_prefix("service:") == Some(NAME)
}

/// Whether something is due; the own timer is asked to come again when it is not.
///
/// # Errors
/// UNAVAILABLE with the time to wait.
pub(super) fn is_due(context: &RequestContext, at: Timestamp, now: Timestamp) -> Result<bool, ServiceError> {
    if now < at && is_own(context) { Err(early(at, now)) } else { Ok(now >= at) }
}

/// UNAVAILABLE: the timer came early.
pub(super) fn early(at: Timestamp, now: Timestamp) -> ServiceError {
    let message = format!("it is {now}, and this is due at {at}; send it again then");
    ServiceError::unavailable(api::reason::compensation::TOO_EARLY, message, at.since(now))
}
