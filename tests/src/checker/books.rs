//! The books: I8 (accounts are what their owners say, and none that is limited is negative), I9 (payouts and vouchers have
//! the transactions that their states demand), I10 (reversals), I21 (refunds of an order), and what is kept of them (I25).

use std::collections::BTreeMap;

use amends::role::Role;
use durable::sql::column;
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{Checker, Findings};

/// Amounts by kind of transaction, of one payout or voucher.
type Booked = BTreeMap<String, i64>;

fn text(row: &QueryResult, name: &str) -> String {
    column(row, name).expect("text")
}

fn number(row: &QueryResult, name: &str) -> i64 {
    column(row, name).expect("a number")
}

impl Checker {
    /// Looks at the books of compensation alone.
    pub async fn check_books(&self) -> Findings {
        let mut findings = Findings::default();
        self.check_balances(&mut findings).await;
        self.check_shapes(&mut findings).await;
        self.check_reversals(&mut findings).await;
        self.check_orders(&mut findings).await;
        self.check_counters(&mut findings).await;
        findings
    }

    /// I8.
    async fn check_balances(&self, findings: &mut Findings) {
        let sql = "SELECT tenant_id, account, currency, \
                   CAST(sum(CASE side WHEN 'CREDIT' THEN amount_minor ELSE -amount_minor END) AS BIGINT) AS n \
                   FROM ledger_entries GROUP BY tenant_id, account, currency";
        let mut balances = BTreeMap::new();
        for row in self.rows(Role::Compensation, sql).await {
            let balance = number(&row, "n");
            let (tenant, account, currency) = (text(&row, "tenant_id"), text(&row, "account"), text(&row, "currency"));
            // What we owe is credited, what is bound or spent is debited.
            let owed = ["customer_payable", "provider_clearing", "voucher_liability", "voucher_clearing"];
            let wrong = if owed.contains(&account.as_str()) { balance < 0 } else { balance > 0 };
            if wrong {
                findings.add("I8", format!("{tenant}: {account} {currency} is overdrawn: {balance}"));
            }
            balances.insert((tenant, account, currency), balance);
        }
        for (account, sign, sql) in [
            (
                "voucher_liability",
                1,
                "SELECT tenant_id, currency, CAST(sum(amount_minor - redeemed_minor) AS BIGINT) AS n FROM vouchers \
                 WHERE state = 'ISSUED' AND amount_minor IS NOT NULL GROUP BY tenant_id, currency",
            ),
            (
                "voucher_clearing",
                1,
                "SELECT tenant_id, currency, CAST(sum(amount_minor) AS BIGINT) AS n FROM voucher_redemptions \
                 WHERE amount_minor IS NOT NULL GROUP BY tenant_id, currency",
            ),
            (
                "budget_reserved",
                -1,
                "SELECT tenant_id, currency, CAST(sum(amount_minor) AS BIGINT) AS n FROM ledger_reservations \
                 WHERE state = 'PENDING' GROUP BY tenant_id, currency",
            ),
        ] {
            let mut said: BTreeMap<_, i64> = BTreeMap::new();
            for row in self.rows(Role::Compensation, sql).await {
                let key = (text(&row, "tenant_id"), account.to_owned(), text(&row, "currency"));
                said.insert(key, sign * number(&row, "n"));
            }
            let of_account = balances.iter().filter(|((_, name, _), balance)| name == account && **balance != 0);
            let booked: BTreeMap<_, i64> = of_account.map(|(key, balance)| (key.clone(), *balance)).collect();
            said.retain(|_, sum| *sum != 0);
            if said != booked {
                findings.add("I8", format!("{account} holds {booked:?}, its owners say {said:?}"));
            }
        }
    }

    /// I9.
    async fn check_shapes(&self, findings: &mut Findings) {
        let sql = "SELECT t.subject, t.kind, CAST(max(e.amount_minor) AS BIGINT) AS n FROM ledger_transactions t \
                   JOIN ledger_entries e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id \
                   GROUP BY t.tenant_id, t.subject, t.kind";
        let mut booked: BTreeMap<String, Booked> = BTreeMap::new();
        for row in self.rows(Role::Compensation, sql).await {
            booked.entry(text(&row, "subject")).or_default().insert(text(&row, "kind"), number(&row, "n"));
        }
        for row in self.rows(Role::Compensation, "SELECT id, state, amount_minor FROM payouts").await {
            let (name, amount) = (self.name_of("payouts", &row), number(&row, "amount_minor"));
            let state = text(&row, "state");
            let mut expected = Booked::from([("PAYOUT_RESERVED".to_owned(), amount)]);
            match state.as_str() {
                "CONFIRMED" => expected.insert("PAYOUT_POSTED".to_owned(), amount),
                "DECLINED" | "VOIDED" => expected.insert("PAYOUT_VOIDED".to_owned(), amount),
                _ => None,
            };
            let mut has = booked.remove(&name).unwrap_or_default();
            if state == "CONFIRMED" {
                // What came back is looked at by I10.
                has.remove("PAYOUT_REVERSED");
            }
            if has != expected {
                findings.add("I9", format!("{name} is {state} and is booked as {has:?}"));
            }
        }
        let sql = "SELECT id, state, amount_minor, redeemed_minor FROM vouchers WHERE amount_minor IS NOT NULL";
        for row in self.rows(Role::Compensation, sql).await {
            let (name, amount) = (self.name_of("vouchers", &row), number(&row, "amount_minor"));
            let (state, left) = (text(&row, "state"), amount - number(&row, "redeemed_minor"));
            let mut expected = Booked::from([("VOUCHER_ISSUED".to_owned(), amount)]);
            match state.as_str() {
                "EXPIRED" => expected.insert("VOUCHER_EXPIRED".to_owned(), left),
                "VOIDED" => expected.insert("VOUCHER_REVERSED".to_owned(), left),
                _ => None,
            };
            let has = booked.remove(&name).unwrap_or_default();
            if has != expected {
                findings.add("I9", format!("{name} is {state} with {left} left and is booked as {has:?}"));
            }
        }
        booked.retain(|subject, _| !subject.starts_with("voucherRedemptions/"));
        for subject in booked.keys() {
            findings.add("I9", format!("{subject} is booked and does not exist"));
        }
    }

    /// I10.
    async fn check_reversals(&self, findings: &mut Findings) {
        let twice = "SELECT count(*) AS n FROM (SELECT 1 FROM ledger_transactions WHERE reverses_id IS NOT NULL \
                     GROUP BY tenant_id, reverses_id HAVING count(*) > 1) AS twice";
        let above = "SELECT count(*) AS n FROM (SELECT 1 FROM ledger_transactions t JOIN ledger_entries r \
                     ON r.tenant_id = t.tenant_id AND r.transaction_id = t.id WHERE t.reverses_id IS NOT NULL \
                     GROUP BY t.tenant_id, t.id, t.reverses_id, r.account, r.currency, r.side \
                     HAVING sum(r.amount_minor) > coalesce((SELECT sum(o.amount_minor) FROM ledger_entries o \
                     WHERE o.tenant_id = t.tenant_id AND o.transaction_id = t.reverses_id AND o.account = r.account \
                     AND o.currency = r.currency AND o.side <> r.side), 0)) AS above";
        let lost = "SELECT count(*) AS n FROM grant_reversals g LEFT JOIN ledger_transactions t \
                    ON t.tenant_id = g.tenant_id AND t.id = g.transaction_id AND t.reverses_id IS NOT NULL \
                    WHERE g.transaction_id IS NOT NULL AND t.id IS NULL";
        for (sql, wrong) in [
            (twice, "transactions were reversed twice"),
            (above, "reversals take back more than was booked"),
            (lost, "grants were taken back without a booking"),
        ] {
            let found = self.number(Role::Compensation, sql).await;
            if found > 0 {
                findings.add("I10", format!("{found} {wrong}"));
            }
        }
    }

    /// I21.
    async fn check_orders(&self, findings: &mut Findings) {
        let above = "SELECT count(*) AS n FROM orders WHERE refunded_minor > captured_minor";
        let captured = "SELECT count(*) AS n FROM orders o WHERE captured_minor <> coalesce((SELECT sum(amount_minor) \
                        FROM captures c WHERE c.tenant_id = o.tenant_id AND c.order_reference = o.order_reference), 0)";
        let held = "SELECT count(*) AS n FROM orders o WHERE refunded_minor <> coalesce((SELECT sum(r.amount_minor) \
                    FROM order_refunds r JOIN payouts p ON p.tenant_id = r.tenant_id AND p.id = r.payout_id \
                    WHERE r.tenant_id = o.tenant_id AND r.order_reference = o.order_reference \
                    AND p.state NOT IN ('DECLINED', 'VOIDED')), 0) \
                    + coalesce((SELECT sum(v.held_minor) FROM order_vouchers v \
                    WHERE v.tenant_id = o.tenant_id AND v.order_reference = o.order_reference), 0)";
        let state = "SELECT count(*) AS n FROM order_refunds r JOIN payouts p ON p.tenant_id = r.tenant_id \
                     AND p.id = r.payout_id WHERE p.amount_minor <> r.amount_minor OR p.currency <> r.currency \
                     OR (r.state = 'RELEASED') <> (p.state IN ('DECLINED', 'VOIDED'))";
        let vouchers = "SELECT count(*) AS n FROM order_vouchers h JOIN vouchers v ON v.tenant_id = h.tenant_id \
                        AND v.id = h.voucher_id WHERE v.amount_minor <> h.amount_minor OR v.currency <> h.currency \
                        OR h.held_minor <> CASE WHEN v.state = 'VOIDED' THEN v.redeemed_minor ELSE v.amount_minor END";
        for (sql, wrong) in [
            (above, "orders were refunded above what was captured"),
            (captured, "orders are not the sum of their captures"),
            (held, "orders are not the sum of their refunds"),
            (state, "refunds are not what their payouts are"),
            (vouchers, "refunds are not what their vouchers are"),
        ] {
            let found = self.number(Role::Compensation, sql).await;
            if found > 0 {
                findings.add("I21", format!("{found} {wrong}"));
            }
        }
    }

    fn name_of(&self, collection: &str, row: &QueryResult) -> String {
        let id: Uuid = column(row, "id").expect("id");
        format!("{collection}/{id}")
    }
}
