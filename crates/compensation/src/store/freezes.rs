//! Queries over the kill switch of payouts.

use durable::{Tx, sql};
use kernel::{TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, Statement};

use super::row::state;
use crate::domain::freeze::{FreezeState, PayoutFreeze};

/// The switch as it was last moved; `None` when it never was.
pub async fn get(connection: &impl ConnectionTrait, tenant: &TenantId) -> Result<Option<PayoutFreeze>, DbErr> {
    let sql = "SELECT state, reason, changed_by, changed_at FROM payout_freezes WHERE tenant_id = $1";
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, [tenant.as_str().into()]);
    let row = connection.query_one_raw(statement).await?;
    row.map(|row| {
        Ok(PayoutFreeze {
            state: state(FreezeState::parse, &sql::column::<String>(&row, "state")?)?,
            reason: sql::column(&row, "reason")?,
            changed_by: sql::column(&row, "changed_by")?,
            changed_at: Some(Timestamp::from_micros(sql::column(&row, "changed_at")?)),
        })
    })
    .transpose()
}

/// Whether payouts are frozen, by the switch or by the configuration.
pub async fn state_at(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    frozen_since: Option<Timestamp>,
) -> Result<FreezeState, DbErr> {
    Ok(PayoutFreeze::in_force(get(connection, tenant).await?, frozen_since).state)
}

/// Writes the switch. Two at once: the second waits for the first, and its word stands.
pub async fn put_in_tx(tx: &Tx, tenant: &TenantId, freeze: &PayoutFreeze) -> Result<(), DbErr> {
    let sql = "INSERT INTO payout_freezes (tenant_id, state, reason, changed_by, changed_at) \
               VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id) DO UPDATE SET state = excluded.state, \
               reason = excluded.reason, changed_by = excluded.changed_by, changed_at = excluded.changed_at";
    let values = [
        tenant.as_str().into(),
        freeze.state.as_str().into(),
        freeze.reason.as_str().into(),
        freeze.changed_by.as_str().into(),
        tx.now().micros().into(),
    ];
    tx.execute(sql::statement(tx.backend(), sql, values)).await.map(|_| ())
}

/// How many tenants' payouts are frozen by the switch.
pub async fn frozen_tenants(connection: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let sql = "SELECT count(*) AS n FROM payout_freezes WHERE state = 'FROZEN'";
    let row = connection.query_one_raw(Statement::from_string(connection.get_database_backend(), sql)).await?;
    row.map_or(Ok(0), |row| sql::column(&row, "n"))
}
