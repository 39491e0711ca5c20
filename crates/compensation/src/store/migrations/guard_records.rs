//! Records that are only ever added to, by the databases themselves: what was applied, decided, captured, used and taken
//! back is evidence, whatever the code does.

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Guards the records.
pub struct GuardRecords;

/// Tables that no use case changes or deletes from.
const APPEND_ONLY: [&str; 5] =
    ["applied_packs", "gate_overrides", "captures", "voucher_redemptions", "grant_reversals"];

impl MigrationName for GuardRecords {
    fn name(&self) -> &'static str {
        "m20261127_000100_guard_records"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for GuardRecords {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        if is_postgres {
            connection.execute_unprepared(REFUSE).await?;
        }
        for table in APPEND_ONLY {
            if is_postgres {
                let guard = format!(
                    "CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} \
                     FOR EACH STATEMENT EXECUTE FUNCTION record_refuse_change()"
                );
                connection.execute_unprepared(&guard).await?;
                continue;
            }
            for change in ["UPDATE", "DELETE"] {
                let guard = format!(
                    "CREATE TRIGGER {table}_no_{change} BEFORE {change} ON {table} \
                     BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                );
                connection.execute_unprepared(&guard).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Postgres {
            connection.execute_unprepared("DROP FUNCTION record_refuse_change CASCADE").await?;
            return Ok(());
        }
        for table in APPEND_ONLY {
            for change in ["UPDATE", "DELETE"] {
                connection.execute_unprepared(&format!("DROP TRIGGER {table}_no_{change}")).await?;
            }
        }
        Ok(())
    }
}

const REFUSE: &str = "CREATE FUNCTION record_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
    END $$";
