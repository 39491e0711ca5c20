//! Queries over payouts: read, lock, insert and change them.

use std::collections::{BTreeMap, BTreeSet};

use durable::{Bulk, ColumnType, Tx};
use kernel::{CaseId, PayoutId, RemedyId, ResourceId, TenantId, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::entity::payout::{Column, Entity, Model};
use super::row::{Cursor, count, expect_one, later_than, money, state, time};
use crate::domain::history::PastPayout;
use crate::domain::ledger::Account;
use crate::domain::payout::PayoutState;
use crate::domain::payout_step::Payout;

/// Writes new payouts, reserved.
pub async fn insert_in_tx(tx: &Tx, payouts: &[(&TenantId, &Payout)]) -> Result<(), DbErr> {
    if payouts.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("id", ColumnType::Uuid),
        ("remedy_id", ColumnType::Uuid),
        ("case_id", ColumnType::Uuid),
        ("grant_id", ColumnType::Uuid),
        ("line", ColumnType::Text),
        ("amount_minor", ColumnType::Integer),
        ("currency", ColumnType::Text),
        ("payee", ColumnType::Text),
        ("payout_key", ColumnType::Text),
        ("request", ColumnType::Bytes),
        ("created_at", ColumnType::Integer),
        ("cost_account", ColumnType::Text),
    ]);
    for (tenant, payout) in payouts {
        input.push([
            tenant.as_str().into(),
            payout.id.uuid().into(),
            payout.remedy.uuid().into(),
            payout.case.uuid().into(),
            payout.grant.into(),
            payout.line.as_str().into(),
            payout.amount.minor.into(),
            payout.amount.currency.code().into(),
            payout.payee.as_str().into(),
            payout.key.as_str().into(),
            payout.request.clone().into(),
            payout.created_at.micros().into(),
            payout.cost.as_str().into(),
        ]);
    }
    let body = "INSERT INTO payouts (tenant_id, id, remedy_id, case_id, grant_id, line, state, amount_minor, currency, \
                payee, payout_key, request, attempts, steps, next_step_at, provider_reference, reason, created_at, \
                updated_at, cost_account) \
                SELECT tenant_id, id, remedy_id, case_id, grant_id, line, 'RESERVED', amount_minor, currency, \
                payee, payout_key, request, 0, 0, created_at, '', '', created_at, created_at, \
                cost_account FROM input";
    tx.execute_all(input.statements(tx.backend(), body, &[])).await.map(|_| ())
}

/// One payout.
pub async fn get(connection: &impl ConnectionTrait, tenant: &TenantId, id: PayoutId) -> Result<Option<Payout>, DbErr> {
    let row = Entity::find_by_id((tenant.to_string(), id.uuid())).one(connection).await?;
    row.map(Payout::try_from).transpose()
}

/// One payout, locked for the rest of the transaction. Who locks its remedy as well does that first.
pub async fn lock_in_tx(tx: &Tx, tenant: &TenantId, id: PayoutId) -> Result<Option<Payout>, DbErr> {
    let row = Entity::find_by_id((tenant.to_string(), id.uuid())).lock_exclusive().one(tx.conn()).await?;
    row.map(Payout::try_from).transpose()
}

/// The payout with this key, where it is the tenant's.
pub async fn by_key(connection: &impl ConnectionTrait, tenant: &TenantId, key: &str) -> Result<Option<Payout>, DbErr> {
    let found = Entity::find().filter(Column::TenantId.eq(tenant.as_str())).filter(Column::PayoutKey.eq(key));
    found.one(connection).await?.map(Payout::try_from).transpose()
}

/// The tenant's payouts with these keys, by key; not locked.
pub async fn by_keys_in_tx(
    tx: &Tx,
    tenant: &TenantId,
    keys: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Payout>, DbErr> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = Entity::find()
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::PayoutKey.is_in(keys.iter().copied()))
        .all(tx.conn());
    found.await?.into_iter().map(|row| Payout::try_from(row).map(|payout| (payout.key.clone(), payout))).collect()
}

/// Which of these keys are the tenant's.
pub async fn own_keys(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    keys: &BTreeSet<&str>,
) -> Result<BTreeSet<String>, DbErr> {
    let own: Vec<String> = Entity::find()
        .select_only()
        .column(Column::PayoutKey)
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::PayoutKey.is_in(keys.iter().copied()))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(own.into_iter().collect())
}

/// Whose payout has this key. The one query that names no tenant: it finds out which one it is.
pub async fn tenant_of_key(connection: &impl ConnectionTrait, key: &str) -> Result<Option<TenantId>, DbErr> {
    let tenant: Option<String> = Entity::find()
        .select_only()
        .column(Column::TenantId)
        .filter(Column::PayoutKey.eq(key))
        .into_tuple()
        .one(connection)
        .await?;
    tenant.map(|text| state(TenantId::parse, &text)).transpose()
}

/// States in which money may have been paid, and nobody knows for sure.
pub const UNSETTLED: [PayoutState; 3] = [PayoutState::Submitting, PayoutState::Unknown, PayoutState::Manual];

/// Payouts that were first attempted within a time and are, or may have been, paid, and that no settlement has: by the
/// first attempt, after a place.
pub async fn unsettled_in_tx(
    tx: &Tx,
    tenant: &TenantId,
    (from, until): (Timestamp, Timestamp),
    after: Option<Cursor>,
    limit: u64,
) -> Result<Vec<Payout>, DbErr> {
    let after = after.unwrap_or(Cursor { created_at: from.micros(), id: Uuid::nil() });
    let sql = "SELECT p.* FROM payouts p WHERE p.tenant_id = $1 AND p.first_attempt_at IS NOT NULL \
               AND p.first_attempt_at < $2 AND (p.first_attempt_at, p.id) > ($3, $4) \
               AND p.state IN ('SUBMITTING', 'UNKNOWN', 'MANUAL', 'CONFIRMED') \
               AND NOT EXISTS (SELECT 1 FROM settlement_lines l WHERE l.tenant_id = p.tenant_id AND l.payout_id = p.id) \
               AND NOT EXISTS (SELECT 1 FROM settlement_discrepancies d WHERE d.tenant_id = p.tenant_id \
                   AND d.payout_id = p.id AND d.kind = 'NOT_IN_SETTLEMENT') \
               ORDER BY p.first_attempt_at, p.id LIMIT $5";
    let values = [
        tenant.as_str().into(),
        until.micros().into(),
        after.created_at.into(),
        after.id.into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    let rows = Entity::find().from_raw_sql(durable::sql::statement(tx.backend(), sql, values)).all(tx.conn()).await?;
    rows.into_iter().map(Payout::try_from).collect()
}

/// Writes what changes in a payout's life; what is paid, to whom, under which key and with which bytes never does.
pub async fn update_in_tx(tx: &Tx, tenant: &TenantId, payout: &Payout) -> Result<(), DbErr> {
    let micros = |time: Option<Timestamp>| time.map(Timestamp::micros);
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(payout.state.as_str()))
        .col_expr(Column::Attempts, Expr::value(i64::from(payout.attempts)))
        .col_expr(Column::Steps, Expr::value(i64::from(payout.steps)))
        .col_expr(Column::FirstAttemptAt, Expr::value(micros(payout.first_attempt_at)))
        .col_expr(Column::KeyValidUntil, Expr::value(micros(payout.key_valid_until)))
        .col_expr(Column::NextStepAt, Expr::value(payout.next_step_at.micros()))
        .col_expr(Column::NotFoundAt, Expr::value(micros(payout.not_found_at)))
        .col_expr(Column::ProviderReference, Expr::value(payout.reference.as_str()))
        .col_expr(Column::Reason, Expr::value(payout.reason.as_str()))
        .col_expr(Column::UpdatedAt, Expr::value(payout.updated_at.micros()))
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::Id.eq(payout.id.uuid()))
        .exec(tx.conn())
        .await?;
    expect_one(done.rows_affected, payout.id)
}

/// The payouts of a remedy that the caller has locked.
pub async fn of_remedy_in_tx(tx: &Tx, tenant: &TenantId, remedy: RemedyId) -> Result<Vec<PastPayout>, DbErr> {
    let rows: Vec<(Uuid, String, String, i64)> = Entity::find()
        .select_only()
        .columns([Column::GrantId, Column::Line, Column::State, Column::CreatedAt])
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::RemedyId.eq(remedy.uuid()))
        .into_tuple()
        .all(tx.conn())
        .await?;
    rows.into_iter()
        .map(|(grant, line, text, created_at)| {
            let state = state(PayoutState::parse, &text)?;
            Ok(PastPayout { grant, line, state, created_at: Timestamp::from_micros(created_at) })
        })
        .collect()
}

/// The payouts of remedies, as far as says what was given when: remedy, line, state, and when it was recorded.
pub async fn given_of(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    remedies: impl IntoIterator<Item = RemedyId>,
) -> Result<Vec<(RemedyId, String, PayoutState, Timestamp)>, DbErr> {
    let rows: Vec<(Uuid, String, String, i64)> = Entity::find()
        .select_only()
        .columns([Column::RemedyId, Column::Line, Column::State, Column::CreatedAt])
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::RemedyId.is_in(remedies.into_iter().map(ResourceId::uuid)))
        .into_tuple()
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|(remedy, line, text, created_at)| {
            Ok((remedy.into(), line, state(PayoutState::parse, &text)?, Timestamp::from_micros(created_at)))
        })
        .collect()
}

/// A page of a case's payouts, oldest first.
pub async fn list_page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    case: CaseId,
    after: Option<Cursor>,
    limit: u64,
) -> Result<Vec<Payout>, DbErr> {
    let mut query = Entity::find().filter(Column::TenantId.eq(tenant.as_str())).filter(Column::CaseId.eq(case.uuid()));
    if let Some(after) = after {
        query = query.filter(later_than(Column::CreatedAt, Column::Id, after));
    }
    let rows = query.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(limit).all(connection).await?;
    rows.into_iter().map(Payout::try_from).collect()
}

/// The payouts of remedies, oldest first.
pub async fn ids_of(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    remedies: &[RemedyId],
) -> Result<BTreeMap<RemedyId, Vec<PayoutId>>, DbErr> {
    let rows: Vec<(Uuid, Uuid)> = Entity::find()
        .select_only()
        .columns([Column::RemedyId, Column::Id])
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::RemedyId.is_in(remedies.iter().map(|id| id.uuid())))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(connection)
        .await?;
    let mut ids: BTreeMap<RemedyId, Vec<PayoutId>> = BTreeMap::new();
    for (remedy, id) in rows {
        ids.entry(remedy.into()).or_default().push(id.into());
    }
    Ok(ids)
}

impl TryFrom<Model> for Payout {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.id.into(),
            remedy: row.remedy_id.into(),
            case: row.case_id.into(),
            grant: row.grant_id,
            line: row.line,
            state: state(PayoutState::parse, &row.state)?,
            amount: money(row.amount_minor, &row.currency)?,
            cost: state(Account::parse, &row.cost_account)?,
            payee: row.payee,
            key: row.payout_key,
            request: row.request,
            attempts: count(row.attempts)?,
            steps: count(row.steps)?,
            first_attempt_at: time(row.first_attempt_at),
            key_valid_until: time(row.key_valid_until),
            next_step_at: Timestamp::from_micros(row.next_step_at),
            not_found_at: time(row.not_found_at),
            reference: row.provider_reference,
            reason: row.reason,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}
