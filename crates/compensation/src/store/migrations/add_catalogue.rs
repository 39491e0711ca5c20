//! Policies may be catalogues of extras.

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::rebuild::{Widened, widen};

/// Widens the kinds of policies. There is no way back: catalogues would have nowhere to go.
pub struct AddCatalogue;

impl MigrationName for AddCatalogue {
    fn name(&self) -> &'static str {
        "m20261127_000140_add_catalogue"
    }
}

const WIDENED: [Widened; 1] = [Widened {
    table: "policies",
    column: "kind",
    check: "kind IN ('AUTHORITY', 'BUDGETS', 'ABUSE', 'CATALOGUE')",
    ending: ("'ABUSE')", "'ABUSE', 'CATALOGUE')"),
}];

#[async_trait::async_trait]
impl MigrationTrait for AddCatalogue {
    /// All or nothing on both databases: rows are on their way in between.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        widen(manager, &WIDENED).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            // A tenant has a handful of versions: looking at them all takes no time.
            let validate = "ALTER TABLE policies VALIDATE CONSTRAINT policies_kind_check";
            manager.get_connection().execute_unprepared(validate).await?;
        }
        Ok(())
    }
}
