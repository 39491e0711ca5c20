//! Money: I2 to I5 (each payout is executed as often as it is confirmed, and never twice), I7 and I8 (the books balance),
//! I9 (every payout has the reservation that its state demands).

use std::collections::BTreeMap;

use amends::role::Role;
use durable::sql::column;
use uuid::Uuid;

use super::{Checker, Counted, Findings};

/// What the sandbox did for one payout key.
struct Execution {
    executed: bool,
    executions: i64,
    amount: i64,
    currency: String,
}

impl Checker {
    pub(super) async fn check_money(&self, findings: &mut Findings, counted: &mut Counted) {
        self.check_payouts(findings, counted).await;
        self.check_ledger(findings, counted).await;
    }

    async fn check_payouts(&self, findings: &mut Findings, counted: &mut Counted) {
        let mut executions: BTreeMap<String, Execution> = BTreeMap::new();
        let sql = "SELECT payout_key, outcome, executions, amount_minor, currency FROM sandbox_executions";
        for row in self.rows(Role::Compensation, sql).await {
            let outcome: String = column(&row, "outcome").expect("outcome");
            let execution = Execution {
                executed: outcome == "EXECUTED",
                executions: column(&row, "executions").expect("executions"),
                amount: column(&row, "amount_minor").expect("amount"),
                currency: column(&row, "currency").expect("currency"),
            };
            executions.insert(column(&row, "payout_key").expect("key"), execution);
        }
        for (key, execution) in &executions {
            if execution.executions > 1 {
                findings.add("I2", format!("payout key {key} was executed {} times", execution.executions));
            }
        }
        // I3 by currency: what the provider has paid, less what the payouts say about it.
        let mut unaccounted: BTreeMap<String, i64> = BTreeMap::new();
        for execution in executions.values().filter(|execution| execution.executed) {
            *unaccounted.entry(execution.currency.clone()).or_default() += execution.amount;
        }
        let moving = self.moving_payouts().await;
        let sql = "SELECT p.id, p.payout_key, p.state, p.amount_minor, p.currency, r.state AS reservation FROM payouts p \
                   LEFT JOIN ledger_reservations r ON r.tenant_id = p.tenant_id AND r.payout_id = p.id";
        for row in self.rows(Role::Compensation, sql).await {
            let key: String = column(&row, "payout_key").expect("key");
            let state: String = column(&row, "state").expect("state");
            let (amount, currency): (i64, String) =
                (column(&row, "amount_minor").expect("amount"), column(&row, "currency").expect("currency"));
            let reservation: Option<String> = column(&row, "reservation").expect("reservation");
            let execution = executions.remove(&key);
            let paid = execution.as_ref().is_some_and(|execution| execution.executed);
            let id: Uuid = column(&row, "id").expect("id");
            if paid || state == "CONFIRMED" {
                *unaccounted.entry(currency.clone()).or_default() -= amount;
            }
            match state.as_str() {
                "CONFIRMED" => {
                    counted.payouts += 1;
                    match execution {
                        Some(execution) if paid && (execution.amount, &execution.currency) == (amount, &currency) => {}
                        _ => findings
                            .add("I4", format!("payout {key} is confirmed, and not executed with {currency} {amount}")),
                    }
                }
                "DECLINED" | "VOIDED" if paid => findings.add("I5", format!("payout {key} is {state} and was paid")),
                "DECLINED" | "VOIDED" => {}
                "RESERVED" if execution.is_some() => {
                    findings.add("I3", format!("payout {key} was given to the provider and no intent says so"));
                }
                // The provider may have paid by now; then somebody must still find out.
                "SUBMITTING" | "UNKNOWN" if paid && !moving.contains(&id) => {
                    findings.add("I3", format!("payout {key} was paid, is {state}, and nothing will find out"));
                }
                // A person has it.
                "RESERVED" | "SUBMITTING" | "UNKNOWN" | "MANUAL" => {}
                _ => findings.add("I16", format!("payout {key} is {state}, which no payout can be")),
            }
            let expected = match state.as_str() {
                "CONFIRMED" => "POSTED",
                "DECLINED" | "VOIDED" => "VOIDED",
                _ => "PENDING",
            };
            if reservation.as_deref() != Some(expected) {
                findings.add("I9", format!("payout {key} is {state} with reservation {reservation:?}"));
            }
        }
        unaccounted.retain(|_, amount| *amount != 0);
        if !unaccounted.is_empty() {
            findings.add("I3", format!("the provider paid more than the payouts say, by currency: {unaccounted:?}"));
        }
        for key in executions.keys() {
            findings.add("I3", format!("payout key {key} was given to the provider and belongs to no payout"));
        }
    }

    async fn check_ledger(&self, findings: &mut Findings, counted: &mut Counted) {
        let transactions = self.number(Role::Compensation, "SELECT count(*) AS n FROM ledger_transactions").await;
        counted.ledger_transactions = u64::try_from(transactions).unwrap_or(0);
        let sql = "SELECT CAST(transaction_id AS TEXT) AS id, currency, count(*) AS entries, \
                   CAST(sum(CASE side WHEN 'DEBIT' THEN amount_minor ELSE -amount_minor END) AS BIGINT) AS n \
                   FROM ledger_entries GROUP BY tenant_id, transaction_id, currency";
        for row in self.rows(Role::Compensation, sql).await {
            let (sum, entries): (i64, i64) =
                (column(&row, "n").expect("sum"), column(&row, "entries").expect("entries"));
            if sum != 0 || entries < 2 {
                let id: String = column(&row, "id").unwrap_or_default();
                findings.add("I7", format!("ledger transaction {id} has {entries} entries that sum to {sum}"));
            }
        }
        // What is held back for payouts is exactly what is under way.
        let held = "SELECT CAST(coalesce(sum(CASE side WHEN 'DEBIT' THEN amount_minor ELSE -amount_minor END), 0) AS BIGINT) AS n \
                    FROM ledger_entries WHERE account = 'budget_reserved'";
        let pending = "SELECT CAST(coalesce(sum(amount_minor), 0) AS BIGINT) AS n FROM ledger_reservations WHERE state = 'PENDING'";
        let (held, pending) =
            (self.number(Role::Compensation, held).await.abs(), self.number(Role::Compensation, pending).await);
        if held != pending {
            findings.add("I8", format!("{held} is booked as reserved, {pending} is"));
        }
    }
}
