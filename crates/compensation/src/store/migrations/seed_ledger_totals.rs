//! The totals of what was in the ledger before they were kept.
//!
//! A migration of its own: the one before takes a lock on the ledger and is over at once, this one reads all of it and
//! blocks nobody. One statement sees one state of the database, in which every entry that the tail does not have came
//! before the trigger.

use durable::ddl;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Fills `ledger_totals`.
pub struct SeedLedgerTotals;

impl MigrationName for SeedLedgerTotals {
    fn name(&self) -> &'static str {
        "m20261127_000102_seed_ledger_totals"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SeedLedgerTotals {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, &[SEED]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, &["DELETE FROM ledger_totals"]).await
    }
}

const SEED: &str = "INSERT INTO ledger_totals (tenant_id, account, currency, debit_minor, credit_minor)
    SELECT tenant_id, account, currency, CAST(sum(debits) AS BIGINT), CAST(sum(credits) AS BIGINT) FROM (
        SELECT tenant_id, account, currency, sum(CASE side WHEN 'DEBIT' THEN amount_minor ELSE 0 END) AS debits,
               sum(CASE side WHEN 'CREDIT' THEN amount_minor ELSE 0 END) AS credits
        FROM ledger_entries GROUP BY tenant_id, account, currency
        UNION ALL
        SELECT tenant_id, account, currency, -sum(debit_minor), -sum(credit_minor)
        FROM ledger_tail GROUP BY tenant_id, account, currency
    ) AS sums GROUP BY tenant_id, account, currency HAVING sum(debits) > 0 OR sum(credits) > 0";
