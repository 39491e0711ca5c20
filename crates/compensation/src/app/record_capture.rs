//! What was captured for an order is recorded: no more is refunded of it.

use api::method::ledger_service::RECORD_CAPTURE;
use api::reason::compensation::{CAPTURE_EXISTS, ORDER_CURRENCY};
use durable::{Tx, TxError};
use kernel::{Answer, ErrorCode, Money, RequestContext, RequestKey, ServiceError, TenantId, Violations};
use serde::Serialize;

use super::App;
use crate::ledger_wire;
use crate::store::orders;

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RecordCapture {
    pub(crate) order: String,
    pub(crate) capture: String,
    pub(crate) amount: Money,
}

impl App {
    /// Records a capture; the same one again changes nothing.
    ///
    /// # Errors
    /// ALREADY_EXISTS `CAPTURE_EXISTS` with another amount; FAILED_PRECONDITION `ORDER_CURRENCY`.
    #[tracing::instrument(skip_all, name = "compensation.record_capture")]
    pub(crate) async fn record_capture(
        &self,
        context: RequestContext,
        request_id: &str,
        command: RecordCapture,
    ) -> Result<Answer<api::compensation::OrderFunds>, ServiceError> {
        let key = context.key(RECORD_CAPTURE, request_id, RequestKey::hash_of(&command));
        let work = move |tx: Tx| {
            let (context, command) = (context.clone(), command.clone());
            async move {
                let (tenant, RecordCapture { order, capture, amount }) = (&context.tenant, command);
                if orders::open_in_tx(&tx, tenant, &order, amount).await? {
                    orders::capture_in_tx(&tx, tenant, &order, &capture, amount).await?;
                } else {
                    add(&tx, tenant, &order, &capture, amount).await?;
                }
                let now = orders::get(tx.conn(), tenant, &order).await?;
                Ok(ledger_wire::order_funds(&now.ok_or_else(|| ServiceError::internal("an order has gone"))?))
            }
        };
        self.engine.mutate("compensation.record_capture", key, work).await
    }

    /// What was captured for an order and refunded of it.
    pub(crate) async fn get_order_funds(
        &self,
        context: &RequestContext,
        order: &str,
    ) -> Result<api::compensation::OrderFunds, ServiceError> {
        let found = orders::get(self.engine.read(), &context.tenant, order).await.map_err(TxError::from)?;
        found.as_ref().map(ledger_wire::order_funds).ok_or_else(|| ServiceError::not_found(format!("order {order}")))
    }
}

/// Adds a capture to an order that is there.
async fn add(tx: &Tx, tenant: &TenantId, order: &str, capture: &str, amount: Money) -> Result<(), TxError> {
    let locked = orders::lock_in_tx(tx, &[(tenant, order)]).await?;
    if let Some(known) = orders::get_capture(tx.conn(), tenant, order, capture).await? {
        if known == amount {
            return Ok(());
        }
        let message = format!("capture {capture} of order {order} is {known}; name another capture");
        return Err(ServiceError::new(ErrorCode::AlreadyExists, CAPTURE_EXISTS, message).with("amount", known).into());
    }
    if let Some(other) = locked.values().map(|funds| funds.captured).find(|had| had.currency != amount.currency) {
        let code = other.currency.code();
        let message = format!("order {order} was captured in {code}; one order has one currency");
        return Err(ServiceError::precondition(ORDER_CURRENCY, message).with("currency", code).into());
    }
    if locked.values().any(|funds| funds.captured.checked_add(amount).is_err()) {
        let mut violations = Violations::new();
        violations.add("amount", "OUT_OF_RANGE", "must leave the sum of the order's captures within range");
        violations.finish()?;
    }
    orders::add_in_tx(tx, tenant, order, amount).await?;
    Ok(orders::capture_in_tx(tx, tenant, order, capture, amount).await?)
}
