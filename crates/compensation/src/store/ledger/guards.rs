//! What the databases themselves refuse about the ledger: changing or deleting what was written, entries that do not
//! balance, entries that join a transaction later.
//!
//! PostgreSQL checks the balance when the transaction commits (deferred constraint triggers). SQLite has no such
//! triggers: there the entries are written first, inserting their transaction checks them, no entry can join after
//! that, and the deferred foreign key keeps entries without a transaction from being committed.

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::SchemaManager;

const APPEND_ONLY: [&str; 2] = ["ledger_transactions", "ledger_entries"];

/// Creates the triggers.
pub async fn create(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    match manager.get_database_backend() {
        DbBackend::Postgres => {
            for statement in POSTGRES {
                connection.execute_unprepared(statement).await?;
            }
            for table in APPEND_ONLY {
                connection
                    .execute_unprepared(&format!(
                        "CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} \
                         FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change()"
                    ))
                    .await?;
            }
        }
        _ => {
            for statement in SQLITE {
                connection.execute_unprepared(statement).await?;
            }
            for table in APPEND_ONLY {
                for change in ["UPDATE", "DELETE"] {
                    connection
                        .execute_unprepared(&format!(
                            "CREATE TRIGGER {table}_no_{change} BEFORE {change} ON {table} \
                             BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
                        ))
                        .await?;
                }
            }
        }
    }
    Ok(())
}

/// Drops what dropping the tables leaves behind.
pub async fn drop(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Postgres {
        let functions = "DROP FUNCTION ledger_refuse_change, ledger_check_entry, ledger_check_transaction CASCADE";
        manager.get_connection().execute_unprepared(functions).await?;
    }
    Ok(())
}

const POSTGRES: [&str; 5] = [
    "CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'check_violation';
    END $$",
    "CREATE FUNCTION ledger_check_entry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM ledger_entries
                   WHERE tenant_id = NEW.tenant_id AND transaction_id = NEW.transaction_id
                   GROUP BY currency
                   HAVING sum(CASE side WHEN 'DEBIT' THEN amount_minor ELSE -amount_minor END) <> 0) THEN
            RAISE EXCEPTION 'ledger transaction % does not balance', NEW.transaction_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balance';
        END IF;
        RETURN NULL;
    END $$",
    "CREATE FUNCTION ledger_check_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT 1 FROM ledger_entries WHERE tenant_id = NEW.tenant_id AND transaction_id = NEW.id) THEN
            RAISE EXCEPTION 'ledger transaction % has no entries', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balance';
        END IF;
        RETURN NULL;
    END $$",
    "CREATE CONSTRAINT TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_entry()",
    "CREATE CONSTRAINT TRIGGER ledger_transactions_balance AFTER INSERT ON ledger_transactions
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_transaction()",
];

const SQLITE: [&str; 2] = [
    "CREATE TRIGGER ledger_transactions_balance BEFORE INSERT ON ledger_transactions
    BEGIN
        SELECT RAISE(ABORT, 'the ledger transaction has no entries')
        WHERE NOT EXISTS (SELECT 1 FROM ledger_entries WHERE tenant_id = NEW.tenant_id AND transaction_id = NEW.id);
        SELECT RAISE(ABORT, 'the ledger transaction does not balance')
        WHERE EXISTS (SELECT 1 FROM ledger_entries
                      WHERE tenant_id = NEW.tenant_id AND transaction_id = NEW.id
                      GROUP BY currency
                      HAVING sum(CASE side WHEN 'DEBIT' THEN amount_minor ELSE -amount_minor END) <> 0);
    END",
    "CREATE TRIGGER ledger_entries_early BEFORE INSERT ON ledger_entries
    BEGIN
        SELECT RAISE(ABORT, 'the ledger transaction is complete')
        WHERE EXISTS (SELECT 1 FROM ledger_transactions WHERE tenant_id = NEW.tenant_id AND id = NEW.transaction_id);
    END",
];
