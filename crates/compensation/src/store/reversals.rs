//! Queries over grants that were taken back.

use durable::{Tx, sql};
use kernel::{LedgerTransactionId, Money, ResourceId, TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, Statement};
use uuid::Uuid;

use super::row::{broken, money};

/// A grant that was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// The voucher or payout, as a resource name.
    pub grant: String,
    /// How much was taken back, and where it is booked; `None` for a discount.
    pub booked: Option<(Money, LedgerTransactionId)>,
    /// Why.
    pub reason: String,
    /// Who decided.
    pub reversed_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// Writes a reversal, unless the grant has one: false then.
pub async fn insert_in_tx(tx: &Tx, tenant: &TenantId, reversal: &Reversal) -> Result<bool, DbErr> {
    let sql = "INSERT INTO grant_reversals (tenant_id, grant_name, amount_minor, currency, transaction_id, reason, \
               reversed_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let amount = reversal.booked.map(|(amount, _)| amount);
    let values = [
        tenant.as_str().into(),
        reversal.grant.as_str().into(),
        amount.map(|amount| amount.minor).into(),
        amount.map(|amount| amount.currency.code().to_owned()).into(),
        reversal.booked.map(|(_, transaction)| transaction.uuid()).into(),
        reversal.reason.as_str().into(),
        reversal.reversed_by.as_str().into(),
        reversal.created_at.micros().into(),
    ];
    Ok(tx.execute(sql::statement(tx.backend(), sql, values)).await? == 1)
}

/// The reversal of a grant.
pub async fn get(connection: &impl ConnectionTrait, tenant: &TenantId, grant: &str) -> Result<Option<Reversal>, DbErr> {
    let sql = "SELECT grant_name, amount_minor, currency, transaction_id, reason, reversed_by, created_at \
               FROM grant_reversals WHERE tenant_id = $1 AND grant_name = $2";
    let statement =
        Statement::from_sql_and_values(connection.get_database_backend(), sql, [tenant.as_str().into(), grant.into()]);
    let row = connection.query_one_raw(statement).await?;
    row.map(|row| {
        let (minor, currency): (Option<i64>, Option<String>) =
            (sql::column(&row, "amount_minor")?, sql::column(&row, "currency")?);
        let transaction: Option<Uuid> = sql::column(&row, "transaction_id")?;
        let booked = match (minor, currency, transaction) {
            (Some(minor), Some(currency), Some(transaction)) => Some((money(minor, &currency)?, transaction.into())),
            (None, None, None) => None,
            _ => return Err(broken(grant)),
        };
        Ok(Reversal {
            grant: sql::column(&row, "grant_name")?,
            booked,
            reason: sql::column(&row, "reason")?,
            reversed_by: sql::column(&row, "reversed_by")?,
            created_at: Timestamp::from_micros(sql::column(&row, "created_at")?),
        })
    })
    .transpose()
}
