//! Queries over settlement files and their lines.

use std::collections::BTreeMap;

use durable::sql::{column, for_update, statement};
use durable::{Backend, Bulk, ColumnType, Tx};
use kernel::{PayoutId, ResourceId, TenantId, Timestamp};
use sea_orm::DbErr;
use uuid::Uuid;

use super::row::{expect_one, money, time};
use crate::domain::settlement::{Line, Place};

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementFile {
    /// What it is known by.
    pub file: String,
    /// The day that it settles, RFC 3339 full-date.
    pub day: String,
    /// When its last batch was taken.
    pub completed_at: Option<Timestamp>,
    /// When payouts that are in no file were listed.
    pub closed_at: Option<Timestamp>,
}

/// Lets the batches of a tenant's files come one after the other: for the rest of the transaction.
pub async fn one_at_a_time_in_tx(tx: &Tx, tenant: &TenantId) -> Result<(), DbErr> {
    if tx.backend() == Backend::Postgres {
        let lock = "SELECT pg_advisory_xact_lock(hashtext($1))";
        tx.query(statement(tx.backend(), lock, [format!("settlement/{tenant}").into()])).await?;
    }
    Ok(())
}

/// A file, locked for the rest of the transaction, so that its batches come one after the other; a new one when it is
/// not known.
pub async fn lock_or_insert_in_tx(tx: &Tx, tenant: &TenantId, file: &str, day: &str) -> Result<SettlementFile, DbErr> {
    tx.execute(statement(
        tx.backend(),
        "INSERT INTO settlement_files (tenant_id, file, day, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (tenant_id, file) DO NOTHING",
        [tenant.as_str().into(), file.into(), day.into(), tx.now().micros().into()],
    ))
    .await?;
    lock_in_tx(tx, tenant, file).await?.ok_or_else(|| DbErr::RecordNotFound(file.to_owned()))
}

/// A file that is known, locked for the rest of the transaction.
pub async fn lock_in_tx(tx: &Tx, tenant: &TenantId, file: &str) -> Result<Option<SettlementFile>, DbErr> {
    let sql = format!(
        "SELECT day, completed_at, closed_at FROM settlement_files WHERE tenant_id = $1 AND file = $2{}",
        for_update(tx.backend())
    );
    let rows = tx.query(statement(tx.backend(), sql, [tenant.as_str().into(), file.into()])).await?;
    rows.first()
        .map(|row| {
            Ok(SettlementFile {
                file: file.to_owned(),
                day: column(row, "day")?,
                completed_at: time(column(row, "completed_at")?),
                closed_at: time(column(row, "closed_at")?),
            })
        })
        .transpose()
}

/// Writes that a locked file is complete, and closed.
pub async fn update_in_tx(tx: &Tx, tenant: &TenantId, file: &SettlementFile) -> Result<(), DbErr> {
    let changed = tx
        .execute(statement(
            tx.backend(),
            "UPDATE settlement_files SET completed_at = $1, closed_at = $2 WHERE tenant_id = $3 AND file = $4",
            [
                file.completed_at.map(Timestamp::micros).into(),
                file.closed_at.map(Timestamp::micros).into(),
                tenant.as_str().into(),
                file.file.as_str().into(),
            ],
        ))
        .await?;
    expect_one(changed, &file.file)
}

/// The lines of a file with these numbers that were taken before.
pub async fn lines_in_tx(tx: &Tx, tenant: &TenantId, file: &str, lines: &[Line]) -> Result<BTreeMap<i64, Line>, DbErr> {
    let mut input = Bulk::new(&[("number", ColumnType::Integer)]);
    for line in lines {
        input.push([line.number.into()]);
    }
    let body = "SELECT l.number, payout_key, provider_reference, amount_minor, currency, executed_at FROM input \
                JOIN settlement_lines l ON l.number = input.number WHERE l.tenant_id = $1 AND l.file = $2";
    let rows = tx.query_all(input.statements(tx.backend(), body, &[tenant.as_str().into(), file.into()])).await?;
    rows.iter()
        .map(|row| {
            let line = Line {
                number: column(row, "number")?,
                key: column(row, "payout_key")?,
                reference: column(row, "provider_reference")?,
                amount: money(column(row, "amount_minor")?, &column::<String>(row, "currency")?)?,
                executed_at: Timestamp::from_micros(column(row, "executed_at")?),
            };
            Ok((line.number, line))
        })
        .collect()
}

/// Where the one line of each payout is, of those that have one.
pub async fn places_in_tx(
    tx: &Tx,
    tenant: &TenantId,
    payouts: &[PayoutId],
) -> Result<BTreeMap<PayoutId, Place>, DbErr> {
    let mut input = Bulk::new(&[("payout_id", ColumnType::Uuid)]);
    for payout in payouts {
        input.push([payout.uuid().into()]);
    }
    let body = "SELECT l.payout_id, l.file, l.number FROM input JOIN settlement_lines l \
                ON l.payout_id = input.payout_id WHERE l.tenant_id = $1 AND l.payout_id IS NOT NULL";
    let rows = tx.query_all(input.statements(tx.backend(), body, &[tenant.as_str().into()])).await?;
    rows.iter()
        .map(|row| {
            let place = Place { file: column(row, "file")?, line: column(row, "number")? };
            Ok((column::<Uuid>(row, "payout_id")?.into(), place))
        })
        .collect()
}

/// Writes lines, each with the payout that it is the one line of.
pub async fn insert_lines_in_tx(
    tx: &Tx,
    tenant: &TenantId,
    file: &str,
    lines: &[(&Line, Option<PayoutId>)],
) -> Result<(), DbErr> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[
        ("number", ColumnType::Integer),
        ("payout_key", ColumnType::Text),
        ("provider_reference", ColumnType::Text),
        ("amount_minor", ColumnType::Integer),
        ("currency", ColumnType::Text),
        ("executed_at", ColumnType::Integer),
        ("payout_id", ColumnType::Uuid),
    ])
    .nullable(&["payout_id"]);
    for (line, payout) in lines {
        input.push([
            line.number.into(),
            line.key.as_str().into(),
            line.reference.as_str().into(),
            line.amount.minor.into(),
            line.amount.currency.code().into(),
            line.executed_at.micros().into(),
            payout.map(ResourceId::uuid).into(),
        ]);
    }
    let body = "INSERT INTO settlement_lines (tenant_id, file, number, payout_key, provider_reference, amount_minor, \
                currency, executed_at, payout_id) SELECT $1, $2, number, payout_key, provider_reference, \
                amount_minor, currency, executed_at, payout_id FROM input";
    tx.execute_all(input.statements(tx.backend(), body, &[tenant.as_str().into(), file.into()])).await.map(|_| ())
}
