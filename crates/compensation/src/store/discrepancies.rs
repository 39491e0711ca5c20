//! Queries over the differences between our books and the provider's.

use durable::sql::{column, for_update, statement};
use durable::{Bulk, ColumnType, Tx};
use kernel::{PayoutId, ResourceId, SettlementDiscrepancyId, TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::row::{Cursor, expect_one, money, state, time};
use crate::domain::settlement::{Discrepancy, DiscrepancyKind};

const COLUMNS: &str = "id, kind, payout_id, file, line, payout_key, amount_minor, currency, explanation, resolution, \
                       resolved_by, created_at, resolved_at";

/// Writes new discrepancies.
pub async fn insert_in_tx(tx: &Tx, tenant: &TenantId, discrepancies: &[Discrepancy]) -> Result<(), DbErr> {
    if discrepancies.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[
        ("id", ColumnType::Uuid),
        ("kind", ColumnType::Text),
        ("payout_id", ColumnType::Uuid),
        ("file", ColumnType::Text),
        ("line", ColumnType::Integer),
        ("payout_key", ColumnType::Text),
        ("amount_minor", ColumnType::Integer),
        ("currency", ColumnType::Text),
        ("explanation", ColumnType::Text),
    ])
    .nullable(&["payout_id", "amount_minor", "currency"]);
    for found in discrepancies {
        input.push([
            found.id.uuid().into(),
            found.kind.as_str().into(),
            found.payout.map(ResourceId::uuid).into(),
            found.file.as_str().into(),
            found.line.into(),
            found.key.as_str().into(),
            found.amount.map(|amount| amount.minor).into(),
            found.amount.map(|amount| amount.currency.code().to_owned()).into(),
            found.explanation.as_str().into(),
        ]);
    }
    let body = "INSERT INTO settlement_discrepancies (tenant_id, id, kind, state, payout_id, file, line, payout_key, \
                amount_minor, currency, explanation, resolution, resolved_by, created_at) \
                SELECT $1, id, kind, 'OPEN', payout_id, file, line, payout_key, amount_minor, currency, explanation, \
                '', '', $2 FROM input";
    let values = [tenant.as_str().into(), tx.now().micros().into()];
    tx.execute_all(input.statements(tx.backend(), body, &values)).await.map(|_| ())
}

/// Clears up that payouts were in no settlement, because they are in one now.
pub async fn resolve_missing_in_tx(
    tx: &Tx,
    tenant: &TenantId,
    payouts: &[PayoutId],
    resolution: &str,
) -> Result<(), DbErr> {
    if payouts.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[("payout_id", ColumnType::Uuid)]);
    for payout in payouts {
        input.push([payout.uuid().into()]);
    }
    let body = "UPDATE settlement_discrepancies SET state = 'RESOLVED', resolution = $1, resolved_by = 'settlement', \
                resolved_at = $2 WHERE tenant_id = $3 AND kind = 'NOT_IN_SETTLEMENT' AND state = 'OPEN' \
                AND payout_id IN (SELECT payout_id FROM input)";
    let values = [resolution.into(), tx.now().micros().into(), tenant.as_str().into()];
    tx.execute_all(input.statements(tx.backend(), body, &values)).await.map(|_| ())
}

/// Writes how a locked discrepancy was cleared up.
pub async fn update_in_tx(tx: &Tx, tenant: &TenantId, found: &Discrepancy) -> Result<(), DbErr> {
    let changed = tx
        .execute(statement(
            tx.backend(),
            "UPDATE settlement_discrepancies SET state = 'RESOLVED', resolution = $1, resolved_by = $2, \
             resolved_at = $3 WHERE tenant_id = $4 AND id = $5 AND state = 'OPEN'",
            [
                found.resolution.as_str().into(),
                found.resolved_by.as_str().into(),
                found.resolved_at.map(Timestamp::micros).into(),
                tenant.as_str().into(),
                found.id.uuid().into(),
            ],
        ))
        .await?;
    expect_one(changed, found.id)
}

/// One discrepancy.
pub async fn get(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: SettlementDiscrepancyId,
) -> Result<Option<Discrepancy>, DbErr> {
    one(connection, tenant, id, "").await
}

/// One discrepancy, locked for the rest of the transaction.
pub async fn lock_in_tx(tx: &Tx, tenant: &TenantId, id: SettlementDiscrepancyId) -> Result<Option<Discrepancy>, DbErr> {
    one(tx.conn(), tenant, id, for_update(tx.backend())).await
}

async fn one(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: SettlementDiscrepancyId,
    lock: &str,
) -> Result<Option<Discrepancy>, DbErr> {
    let sql = format!("SELECT {COLUMNS} FROM settlement_discrepancies WHERE tenant_id = $1 AND id = $2{lock}");
    let backend = connection.get_database_backend();
    let values = [tenant.as_str().into(), id.uuid().into()];
    let row = connection.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    row.as_ref().map(discrepancy).transpose()
}

/// A page, oldest first; only open ones unless `resolved`.
pub async fn list_page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    resolved: bool,
    after: Option<Cursor>,
    limit: u64,
) -> Result<Vec<Discrepancy>, DbErr> {
    let mut values: Vec<Value> = vec![tenant.as_str().into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
    let mut filter = if resolved { String::new() } else { " AND state = 'OPEN'".to_owned() };
    if let Some(after) = after {
        values.extend([after.created_at.into(), after.id.into()]);
        filter.push_str(" AND (created_at, id) > ($3, $4)");
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM settlement_discrepancies WHERE tenant_id = $1{filter} ORDER BY created_at, id LIMIT $2"
    );
    let backend = connection.get_database_backend();
    let rows = connection.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    rows.iter().map(discrepancy).collect()
}

fn discrepancy(row: &QueryResult) -> Result<Discrepancy, DbErr> {
    let (minor, currency): (Option<i64>, Option<String>) = (column(row, "amount_minor")?, column(row, "currency")?);
    Ok(Discrepancy {
        id: column::<Uuid>(row, "id")?.into(),
        kind: state(DiscrepancyKind::parse, &column::<String>(row, "kind")?)?,
        payout: column::<Option<Uuid>>(row, "payout_id")?.map(PayoutId::from),
        file: column(row, "file")?,
        line: column(row, "line")?,
        key: column(row, "payout_key")?,
        amount: minor.zip(currency).map(|(minor, currency)| money(minor, &currency)).transpose()?,
        explanation: column(row, "explanation")?,
        resolution: column(row, "resolution")?,
        resolved_by: column(row, "resolved_by")?,
        created_at: Timestamp::from_micros(column(row, "created_at")?),
        resolved_at: time(column(row, "resolved_at")?),
    })
}
