//! On PostgreSQL too no entry joins a transaction that stands: a balanced pair would pass the check of the balance, and
//! with it the limit of what may be reversed. On SQLite the trigger has been there from the beginning.

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Refuses entries of a transaction that is complete.
pub struct CloseLedgerTransactions;

impl MigrationName for CloseLedgerTransactions {
    fn name(&self) -> &'static str {
        "m20261127_000060_close_ledger_transactions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CloseLedgerTransactions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            for statement in UP {
                manager.get_connection().execute_unprepared(statement).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared("DROP FUNCTION ledger_check_open CASCADE").await?;
        }
        Ok(())
    }
}

const UP: [&str; 2] = [
    "CREATE FUNCTION ledger_check_open() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM ledger_transactions WHERE tenant_id = NEW.tenant_id AND id = NEW.transaction_id) THEN
            RAISE EXCEPTION 'ledger transaction % is complete', NEW.transaction_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_complete';
        END IF;
        RETURN NEW;
    END $$",
    "CREATE TRIGGER ledger_entries_early BEFORE INSERT ON ledger_entries
        FOR EACH ROW EXECUTE FUNCTION ledger_check_open()",
];
