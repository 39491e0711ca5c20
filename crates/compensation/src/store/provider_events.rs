//! Queries over what the provider has told by itself.

use durable::{Tx, sql};
use kernel::{PayoutId, ResourceId, TenantId};
use sea_orm::DbErr;
use uuid::Uuid;

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderEvent {
    /// The provider's id of it.
    pub event: String,
    /// What it says that happened; never believed.
    pub kind: String,
    /// The payout that it is about, where it is ours.
    pub payout: Option<PayoutId>,
    /// Whether the payout is looked up because of it.
    pub looks_up: bool,
}

/// Keeps an event; false when it was kept before.
pub async fn insert_in_tx(tx: &Tx, tenant: &TenantId, event: &ProviderEvent) -> Result<bool, DbErr> {
    let inserted = tx
        .execute(sql::statement(
            tx.backend(),
            "INSERT INTO provider_events (tenant_id, event, kind, payout_id, looks_up, received_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, event) DO NOTHING",
            [
                tenant.as_str().into(),
                event.event.as_str().into(),
                event.kind.as_str().into(),
                event.payout.map(ResourceId::uuid).into(),
                i64::from(event.looks_up).into(),
                tx.now().micros().into(),
            ],
        ))
        .await?;
    Ok(inserted == 1)
}

/// An event that was kept before.
pub async fn get_in_tx(tx: &Tx, tenant: &TenantId, event: &str) -> Result<Option<ProviderEvent>, DbErr> {
    let text = "SELECT kind, payout_id, looks_up FROM provider_events WHERE tenant_id = $1 AND event = $2";
    let rows = tx.query(sql::statement(tx.backend(), text, [tenant.as_str().into(), event.into()])).await?;
    rows.first()
        .map(|row| {
            Ok(ProviderEvent {
                event: event.to_owned(),
                kind: sql::column(row, "kind")?,
                payout: sql::column::<Option<Uuid>>(row, "payout_id")?.map(PayoutId::from),
                looks_up: sql::column::<i64>(row, "looks_up")? == 1,
            })
        })
        .transpose()
}
