//! Claiming: one statement takes the due calls of a target, as many as can be sent at once.
//!
//! - Only the head of a lane is claimed: the earliest call that is pending, leased or parked.
//! - Whoever claims gets a lease by the database's clock and a fencing token; `SKIP LOCKED` keeps claimers apart.
//! - The statement commits by itself. When its answer is lost, the calls are sent after the lease.
//!
//! Expired leases are given back by a statement of their own, so that the claim reads one index range.

use std::time::Duration;

use bytes::Bytes;
use kernel::{TenantId, Timestamp};
use sea_orm::{ConnectionTrait as _, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::RelayConfig;
use crate::{Backend, Engine, sql};

/// A call that this process may send until its lease runs out.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) message_id: Uuid,
    pub(crate) tenant: TenantId,
    pub(crate) method: String,
    pub(crate) lane: Option<(String, i64)>,
    pub(crate) body: Bytes,
    pub(crate) attempts: i64,
    pub(crate) token: i64,
    pub(crate) failing: Option<Failing>,
    pub(crate) traceparent: String,
    pub(crate) tracestate: String,
    pub(crate) journey: String,
    /// The database's time of the claim.
    pub(crate) claimed_at: Timestamp,
}

/// How a call has been failing: the way, how often in a row, since when by the database's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failing {
    pub(crate) way: String,
    pub(crate) count: u32,
    pub(crate) since: Timestamp,
}

/// What to claim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// This process.
    pub(crate) owner: Uuid,
    /// So many calls at most.
    pub(crate) limit: usize,
    /// Calls that have been attempted before, too.
    pub(crate) retries: bool,
}

/// True for the head of its lane, and for a call without one. A scalar subquery is one probe of an index for each row,
/// where an anti-join may be planned as a scan of all calls.
pub(crate) const IS_HEAD: &str = "(b.lane IS NULL OR b.lane_seq = (SELECT min(p.lane_seq) FROM outbound_calls p \
     WHERE p.tenant_id = b.tenant_id AND p.target = b.target AND p.lane = b.lane \
     AND p.state IN ('pending', 'leased', 'parked')))";

/// Claims calls to `target` that are due, the longest due first.
pub(crate) async fn claim(
    engine: &Engine,
    config: &RelayConfig,
    target: &str,
    request: Request,
) -> Result<Vec<Claimed>, DbErr> {
    let rows = engine.db().write().query_all_raw(claim_statement(engine, config, target, request)).await?;
    rows.iter().map(read).collect()
}

/// The claim. With a virtual clock due times are compared with it, otherwise with the database's.
pub(super) fn claim_statement(engine: &Engine, config: &RelayConfig, target: &str, request: Request) -> Statement {
    let backend = engine.db().backend();
    let now = sql::now_micros(backend);
    let mut values: Vec<Value> = vec![
        target.into(),
        i64::try_from(request.limit).unwrap_or(i64::MAX).into(),
        request.owner.into(),
        micros(config.lease()).into(),
        request.retries.into(),
    ];
    let due = due_clock(engine, &mut values);
    Statement::from_sql_and_values(
        backend.dialect(),
        format!(
            "WITH due AS MATERIALIZED (SELECT b.message_id FROM outbound_calls b \
             WHERE b.state = 'pending' AND b.target = $1 AND b.due_at <= {due} AND (b.attempts = 0 OR $5) \
             AND {IS_HEAD} ORDER BY b.due_at, b.message_id LIMIT $2{skip_locked}) \
             UPDATE outbound_calls SET state = 'leased', token = outbound_calls.token + 1, owner = $3, \
             attempts = outbound_calls.attempts + 1, lease_until = {now} + $4 \
             FROM due WHERE outbound_calls.message_id = due.message_id \
             RETURNING outbound_calls.message_id, tenant_id, method, lane, lane_seq, body, attempts, token, \
             failing_as, failing_count, failing_since, traceparent, tracestate, journey, {now} AS claimed_at",
            skip_locked = sql::for_update_skip_locked(backend),
        ),
        values,
    )
}

/// The clock that due times are compared with, as SQL; adds its parameter to `values`, the last one.
pub(crate) fn due_clock(engine: &Engine, values: &mut Vec<Value>) -> String {
    if engine.clock().is_virtual() {
        values.push(engine.now().micros().into());
        let parameter = format!("${}", values.len());
        match engine.db().backend() {
            Backend::Postgres => format!("{parameter}::bigint"),
            Backend::Sqlite => parameter,
        }
    } else {
        sql::now_micros(engine.db().backend()).to_owned()
    }
}

/// How long after now, by the database's clock, the next call to `target` becomes due; `None` when none will, or when
/// the time is virtual and nobody can know.
pub(crate) async fn next_due(engine: &Engine, target: &str) -> Result<Option<Duration>, DbErr> {
    if engine.clock().is_virtual() {
        return Ok(None);
    }
    let row = engine.read().query_one_raw(next_due_statement(engine, target)).await?;
    let wait: Option<i64> = row.map(|row| sql::column(&row, "wait")).transpose()?;
    Ok(wait.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0))))
}

pub(super) fn next_due_statement(engine: &Engine, target: &str) -> Statement {
    let now = sql::now_micros(engine.db().backend());
    sql::statement(
        engine.db().backend(),
        format!(
            "SELECT due_at - {now} AS wait FROM outbound_calls \
             WHERE state = 'pending' AND target = $1 AND due_at > {now} ORDER BY due_at LIMIT 1"
        ),
        [target.into()],
    )
}

/// Gives calls whose lease has run out back to whoever claims next; their targets, one entry for each call.
pub(crate) async fn release_expired(engine: &Engine) -> Result<Vec<String>, DbErr> {
    let rows = engine.db().write().query_all_raw(release_statement(engine)).await?;
    rows.iter().map(|row| sql::column(row, "target")).collect()
}

pub(super) fn release_statement(engine: &Engine) -> Statement {
    let backend = engine.db().backend();
    sql::statement(
        backend,
        format!(
            "UPDATE outbound_calls SET state = 'pending', owner = NULL, lease_until = NULL \
             WHERE message_id IN (SELECT message_id FROM outbound_calls \
             WHERE state = 'leased' AND lease_until < {}{}) RETURNING target",
            sql::now_micros(backend),
            sql::for_update_skip_locked(backend),
        ),
        [],
    )
}

fn read(row: &QueryResult) -> Result<Claimed, DbErr> {
    let tenant: String = sql::column(row, "tenant_id")?;
    let lane: Option<String> = sql::column(row, "lane")?;
    let lane_seq: Option<i64> = sql::column(row, "lane_seq")?;
    let failing_as: Option<String> = sql::column(row, "failing_as")?;
    let count: Option<i64> = sql::column(row, "failing_count")?;
    let since: Option<i64> = sql::column(row, "failing_since")?;
    let body: Vec<u8> = sql::column(row, "body")?;
    Ok(Claimed {
        message_id: sql::column(row, "message_id")?,
        tenant: TenantId::parse(&tenant).ok_or_else(|| DbErr::Custom(format!("`{tenant}` is no tenant")))?,
        method: sql::column(row, "method")?,
        lane: lane.zip(lane_seq),
        body: body.into(),
        attempts: sql::column(row, "attempts")?,
        token: sql::column(row, "token")?,
        failing: failing_as.zip(count).zip(since).map(|((way, count), since)| Failing {
            way,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            since: Timestamp::from_micros(since),
        }),
        traceparent: sql::column(row, "traceparent")?,
        tracestate: sql::column(row, "tracestate")?,
        journey: sql::column(row, "journey")?,
        claimed_at: Timestamp::from_micros(sql::column(row, "claimed_at")?),
    })
}

pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
