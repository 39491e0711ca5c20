//! What has been given to all customers, and whether the books balance: for reports about the whole service.

use std::collections::BTreeMap;

use durable::Engine;
use kernel::ServiceError;

/// Counts over all tenants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Offers by state.
    pub offers: BTreeMap<String, u64>,
    /// Vouchers by the pack's line that gave them.
    pub vouchers: BTreeMap<String, u64>,
    /// Payouts by state.
    pub payouts: BTreeMap<String, u64>,
    /// Ledger transactions.
    pub ledger_transactions: u64,
    /// Of which do not balance in some currency: must be 0.
    pub ledger_unbalanced: u64,
}

/// Counts offers, vouchers, payouts and ledger transactions.
///
/// # Errors
/// UNAVAILABLE when the database does not answer.
pub async fn totals(engine: &Engine) -> Result<Totals, ServiceError> {
    let transactions =
        engine.counts("SELECT kind AS name, count(*) AS n FROM ledger_transactions GROUP BY kind").await?;
    let unbalanced = "SELECT 'unbalanced' AS name, count(*) AS n FROM (SELECT 1 FROM ledger_entries \
         GROUP BY tenant_id, transaction_id, currency \
         HAVING sum(CASE side WHEN 'DEBIT' THEN amount_minor ELSE -amount_minor END) <> 0) AS sums";
    Ok(Totals {
        offers: engine.counts("SELECT state AS name, count(*) AS n FROM offers GROUP BY state").await?,
        vouchers: engine.counts("SELECT line AS name, count(*) AS n FROM vouchers GROUP BY line").await?,
        payouts: engine.counts("SELECT state AS name, count(*) AS n FROM payouts GROUP BY state").await?,
        ledger_transactions: transactions.into_values().sum(),
        ledger_unbalanced: engine.counts(unbalanced).await?.into_values().sum(),
    })
}
