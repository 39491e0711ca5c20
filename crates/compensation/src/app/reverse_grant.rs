//! A grant is taken back, once: a voucher is voided, or money that was paid has come back.
//!
//! A voucher: what is left of it is not owed any more; what was used stays used. A payout: the provider is asked
//! nothing; the company says that this much came back to it from the provider or the customer, and the books say so.
//! The payout stays CONFIRMED, because it was paid. Either is a transaction of its own that names the one it reverses.

use api::method::ledger_service::REVERSE_GRANT;
use api::reason::compensation::{GRANT_NOT_REVERSIBLE, GRANT_REVERSED, REVERSAL_ABOVE_GRANT};
use durable::audit::{self, AuditEntry};
use durable::{Tx, TxError};
use kernel::{
    Answer, LedgerTransactionId, Money, PayoutId, RequestContext, RequestKey, ServiceError, TenantId, Violations,
    VoucherId,
};
use serde::Serialize;

use super::{App, own_calls};
use crate::domain::ledger::{Transaction, TransactionKind};
use crate::domain::payout::PayoutState;
use crate::domain::voucher::{VoucherEvent, VoucherState};
use crate::ledger_wire;
use crate::store::reversals::{self, Reversal};
use crate::store::{ledger, orders, payouts, vouchers};

/// What was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Grant {
    Voucher(VoucherId),
    Payout(PayoutId),
}

impl Grant {
    /// As a resource name.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Voucher(id) => id.to_string(),
            Self::Payout(id) => id.to_string(),
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReverseGrant {
    pub(crate) grant: Grant,
    /// All of it when absent; never with a voucher.
    pub(crate) amount: Option<Money>,
    pub(crate) reason: String,
    pub(crate) reversed_by: String,
}

impl App {
    /// Takes a grant back.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `GRANT_NOT_REVERSIBLE`, `GRANT_REVERSED`, `REVERSAL_ABOVE_GRANT`;
    /// INVALID_ARGUMENT when the amount has another currency.
    #[tracing::instrument(skip_all, name = "compensation.reverse_grant")]
    pub(crate) async fn reverse_grant(
        &self,
        context: RequestContext,
        request_id: &str,
        command: ReverseGrant,
    ) -> Result<Answer<api::compensation::GrantReversal>, ServiceError> {
        let key = context.key(REVERSE_GRANT, request_id, RequestKey::hash_of(&command));
        let booking = self.engine.new_id().into();
        let work = move |tx: Tx| {
            let (context, command) = (context.clone(), command.clone());
            async move {
                let tenant = &context.tenant;
                let reversal = match command.grant {
                    Grant::Voucher(id) => void(&tx, tenant, id, booking, &command).await?,
                    Grant::Payout(id) => claw_back(&tx, tenant, id, booking, &command).await?,
                };
                let entry = AuditEntry {
                    actor: format!("{} ({})", reversal.reversed_by, context.client),
                    action: "GRANT_REVERSED",
                    subject: reversal.grant.clone(),
                    reason: reversal.reason.clone(),
                };
                audit::append_in_tx(&tx, tenant, entry).await?;
                Ok(ledger_wire::reversal(&reversal))
            }
        };
        self.engine.mutate("compensation.reverse_grant", key, work).await
    }

    /// The reversal of a grant.
    pub(crate) async fn get_grant_reversal(
        &self,
        context: &RequestContext,
        grant: Grant,
    ) -> Result<api::compensation::GrantReversal, ServiceError> {
        let name = grant.name();
        let found = reversals::get(self.engine.read(), &context.tenant, &name).await.map_err(TxError::from)?;
        found.as_ref().map(ledger_wire::reversal).ok_or_else(|| ServiceError::not_found(format!("{name}/reversal")))
    }
}

/// Voids a voucher: what is left of it is not owed any more.
async fn void(
    tx: &Tx,
    tenant: &TenantId,
    id: VoucherId,
    booking: LedgerTransactionId,
    command: &ReverseGrant,
) -> Result<Reversal, TxError> {
    let mut voucher = vouchers::lock_in_tx(tx, tenant, id).await?.ok_or_else(|| ServiceError::not_found(id))?;
    let state = voucher.state_at(tx.now());
    if state == VoucherState::Voided {
        return Err(reversed_before(&id.to_string()).into());
    }
    if state.on(VoucherEvent::Void).is_err() {
        return Err(not_reversible(id, state.as_str()).into());
    }
    let left = voucher.end(VoucherEvent::Void).map_err(super::refusal::not_now)?;
    let reversal = written(tx, tenant, command, left.map(|left| (left, booking))).await?;
    vouchers::update_in_tx(tx, tenant, &voucher).await?;
    if let Some(left) = left {
        let issued = original(tx, tenant, &reversal.grant, TransactionKind::VoucherIssued).await?;
        let reversed = Transaction::voucher_reversed((booking, issued), id, voucher.case, (left, voucher.cost));
        ledger::append_in_tx(tx, &[(tenant, &reversed)]).await?;
        orders::give_back_in_tx(tx, tenant, id, left).await?;
    }
    own_calls::cancel_voucher_timer(tx, tenant, id);
    Ok(reversal)
}

/// Books that money of a confirmed payout came back.
async fn claw_back(
    tx: &Tx,
    tenant: &TenantId,
    id: PayoutId,
    booking: LedgerTransactionId,
    command: &ReverseGrant,
) -> Result<Reversal, TxError> {
    let payout = payouts::lock_in_tx(tx, tenant, id).await?.ok_or_else(|| ServiceError::not_found(id))?;
    if payout.state != PayoutState::Confirmed {
        return Err(not_reversible(id, payout.state.as_str()).into());
    }
    let amount = command.amount.unwrap_or(payout.amount);
    if amount.currency != payout.amount.currency {
        let mut violations = Violations::new();
        violations.add("amount", "CURRENCY", format!("must be in {}", payout.amount.currency.code()));
        violations.finish()?;
    }
    if amount.minor > payout.amount.minor {
        let message = format!("{id} paid {}; take back at most that", payout.amount);
        return Err(ServiceError::precondition(REVERSAL_ABOVE_GRANT, message).with("paid", payout.amount).into());
    }
    let reversal = written(tx, tenant, command, Some((amount, booking))).await?;
    let posted = original(tx, tenant, &reversal.grant, TransactionKind::PayoutPosted).await?;
    let reversed = Transaction::payout_reversed((booking, posted), id, payout.case, (amount, payout.cost));
    ledger::append_in_tx(tx, &[(tenant, &reversed)]).await?;
    Ok(reversal)
}

/// The row that a grant has at most one of, before anything is booked.
async fn written(
    tx: &Tx,
    tenant: &TenantId,
    command: &ReverseGrant,
    booked: Option<(Money, LedgerTransactionId)>,
) -> Result<Reversal, TxError> {
    let reversal = Reversal {
        grant: command.grant.name(),
        booked,
        reason: command.reason.clone(),
        reversed_by: command.reversed_by.clone(),
        created_at: tx.now(),
    };
    if reversals::insert_in_tx(tx, tenant, &reversal).await? {
        return Ok(reversal);
    }
    Err(reversed_before(&reversal.grant).into())
}

fn reversed_before(grant: &str) -> ServiceError {
    let message = format!("{grant} was reversed before; GetGrantReversal says by whom");
    ServiceError::precondition(GRANT_REVERSED, message).with("grant", grant)
}

async fn original(
    tx: &Tx,
    tenant: &TenantId,
    subject: &str,
    kind: TransactionKind,
) -> Result<LedgerTransactionId, TxError> {
    let found = ledger::find_in_tx(tx, tenant, subject, kind).await?;
    found.ok_or_else(|| ServiceError::internal(format!("{subject} has no {}", kind.as_str())).into())
}

fn not_reversible(id: impl std::fmt::Display, state: &str) -> ServiceError {
    let message = format!("{id} is {state}; an issued voucher and a confirmed payout can be reversed");
    ServiceError::precondition(GRANT_NOT_REVERSIBLE, message).with("state", state)
}
