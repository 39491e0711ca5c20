//! Queries over uses of vouchers, and over codes that do not exist.

use durable::{Tx, sql};
use kernel::{Money, ResourceId, TenantId, Timestamp, VoucherId, VoucherRedemptionId};
use sea_orm::{ConnectionTrait, DbErr, Statement};

/// One use of a voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// Its id.
    pub id: VoucherRedemptionId,
    /// The voucher.
    pub voucher: VoucherId,
    /// How much of it; `None` for a discount.
    pub amount: Option<Money>,
    /// What it was used for, as the caller knows it.
    pub order: String,
    /// Who took it.
    pub redeemed_by: String,
}

/// Writes a use.
pub async fn insert_in_tx(tx: &Tx, tenant: &TenantId, redemption: &Redemption) -> Result<(), DbErr> {
    let sql = "INSERT INTO voucher_redemptions (tenant_id, id, voucher_id, amount_minor, currency, order_reference, \
               redeemed_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = [
        tenant.as_str().into(),
        redemption.id.uuid().into(),
        redemption.voucher.uuid().into(),
        redemption.amount.map(|amount| amount.minor).into(),
        redemption.amount.map(|amount| amount.currency.code().to_owned()).into(),
        redemption.order.as_str().into(),
        redemption.redeemed_by.as_str().into(),
        tx.now().micros().into(),
    ];
    tx.execute(sql::statement(tx.backend(), sql, values)).await.map(|_| ())
}

/// Who shows codes: a client, and whom it shows them for.
#[derive(Clone, Copy, Debug)]
pub struct Presenter<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The client.
    pub client: &'a str,
    /// Its customer, as it says.
    pub presented_by: &'a str,
}

/// How many codes that do not exist were shown since a time.
pub async fn misses_since(
    connection: &impl ConnectionTrait,
    presenter: Presenter<'_>,
    since: Timestamp,
) -> Result<i64, DbErr> {
    let sql = "SELECT count(*) AS n FROM voucher_misses \
               WHERE tenant_id = $1 AND client = $2 AND presented_by = $3 AND missed_at > $4";
    let values = [
        presenter.tenant.as_str().into(),
        presenter.client.into(),
        presenter.presented_by.into(),
        since.micros().into(),
    ];
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    let row = connection.query_one_raw(statement).await?;
    row.map_or(Ok(0), |row| sql::column(&row, "n"))
}

/// Counts a code that does not exist, once for each request, and forgets those before `since`.
pub async fn miss_in_tx(tx: &Tx, presenter: Presenter<'_>, request_id: &str, since: Timestamp) -> Result<(), DbErr> {
    let sql = "INSERT INTO voucher_misses (tenant_id, client, presented_by, request_id, missed_at) \
               VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    let values = [
        presenter.tenant.as_str().into(),
        presenter.client.into(),
        presenter.presented_by.into(),
        request_id.into(),
        tx.now().micros().into(),
    ];
    tx.execute(sql::statement(tx.backend(), sql, values)).await?;
    let sql = "DELETE FROM voucher_misses \
               WHERE tenant_id = $1 AND client = $2 AND presented_by = $3 AND missed_at <= $4";
    let values = [
        presenter.tenant.as_str().into(),
        presenter.client.into(),
        presenter.presented_by.into(),
        since.micros().into(),
    ];
    tx.execute(sql::statement(tx.backend(), sql, values)).await.map(|_| ())
}
