//! Queries over vouchers: read, lock, insert and change them in groups.

use std::collections::BTreeMap;

use durable::{Bulk, ColumnType, Tx};
use kernel::{CaseId, RemedyId, ResourceId, TenantId, Timestamp, VoucherId};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::entity::voucher::{Column, Entity, Model};
use super::row::{Cursor, broken, count, expect_one, later_than, money, state};
use crate::domain::grant::{Voucher, Worth};
use crate::domain::ledger::Account;
use crate::domain::voucher::VoucherState;

/// Writes new vouchers.
pub async fn insert_in_tx(tx: &Tx, vouchers: &[(&TenantId, &Voucher)]) -> Result<(), DbErr> {
    if vouchers.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("id", ColumnType::Uuid),
        ("remedy_id", ColumnType::Uuid),
        ("case_id", ColumnType::Uuid),
        ("customer_id", ColumnType::Uuid),
        ("grant_id", ColumnType::Uuid),
        ("line", ColumnType::Text),
        ("description", ColumnType::Text),
        ("amount_minor", ColumnType::Integer),
        ("currency", ColumnType::Text),
        ("percent", ColumnType::Integer),
        ("code", ColumnType::Text),
        ("expires_at", ColumnType::Integer),
        ("created_at", ColumnType::Integer),
        ("cost_account", ColumnType::Text),
    ])
    .nullable(&["amount_minor", "currency", "percent"]);
    for (tenant, voucher) in vouchers {
        let (amount, currency, percent) = match voucher.worth {
            Worth::Amount(amount) => (Some(amount.minor), Some(amount.currency.code().to_owned()), None),
            Worth::Percent(percent) => (None, None, Some(i64::from(percent))),
        };
        input.push([
            tenant.as_str().into(),
            voucher.id.uuid().into(),
            voucher.remedy.uuid().into(),
            voucher.case.uuid().into(),
            voucher.customer.uuid().into(),
            voucher.grant.into(),
            voucher.line.as_str().into(),
            voucher.description.as_str().into(),
            amount.into(),
            currency.into(),
            percent.into(),
            voucher.code.as_str().into(),
            voucher.expires_at.micros().into(),
            voucher.created_at.micros().into(),
            voucher.cost.as_str().into(),
        ]);
    }
    let body = "INSERT INTO vouchers (tenant_id, id, remedy_id, case_id, customer_id, grant_id, line, state, \
                description, amount_minor, currency, percent, code, expires_at, created_at, updated_at, cost_account) \
                SELECT tenant_id, id, remedy_id, case_id, customer_id, grant_id, line, 'ISSUED', \
                description, amount_minor, currency, percent, code, expires_at, created_at, created_at, \
                cost_account FROM input";
    tx.execute_all(input.statements(tx.backend(), body, &[])).await.map(|_| ())
}

/// One voucher.
pub async fn get(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: VoucherId,
) -> Result<Option<Voucher>, DbErr> {
    let row = Entity::find_by_id((tenant.to_string(), id.uuid())).one(connection).await?;
    row.map(Voucher::try_from).transpose()
}

/// One voucher, locked for the rest of the transaction.
pub async fn lock_in_tx(tx: &Tx, tenant: &TenantId, id: VoucherId) -> Result<Option<Voucher>, DbErr> {
    let row = Entity::find_by_id((tenant.to_string(), id.uuid())).lock_exclusive().one(tx.conn()).await?;
    row.map(Voucher::try_from).transpose()
}

/// The voucher with this code, locked for the rest of the transaction.
pub async fn lock_by_code_in_tx(tx: &Tx, tenant: &TenantId, code: &str) -> Result<Option<Voucher>, DbErr> {
    let of_tenant = Entity::find().filter(Column::TenantId.eq(tenant.as_str()));
    let row = of_tenant.filter(Column::Code.eq(code)).lock_exclusive().one(tx.conn()).await?;
    row.map(Voucher::try_from).transpose()
}

/// Writes the state of a voucher that was issued, and what was used of it: never less than before.
pub async fn update_in_tx(tx: &Tx, tenant: &TenantId, voucher: &Voucher) -> Result<(), DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(voucher.state.as_str()))
        .col_expr(Column::RedeemedMinor, Expr::value(voucher.redeemed))
        .col_expr(Column::UpdatedAt, Expr::value(tx.now().micros()))
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::Id.eq(voucher.id.uuid()))
        .filter(Column::State.eq(VoucherState::Issued.as_str()))
        .filter(Column::RedeemedMinor.lte(voucher.redeemed))
        .exec(tx.conn())
        .await?;
    expect_one(done.rows_affected, voucher.id)
}

/// A page of a case's vouchers, oldest first.
pub async fn list_page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    case: CaseId,
    after: Option<Cursor>,
    limit: u64,
) -> Result<Vec<Voucher>, DbErr> {
    let mut query = Entity::find().filter(Column::TenantId.eq(tenant.as_str())).filter(Column::CaseId.eq(case.uuid()));
    if let Some(after) = after {
        query = query.filter(later_than(Column::CreatedAt, Column::Id, after));
    }
    let rows = query.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(limit).all(connection).await?;
    rows.into_iter().map(Voucher::try_from).collect()
}

/// The vouchers of remedies, oldest first.
pub async fn ids_of(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    remedies: &[RemedyId],
) -> Result<BTreeMap<RemedyId, Vec<VoucherId>>, DbErr> {
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
    let mut ids: BTreeMap<RemedyId, Vec<VoucherId>> = BTreeMap::new();
    for (remedy, id) in rows {
        ids.entry(remedy.into()).or_default().push(id.into());
    }
    Ok(ids)
}

impl TryFrom<Model> for Voucher {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        let worth = match (row.amount_minor, &row.currency, row.percent) {
            (Some(minor), Some(currency), None) => Worth::Amount(money(minor, currency)?),
            (None, None, Some(percent)) => Worth::Percent(count(percent)?),
            _ => return Err(broken(row.id)),
        };
        Ok(Self {
            id: row.id.into(),
            remedy: row.remedy_id.into(),
            case: row.case_id.into(),
            customer: row.customer_id.into(),
            grant: row.grant_id,
            line: row.line,
            state: state(VoucherState::parse, &row.state)?,
            description: row.description,
            worth,
            cost: state(Account::parse, &row.cost_account)?,
            redeemed: row.redeemed_minor,
            code: row.code,
            expires_at: Timestamp::from_micros(row.expires_at),
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}
