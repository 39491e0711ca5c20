//! I25, of what is stored: sums and counts that are kept beside the rows that they count are what the rows say.
//!
//! The counters of the metrics live in the processes, not in the databases: the gauges of money read these very sums, and
//! their own tests compare them with the tables.

use std::collections::BTreeMap;

use amends::role::Role;
use durable::sql::column;

use super::{Checker, Findings};

/// A kept count: what it is of, what is kept, and what the rows say; both by a name `k`, as numbers `n`.
const KEPT: [(&str, &str, &str); 4] = [
    (
        "the ledger's accounts",
        "SELECT tenant_id || ' ' || account || ' ' || currency AS k, CAST(sum(debit_minor - credit_minor) AS BIGINT) AS n \
         FROM (SELECT tenant_id, account, currency, debit_minor, credit_minor FROM ledger_totals UNION ALL \
         SELECT tenant_id, account, currency, debit_minor, credit_minor FROM ledger_tail) AS kept GROUP BY 1",
        "SELECT tenant_id || ' ' || account || ' ' || currency AS k, \
         CAST(sum(CASE side WHEN 'DEBIT' THEN amount_minor ELSE -amount_minor END) AS BIGINT) AS n \
         FROM ledger_entries GROUP BY 1",
    ),
    (
        "what the ledger's accounts have turned over",
        "SELECT tenant_id || ' ' || account || ' ' || currency AS k, CAST(sum(debit_minor + credit_minor) AS BIGINT) AS n \
         FROM (SELECT tenant_id, account, currency, debit_minor, credit_minor FROM ledger_totals UNION ALL \
         SELECT tenant_id, account, currency, debit_minor, credit_minor FROM ledger_tail) AS kept GROUP BY 1",
        "SELECT tenant_id || ' ' || account || ' ' || currency AS k, CAST(sum(amount_minor) AS BIGINT) AS n \
         FROM ledger_entries GROUP BY 1",
    ),
    (
        "cases assigned to the arms of experiments",
        "SELECT tenant_id || ' ' || experiment_id || ' ' || arm AS k, assigned AS n FROM experiment_arms",
        "SELECT tenant_id || ' ' || experiment_id || ' ' || arm AS k, count(*) AS n FROM experiment_assignments GROUP BY 1",
    ),
    (
        "outcomes of the arms of experiments",
        "SELECT tenant_id || ' ' || experiment_id || ' ' || arm AS k, \
         recovered + 1000003 * not_recovered + 2000029 * lapsed + 3000073 * reopened AS n FROM experiment_arms",
        "SELECT a.tenant_id || ' ' || a.experiment_id || ' ' || a.arm AS k, CAST(sum(CASE o.result \
         WHEN 'RECOVERED' THEN 1 WHEN 'NOT_RECOVERED' THEN 1000003 WHEN 'LAPSED' THEN 2000029 ELSE 3000073 END) AS BIGINT) \
         AS n FROM experiment_assignments a JOIN experiment_outcomes o ON o.tenant_id = a.tenant_id \
         AND o.experiment_id = a.experiment_id AND o.case_id = a.case_id GROUP BY 1",
    ),
];

impl Checker {
    /// I25.
    pub(super) async fn check_counters(&self, findings: &mut Findings) {
        for (what, kept, rows) in KEPT {
            let (kept, rows) = (self.numbers(kept).await, self.numbers(rows).await);
            if kept != rows {
                findings.add("I25", format!("{what}: kept is {kept:?}, the rows say {rows:?}"));
            }
        }
    }

    /// Numbers by name, where they are not 0.
    async fn numbers(&self, sql: &str) -> BTreeMap<String, i64> {
        let rows = self.rows(Role::Compensation, sql).await;
        let all = rows.iter().map(|row| (column(row, "k").expect("k"), column(row, "n").expect("n")));
        all.filter(|(_, number)| *number != 0).collect()
    }
}
