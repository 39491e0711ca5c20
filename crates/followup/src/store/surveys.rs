//! The table of surveys.

use durable::ColumnType::{Integer, Text, Uuid as Id};
use durable::{Backend, Bulk, Tx, sql};
use kernel::{CaseId, PlanId, ResourceId, SurveyId, TenantId, Timestamp};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect, Select, Statement};

use super::{Cursor, row};
use crate::domain::{Survey, SurveyState};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "surveys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub plan_id: Uuid,
    pub case_id: Uuid,
    pub state: String,
    pub check_in: i64,
    pub score: Option<i64>,
    pub comment: String,
    pub answered_at: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const TABLE: &str = "surveys";

impl TryFrom<Model> for Survey {
    type Error = DbErr;

    fn try_from(model: Model) -> Result<Self, DbErr> {
        let state = match (model.state.as_str(), model.score) {
            ("OPEN", None) => SurveyState::Open,
            ("CLOSED", None) => SurveyState::Closed,
            ("ANSWERED", Some(score)) => SurveyState::Answered {
                score: row::number(TABLE, "score", score)?,
                at: row::time(TABLE, "answered_at", model.answered_at)?,
            },
            _ => return Err(row::inconsistent(TABLE, "state")),
        };
        Ok(Self {
            tenant: row::tenant(TABLE, &model.tenant_id)?,
            id: model.id.into(),
            plan: model.plan_id.into(),
            case: model.case_id.into(),
            state,
            check_in: row::number(TABLE, "check_in", model.check_in)?,
            comment: model.comment,
            created_at: Timestamp::from_micros(model.created_at),
        })
    }
}

/// A survey.
pub(crate) async fn survey_get(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: SurveyId,
) -> Result<Option<Survey>, DbErr> {
    get_query(tenant, id).one(connection).await?.map(Survey::try_from).transpose()
}

pub(super) fn get_query(tenant: &TenantId, id: SurveyId) -> Select<Entity> {
    Entity::find_by_id((tenant.as_str().to_owned(), id.uuid()))
}

/// Surveys of a case before `before`, newest first.
pub(crate) async fn survey_list_page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    case: CaseId,
    before: Option<Cursor>,
    limit: u64,
) -> Result<Vec<Survey>, DbErr> {
    list_query(tenant, case, before, limit).all(connection).await?.into_iter().map(Survey::try_from).collect()
}

pub(super) fn list_query(tenant: &TenantId, case: CaseId, before: Option<Cursor>, limit: u64) -> Select<Entity> {
    let mut of_case = of_case(tenant, case);
    if let Some(before) = before {
        of_case = of_case.add(row::before(Column::CreatedAt, Column::Id, before));
    }
    Entity::find().filter(of_case).order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).limit(limit)
}

/// The latest answer of a case: its score.
pub(crate) async fn survey_latest_score(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    case: CaseId,
) -> Result<Option<u8>, DbErr> {
    let latest = Entity::find()
        .filter(of_case(tenant, case).add(Column::State.eq("ANSWERED")))
        .order_by_desc(Column::AnsweredAt)
        .order_by_desc(Column::Id)
        .limit(1)
        .one(connection)
        .await?;
    latest.and_then(|survey| survey.score).map(|score| row::number(TABLE, "score", score)).transpose()
}

fn of_case(tenant: &TenantId, case: CaseId) -> Condition {
    Condition::all().add(Column::TenantId.eq(tenant.as_str())).add(Column::CaseId.eq(case.uuid()))
}

/// A survey as it stands now; its plan must be locked, which keeps others from changing it.
pub(crate) async fn survey_get_in_tx(tx: &Tx, tenant: &TenantId, id: SurveyId) -> Result<Option<Survey>, DbErr> {
    survey_get(tx.conn(), tenant, id).await
}

/// Inserts open surveys.
pub(crate) async fn survey_insert_in_tx(tx: &Tx, surveys: &[Survey]) -> Result<(), DbErr> {
    let mut input = Bulk::new(&[
        ("tenant_id", Text),
        ("id", Id),
        ("plan_id", Id),
        ("case_id", Id),
        ("state", Text),
        ("check_in", Integer),
        ("created_at", Integer),
    ]);
    for survey in surveys {
        input.push([
            survey.tenant.as_str().into(),
            survey.id.uuid().into(),
            survey.plan.uuid().into(),
            survey.case.uuid().into(),
            survey.state.as_str().into(),
            i64::from(survey.check_in).into(),
            survey.created_at.micros().into(),
        ]);
    }
    if input.is_empty() {
        return Ok(());
    }
    tx.execute_all(input.statements(
        tx.backend(),
        "INSERT INTO surveys (tenant_id, id, plan_id, case_id, state, check_in, comment, created_at) \
         SELECT tenant_id, id, plan_id, case_id, state, check_in, '', created_at FROM input",
        &[],
    ))
    .await?;
    Ok(())
}

/// Writes the answer of a survey.
pub(crate) async fn survey_update_in_tx(tx: &Tx, survey: &Survey) -> Result<(), DbErr> {
    tx.execute(update_statement(tx.backend(), survey)).await?;
    Ok(())
}

pub(super) fn update_statement(backend: Backend, survey: &Survey) -> Statement {
    let (score, answered_at) = match survey.state {
        SurveyState::Answered { score, at } => (Some(i64::from(score)), Some(at.micros())),
        SurveyState::Open | SurveyState::Closed => (None, None),
    };
    sql::statement(
        backend,
        "UPDATE surveys SET state = $3, score = $4, comment = $5, answered_at = $6 WHERE tenant_id = $1 AND id = $2",
        [
            survey.tenant.as_str().into(),
            survey.id.uuid().into(),
            survey.state.as_str().into(),
            score.into(),
            survey.comment.as_str().into(),
            answered_at.into(),
        ],
    )
}

/// Closes the open surveys of these plans, which must be locked.
pub(crate) async fn survey_close_in_tx(tx: &Tx, plans: &[(TenantId, PlanId)]) -> Result<(), DbErr> {
    tx.execute_all(close_statements(tx.backend(), plans)).await?;
    Ok(())
}

pub(super) fn close_statements(backend: Backend, plans: &[(TenantId, PlanId)]) -> Vec<Statement> {
    let mut input = Bulk::new(&[("tenant_id", Text), ("plan_id", Id)]);
    for (tenant, plan) in plans {
        input.push([tenant.as_str().into(), plan.uuid().into()]);
    }
    if input.is_empty() {
        return Vec::new();
    }
    let open = SurveyState::Open;
    input.statements(
        backend,
        "UPDATE surveys SET state = $1 FROM input WHERE surveys.tenant_id = input.tenant_id \
         AND surveys.plan_id = input.plan_id AND surveys.state = 'OPEN'",
        &[open.close().as_str().into()],
    )
}
