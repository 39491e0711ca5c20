//! Queries over people's decisions about payouts.

use durable::Tx;
use durable::sql::{column, for_update, statement};
use kernel::{PayoutId, PayoutSettlementId, ResourceId, TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::row::{Cursor, expect_one, state, time};
use crate::domain::payout_settlement::{Outcome, PayoutSettlement, SettlementState};

const COLUMNS: &str = "id, payout_id, state, outcome, provider_reference, evidence, proposed_by, decided_by, \
                       decision_reason, created_at, decided_at";

/// Writes a new decision.
pub async fn insert_in_tx(tx: &Tx, tenant: &TenantId, settlement: &PayoutSettlement) -> Result<(), DbErr> {
    tx.execute(statement(
        tx.backend(),
        "INSERT INTO payout_settlements (tenant_id, id, payout_id, state, outcome, provider_reference, evidence, \
         proposed_by, decided_by, decision_reason, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', $9)",
        [
            tenant.as_str().into(),
            settlement.id.uuid().into(),
            settlement.payout.uuid().into(),
            settlement.state.as_str().into(),
            settlement.outcome.as_str().into(),
            settlement.reference.as_str().into(),
            settlement.evidence.as_str().into(),
            settlement.proposed_by.as_str().into(),
            settlement.created_at.micros().into(),
        ],
    ))
    .await
    .map(|_| ())
}

/// Writes how a decision was decided.
pub async fn update_in_tx(tx: &Tx, tenant: &TenantId, settlement: &PayoutSettlement) -> Result<(), DbErr> {
    let changed = tx
        .execute(statement(
            tx.backend(),
            "UPDATE payout_settlements SET state = $1, decided_by = $2, decision_reason = $3, decided_at = $4 \
             WHERE tenant_id = $5 AND id = $6 AND state = 'PROPOSED'",
            [
                settlement.state.as_str().into(),
                settlement.decided_by.as_str().into(),
                settlement.decision_reason.as_str().into(),
                settlement.decided_at.map(Timestamp::micros).into(),
                tenant.as_str().into(),
                settlement.id.uuid().into(),
            ],
        ))
        .await?;
    expect_one(changed, settlement.id)
}

/// One decision.
pub async fn get(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: PayoutSettlementId,
) -> Result<Option<PayoutSettlement>, DbErr> {
    one(connection, tenant, id, "").await
}

/// One decision, locked for the rest of the transaction: after its remedy and its payout.
pub async fn lock_in_tx(tx: &Tx, tenant: &TenantId, id: PayoutSettlementId) -> Result<Option<PayoutSettlement>, DbErr> {
    one(tx.conn(), tenant, id, for_update(tx.backend())).await
}

async fn one(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: PayoutSettlementId,
    lock: &str,
) -> Result<Option<PayoutSettlement>, DbErr> {
    let sql = format!("SELECT {COLUMNS} FROM payout_settlements WHERE tenant_id = $1 AND id = $2{lock}");
    let backend = connection.get_database_backend();
    let values = [tenant.as_str().into(), id.uuid().into()];
    let row = connection.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    row.as_ref().map(settlement).transpose()
}

/// True when a decision about a payout waits for approval; the payout is locked.
pub async fn is_open_in_tx(tx: &Tx, tenant: &TenantId, payout: PayoutId) -> Result<bool, DbErr> {
    let sql = "SELECT 1 AS n FROM payout_settlements WHERE tenant_id = $1 AND payout_id = $2 AND state = 'PROPOSED'";
    let rows = tx.query(statement(tx.backend(), sql, [tenant.as_str().into(), payout.uuid().into()])).await?;
    Ok(!rows.is_empty())
}

/// A page of a payout's decisions, oldest first.
pub async fn list_page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    payout: PayoutId,
    after: Option<Cursor>,
    limit: u64,
) -> Result<Vec<PayoutSettlement>, DbErr> {
    let mut values: Vec<Value> =
        vec![tenant.as_str().into(), payout.uuid().into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
    let mut later = "";
    if let Some(after) = after {
        values.extend([after.created_at.into(), after.id.into()]);
        later = " AND (created_at, id) > ($4, $5)";
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM payout_settlements WHERE tenant_id = $1 AND payout_id = $2{later} \
         ORDER BY created_at, id LIMIT $3"
    );
    let backend = connection.get_database_backend();
    let rows = connection.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    rows.iter().map(settlement).collect()
}

fn settlement(row: &QueryResult) -> Result<PayoutSettlement, DbErr> {
    Ok(PayoutSettlement {
        id: column::<Uuid>(row, "id")?.into(),
        payout: column::<Uuid>(row, "payout_id")?.into(),
        state: state(SettlementState::parse, &column::<String>(row, "state")?)?,
        outcome: state(Outcome::parse, &column::<String>(row, "outcome")?)?,
        reference: column(row, "provider_reference")?,
        evidence: column(row, "evidence")?,
        proposed_by: column(row, "proposed_by")?,
        decided_by: column(row, "decided_by")?,
        decision_reason: column(row, "decision_reason")?,
        created_at: Timestamp::from_micros(column(row, "created_at")?),
        decided_at: time(column(row, "decided_at")?),
    })
}
