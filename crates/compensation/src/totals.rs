//! What has been given to all customers, and whether the books balance: for reports about the whole service.

use std::collections::BTreeMap;

use durable::Engine;
use kernel::{Currency, Money, ServiceError};

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

/// What a line of a pack gave to all customers in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenByLine {
    /// The line, `rule.line`.
    pub line: String,
    /// MONEY or VOUCHER.
    pub kind: &'static str,
    /// How often.
    pub count: u64,
    /// How much in all.
    pub sum: Money,
}

/// Money and vouchers by the line that gave them, then by currency; vouchers in percent have no amount and are left out.
///
/// # Errors
/// UNAVAILABLE when the database does not answer.
pub async fn given_by_line(engine: &Engine) -> Result<Vec<GivenByLine>, ServiceError> {
    let mut given = Vec::new();
    for (kind, table) in [("MONEY", "payouts"), ("VOUCHER", "vouchers")] {
        let by = |aggregate: &str| {
            format!(
                "SELECT currency || ' ' || line AS name, {aggregate} AS n FROM {table} \
                 WHERE amount_minor IS NOT NULL GROUP BY currency, line"
            )
        };
        let counts = engine.counts(&by("count(*)")).await?;
        let sums = engine.counts(&by("CAST(sum(amount_minor) AS BIGINT)")).await?;
        for (name, count) in counts {
            let (Some((code, line)), Some(sum)) = (name.split_once(' '), sums.get(&name)) else { continue };
            let (Some(currency), Ok(minor)) = (Currency::parse(code), i64::try_from(*sum)) else { continue };
            given.push(GivenByLine { line: line.to_owned(), kind, count, sum: Money::new(currency, minor) });
        }
    }
    given.sort_by(|a, b| (&a.line, a.kind, a.sum.currency.code()).cmp(&(&b.line, b.kind, b.sum.currency.code())));
    Ok(given)
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
