//! What upkeep and gauges look for: rows by their age, and tenants whose payouts are frozen; and what the gate reads of
//! earlier failures, in columns of its own.

use durable::ddl;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Adds the indexes and the columns.
pub struct FindOldRows;

impl MigrationName for FindOldRows {
    fn name(&self) -> &'static str {
        "m20261127_000103_find_old_rows"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for FindOldRows {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                "DROP INDEX payout_freezes_frozen",
                "DROP INDEX spending_days_age",
                "DROP INDEX goodwill_claims_age",
                "DROP INDEX provider_events_age",
                "DROP INDEX voucher_misses_age",
                "ALTER TABLE remedies DROP COLUMN event_kind",
                "ALTER TABLE remedies DROP COLUMN event_reference",
                "ALTER TABLE remedies DROP COLUMN event_occurred_at",
            ],
        )
        .await
    }
}

const UP: &[&str] = &[
    "CREATE INDEX voucher_misses_age ON voucher_misses (missed_at)",
    "CREATE INDEX provider_events_age ON provider_events (received_at)",
    "CREATE INDEX goodwill_claims_age ON goodwill_claims (created_at)",
    "CREATE INDEX spending_days_age ON spending_days (day)",
    "CREATE INDEX payout_freezes_frozen ON payout_freezes (tenant_id) WHERE state = 'FROZEN'",
    // NULL in rows of older versions: there the event itself is read.
    "ALTER TABLE remedies ADD COLUMN event_kind TEXT",
    "ALTER TABLE remedies ADD COLUMN event_reference TEXT",
    "ALTER TABLE remedies ADD COLUMN event_occurred_at BIGINT",
];
