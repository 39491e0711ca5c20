//! The clocks of work items: one row each, in the place that they have in the work item.

use std::time::Duration;

use durable::{Backend, Bulk, ColumnType, Tx, Write};
use kernel::{ResourceId as _, Timestamp, WorkItemId};
use sea_orm::{DbErr, FromQueryResult, QueryResult, Statement};
use uuid::Uuid;

use super::work_items::{WorkKey, Works};
use super::{count, unreadable};
use crate::domain::{Clock, ClockKind, ClockState};

/// The columns of a clock `c`, under names that no other table has.
pub(super) const CLOCK_COLUMNS: &str = "c.kind AS c_kind, c.number AS c_number, c.state AS c_state, c.allowed AS c_allowed, c.consumed AS c_consumed, \
     c.started_at AS c_started_at, c.running_since AS c_running_since, c.ended_at AS c_ended_at, c.run AS c_run";

#[derive(Debug, FromQueryResult)]
struct Row {
    kind: String,
    number: i64,
    state: String,
    allowed: i64,
    consumed: i64,
    started_at: i64,
    running_since: i64,
    ended_at: Option<i64>,
    run: i64,
}

/// The clock in a row that has [`CLOCK_COLUMNS`].
pub(super) fn clock_of(row: &QueryResult) -> Result<Clock, DbErr> {
    let row = Row::from_query_result(row, "c_")?;
    let duration = |micros: i64| Duration::from_micros(micros.unsigned_abs());
    Ok(Clock {
        kind: ClockKind::parse(&row.kind).ok_or_else(|| unreadable("work_clocks.kind", &row.kind))?,
        number: count("work_clocks.number", row.number)?,
        state: ClockState::parse(&row.state).ok_or_else(|| unreadable("work_clocks.state", &row.state))?,
        allowed: duration(row.allowed),
        consumed: duration(row.consumed),
        started_at: Timestamp::from_micros(row.started_at),
        running_since: Timestamp::from_micros(row.running_since),
        ended_at: row.ended_at.map(Timestamp::from_micros),
        run: count("work_clocks.run", row.run)?,
    })
}

/// The statement that reads the clocks of these work items.
pub(super) fn clock_statements<'a>(backend: Backend, keys: impl Iterator<Item = &'a WorkKey>) -> Vec<Statement> {
    let mut input = Bulk::new(&[("tenant_id", ColumnType::Text), ("id", ColumnType::Uuid)]);
    for (tenant, id) in keys {
        input.push([tenant.as_str().into(), id.uuid().into()]);
    }
    let sql = format!(
        "SELECT c.tenant_id, c.work_item_id, {CLOCK_COLUMNS} FROM input i \
         JOIN work_clocks c ON c.tenant_id = i.tenant_id AND c.work_item_id = i.id \
         ORDER BY c.tenant_id, c.work_item_id, c.position"
    );
    input.statements(backend, &sql, &[])
}

/// Reads the clocks of this work, which the transaction has locked.
pub(super) async fn load_clocks(tx: &Tx, works: &mut Works) -> Result<(), DbErr> {
    for row in tx.query_all(clock_statements(tx.backend(), works.keys())).await? {
        let tenant: String = durable::sql::column(&row, "tenant_id")?;
        let id: Uuid = durable::sql::column(&row, "work_item_id")?;
        let tenant = kernel::TenantId::parse(&tenant).ok_or_else(|| unreadable("tenant_id", &tenant))?;
        if let Some(work) = works.get_mut(&(tenant, WorkItemId::from(id))) {
            work.clocks.push(clock_of(&row)?);
        }
    }
    Ok(())
}

/// Has clocks written at the end, new ones and changed ones alike, with their places.
pub(super) fn write_clocks(tx: &Tx, clocks: &[(&WorkKey, usize, &Clock)]) {
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("work_item_id", ColumnType::Uuid),
        ("position", ColumnType::Integer),
        ("kind", ColumnType::Text),
        ("number", ColumnType::Integer),
        ("state", ColumnType::Text),
        ("allowed", ColumnType::Integer),
        ("consumed", ColumnType::Integer),
        ("started_at", ColumnType::Integer),
        ("running_since", ColumnType::Integer),
        ("ended_at", ColumnType::Integer),
        ("run", ColumnType::Integer),
    ])
    .nullable(&["ended_at"]);
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    for ((tenant, id), position, clock) in clocks {
        input.push([
            tenant.as_str().into(),
            id.uuid().into(),
            i64::try_from(*position).unwrap_or(i64::MAX).into(),
            clock.kind.as_str().into(),
            i64::from(clock.number).into(),
            clock.state.as_str().into(),
            micros(clock.allowed).into(),
            micros(clock.consumed).into(),
            clock.started_at.micros().into(),
            clock.running_since.micros().into(),
            clock.ended_at.map(Timestamp::micros).into(),
            i64::from(clock.run).into(),
        ]);
    }
    let body = "INSERT INTO work_clocks (tenant_id, work_item_id, position, kind, number, state, allowed, consumed, \
                started_at, running_since, ended_at, run) \
                SELECT tenant_id, work_item_id, position, kind, number, state, allowed, consumed, \
                started_at, running_since, ended_at, run FROM input WHERE true \
                ON CONFLICT (tenant_id, work_item_id, position) DO UPDATE SET state = excluded.state, \
                consumed = excluded.consumed, running_since = excluded.running_since, ended_at = excluded.ended_at, \
                run = excluded.run";
    tx.write_at_end(Write::new("work_clocks", input, body));
}
