//! An account for what is given although the fault is not the company's, and which account each voucher and payout is an
//! expense on.

use durable::ddl;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::rebuild::{Widened, widen};

/// Adds the account. There is no way back: entries of it would have nowhere to go.
pub struct AddNoFault;

impl MigrationName for AddNoFault {
    fn name(&self) -> &'static str {
        "m20261127_000130_add_no_fault"
    }
}

const WIDENED: [Widened; 1] = [Widened {
    table: "ledger_entries",
    column: "account",
    check: "account IN ('expense', 'customer_payable', 'provider_clearing', 'voucher_liability', \
            'budget_reserved', 'voucher_clearing', 'no_fault_goodwill')",
    ending: ("'voucher_clearing')", "'voucher_clearing', 'no_fault_goodwill')"),
}];

#[async_trait::async_trait]
impl MigrationTrait for AddNoFault {
    /// All or nothing on both databases: rows are on their way in between.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        widen(manager, &WIDENED).await?;
        let add = |table: &str| {
            format!(
                "ALTER TABLE {table} ADD COLUMN cost_account TEXT NOT NULL DEFAULT 'expense'
                    CHECK (cost_account IN ('expense', 'no_fault_goodwill'))"
            )
        };
        ddl(manager, &[add("vouchers").as_str(), add("payouts").as_str()]).await
    }
}
