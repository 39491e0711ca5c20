//! The kill switch of payouts, one row a tenant.

use durable::ddl;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Creates `payout_freezes`.
pub struct CreatePayoutFreezes;

impl MigrationName for CreatePayoutFreezes {
    fn name(&self) -> &'static str {
        "m20261122_000050_create_payout_freezes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreatePayoutFreezes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = "CREATE TABLE payout_freezes (
            tenant_id TEXT NOT NULL PRIMARY KEY,
            state TEXT NOT NULL CHECK (state IN ('FLOWING', 'FROZEN')),
            reason TEXT NOT NULL,
            changed_by TEXT NOT NULL,
            changed_at BIGINT NOT NULL
        ) STRICT";
        ddl(manager, &[table]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, &["DROP TABLE payout_freezes"]).await
    }
}
