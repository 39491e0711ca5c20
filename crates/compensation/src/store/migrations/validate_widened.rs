//! The wider CHECKs of the migration before are validated, which blocks neither readers nor writers.

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Validates what was added without a look at the rows. SQLite checked every row when it wrote it anew.
pub struct ValidateWidened;

impl MigrationName for ValidateWidened {
    fn name(&self) -> &'static str {
        "m20261122_000052_validate_widened"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for ValidateWidened {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            for (table, constraint) in [
                ("ledger_entries", "ledger_entries_account_check"),
                ("ledger_transactions", "ledger_transactions_kind_check"),
                ("vouchers", "vouchers_state_check"),
            ] {
                let validate = format!("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}");
                manager.get_connection().execute_unprepared(&validate).await?;
            }
        }
        Ok(())
    }
}
