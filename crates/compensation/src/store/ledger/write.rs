//! Writing to the ledger: entries before their transaction, and the conditional update before any entry.

use durable::{Bulk, ColumnType, Tx, sql};
use kernel::{Money, PayoutId, ResourceId, TenantId};
use sea_orm::DbErr;

use crate::domain::ledger::Transaction;
use crate::domain::reservation::{ReservationEvent, ReservationState};
use crate::store::orders;

/// Writes transactions.
pub async fn append_in_tx(tx: &Tx, transactions: &[(&TenantId, &Transaction)]) -> Result<(), DbErr> {
    if transactions.is_empty() {
        return Ok(());
    }
    let mut entries = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("transaction_id", ColumnType::Uuid),
        ("ordinal", ColumnType::Integer),
        ("account", ColumnType::Text),
        ("side", ColumnType::Text),
        ("amount_minor", ColumnType::Integer),
        ("currency", ColumnType::Text),
    ]);
    let mut heads = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("id", ColumnType::Uuid),
        ("kind", ColumnType::Text),
        ("subject", ColumnType::Text),
        ("case_id", ColumnType::Uuid),
        ("reverses_id", ColumnType::Uuid),
        ("created_at", ColumnType::Integer),
    ])
    .nullable(&["reverses_id"]);
    for (tenant, transaction) in transactions {
        if !transaction.is_balanced() {
            return Err(DbErr::Custom(format!("{} does not balance", transaction.id)));
        }
        heads.push([
            tenant.as_str().into(),
            transaction.id.uuid().into(),
            transaction.kind.as_str().into(),
            transaction.subject.as_str().into(),
            transaction.case.uuid().into(),
            transaction.reverses.map(ResourceId::uuid).into(),
            tx.now().micros().into(),
        ]);
        for (ordinal, entry) in (1_i64..).zip(&transaction.entries) {
            entries.push([
                tenant.as_str().into(),
                transaction.id.uuid().into(),
                ordinal.into(),
                entry.account.as_str().into(),
                entry.side.as_str().into(),
                entry.amount.minor.into(),
                entry.amount.currency.code().into(),
            ]);
        }
    }
    let body = "INSERT INTO ledger_entries (tenant_id, transaction_id, ordinal, account, side, amount_minor, currency) \
                SELECT tenant_id, transaction_id, ordinal, account, side, amount_minor, currency FROM input";
    tx.execute_all(entries.statements(tx.backend(), body, &[])).await?;
    let body = "INSERT INTO ledger_transactions (tenant_id, id, kind, subject, case_id, reverses_id, created_at) \
                SELECT tenant_id, id, kind, subject, case_id, reverses_id, created_at FROM input";
    tx.execute_all(heads.statements(tx.backend(), body, &[])).await.map(|_| ())
}

/// Sets money aside for new payouts.
pub async fn reserve_in_tx(tx: &Tx, payouts: &[(&TenantId, PayoutId, Money)]) -> Result<(), DbErr> {
    if payouts.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("payout_id", ColumnType::Uuid),
        ("amount_minor", ColumnType::Integer),
        ("currency", ColumnType::Text),
    ]);
    for (tenant, payout, amount) in payouts {
        input.push([tenant.as_str().into(), payout.uuid().into(), amount.minor.into(), amount.currency.code().into()]);
    }
    let body = "INSERT INTO ledger_reservations (tenant_id, payout_id, state, amount_minor, currency, created_at, \
                updated_at) SELECT tenant_id, payout_id, 'PENDING', amount_minor, currency, $1, $1 FROM input";
    tx.execute_all(input.statements(tx.backend(), body, &[tx.now().micros().into()])).await.map(|_| ())
}

/// Posts or releases a reservation and books it: the conditional update decides, and only then are there entries.
/// False when it was posted or released before; nothing is booked then.
pub async fn settle_in_tx(
    tx: &Tx,
    tenant: &TenantId,
    payout: PayoutId,
    event: ReservationEvent,
    transaction: &Transaction,
) -> Result<bool, DbErr> {
    let pending = ReservationState::Pending;
    let Ok(next) = pending.on(event) else { return Ok(false) };
    let changed = tx
        .execute(sql::statement(
            tx.backend(),
            "UPDATE ledger_reservations SET state = $1, updated_at = $2 \
             WHERE tenant_id = $3 AND payout_id = $4 AND state = $5",
            [
                next.as_str().into(),
                tx.now().micros().into(),
                tenant.as_str().into(),
                payout.uuid().into(),
                pending.as_str().into(),
            ],
        ))
        .await?;
    if changed == 0 {
        return Ok(false);
    }
    append_in_tx(tx, &[(tenant, transaction)]).await?;
    if next == ReservationState::Voided {
        // What was not paid can be refunded again.
        orders::release_in_tx(tx, tenant, payout).await?;
    }
    Ok(true)
}
