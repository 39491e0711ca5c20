//! Sums of the ledger's accounts, kept as it is written, so that reading them costs the same however long it is.
//!
//! Whoever inserts entries leaves what they add up to in `ledger_tail`, by a trigger: a replica of an older version does
//! too, while replicas are being replaced. Rows of the tail are folded into `ledger_totals` later, so that no posting
//! waits for another one's total. A sum is always total and tail together.

use durable::ddl;
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Creates `ledger_totals` and `ledger_tail`, and what fills the tail.
pub struct TotalLedger;

impl MigrationName for TotalLedger {
    fn name(&self) -> &'static str {
        "m20261127_000101_total_ledger"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for TotalLedger {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, &[TOTALS]).await?;
        let statements: &[&str] = match manager.get_database_backend() {
            DbBackend::Postgres => &POSTGRES,
            _ => &SQLITE,
        };
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        ddl(manager, &["CREATE INDEX ledger_tail_by_account ON ledger_tail (tenant_id, account)"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let trigger = match manager.get_database_backend() {
            DbBackend::Postgres => "DROP FUNCTION ledger_add_to_tail CASCADE",
            _ => "DROP TRIGGER ledger_entries_tail",
        };
        connection.execute_unprepared(trigger).await?;
        ddl(manager, &["DROP TABLE ledger_tail", "DROP TABLE ledger_totals"]).await
    }
}

const TOTALS: &str = "CREATE TABLE ledger_totals (
        tenant_id TEXT NOT NULL,
        account TEXT NOT NULL,
        currency TEXT NOT NULL,
        debit_minor BIGINT NOT NULL CHECK (debit_minor >= 0),
        credit_minor BIGINT NOT NULL CHECK (credit_minor >= 0),
        PRIMARY KEY (tenant_id, account, currency)
    ) STRICT";

/// A statement that inserts entries leaves one row an account, however many entries there are.
const POSTGRES: [&str; 4] = [
    "CREATE TABLE ledger_tail (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant_id TEXT NOT NULL,
        account TEXT NOT NULL,
        currency TEXT NOT NULL,
        debit_minor BIGINT NOT NULL,
        credit_minor BIGINT NOT NULL
    )",
    // Each row lives for seconds: vacuum by their number, not by a share of none.
    "ALTER TABLE ledger_tail SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)",
    "CREATE FUNCTION ledger_add_to_tail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO ledger_tail (tenant_id, account, currency, debit_minor, credit_minor)
        SELECT tenant_id, account, currency,
               coalesce(sum(amount_minor) FILTER (WHERE side = 'DEBIT'), 0),
               coalesce(sum(amount_minor) FILTER (WHERE side = 'CREDIT'), 0)
        FROM written GROUP BY tenant_id, account, currency;
        RETURN NULL;
    END $$",
    "CREATE TRIGGER ledger_entries_tail AFTER INSERT ON ledger_entries
        REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION ledger_add_to_tail()",
];

const SQLITE: [&str; 2] = [
    "CREATE TABLE ledger_tail (
        id INTEGER PRIMARY KEY,
        tenant_id TEXT NOT NULL,
        account TEXT NOT NULL,
        currency TEXT NOT NULL,
        debit_minor INTEGER NOT NULL,
        credit_minor INTEGER NOT NULL
    ) STRICT",
    "CREATE TRIGGER ledger_entries_tail AFTER INSERT ON ledger_entries
    BEGIN
        INSERT INTO ledger_tail (tenant_id, account, currency, debit_minor, credit_minor)
        VALUES (NEW.tenant_id, NEW.account, NEW.currency,
                CASE NEW.side WHEN 'DEBIT' THEN NEW.amount_minor ELSE 0 END,
                CASE NEW.side WHEN 'CREDIT' THEN NEW.amount_minor ELSE 0 END);
    END",
];
