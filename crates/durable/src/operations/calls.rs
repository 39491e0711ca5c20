//! Durable calls as an operator sees them: one of them, or a page of them.

use kernel::{ServiceError, TenantId, Timestamp};
use sea_orm::{ConnectionTrait as _, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use crate::error::to_service_error;
use crate::{Engine, sql};

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

pub(super) const COLUMNS: &str = "message_id, tenant_id, state, target, method, lane, lane_seq, due_at, attempts, last_error, body, \
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

/// A page reads one range of an index. Without a filter it is one range for each state, put together.
pub(crate) fn list_statement(
    engine: &Engine,
    tenant: &TenantId,
    filter: &CallFilter,
    after: Option<CallCursor>,
    limit: u64,
) -> Statement {
    let mut values: Vec<Value> = vec![tenant.as_str().into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
    let mut conditions = String::new();
    if let Some(lane) = &filter.lane {
        values.push(lane.as_str().into());
        conditions.push_str(&format!(" AND lane = ${}", values.len()));
    }
    if let Some((created_at, message_id)) = after {
        values.push(created_at.into());
        values.push(message_id.into());
        conditions.push_str(&format!(" AND (created_at, message_id) > (${}, ${})", values.len() - 1, values.len()));
    }
    // Literals: a partial index serves only a condition that names what it holds.
    let page = |state: &str| {
        format!(
            "SELECT {COLUMNS} FROM outbound_calls WHERE tenant_id = $1{state}{conditions} \
             ORDER BY created_at, message_id LIMIT $2"
        )
    };
    let of_state = |state: CallState| match state {
        CallState::Leased => page(" AND state = 'leased'"),
        state => page(&format!(" AND state = '{}' AND state <> 'leased'", state.as_str())),
    };
    let text = match (filter.state, &filter.lane) {
        (Some(state), _) => of_state(state),
        (None, Some(_)) => page(""),
        (None, None) => {
            let pages =
                CallState::ALL.map(|state| format!("SELECT * FROM ({}) AS {}", of_state(state), state.as_str()));
            let all = pages.join(" UNION ALL ");
            format!("SELECT {COLUMNS} FROM ({all}) AS listed ORDER BY created_at, message_id LIMIT $2")
        }
    };
    Statement::from_sql_and_values(engine.db().backend().dialect(), text, values)
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

pub(super) fn call_name(service: &str, message_id: Uuid) -> String {
    format!("services/{service}/calls/{message_id}")
}

pub(super) fn read(row: &QueryResult) -> Result<Call, DbErr> {
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
