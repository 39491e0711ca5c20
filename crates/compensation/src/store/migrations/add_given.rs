//! What an offer gave when it ended: by the customer's choice, or because the law demands it.

use durable::ddl;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Adds what was given to offers.
pub struct AddGiven;

impl MigrationName for AddGiven {
    fn name(&self) -> &'static str {
        "m20261127_000110_add_given"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddGiven {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Lines of the domain as JSON; empty: none was written down.
        ddl(manager, &["ALTER TABLE offers ADD COLUMN given TEXT NOT NULL DEFAULT ''"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, &["ALTER TABLE offers DROP COLUMN given"]).await
    }
}
