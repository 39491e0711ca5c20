//! Rows that nothing asks for any more once they are old, and their removal in steps of bounded size.
//!
//! What is left alone, however old: money and what was decided about it, answers, and the books of the sandbox, which a
//! late look-up of a payout asks and which its payouts are checked against.

use durable::{Backend, Tx, sql};
use kernel::Timestamp;
use sea_orm::{DbErr, Statement};

use crate::domain::policy::window::day_of;

/// Rows that one transaction removes.
pub const SWEEP_STEP: u64 = 500;

/// Tables that rows are removed from by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swept {
    /// Voucher codes that do not exist: counted within the window of guesses.
    VoucherMisses,
    /// What a provider told by itself: repeated for as long as it tries again. A later repeat has a payout looked up
    /// once more, if that is still open.
    ProviderEvents,
    /// Gestures that repetitions are compared with: no policy looks further back than its longest window.
    GoodwillClaims,
    /// Sums by day: no policy adds up more days than its longest window.
    SpendingDays,
}

impl Swept {
    /// All.
    pub const ALL: [Swept; 4] = [Self::VoucherMisses, Self::ProviderEvents, Self::GoodwillClaims, Self::SpendingDays];

    /// The table, its key, and the column that tells a row's age.
    pub const fn table(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::VoucherMisses => ("voucher_misses", "tenant_id, client, presented_by, request_id", "missed_at"),
            Self::ProviderEvents => ("provider_events", "tenant_id, event", "received_at"),
            Self::GoodwillClaims => ("goodwill_claims", "tenant_id, dimension, value, remedy_id", "created_at"),
            Self::SpendingDays => ("spending_days", "tenant_id, scope, holder, kind, unit, day", "day"),
        }
    }

    fn age(self, before: Timestamp) -> i64 {
        match self {
            Self::VoucherMisses | Self::ProviderEvents | Self::GoodwillClaims => before.micros(),
            Self::SpendingDays => day_of(before),
        }
    }
}

/// Removes the oldest rows from before a time; how many. Fewer than [`SWEEP_STEP`] when there are no more.
pub async fn sweep_in_tx(tx: &Tx, what: Swept, before: Timestamp) -> Result<u64, DbErr> {
    tx.execute(sweep_statement(tx.backend(), what, before)).await
}

pub fn sweep_statement(backend: Backend, what: Swept, before: Timestamp) -> Statement {
    let (table, key, age) = what.table();
    // What another replica removes is left to it.
    let lock = match backend {
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
        Backend::Sqlite => "",
    };
    let text = format!(
        "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {age} < $1 ORDER BY {age} \
         LIMIT {SWEEP_STEP}{lock})"
    );
    sql::statement(backend, text, [what.age(before).into()])
}
