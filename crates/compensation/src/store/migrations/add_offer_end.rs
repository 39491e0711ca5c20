//! When an offer ended, apart from when it last changed: a counter-offer is linked to it later.

use durable::ddl;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Adds the column. NULL for offers that are open, and for those that ended before: there the last change is all that is known.
pub struct AddOfferEnd;

impl MigrationName for AddOfferEnd {
    fn name(&self) -> &'static str {
        "m20261127_000150_add_offer_end"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddOfferEnd {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, &["ALTER TABLE offers ADD COLUMN ended_at BIGINT"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, &["ALTER TABLE offers DROP COLUMN ended_at"]).await
    }
}
