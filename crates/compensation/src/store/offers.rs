//! Queries over offers: read, lock, insert and change them in groups.

use durable::{Bulk, ColumnType, Tx};
use kernel::{CaseId, OfferId, ResourceId, TenantId, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::entity::offer::{Column, Entity, Model};
use super::row::{Cursor, broken, earlier_than, expect_one, from_json, state, to_json};
use crate::domain::money::parse_amount;
use crate::domain::offer::OfferState;
use crate::domain::records::{Offer, Remedy};

/// Writes new offers.
pub async fn insert_in_tx(tx: &Tx, offers: &[(&TenantId, &Offer)]) -> Result<(), DbErr> {
    if offers.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("id", ColumnType::Uuid),
        ("remedy_id", ColumnType::Uuid),
        ("case_id", ColumnType::Uuid),
        ("options", ColumnType::Text),
        ("plus", ColumnType::Text),
        ("counter_to", ColumnType::Uuid),
        ("explanation", ColumnType::Text),
        ("made_by", ColumnType::Text),
        ("expires_at", ColumnType::Integer),
        ("created_at", ColumnType::Integer),
    ])
    .nullable(&["counter_to"]);
    for (tenant, offer) in offers {
        input.push([
            tenant.as_str().into(),
            offer.id.uuid().into(),
            offer.remedy.uuid().into(),
            offer.case.uuid().into(),
            to_json(&offer.options)?.into(),
            to_json(&offer.plus)?.into(),
            offer.counter_to.map(ResourceId::uuid).into(),
            offer.explanation.as_str().into(),
            offer.made_by.as_str().into(),
            offer.expires_at.micros().into(),
            offer.created_at.micros().into(),
        ]);
    }
    let body = "INSERT INTO offers (tenant_id, id, remedy_id, case_id, state, options, plus, accepted_option, \
                decline_reason, fair_ask, counter_to, explanation, made_by, expires_at, created_at, updated_at) \
                SELECT tenant_id, id, remedy_id, case_id, 'OPEN', options, plus, '', '', '', counter_to, explanation, made_by, expires_at, \
                created_at, created_at FROM input";
    tx.execute_all(input.statements(tx.backend(), body, &[])).await.map(|_| ())
}

/// One offer.
pub async fn get(connection: &impl ConnectionTrait, tenant: &TenantId, id: OfferId) -> Result<Option<Offer>, DbErr> {
    let row = Entity::find_by_id((tenant.to_string(), id.uuid())).one(connection).await?;
    row.map(Offer::try_from).transpose()
}

/// Those of these offers that there are.
pub async fn by_ids(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    ids: impl IntoIterator<Item = uuid::Uuid>,
) -> Result<Vec<Offer>, DbErr> {
    let query = Entity::find().filter(Column::TenantId.eq(tenant.as_str())).filter(Column::Id.is_in(ids));
    query.all(connection).await?.into_iter().map(Offer::try_from).collect()
}

/// The offers of a remedy that the caller has locked, in any order.
pub async fn of_remedy_in_tx(tx: &Tx, tenant: &TenantId, remedy: &Remedy) -> Result<Vec<Offer>, DbErr> {
    let query = Entity::find()
        .filter(Column::TenantId.eq(tenant.as_str()))
        // The index is by case.
        .filter(Column::CaseId.eq(remedy.case.uuid()))
        .filter(Column::RemedyId.eq(remedy.id.uuid()));
    query.all(tx.conn()).await?.into_iter().map(Offer::try_from).collect()
}

/// Writes an answer or the end. The caller holds the lock of the remedy.
pub async fn update_in_tx(tx: &Tx, tenant: &TenantId, offer: &Offer) -> Result<(), DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(offer.state.as_str()))
        .col_expr(Column::AcceptedOption, Expr::value(offer.accepted_option.as_str()))
        .col_expr(Column::DeclineReason, Expr::value(offer.decline_reason.as_str()))
        .col_expr(Column::FairAsk, Expr::value(offer.fair_ask.as_str()))
        .col_expr(
            Column::FairAmount,
            Expr::value(offer.fair_amount.map_or_else(String::new, |amount| amount.to_string())),
        )
        .col_expr(Column::CounterOffer, Expr::value(offer.counter_offer.map(ResourceId::uuid)))
        .col_expr(Column::Explanation, Expr::value(offer.explanation.as_str()))
        .col_expr(Column::Given, Expr::value(offer.given.as_ref().map_or_else(|| Ok(String::new()), to_json)?))
        .col_expr(Column::UpdatedAt, Expr::value(offer.updated_at.micros()))
        .col_expr(Column::EndedAt, Expr::value(offer.ended_at.map(Timestamp::micros)))
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::Id.eq(offer.id.uuid()))
        .filter(Column::State.eq(OfferState::Open.as_str()))
        .exec(tx.conn())
        .await?;
    expect_one(done.rows_affected, offer.id)
}

/// Names the answer to a declined offer. The caller holds the lock of the remedy.
pub async fn answered_in_tx(tx: &Tx, tenant: &TenantId, declined: OfferId, answer: OfferId) -> Result<(), DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::CounterOffer, Expr::value(Some(answer.uuid())))
        .col_expr(Column::UpdatedAt, Expr::value(tx.now().micros()))
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::Id.eq(declined.uuid()))
        .filter(Column::State.eq(OfferState::Declined.as_str()))
        .exec(tx.conn())
        .await?;
    expect_one(done.rows_affected, declined)
}

/// A page of a case's offers, newest first.
pub async fn list_page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    case: CaseId,
    after: Option<Cursor>,
    limit: u64,
) -> Result<Vec<Offer>, DbErr> {
    let mut query = Entity::find().filter(Column::TenantId.eq(tenant.as_str())).filter(Column::CaseId.eq(case.uuid()));
    if let Some(after) = after {
        query = query.filter(earlier_than(Column::CreatedAt, Column::Id, after));
    }
    let rows = query.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).limit(limit).all(connection).await?;
    rows.into_iter().map(Offer::try_from).collect()
}

impl TryFrom<Model> for Offer {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.id.into(),
            remedy: row.remedy_id.into(),
            case: row.case_id.into(),
            state: state(OfferState::parse, &row.state)?,
            options: from_json(&row.options)?,
            plus: from_json(&row.plus)?,
            accepted_option: row.accepted_option,
            decline_reason: row.decline_reason,
            fair_ask: row.fair_ask,
            fair_amount: match row.fair_amount.as_str() {
                "" => None,
                text => Some(parse_amount(text).ok_or_else(|| broken(text))?),
            },
            counter_to: row.counter_to.map(Into::into),
            counter_offer: row.counter_offer.map(Into::into),
            explanation: row.explanation,
            given: if row.given.is_empty() { None } else { Some(from_json(&row.given)?) },
            made_by: row.made_by,
            expires_at: Timestamp::from_micros(row.expires_at),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            ended_at: row
                .ended_at
                .or_else(|| (row.state != OfferState::Open.as_str()).then_some(row.updated_at))
                .map(Timestamp::from_micros),
        })
    }
}
