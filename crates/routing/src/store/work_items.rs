//! Work items with their clocks: loaded under a lock and written for a whole group at once.

use std::collections::{BTreeMap, BTreeSet};

use durable::{Backend, Bulk, ColumnType, Tx, Write, sql};
use kernel::{AgentId, ResourceId as _, TenantId, Timestamp, WorkItemId};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, QueryResult};
use uuid::Uuid;

use super::work_clocks::{CLOCK_COLUMNS, clock_of, load_clocks, write_clocks};
use super::{count, from_json, to_json, unreadable};
use crate::domain::{Clock, QueueId, Severity, Work, WorkState};

/// A work item of a tenant.
pub(crate) type WorkKey = (TenantId, WorkItemId);

/// Work items by key, which is the order in which they are locked.
pub(crate) type Works = BTreeMap<WorkKey, Work>;

#[derive(Debug, FromQueryResult)]
struct Row {
    tenant_id: String,
    id: Uuid,
    case_id: Uuid,
    state: String,
    title: String,
    handover: String,
    severity: i64,
    queue_id: String,
    skills: String,
    agent_id: Option<Uuid>,
    escalation_level: i64,
    resolution: Option<String>,
    reported: i64,
    version: i64,
    journey: String,
    created_at: i64,
    updated_at: i64,
}

/// The work item in a row, without its clocks.
pub(super) fn work_of(row: &QueryResult) -> Result<(WorkKey, Work), DbErr> {
    let row = Row::from_query_result(row, "")?;
    let tenant = TenantId::parse(&row.tenant_id).ok_or_else(|| unreadable("tenant_id", &row.tenant_id))?;
    let id = WorkItemId::from(row.id);
    let work = Work {
        tenant: tenant.clone(),
        id,
        case: row.case_id.into(),
        state: WorkState::parse(&row.state).ok_or_else(|| unreadable("work_items.state", &row.state))?,
        title: row.title,
        handover: row.handover,
        severity: Severity::of_rank(row.severity)
            .ok_or_else(|| unreadable("work_items.severity", &row.severity.to_string()))?,
        queue: QueueId::parse(&row.queue_id).ok_or_else(|| unreadable("work_items.queue_id", &row.queue_id))?,
        skills: from_json("work_items.skills", &row.skills)?,
        agent: row.agent_id.map(AgentId::from),
        escalation_level: count("work_items.escalation_level", row.escalation_level)?,
        resolution: row.resolution,
        clocks: Vec::new(),
        reported: count("work_items.reported", row.reported)?,
        version: count("work_items.version", row.version)?,
        journey: row.journey,
        created_at: Timestamp::from_micros(row.created_at),
        updated_at: Timestamp::from_micros(row.updated_at),
    };
    Ok(((tenant, id), work))
}

/// Work items from rows that carry one clock each, in the order of the rows.
pub(super) fn with_clocks(rows: &[QueryResult]) -> Result<Vec<Work>, DbErr> {
    let mut works: Vec<Work> = Vec::new();
    for row in rows {
        let id: Uuid = sql::column(row, "id")?;
        if works.last().is_none_or(|work| work.id.uuid() != id) {
            works.push(work_of(row)?.1);
        }
        if let Some(work) = works.last_mut() {
            work.clocks.push(clock_of(row)?);
        }
    }
    Ok(works)
}

/// The statement that locks these work items, in the order of their keys.
pub(super) fn lock_statements(backend: Backend, keys: &BTreeSet<WorkKey>) -> Vec<sea_orm::Statement> {
    let mut input = Bulk::new(&[("tenant_id", ColumnType::Text), ("id", ColumnType::Uuid)]);
    for (tenant, id) in keys {
        input.push([tenant.as_str().into(), id.uuid().into()]);
    }
    let sql = format!(
        "SELECT w.* FROM input i JOIN work_items w ON w.tenant_id = i.tenant_id AND w.id = i.id \
         ORDER BY w.tenant_id, w.id{}",
        sql::for_update(backend)
    );
    input.statements(backend, &sql, &[])
}

/// Those of these work items that exist, locked until the transaction ends.
///
/// The clocks are read by a statement of their own: one that waited for the lock still sees the rows of other tables
/// as they were before.
pub(crate) async fn lock_work(tx: &Tx, keys: &BTreeSet<WorkKey>) -> Result<Works, DbErr> {
    let rows = tx.query_all(lock_statements(tx.backend(), keys)).await?;
    let mut works: Works = rows.iter().map(work_of).collect::<Result<_, _>>()?;
    if !works.is_empty() {
        load_clocks(tx, &mut works).await?;
    }
    Ok(works)
}

/// One work item as it is, for reading.
pub(crate) async fn find_work(
    connection: &impl ConnectionTrait,
    backend: Backend,
    tenant: &TenantId,
    id: WorkItemId,
) -> Result<Option<Work>, DbErr> {
    let text = format!(
        "SELECT w.*, {CLOCK_COLUMNS} FROM work_items w \
         JOIN work_clocks c ON c.tenant_id = w.tenant_id AND c.work_item_id = w.id \
         WHERE w.tenant_id = $1 AND w.id = $2 ORDER BY c.position"
    );
    let statement = sql::statement(backend, text, [tenant.as_str().into(), id.uuid().into()]);
    Ok(with_clocks(&connection.query_all_raw(statement).await?)?.pop())
}

/// Has work items added at the end; the race is lost when one of them came to exist after the transaction looked.
pub(crate) fn insert_work(tx: &Tx, works: &[(&WorkKey, &Work)]) {
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("id", ColumnType::Uuid),
        ("case_id", ColumnType::Uuid),
        ("state", ColumnType::Text),
        ("title", ColumnType::Text),
        ("handover", ColumnType::Text),
        ("severity", ColumnType::Integer),
        ("queue_id", ColumnType::Text),
        ("skills", ColumnType::Text),
        ("agent_id", ColumnType::Uuid),
        ("escalation_level", ColumnType::Integer),
        ("urgency", ColumnType::Integer),
        ("resolution", ColumnType::Text),
        ("reported", ColumnType::Integer),
        ("version", ColumnType::Integer),
        ("journey", ColumnType::Text),
        ("created_at", ColumnType::Integer),
        ("updated_at", ColumnType::Integer),
    ])
    .nullable(&["agent_id", "resolution"]);
    let mut skills =
        Bulk::new(&[("tenant_id", ColumnType::Text), ("work_item_id", ColumnType::Uuid), ("skill", ColumnType::Text)]);
    for ((tenant, id), work) in works {
        input.push([
            tenant.as_str().into(),
            id.uuid().into(),
            work.case.uuid().into(),
            work.state.as_str().into(),
            work.title.as_str().into(),
            work.handover.as_str().into(),
            work.severity.rank().into(),
            work.queue.as_str().into(),
            to_json(&work.skills).into(),
            work.agent.map(|agent| agent.uuid()).into(),
            i64::from(work.escalation_level).into(),
            work.urgency().into(),
            work.resolution.clone().into(),
            i64::from(work.reported).into(),
            i64::from(work.version).into(),
            work.journey.as_str().into(),
            work.created_at.micros().into(),
            work.updated_at.micros().into(),
        ]);
        for skill in &work.skills {
            skills.push([tenant.as_str().into(), id.uuid().into(), skill.as_str().into()]);
        }
    }
    let body = "INSERT INTO work_items (tenant_id, id, case_id, state, title, handover, severity, queue_id, skills, \
                agent_id, escalation_level, urgency, resolution, reported, version, journey, created_at, updated_at) \
                SELECT tenant_id, id, case_id, state, title, handover, severity, queue_id, skills, agent_id, \
                escalation_level, urgency, resolution, reported, version, journey, created_at, updated_at FROM input \
                WHERE true ON CONFLICT (tenant_id, id) DO NOTHING";
    tx.write_at_end(Write::new("work_items", input, body).all_or_lost_race());
    let body = "INSERT INTO work_skills (tenant_id, work_item_id, skill) \
                SELECT tenant_id, work_item_id, skill FROM input";
    tx.write_at_end(Write::new("work_skills", skills, body));
    let all = |(key, work): &(&'_ WorkKey, &'_ Work)| -> Vec<_> { places(key, &work.clocks, &[]) };
    let clocks: Vec<(WorkKey, usize, Clock)> = works.iter().flat_map(all).collect();
    write_clocks(tx, &clocks.iter().map(|(key, position, clock)| (key, *position, clock)).collect::<Vec<_>>());
}

/// Has work items written at the end that were locked before: what can change of them, and the clocks that differ from
/// `before`.
pub(crate) fn update_work(tx: &Tx, works: &[(&WorkKey, &Work, &Work)]) {
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("id", ColumnType::Uuid),
        ("state", ColumnType::Text),
        ("queue_id", ColumnType::Text),
        ("agent_id", ColumnType::Uuid),
        ("escalation_level", ColumnType::Integer),
        ("urgency", ColumnType::Integer),
        ("resolution", ColumnType::Text),
        ("reported", ColumnType::Integer),
        ("version", ColumnType::Integer),
        ("updated_at", ColumnType::Integer),
    ])
    .nullable(&["agent_id", "resolution"]);
    let mut clocks = Vec::new();
    for (key, before, work) in works {
        input.push([
            key.0.as_str().into(),
            key.1.uuid().into(),
            work.state.as_str().into(),
            work.queue.as_str().into(),
            work.agent.map(|agent| agent.uuid()).into(),
            i64::from(work.escalation_level).into(),
            work.urgency().into(),
            work.resolution.clone().into(),
            i64::from(work.reported).into(),
            i64::from(work.version).into(),
            work.updated_at.micros().into(),
        ]);
        clocks.extend(places(key, &work.clocks, &before.clocks));
    }
    let body = "UPDATE work_items SET state = input.state, queue_id = input.queue_id, agent_id = input.agent_id, \
                escalation_level = input.escalation_level, urgency = input.urgency, resolution = input.resolution, \
                reported = input.reported, version = input.version, updated_at = input.updated_at \
                FROM input WHERE work_items.tenant_id = input.tenant_id AND work_items.id = input.id";
    tx.write_at_end(Write::new("work_items", input, body));
    write_clocks(tx, &clocks.iter().map(|(key, position, clock)| (key, *position, clock)).collect::<Vec<_>>());
}

/// The clocks that are not as they were, with their places.
fn places(key: &WorkKey, clocks: &[Clock], before: &[Clock]) -> Vec<(WorkKey, usize, Clock)> {
    let changed = clocks.iter().enumerate().filter(|(position, clock)| before.get(*position) != Some(clock));
    changed.map(|(position, clock)| (key.clone(), position, clock.clone())).collect()
}
