//! The timeline: every entry of every case, found by case or by customer.

use std::collections::{BTreeMap, BTreeSet};

use durable::ColumnType::{Integer, Text, Uuid as Id};
use durable::{Backend, Bulk, Tx, Write, sql};
use kernel::{CaseId, CustomerId, ResourceId as _, TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult as _, QueryResult, Statement, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entity::timeline_entry;
use super::{CustomerKey, from_json, known, tenant, to_json};
use crate::domain::case_state::State;
use crate::domain::entry::{Entry, Recorded};

impl TryFrom<timeline_entry::Model> for Recorded {
    type Error = DbErr;

    fn try_from(row: timeline_entry::Model) -> Result<Self, DbErr> {
        Ok(Self {
            customer: row.customer_id.into(),
            case: row.case_id.into(),
            trace_id: row.trace_id,
            entry: Entry {
                seq: row.seq,
                happened_at: Timestamp::from_micros(row.happened_at),
                source: row.source.into(),
                kind: row.kind.into(),
                summary: row.summary,
                subject: row.subject,
                state: known(State::parse(&row.state), &row.state)?,
                attributes: from_json(&row.attributes)?,
            },
        })
    }
}

/// Has entries inserted at the end.
pub fn entries_insert(tx: &Tx, entries: &[(TenantId, Recorded)]) -> Result<(), DbErr> {
    let mut input = Bulk::new(&[
        ("tenant_id", Text),
        ("case_id", Id),
        ("seq", Integer),
        ("customer_id", Id),
        ("happened_at", Integer),
        ("source", Text),
        ("kind", Text),
        ("summary", Text),
        ("subject", Text),
        ("state", Text),
        ("attributes", Text),
        ("trace_id", Text),
    ]);
    for (tenant, Recorded { customer, case, trace_id, entry }) in entries {
        input.push([
            tenant.as_str().into(),
            case.uuid().into(),
            entry.seq.into(),
            customer.uuid().into(),
            entry.happened_at.micros().into(),
            (&*entry.source).into(),
            (&*entry.kind).into(),
            entry.summary.as_str().into(),
            entry.subject.as_str().into(),
            entry.state.as_str().into(),
            to_json(&entry.attributes)?.into(),
            trace_id.as_str().into(),
        ]);
    }
    let body = "INSERT INTO timeline_entries (tenant_id, case_id, seq, customer_id, happened_at, source, kind, summary, \
                subject, state, attributes, trace_id) SELECT tenant_id, case_id, seq, customer_id, happened_at, source, \
                kind, summary, subject, state, attributes, trace_id FROM input";
    tx.write_at_end(Write::new("timeline_entries", input, body));
    Ok(())
}

/// Entries of a case after a place in its story, oldest first.
pub async fn entries_after(
    connection: &impl ConnectionTrait,
    backend: Backend,
    tenant: &TenantId,
    case: CaseId,
    seq: i64,
    limit: u64,
) -> Result<Vec<Recorded>, DbErr> {
    let statement = after_statement(backend, tenant, case, seq, limit);
    connection.query_all_raw(statement).await?.iter().map(recorded).collect()
}

pub(super) fn after_statement(backend: Backend, tenant: &TenantId, case: CaseId, seq: i64, limit: u64) -> Statement {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    sql::statement(
        backend,
        "SELECT * FROM timeline_entries WHERE tenant_id = $1 AND case_id = $2 AND seq > $3 ORDER BY seq LIMIT $4",
        [tenant.as_str().into(), case.uuid().into(), seq.into(), limit.into()],
    )
}

/// Where a page of a customer's history ended: time, case, place in the case's story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineCursor(pub i64, pub Uuid, pub i64);

impl From<&Recorded> for TimelineCursor {
    fn from(recorded: &Recorded) -> Self {
        Self(recorded.entry.happened_at.micros(), recorded.case.uuid(), recorded.entry.seq)
    }
}

/// One page of a customer's history, newest first.
pub async fn timeline_page(
    connection: &impl ConnectionTrait,
    backend: Backend,
    tenant: &TenantId,
    customer: CustomerId,
    case: Option<CaseId>,
    after: Option<TimelineCursor>,
    limit: u64,
) -> Result<Vec<Recorded>, DbErr> {
    let statement = page_statement(backend, tenant, customer, case, after, limit);
    connection.query_all_raw(statement).await?.iter().map(recorded).collect()
}

pub(super) fn page_statement(
    backend: Backend,
    tenant: &TenantId,
    customer: CustomerId,
    case: Option<CaseId>,
    after: Option<TimelineCursor>,
    limit: u64,
) -> Statement {
    let mut text = "SELECT * FROM timeline_entries WHERE tenant_id = $1 AND customer_id = $2".to_owned();
    let mut values: Vec<Value> = vec![tenant.as_str().into(), customer.uuid().into()];
    if let Some(case) = case {
        values.push(case.uuid().into());
        text.push_str(&format!(" AND case_id = ${}", values.len()));
    }
    if let Some(TimelineCursor(at, case, seq)) = after {
        let first = values.len() + 1;
        values.extend([at.into(), case.into(), seq.into()]);
        text.push_str(&format!(" AND (happened_at, case_id, seq) < (${first}, ${}, ${})", first + 1, first + 2));
    }
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    text.push_str(&format!(" ORDER BY happened_at DESC, case_id DESC, seq DESC LIMIT ${}", values.len()));
    Statement::from_sql_and_values(backend.dialect(), text, values)
}

/// The newest entries of each of these customers since a time, at most `limit` each, newest first.
pub async fn recent_entries(
    tx: &Tx,
    customers: &BTreeSet<CustomerKey>,
    since: Timestamp,
    limit: u32,
) -> Result<BTreeMap<CustomerKey, Vec<Recorded>>, DbErr> {
    let mut recent: BTreeMap<CustomerKey, Vec<Recorded>> = BTreeMap::new();
    if customers.is_empty() {
        return Ok(recent);
    }
    for row in tx.query_all(recent_statements(tx.backend(), customers, since, limit)).await? {
        let owner = tenant(&sql::column::<String>(&row, "tenant_id")?)?;
        let entry = recorded(&row)?;
        recent.entry((owner, entry.customer)).or_default().push(entry);
    }
    for entries in recent.values_mut() {
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.place()));
    }
    Ok(recent)
}

/// The first entries of an index range for each of several customers: a lateral join, which SQLite does not have; there
/// one query for each customer, in one statement.
pub(super) fn recent_statements(
    backend: Backend,
    customers: &BTreeSet<CustomerKey>,
    since: Timestamp,
    limit: u32,
) -> Vec<Statement> {
    match backend {
        Backend::Postgres => {
            let mut input = Bulk::new(&[("tenant_id", Text), ("customer_id", Id)]);
            for (tenant, id) in customers {
                input.push([tenant.as_str().into(), id.uuid().into()]);
            }
            let body = "SELECT e.* FROM input CROSS JOIN LATERAL (SELECT * FROM timeline_entries t \
                        WHERE t.tenant_id = input.tenant_id AND t.customer_id = input.customer_id AND t.happened_at >= $1 \
                        ORDER BY t.happened_at DESC, t.case_id DESC, t.seq DESC LIMIT $2) e";
            input.statements(backend, body, &[since.micros().into(), i64::from(limit).into()])
        }
        Backend::Sqlite => {
            let mut values: Vec<Value> = vec![since.micros().into(), i64::from(limit).into()];
            let mut parts = Vec::with_capacity(customers.len());
            for (tenant, id) in customers {
                let first = values.len() + 1;
                values.extend([Value::from(tenant.as_str()), Value::from(id.uuid())]);
                parts.push(format!(
                    "SELECT * FROM (SELECT * FROM timeline_entries WHERE tenant_id = ${first} AND customer_id = ${} \
                     AND happened_at >= $1 ORDER BY happened_at DESC, case_id DESC, seq DESC LIMIT $2)",
                    first + 1
                ));
            }
            vec![Statement::from_sql_and_values(backend.dialect(), parts.join(" UNION ALL "), values)]
        }
    }
}

fn recorded(row: &QueryResult) -> Result<Recorded, DbErr> {
    Recorded::try_from(timeline_entry::Model::from_query_result(row, "")?)
}
