//! Queries over remedies: read, lock, insert and change them in groups.

use std::collections::BTreeSet;

use durable::{Bulk, ColumnType, Tx, sql};
use kernel::{CaseId, RemedyId, ResourceId, TenantId, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::entity::remedy::{Column, Entity, Model};
use super::row::{Cursor, from_json, state, time, to_json};
use crate::domain::event::Severity;
use crate::domain::gate::RecoveryContext;
use crate::domain::records::Remedy;
use crate::domain::remedy::RemedyState;

/// Writes new remedies.
pub async fn insert_in_tx(tx: &Tx, remedies: &[(&TenantId, &Remedy)]) -> Result<(), DbErr> {
    if remedies.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("id", ColumnType::Uuid),
        ("case_id", ColumnType::Uuid),
        ("customer_id", ColumnType::Uuid),
        ("state", ColumnType::Text),
        ("event", ColumnType::Text),
        ("event_kind", ColumnType::Text),
        ("event_reference", ColumnType::Text),
        ("event_occurred_at", ColumnType::Integer),
        ("severity", ColumnType::Text),
        ("payee", ColumnType::Text),
        ("assessment", ColumnType::Text),
        ("offer_id", ColumnType::Uuid),
        ("recovery", ColumnType::Text),
        ("gate", ColumnType::Text),
        ("experiment", ColumnType::Text),
        ("apology_at", ColumnType::Integer),
        ("version", ColumnType::Integer),
        ("created_at", ColumnType::Integer),
        ("updated_at", ColumnType::Integer),
    ])
    .nullable(&["offer_id", "apology_at"]);
    for (tenant, remedy) in remedies {
        input.push([
            tenant.as_str().into(),
            remedy.id.uuid().into(),
            remedy.case.uuid().into(),
            remedy.customer.uuid().into(),
            remedy.state.as_str().into(),
            to_json(&remedy.event)?.into(),
            remedy.event.kind.as_str().into(),
            remedy.event.reference.as_str().into(),
            remedy.event.occurred_at.micros().into(),
            remedy.severity.as_str().into(),
            remedy.payee.as_str().into(),
            to_json(&remedy.assessment)?.into(),
            remedy.offer.map(ResourceId::uuid).into(),
            to_json(&remedy.recovery)?.into(),
            gate_column(remedy)?.into(),
            experiment_column(remedy)?.into(),
            remedy.apology_at.map(Timestamp::micros).into(),
            remedy.version.into(),
            remedy.created_at.micros().into(),
            remedy.updated_at.micros().into(),
        ]);
    }
    let body = "INSERT INTO remedies (tenant_id, id, case_id, customer_id, state, event, event_kind, event_reference, \
                event_occurred_at, severity, payee, assessment, \
                offer_id, recovery, gate, experiment, apology_at, version, created_at, updated_at) \
                SELECT tenant_id, id, case_id, customer_id, state, event, event_kind, event_reference, \
                event_occurred_at, severity, payee, assessment, \
                offer_id, recovery, gate, experiment, apology_at, version, created_at, updated_at FROM input";
    tx.execute_all(input.statements(tx.backend(), body, &[])).await.map(|_| ())
}

fn gate_column(remedy: &Remedy) -> Result<String, DbErr> {
    remedy.gate.as_ref().map_or_else(|| Ok(String::new()), to_json)
}

fn experiment_column(remedy: &Remedy) -> Result<String, DbErr> {
    remedy.experiment.as_ref().map_or_else(|| Ok(String::new()), to_json)
}

/// Which of these exist.
pub async fn existing_in_tx(tx: &Tx, ids: &[(&TenantId, RemedyId)]) -> Result<BTreeSet<(String, RemedyId)>, DbErr> {
    let mut input = Bulk::new(&[("tenant_id", ColumnType::Text), ("id", ColumnType::Uuid)]);
    for (tenant, id) in ids {
        input.push([tenant.as_str().into(), id.uuid().into()]);
    }
    let body = "SELECT r.tenant_id, r.id FROM input i JOIN remedies r ON r.tenant_id = i.tenant_id AND r.id = i.id";
    let rows = tx.query_all(input.statements(tx.backend(), body, &[])).await?;
    rows.iter()
        .map(|row| Ok((sql::column(row, "tenant_id")?, RemedyId::from(sql::column::<Uuid>(row, "id")?))))
        .collect()
}

/// One remedy.
pub async fn get(connection: &impl ConnectionTrait, tenant: &TenantId, id: RemedyId) -> Result<Option<Remedy>, DbErr> {
    let row = Entity::find_by_id((tenant.to_string(), id.uuid())).one(connection).await?;
    row.map(Remedy::try_from).transpose()
}

/// Those of these remedies that there are.
pub async fn by_ids(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    ids: impl IntoIterator<Item = RemedyId>,
) -> Result<Vec<Remedy>, DbErr> {
    let ids = ids.into_iter().map(ResourceId::uuid);
    let query = Entity::find().filter(Column::TenantId.eq(tenant.as_str())).filter(Column::Id.is_in(ids));
    query.all(connection).await?.into_iter().map(Remedy::try_from).collect()
}

/// One remedy, locked for the rest of the transaction. Taken before anything that belongs to it.
pub async fn lock_in_tx(tx: &Tx, tenant: &TenantId, id: RemedyId) -> Result<Option<Remedy>, DbErr> {
    let row = Entity::find_by_id((tenant.to_string(), id.uuid())).lock_exclusive().one(tx.conn()).await?;
    row.map(Remedy::try_from).transpose()
}

/// Writes what changes in a remedy's life, and its next version.
pub async fn update_in_tx(tx: &Tx, tenant: &TenantId, remedy: &mut Remedy) -> Result<(), DbErr> {
    let before = remedy.version;
    remedy.version += 1;
    remedy.updated_at = tx.now();
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(remedy.state.as_str()))
        .col_expr(Column::OfferId, Expr::value(remedy.offer.map(ResourceId::uuid)))
        .col_expr(Column::Recovery, Expr::value(to_json(&remedy.recovery)?))
        .col_expr(Column::Gate, Expr::value(gate_column(remedy)?))
        .col_expr(Column::ApologyAt, Expr::value(remedy.apology_at.map(Timestamp::micros)))
        .col_expr(Column::Version, Expr::value(remedy.version))
        .col_expr(Column::UpdatedAt, Expr::value(remedy.updated_at.micros()))
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::Id.eq(remedy.id.uuid()))
        .filter(Column::Version.eq(before))
        .exec(tx.conn())
        .await?;
    super::row::expect_one(done.rows_affected, remedy.id)
}

/// A page of a case's remedies, oldest first.
pub async fn list_page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    case: CaseId,
    after: Option<Cursor>,
    limit: u64,
) -> Result<Vec<Remedy>, DbErr> {
    let mut query = Entity::find().filter(Column::TenantId.eq(tenant.as_str())).filter(Column::CaseId.eq(case.uuid()));
    if let Some(after) = after {
        query = query.filter(super::row::later_than(Column::CreatedAt, Column::Id, after));
    }
    let rows = query.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(limit).all(connection).await?;
    rows.into_iter().map(Remedy::try_from).collect()
}

impl TryFrom<Model> for Remedy {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.id.into(),
            case: row.case_id.into(),
            customer: row.customer_id.into(),
            state: state(RemedyState::parse, &row.state)?,
            event: from_json(&row.event)?,
            severity: state(Severity::parse, &row.severity)?,
            payee: row.payee,
            assessment: from_json(&row.assessment)?,
            offer: row.offer_id.map(Into::into),
            recovery: if row.recovery.is_empty() { RecoveryContext::default() } else { from_json(&row.recovery)? },
            gate: if row.gate.is_empty() { None } else { Some(from_json(&row.gate)?) },
            experiment: if row.experiment.is_empty() { None } else { Some(from_json(&row.experiment)?) },
            apology_at: time(row.apology_at),
            version: row.version,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}
