//! What an operator does with durable calls: look at them, put them back to be sent, give one up, skip its place.
//!
//! Every change is a row of the audit chain in the same transaction. The gRPC service over these functions lives where
//! protos are known; the functions that end in `_in_tx` run inside its idempotent mutations.

use kernel::{RequestContext, ServiceError, TenantId, Timestamp, message_id_for_step, reason as common};
use sea_orm::{ConnectionTrait as _, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use crate::audit::{self, AuditEntry, AuditRecord, append_in_tx};
use crate::error::to_service_error;
use crate::relay::{TargetHealth, health};
use crate::{Due, Engine, OutboundCall, Tx, TxError, sql};

/// Reasons of this module.
pub mod reason {
    /// Only a parked or waiting call can be put back to be sent.
    pub const CALL_NOT_WAITING: &str = "CALL_NOT_WAITING";
    /// Only a parked call can be given up.
    pub const CALL_NOT_PARKED: &str = "CALL_NOT_PARKED";
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// Waits until it is due.
    Pending,
    /// A relay is sending it.
    Leased,
    /// The receiver took it. Final.
    Done,
    /// The receiver refused it for good and recorded that. Final.
    Rejected,
    /// Waits for an operator; blocks its lane.
    Parked,
    /// Given up by an operator. Final.
    Discarded,
    /// A timer that is not needed any more. Final.
    Cancelled,
}

impl CallState {
    /// All of them.
    pub const ALL: [CallState; 7] =
        [Self::Pending, Self::Leased, Self::Done, Self::Rejected, Self::Parked, Self::Discarded, Self::Cancelled];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Leased => "leased",
            Self::Done => "done",
            Self::Rejected => "rejected",
            Self::Parked => "parked",
            Self::Discarded => "discarded",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A durable call as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub message_id: Uuid,
    /// The tenant in whose name it is made.
    pub tenant: TenantId,
    /// Where it stands.
    pub state: CallState,
    /// Where it goes.
    pub target: String,
    /// Full gRPC method.
    pub method: String,
    /// Its lane and its place in it; `None` for a timer.
    pub lane: Option<(String, i64)>,
    /// When it is or was due.
    pub due_at: Timestamp,
    /// Attempts so far.
    pub attempts: i64,
    /// What the last failed attempt answered.
    pub last_error: Option<String>,
    /// The encoded request.
    pub body: Vec<u8>,
    /// `traceparent` of what caused it.
    pub traceparent: String,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it became final.
    pub finished_at: Option<Timestamp>,
}

/// Which calls to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Only calls in this state.
    pub state: Option<CallState>,
    /// Only calls of this lane.
    pub lane: Option<String>,
}

/// Where a page ends: the last call's time of recording, in microseconds, and its id.
pub type CallCursor = (i64, Uuid);

/// The request that tells a receiver to skip a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkipRequest {
    /// Full gRPC method at the target.
    pub method: &'static str,
    /// The encoded request; its `request_id` is the message id that the closure got.
    pub body: Vec<u8>,
}

const COLUMNS: &str = "message_id, tenant_id, state, target, method, lane, lane_seq, due_at, attempts, last_error, body, \
     traceparent, created_at, finished_at";

/// Calls of a tenant, oldest first, `limit` at most, after where the previous page ended.
///
/// # Errors
/// UNAVAILABLE when the database does not answer.
pub async fn list_calls(
    engine: &Engine,
    tenant: &TenantId,
    filter: &CallFilter,
    after: Option<CallCursor>,
    limit: u64,
) -> Result<Vec<Call>, ServiceError> {
    let statement = list_statement(engine, tenant, filter, after, limit);
    let read =
        async { engine.read().query_all_raw(statement).await?.iter().map(read).collect::<Result<Vec<_>, DbErr>>() };
    read.await.map_err(|error| to_service_error(&error))
}

pub(crate) fn list_statement(
    engine: &Engine,
    tenant: &TenantId,
    filter: &CallFilter,
    after: Option<CallCursor>,
    limit: u64,
) -> Statement {
    let mut values: Vec<Value> = vec![tenant.as_str().into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
    let mut conditions = String::new();
    if let Some(state) = filter.state {
        // A literal, so that the index of parked calls can serve it.
        conditions.push_str(&format!(" AND state = '{}'", state.as_str()));
    }
    if let Some(lane) = &filter.lane {
        values.push(lane.as_str().into());
        conditions.push_str(&format!(" AND lane = ${}", values.len()));
    }
    if let Some((created_at, message_id)) = after {
        values.push(created_at.into());
        values.push(message_id.into());
        conditions.push_str(&format!(" AND (created_at, message_id) > (${}, ${})", values.len() - 1, values.len()));
    }
    Statement::from_sql_and_values(
        engine.db().backend().dialect(),
        format!(
            "SELECT {COLUMNS} FROM outbound_calls WHERE tenant_id = $1{conditions} \
             ORDER BY created_at, message_id LIMIT $2"
        ),
        values,
    )
}

/// One call of a tenant.
///
/// # Errors
/// NOT_FOUND, the same for another tenant's call; UNAVAILABLE when the database does not answer.
pub async fn get_call(engine: &Engine, tenant: &TenantId, message_id: Uuid) -> Result<Call, ServiceError> {
    let statement = sql::statement(
        engine.db().backend(),
        format!("SELECT {COLUMNS} FROM outbound_calls WHERE message_id = $1 AND tenant_id = $2"),
        [message_id.into(), tenant.as_str().into()],
    );
    let row = engine.read().query_one_raw(statement).await.map_err(|error| to_service_error(&error))?;
    let row = row.ok_or_else(|| ServiceError::not_found(call_name(engine.service(), message_id)))?;
    read(&row).map_err(|error| to_service_error(&error))
}

/// How the relay of a service is doing for a tenant: one entry for each target that the tenant has open calls to, by
/// target. A circuit is the same for all tenants.
///
/// # Errors
/// UNAVAILABLE when the database does not answer.
pub async fn relay_health(engine: &Engine, tenant: &TenantId) -> Result<Vec<TargetHealth>, ServiceError> {
    health::targets(engine, Some(tenant)).await.map_err(|error| to_service_error(&error))
}

/// Audit records of a tenant, newest first, `limit` at most, before the place where the previous page ended; and whether
/// the whole chain is intact.
///
/// # Errors
/// UNAVAILABLE when the database does not answer.
pub async fn list_audit(
    engine: &Engine,
    tenant: &TenantId,
    before: Option<i64>,
    limit: u64,
) -> Result<(Vec<AuditRecord>, bool), ServiceError> {
    let read = async {
        let records = audit::list(engine.read(), tenant, before.unwrap_or(i64::MAX), limit).await?;
        Ok((records, audit::verify(engine.read(), tenant).await?))
    };
    read.await.map_err(|error: DbErr| to_service_error(&error))
}

/// Puts a parked or waiting call back to be sent now, its failures forgotten.
///
/// # Errors
/// NOT_FOUND; FAILED_PRECONDITION `CALL_NOT_WAITING`.
pub async fn retry_in_tx(
    tx: &Tx,
    service: &str,
    context: &RequestContext,
    message_id: Uuid,
    why: &str,
) -> Result<Call, TxError> {
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
    service: &str,
    context: &RequestContext,
    message_id: Uuid,
    why: &str,
    skip: impl FnOnce(&Call, Uuid) -> Option<SkipRequest>,
) -> Result<Call, TxError> {
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

fn call_name(service: &str, message_id: Uuid) -> String {
    format!("services/{service}/calls/{message_id}")
}

fn read(row: &QueryResult) -> Result<Call, DbErr> {
    let tenant: String = sql::column(row, "tenant_id")?;
    let state: String = sql::column(row, "state")?;
    let lane: Option<String> = sql::column(row, "lane")?;
    let finished_at: Option<i64> = sql::column(row, "finished_at")?;
    Ok(Call {
        message_id: sql::column(row, "message_id")?,
        tenant: TenantId::parse(&tenant).ok_or_else(|| DbErr::Custom(format!("`{tenant}` is no tenant")))?,
        state: CallState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(|| DbErr::Custom(format!("`{state}` is no state of a call")))?,
        target: sql::column(row, "target")?,
        method: sql::column(row, "method")?,
        lane: lane.zip(sql::column(row, "lane_seq")?),
        due_at: Timestamp::from_micros(sql::column(row, "due_at")?),
        attempts: sql::column(row, "attempts")?,
        last_error: sql::column(row, "last_error")?,
        body: sql::column(row, "body")?,
        traceparent: sql::column(row, "traceparent")?,
        created_at: Timestamp::from_micros(sql::column(row, "created_at")?),
        finished_at: finished_at.map(Timestamp::from_micros),
    })
}
