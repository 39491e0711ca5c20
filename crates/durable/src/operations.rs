//! What an operator does with durable calls: look at them, put them back to be sent, give one up, skip its place.
//!
//! Every change is a row of the audit chain in the same transaction. The gRPC service over these functions lives where
//! protos are known; the functions that end in `_in_tx` run inside its idempotent mutations.

mod calls;

use kernel::{RequestContext, ServiceError, TenantId, message_id_for_step, reason as common};
use sea_orm::{DbErr, Value};
use uuid::Uuid;

use crate::audit::{self, AuditEntry, AuditPage, append_in_tx};
use crate::error::to_service_error;
use crate::relay::{TargetHealth, health};
use crate::{Due, Engine, OutboundCall, Tx, TxError, UndeliveredCall, Unparked, sql};

use calls::{COLUMNS, call_name, read};

#[cfg(test)]
pub(crate) use calls::list_statement;
pub use calls::{Call, CallCursor, CallFilter, CallState, get_call, list_calls};

/// Reasons of this module.
pub mod reason {
    /// Only a parked or waiting call can be put back to be sent.
    pub const CALL_NOT_WAITING: &str = "CALL_NOT_WAITING";
    /// Only a parked call can be given up.
    pub const CALL_NOT_PARKED: &str = "CALL_NOT_PARKED";
}

/// The request that tells a receiver to skip a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkipRequest {
    /// Full gRPC method at the target.
    pub method: &'static str,
    /// The encoded request; its `request_id` is the message id that the closure got.
    pub body: Vec<u8>,
}

/// How the relay of a service is doing for a tenant: one entry for each target that the tenant has open calls to, by
/// target. A circuit is the same for all tenants.
///
/// # Errors
/// UNAVAILABLE when the database does not answer.
pub async fn relay_health(engine: &Engine, tenant: &TenantId) -> Result<Vec<TargetHealth>, ServiceError> {
    health::targets(engine, Some(tenant)).await.map_err(|error| to_service_error(&error))
}

/// A page of a tenant's audit records, newest first, before the place where the previous page ended.
///
/// # Errors
/// UNAVAILABLE when the database does not answer.
pub async fn list_audit(
    engine: &Engine,
    tenant: &TenantId,
    before: Option<i64>,
    size: u64,
) -> Result<AuditPage, ServiceError> {
    audit::page(engine.read(), tenant, before, size).await.map_err(|error| to_service_error(&error))
}

/// Puts a parked or waiting call back to be sent now, its failures forgotten.
///
/// # Errors
/// NOT_FOUND; FAILED_PRECONDITION `CALL_NOT_WAITING`.
pub async fn retry_in_tx(
    tx: &Tx,
    engine: &Engine,
    context: &RequestContext,
    message_id: Uuid,
    why: &str,
) -> Result<Call, TxError> {
    let service = engine.service();
    let was_parked = is_parked(tx, context, message_id).await?;
    let rows = tx
        .query(sql::statement(
            tx.backend(),
            format!(
                "UPDATE outbound_calls SET state = 'pending', due_at = $3, failing_as = NULL, failing_count = NULL, \
                 failing_since = NULL WHERE message_id = $1 AND tenant_id = $2 AND state IN ('parked', 'pending') \
                 RETURNING {COLUMNS}"
            ),
            [message_id.into(), context.tenant.as_str().into(), tx.now().micros().into()],
        ))
        .await?;
    let Some(row) = rows.first() else {
        let expected = "is neither parked nor waiting; only such a call can be put back to be sent";
        return Err(not_so(tx, service, context, message_id, reason::CALL_NOT_WAITING, expected).await?.into());
    };
    let call = read(row)?;
    if was_parked {
        unparked(tx, engine, context, &call, Unparked::Retried).await?;
    }
    tx.wake(call.target.clone());
    record(tx, context, "RETRY_CALL", call_name(service, message_id), why).await?;
    Ok(call)
}

/// Gives a parked call up, so that its lane moves on here. When it has a place in a lane, `skip` makes the request that
/// moves the receiver's lane past it: a durable call with the message id that the closure gets; `None` for a receiver
/// that cannot be told.
///
/// # Errors
/// NOT_FOUND; FAILED_PRECONDITION `CALL_NOT_PARKED`.
pub async fn discard_in_tx(
    tx: &Tx,
    engine: &Engine,
    context: &RequestContext,
    message_id: Uuid,
    why: &str,
    skip: impl FnOnce(&Call, Uuid) -> Option<SkipRequest>,
) -> Result<Call, TxError> {
    let service = engine.service();
    let rows = tx
        .query(sql::statement(
            tx.backend(),
            format!(
                "UPDATE outbound_calls SET state = 'discarded', finished_at = $3 \
                 WHERE message_id = $1 AND tenant_id = $2 AND state = 'parked' RETURNING {COLUMNS}"
            ),
            [message_id.into(), context.tenant.as_str().into(), tx.now().micros().into()],
        ))
        .await?;
    let Some(row) = rows.first() else {
        let expected = "is not parked; only a parked call can be given up";
        return Err(not_so(tx, service, context, message_id, reason::CALL_NOT_PARKED, expected).await?.into());
    };
    let call = read(row)?;
    unparked(tx, engine, context, &call, Unparked::Discarded).await?;
    let skip_id = message_id_for_step(message_id, "skip", 1);
    if call.lane.is_some()
        && let Some(SkipRequest { method, body }) = skip(&call, skip_id)
    {
        // Without a lane: its own lane is what it has to move.
        tx.enqueue(OutboundCall {
            tenant: context.tenant.clone(),
            target: call.target.clone(),
            method,
            message_id: skip_id,
            lane: None,
            body,
            due: Due::Now,
            trace: context.trace.clone(),
            journey: context.journey.clone(),
        });
    }
    tx.wake(call.target.clone());
    record(tx, context, "DISCARD_CALL", call_name(service, message_id), why).await?;
    Ok(call)
}

/// Locks a call of the tenant, and says whether it is parked. In whatever state it is: the relay may be parking it, and a
/// call that is put back to be sent must not keep the marks of one that waits for an operator.
async fn is_parked(tx: &Tx, context: &RequestContext, message_id: Uuid) -> Result<bool, DbErr> {
    let lock = sql::for_update(tx.backend());
    let statement = sql::statement(
        tx.backend(),
        format!("SELECT state FROM outbound_calls WHERE message_id = $1 AND tenant_id = $2{lock}"),
        [message_id.into(), context.tenant.as_str().into()],
    );
    let rows = tx.query(statement).await?;
    let state = rows.first().map(|row| sql::column::<String>(row, "state")).transpose()?;
    Ok(state.as_deref() == Some(CallState::Parked.as_str()))
}

/// Tells the service that an operator ended the parking of its call, in the operator's name and trace.
async fn unparked(
    tx: &Tx,
    engine: &Engine,
    context: &RequestContext,
    call: &Call,
    how: Unparked,
) -> Result<(), TxError> {
    let Some(handler) = engine.relay_status().handler() else { return Ok(()) };
    let undelivered = UndeliveredCall {
        tenant: call.tenant.clone(),
        message_id: call.message_id,
        sender: engine.service().to_owned(),
        target: call.target.clone(),
        method: call.method.clone(),
        lane: call.lane.as_ref().map(|(lane, _)| lane.clone()),
        attempts: call.attempts,
        body: call.body.clone(),
        trace: context.trace.clone(),
        journey: context.journey.clone(),
    };
    handler.unparked(tx, &undelivered, how).await
}

/// A place in a sender's lane that will never be filled.
#[derive(Clone, Copy, Debug)]
pub struct SkippedPlace<'a> {
    /// The sending service.
    pub sender: &'a str,
    /// The lane.
    pub lane: &'a str,
    /// The place.
    pub seq: i64,
}

/// At the receiver: moves a sender's lane past a place when it is the next one; the last place that the lane has
/// applied or skipped. A place that the lane has passed stays as it is.
///
/// # Errors
/// FAILED_PRECONDITION `SEQUENCE_GAP`, to be sent again, while an earlier call is missing.
pub async fn skip_in_tx(
    tx: &Tx,
    service: &str,
    context: &RequestContext,
    place: SkippedPlace<'_>,
    why: &str,
) -> Result<i64, TxError> {
    let SkippedPlace { sender, lane, seq } = place;
    let key: [Value; 3] = [context.tenant.as_str().into(), format!("service:{sender}").into(), lane.into()];
    let [tenant, client, lane_value] = key.clone();
    let moved = tx
        .execute(sql::statement(
            tx.backend(),
            "UPDATE inbound_lanes SET last_seq = $4 WHERE tenant_id = $1 AND client = $2 AND lane = $3 AND last_seq = $4 - 1",
            [tenant, client, lane_value, seq.into()],
        ))
        .await?;
    let moved = if moved == 0 && seq == 1 {
        let [tenant, client, lane_value] = key.clone();
        tx.execute(sql::statement(
            tx.backend(),
            "INSERT INTO inbound_lanes (tenant_id, client, lane, last_seq) VALUES ($1, $2, $3, 1) \
             ON CONFLICT (tenant_id, client, lane) DO NOTHING",
            [tenant, client, lane_value],
        ))
        .await?
    } else {
        moved
    };
    if moved > 0 {
        record(tx, context, "SKIP_MESSAGE", format!("services/{service}/lanes/{sender}/{lane}/{seq}"), why).await?;
        return Ok(seq);
    }
    let rows = tx
        .query(sql::statement(
            tx.backend(),
            "SELECT last_seq FROM inbound_lanes WHERE tenant_id = $1 AND client = $2 AND lane = $3",
            key,
        ))
        .await?;
    let last = rows.first().map(|row| sql::column::<i64>(row, "last_seq")).transpose()?.unwrap_or(0);
    if last >= seq {
        return Ok(last);
    }
    Err(ServiceError::precondition(
        common::SEQUENCE_GAP,
        format!("{lane} waits for call {} of its lane; place {seq} cannot be skipped yet", last + 1),
    )
    .with("expected", last + 1)
    .transient()
    .into())
}

async fn record(
    tx: &Tx,
    context: &RequestContext,
    action: &'static str,
    subject: String,
    why: &str,
) -> Result<(), DbErr> {
    let entry = AuditEntry { actor: context.client.clone(), action, subject, reason: why.to_owned() };
    append_in_tx(tx, &context.tenant, entry).await
}

/// Why a call could not be changed: it does not exist, or it is in another state.
async fn not_so(
    tx: &Tx,
    service: &str,
    context: &RequestContext,
    message_id: Uuid,
    reason: &str,
    expected: &str,
) -> Result<ServiceError, DbErr> {
    let rows = tx
        .query(sql::statement(
            tx.backend(),
            "SELECT state FROM outbound_calls WHERE message_id = $1 AND tenant_id = $2",
            [message_id.into(), context.tenant.as_str().into()],
        ))
        .await?;
    let name = call_name(service, message_id);
    let Some(row) = rows.first() else { return Ok(ServiceError::not_found(name)) };
    let state: String = sql::column(row, "state")?;
    let state = state.to_uppercase();
    Ok(ServiceError::precondition(reason, format!("{name} is {state}: it {expected}")).with("state", state))
}
