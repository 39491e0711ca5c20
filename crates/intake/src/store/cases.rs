//! Queries over cases: read, lock, insert and change them in groups.

use std::collections::{BTreeMap, BTreeSet};

use durable::ColumnType::{Boolean, Integer, Text, Uuid as Id};
use durable::{Backend, Bulk, Tx, Write, sql};
use kernel::{CaseId, CustomerId, DisruptionId, ResourceId as _, TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait as _, FromQueryResult as _, QueryResult, Statement, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entity::case;
use super::{CaseKey, count, from_json, inconsistent, known, tenant, to_json};
use crate::domain::case::{Case, Origin};
use crate::domain::case_state::State;
use crate::domain::event::{FailureEvent, Severity};

impl TryFrom<case::Model> for Case {
    type Error = DbErr;

    fn try_from(row: case::Model) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.id.into(),
            customer: row.customer_id.into(),
            origin: known(Origin::parse(&row.origin), &row.origin)?,
            state: known(State::parse(&row.state), &row.state)?,
            expected: row.expected,
            delivered: row.delivered,
            event: FailureEvent {
                kind: row.event_kind,
                occurred_at: Timestamp::from_micros(row.occurred_at),
                reference: row.reference,
                facts: from_json(&row.facts)?,
            },
            severity: known(Severity::parse(&row.severity), &row.severity)?,
            disruption: row.disruption_id.map(DisruptionId::from),
            requested_remedy: row.requested_remedy,
            finding: row.finding,
            reopen_count: count(row.reopen_count)?,
            attention: from_json(&row.attention)?,
            last_score: row.last_score.map(u8::try_from).transpose().map_err(inconsistent)?,
            steps: from_json(&row.steps)?,
            entry_count: row.entry_count,
            trace_parent: row.trace_parent,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

/// A case.
pub async fn case_get(connection: &impl ConnectionTrait, tenant: &TenantId, id: CaseId) -> Result<Option<Case>, DbErr> {
    let row = case::Entity::find_by_id((tenant.as_str().to_owned(), id.uuid())).one(connection).await?;
    row.map(Case::try_from).transpose()
}

/// Locks these cases, in key order, and reads them.
pub async fn cases_lock(tx: &Tx, wanted: &BTreeSet<CaseKey>) -> Result<BTreeMap<CaseKey, Case>, DbErr> {
    let mut cases = BTreeMap::new();
    for row in tx.query_all(lock_statements(tx.backend(), wanted)).await? {
        let (key, case) = keyed(&row)?;
        cases.insert(key, case);
    }
    Ok(cases)
}

pub(super) fn lock_statements(backend: Backend, wanted: &BTreeSet<CaseKey>) -> Vec<Statement> {
    let mut input = Bulk::new(&[("tenant_id", Text), ("id", Id)]);
    for (tenant, id) in wanted {
        input.push([tenant.as_str().into(), id.uuid().into()]);
    }
    let body = format!(
        "SELECT c.* FROM input JOIN cases c ON c.tenant_id = input.tenant_id AND c.id = input.id \
         ORDER BY c.tenant_id, c.id{}",
        sql::for_update(backend)
    );
    input.statements(backend, &body, &[])
}

/// The case of a customer in a disruption.
pub type AffectedKey = (TenantId, DisruptionId, CustomerId);

/// The cases that these customers have in these disruptions already.
pub async fn cases_of_affected(
    tx: &Tx,
    wanted: &BTreeSet<AffectedKey>,
) -> Result<BTreeMap<AffectedKey, CaseId>, DbErr> {
    let mut cases = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(cases);
    }
    for row in tx.query_all(affected_statements(tx.backend(), wanted)).await? {
        let disruption: Uuid = sql::column(&row, "disruption_id")?;
        let customer: Uuid = sql::column(&row, "customer_id")?;
        let key = (tenant(&sql::column::<String>(&row, "tenant_id")?)?, disruption.into(), customer.into());
        cases.insert(key, sql::column::<Uuid>(&row, "id")?.into());
    }
    Ok(cases)
}

pub(super) fn affected_statements(backend: Backend, wanted: &BTreeSet<AffectedKey>) -> Vec<Statement> {
    let mut input = Bulk::new(&[("tenant_id", Text), ("disruption_id", Id), ("customer_id", Id)]);
    for (tenant, disruption, customer) in wanted {
        input.push([tenant.as_str().into(), disruption.uuid().into(), customer.uuid().into()]);
    }
    input.statements(
        backend,
        "SELECT c.tenant_id, c.id, c.disruption_id, c.customer_id FROM input JOIN cases c \
         ON c.tenant_id = input.tenant_id AND c.disruption_id = input.disruption_id \
         AND c.customer_id = input.customer_id",
        &[],
    )
}

/// Has cases inserted at the end; the race is lost when another transaction was faster with a customer of a disruption.
pub fn cases_insert(tx: &Tx, cases: &[(TenantId, Case)]) -> Result<(), DbErr> {
    let mut input = Bulk::new(&[
        ("tenant_id", Text),
        ("id", Id),
        ("customer_id", Id),
        ("disruption_id", Id),
        ("origin", Text),
        ("state", Text),
        ("expected", Text),
        ("delivered", Text),
        ("event_kind", Text),
        ("occurred_at", Integer),
        ("reference", Text),
        ("facts", Text),
        ("severity", Text),
        ("requested_remedy", Text),
        ("finding", Text),
        ("needs_attention", Boolean),
        ("attention", Text),
        ("steps", Text),
        ("entry_count", Integer),
        ("trace_parent", Text),
        ("created_at", Integer),
        ("version", Integer),
    ])
    .nullable(&["disruption_id"]);
    for (tenant, case) in cases {
        input.push([
            tenant.as_str().into(),
            case.id.uuid().into(),
            case.customer.uuid().into(),
            Value::from(case.disruption.map(DisruptionId::uuid)),
            case.origin.as_str().into(),
            case.state.as_str().into(),
            case.expected.as_str().into(),
            case.delivered.as_str().into(),
            case.event.kind.as_str().into(),
            case.event.occurred_at.micros().into(),
            case.event.reference.as_str().into(),
            to_json(&case.event.facts)?.into(),
            case.severity.as_str().into(),
            case.requested_remedy.as_str().into(),
            case.finding.as_str().into(),
            case.attention.is_needed().into(),
            to_json(&case.attention)?.into(),
            to_json(&case.steps)?.into(),
            case.entry_count.into(),
            case.trace_parent.as_str().into(),
            case.created_at.micros().into(),
            case.version.into(),
        ]);
    }
    let body = "INSERT INTO cases (tenant_id, id, customer_id, disruption_id, origin, state, expected, delivered, \
                event_kind, occurred_at, reference, facts, severity, requested_remedy, finding, reopen_count, \
                needs_attention, attention, last_score, steps, entry_count, trace_parent, created_at, updated_at, version) \
                SELECT tenant_id, id, customer_id, disruption_id, origin, state, expected, delivered, event_kind, \
                occurred_at, reference, facts, severity, requested_remedy, finding, 0, needs_attention, attention, NULL, \
                steps, entry_count, trace_parent, created_at, created_at, version FROM input WHERE true \
                ORDER BY tenant_id, disruption_id, customer_id \
                ON CONFLICT (tenant_id, disruption_id, customer_id) WHERE disruption_id IS NOT NULL DO NOTHING";
    tx.write_at_end(Write::new("cases", input, body).all_or_lost_race());
    Ok(())
}

/// Has locked cases updated at the end: everything that a milestone can change.
pub fn cases_update<'a>(tx: &Tx, cases: impl Iterator<Item = (&'a TenantId, &'a Case)>) -> Result<(), DbErr> {
    tx.write_at_end(Write::new("cases", update_rows(cases)?, UPDATE));
    Ok(())
}

pub(super) const UPDATE: &str = "UPDATE cases SET state = input.state, requested_remedy = input.requested_remedy, \
     finding = input.finding, reopen_count = input.reopen_count, needs_attention = input.needs_attention, \
     attention = input.attention, last_score = input.last_score, steps = input.steps, \
     entry_count = input.entry_count, updated_at = input.updated_at, version = input.version FROM input \
     WHERE cases.tenant_id = input.tenant_id AND cases.id = input.id";

pub(super) fn update_rows<'a>(cases: impl Iterator<Item = (&'a TenantId, &'a Case)>) -> Result<Bulk, DbErr> {
    let mut input = Bulk::new(&[
        ("tenant_id", Text),
        ("id", Id),
        ("state", Text),
        ("requested_remedy", Text),
        ("finding", Text),
        ("reopen_count", Integer),
        ("needs_attention", Boolean),
        ("attention", Text),
        ("last_score", Integer),
        ("steps", Text),
        ("entry_count", Integer),
        ("updated_at", Integer),
        ("version", Integer),
    ])
    .nullable(&["last_score"]);
    for (tenant, case) in cases {
        input.push([
            tenant.as_str().into(),
            case.id.uuid().into(),
            case.state.as_str().into(),
            case.requested_remedy.as_str().into(),
            case.finding.as_str().into(),
            i64::from(case.reopen_count).into(),
            case.attention.is_needed().into(),
            to_json(&case.attention)?.into(),
            Value::from(case.last_score.map(i64::from)),
            to_json(&case.steps)?.into(),
            case.entry_count.into(),
            case.updated_at.micros().into(),
            case.version.into(),
        ]);
    }
    Ok(input)
}

/// Updates the facts of a locked case: only a finding changes them.
pub async fn case_facts_update(tx: &Tx, tenant: &TenantId, case: &Case) -> Result<(), DbErr> {
    let facts = to_json(&case.event.facts)?;
    tx.execute(sql::statement(
        tx.backend(),
        "UPDATE cases SET facts = $3 WHERE tenant_id = $1 AND id = $2",
        [tenant.as_str().into(), case.id.uuid().into(), facts.into()],
    ))
    .await?;
    Ok(())
}

/// Which cases a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CaseFilter {
    /// Only in this state.
    pub state: Option<State>,
    /// Only of this customer.
    pub customer: Option<CustomerId>,
    /// Only of this disruption.
    pub disruption: Option<DisruptionId>,
    /// Only those that need a person.
    pub needs_attention: bool,
}

/// Where a page of cases ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseCursor(pub i64, pub Uuid);

impl From<&Case> for CaseCursor {
    fn from(case: &Case) -> Self {
        Self(case.created_at.micros(), case.id.uuid())
    }
}

/// One page of cases, newest first.
pub async fn case_page(
    connection: &impl ConnectionTrait,
    backend: Backend,
    tenant: &TenantId,
    filter: &CaseFilter,
    after: Option<CaseCursor>,
    limit: u64,
) -> Result<Vec<Case>, DbErr> {
    let rows = connection.query_all_raw(page_statement(backend, tenant, filter, after, limit)).await?;
    rows.iter().map(|row| keyed(row).map(|(_, case)| case)).collect()
}

pub(super) fn page_statement(
    backend: Backend,
    tenant: &TenantId,
    filter: &CaseFilter,
    after: Option<CaseCursor>,
    limit: u64,
) -> Statement {
    let mut text = "SELECT * FROM cases WHERE tenant_id = $1".to_owned();
    let mut values: Vec<Value> = vec![tenant.as_str().into()];
    let filters: [(&str, Option<Value>); 3] = [
        ("state", filter.state.map(|state| state.as_str().into())),
        ("customer_id", filter.customer.map(|id| id.uuid().into())),
        ("disruption_id", filter.disruption.map(|id| id.uuid().into())),
    ];
    for (column, value) in filters {
        if let Some(value) = value {
            values.push(value);
            text.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }
    if filter.needs_attention {
        text.push_str(" AND needs_attention");
    }
    if let Some(CaseCursor(at, id)) = after {
        let first = values.len() + 1;
        values.extend([at.into(), id.into()]);
        text.push_str(&format!(" AND (created_at, id) < (${first}, ${})", first + 1));
    }
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    text.push_str(&format!(" ORDER BY created_at DESC, id DESC LIMIT ${}", values.len()));
    Statement::from_sql_and_values(backend.dialect(), text, values)
}

fn keyed(row: &QueryResult) -> Result<(CaseKey, Case), DbErr> {
    let row = case::Model::from_query_result(row, "")?;
    Ok(((tenant(&row.tenant_id)?, row.id.into()), Case::try_from(row)?))
}
