//! The table of plans.

use std::collections::BTreeMap;
use std::time::Duration;

use durable::ColumnType::{Integer, Text, Uuid as Id};
use durable::{Backend, Bulk, Tx, sql};
use kernel::{CaseId, PlanId, ResourceId, TenantId, Timestamp};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, FromQueryResult, QueryOrder, QuerySelect, Select, Statement, Value};

use super::messages::lock_clause;
use super::{Cursor, row};
use crate::domain::{Plan, PlanState};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "plans")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub case_id: Uuid,
    pub customer_id: Uuid,
    pub state: String,
    pub contact_kind: Option<String>,
    pub contact_address: Option<String>,
    pub language: String,
    pub pauses: String,
    pub baseline: Option<i64>,
    pub topic: String,
    pub next_step: Option<i64>,
    pub next_step_at: Option<i64>,
    pub check_ins_sent: i64,
    pub ended_at: Option<i64>,
    pub stop_reason: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const TABLE: &str = "plans";

impl Model {
    fn state(&self) -> Result<PlanState, DbErr> {
        let at = || row::time(TABLE, "ended_at", self.ended_at);
        Ok(match self.state.as_str() {
            "RUNNING" => {
                let next_step = self.next_step.ok_or_else(|| row::inconsistent(TABLE, "next_step"))?;
                PlanState::Running {
                    next_step: row::number(TABLE, "next_step", next_step)?,
                    due_at: row::time(TABLE, "next_step_at", self.next_step_at)?,
                }
            }
            "RECOVERED" => PlanState::Recovered { at: at()? },
            "STILL_WRONG" => PlanState::StillWrong { at: at()? },
            "LAPSED" => PlanState::Lapsed { at: at()? },
            "STOPPED" => PlanState::Stopped { at: at()?, reason: self.stop_reason.clone().unwrap_or_default() },
            _ => return Err(row::inconsistent(TABLE, "state")),
        })
    }
}

impl TryFrom<Model> for Plan {
    type Error = DbErr;

    fn try_from(model: Model) -> Result<Self, DbErr> {
        let pauses: Vec<u64> = serde_json::from_str(&model.pauses).map_err(|_| row::inconsistent(TABLE, "pauses"))?;
        Ok(Self {
            tenant: row::tenant(TABLE, &model.tenant_id)?,
            id: model.id.into(),
            case: model.case_id.into(),
            customer: model.customer_id.into(),
            state: model.state()?,
            to: row::contact(TABLE, model.contact_kind.as_deref(), model.contact_address)?,
            language: model.language,
            pauses: pauses.into_iter().map(Duration::from_micros).collect(),
            baseline: model.baseline.map(|score| row::number(TABLE, "baseline", score)).transpose()?,
            check_ins_sent: row::number(TABLE, "check_ins_sent", model.check_ins_sent)?,
            topic: model.topic,
            created_at: Timestamp::from_micros(model.created_at),
            updated_at: Timestamp::from_micros(model.updated_at),
        })
    }
}

/// A plan.
pub(crate) async fn plan_get(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: PlanId,
) -> Result<Option<Plan>, DbErr> {
    get_query(tenant, id).one(connection).await?.map(Plan::try_from).transpose()
}

pub(super) fn get_query(tenant: &TenantId, id: PlanId) -> Select<Entity> {
    Entity::find_by_id((tenant.as_str().to_owned(), id.uuid()))
}

/// Plans of a case after `after`, oldest first.
pub(crate) async fn plan_list_page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    case: CaseId,
    after: Option<Cursor>,
    limit: u64,
) -> Result<Vec<Plan>, DbErr> {
    list_query(tenant, case, after, limit).all(connection).await?.into_iter().map(Plan::try_from).collect()
}

pub(super) fn list_query(tenant: &TenantId, case: CaseId, after: Option<Cursor>, limit: u64) -> Select<Entity> {
    let mut of_case = of_case(tenant, case);
    if let Some(after) = after {
        of_case = of_case.add(row::after(Column::CreatedAt, Column::Id, after));
    }
    Entity::find().filter(of_case).order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(limit)
}

/// The latest plan of a case, and the check-ins that all its plans have sent.
pub(crate) async fn plan_latest(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    case: CaseId,
) -> Result<Option<(Plan, u32)>, DbErr> {
    let newest = newest_query(tenant, case).all(connection).await?;
    let sent: i64 = newest.iter().map(|plan| plan.check_ins_sent).sum();
    let Some(latest) = newest.into_iter().next() else { return Ok(None) };
    Ok(Some((latest.try_into()?, row::number(TABLE, "check_ins_sent", sent)?)))
}

pub(super) fn newest_query(tenant: &TenantId, case: CaseId) -> Select<Entity> {
    Entity::find().filter(of_case(tenant, case)).order_by_desc(Column::CreatedAt).order_by_desc(Column::Id)
}

fn of_case(tenant: &TenantId, case: CaseId) -> Condition {
    Condition::all().add(Column::TenantId.eq(tenant.as_str())).add(Column::CaseId.eq(case.uuid()))
}

/// These plans, locked for the rest of the transaction.
pub(crate) async fn plan_lock_in_tx(
    tx: &Tx,
    keys: &[(TenantId, PlanId)],
) -> Result<BTreeMap<(TenantId, PlanId), Plan>, DbErr> {
    let mut found = BTreeMap::new();
    for row in tx.query_all(lock_statements(tx.backend(), keys)).await? {
        let plan = Plan::try_from(Model::from_query_result(&row, "")?)?;
        found.insert((plan.tenant.clone(), plan.id), plan);
    }
    Ok(found)
}

pub(super) fn lock_statements(backend: Backend, keys: &[(TenantId, PlanId)]) -> Vec<Statement> {
    let mut input = Bulk::new(&[("tenant_id", Text), ("id", Id)]);
    for (tenant, id) in keys {
        input.push([tenant.as_str().into(), id.uuid().into()]);
    }
    let body = format!(
        "SELECT p.* FROM input i JOIN plans p ON p.tenant_id = i.tenant_id AND p.id = i.id \
         ORDER BY p.tenant_id, p.id{}",
        lock_clause(backend, "p")
    );
    input.statements(backend, &body, &[])
}

/// Inserts running plans; gives back the keys of those whose id was free.
pub(crate) async fn plan_insert_in_tx(tx: &Tx, plans: &[&Plan]) -> Result<Vec<(String, Uuid)>, DbErr> {
    let mut input = Bulk::new(&[
        ("tenant_id", Text),
        ("id", Id),
        ("case_id", Id),
        ("customer_id", Id),
        ("contact_kind", Text),
        ("contact_address", Text),
        ("language", Text),
        ("pauses", Text),
        ("baseline", Integer),
        ("topic", Text),
        ("next_step", Integer),
        ("next_step_at", Integer),
        ("created_at", Integer),
    ])
    .nullable(&["contact_kind", "contact_address", "baseline"]);
    for plan in plans {
        let (next_step, due_at) = plan.state.next_step().ok_or_else(|| row::inconsistent(TABLE, "new state"))?;
        let pauses: Vec<u64> =
            plan.pauses.iter().map(|pause| u64::try_from(pause.as_micros()).unwrap_or(u64::MAX)).collect();
        input.push([
            plan.tenant.as_str().into(),
            plan.id.uuid().into(),
            plan.case.uuid().into(),
            plan.customer.uuid().into(),
            Value::from(plan.to.as_ref().map(|to| to.kind.as_str().to_owned())),
            Value::from(plan.to.as_ref().map(|to| to.address.clone())),
            plan.language.as_str().into(),
            serde_json::to_string(&pauses).map_err(|error| DbErr::Custom(error.to_string()))?.into(),
            Value::from(plan.baseline.map(i64::from)),
            plan.topic.as_str().into(),
            i64::from(next_step).into(),
            due_at.micros().into(),
            plan.created_at.micros().into(),
        ]);
    }
    if input.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx
        .query_all(input.statements(
            tx.backend(),
            "INSERT INTO plans (tenant_id, id, case_id, customer_id, state, contact_kind, contact_address, language, pauses, \
             baseline, topic, next_step, next_step_at, check_ins_sent, created_at, updated_at) \
             SELECT tenant_id, id, case_id, customer_id, 'RUNNING', contact_kind, contact_address, language, pauses, \
             baseline, topic, next_step, next_step_at, 0, created_at, created_at \
             FROM input WHERE true ORDER BY tenant_id, id ON CONFLICT (tenant_id, id) DO NOTHING RETURNING tenant_id, id",
            &[],
        ))
        .await?;
    rows.iter().map(|row| Ok((sql::column(row, "tenant_id")?, sql::column(row, "id")?))).collect()
}

/// Writes where plans have got to.
pub(crate) async fn plan_update_in_tx(tx: &Tx, plans: &[&Plan]) -> Result<(), DbErr> {
    tx.execute_all(update_statements(tx.backend(), plans)).await?;
    Ok(())
}

pub(super) fn update_statements(backend: Backend, plans: &[&Plan]) -> Vec<Statement> {
    let mut input = Bulk::new(&[
        ("tenant_id", Text),
        ("id", Id),
        ("state", Text),
        ("next_step", Integer),
        ("next_step_at", Integer),
        ("check_ins_sent", Integer),
        ("ended_at", Integer),
        ("stop_reason", Text),
        ("updated_at", Integer),
    ])
    .nullable(&["next_step", "next_step_at", "ended_at", "stop_reason"]);
    for plan in plans {
        let (ended_at, stop_reason) = match &plan.state {
            PlanState::Running { .. } => (None, None),
            PlanState::Recovered { at } | PlanState::StillWrong { at } | PlanState::Lapsed { at } => (Some(*at), None),
            PlanState::Stopped { at, reason } => (Some(*at), Some(reason.clone())),
        };
        let next = plan.state.next_step();
        input.push([
            plan.tenant.as_str().into(),
            plan.id.uuid().into(),
            plan.state.as_str().into(),
            Value::from(next.map(|(step, _)| i64::from(step))),
            Value::from(next.map(|(_, due_at)| due_at.micros())),
            i64::from(plan.check_ins_sent).into(),
            Value::from(ended_at.map(Timestamp::micros)),
            Value::from(stop_reason),
            plan.updated_at.micros().into(),
        ]);
    }
    if input.is_empty() {
        return Vec::new();
    }
    input.statements(
        backend,
        "UPDATE plans SET state = input.state, next_step = input.next_step, next_step_at = input.next_step_at, \
         check_ins_sent = input.check_ins_sent, ended_at = input.ended_at, stop_reason = input.stop_reason, \
         updated_at = input.updated_at FROM input WHERE plans.tenant_id = input.tenant_id AND plans.id = input.id",
        &[],
    )
}
