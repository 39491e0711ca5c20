//! The wider CHECK of the migration before is validated, which blocks neither readers nor writers.

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Validates what was added without a look at the rows. SQLite checked every row when it wrote it anew.
pub struct ValidateNoFault;

impl MigrationName for ValidateNoFault {
    fn name(&self) -> &'static str {
        "m20261127_000131_validate_no_fault"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for ValidateNoFault {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            let validate = "ALTER TABLE ledger_entries VALIDATE CONSTRAINT ledger_entries_account_check";
            manager.get_connection().execute_unprepared(validate).await?;
        }
        Ok(())
    }
}
