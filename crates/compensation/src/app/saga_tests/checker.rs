//! The checker of one service: what its database says beside what the provider's own log says. `I…` are the invariants
//! of the reliability protocol.

use std::collections::BTreeMap;

use durable::sql::{self, column};
use kernel::TenantId;
use sea_orm::{ConnectionTrait as _, QueryResult};

use super::world::World;
use crate::sandbox::{Execution, executions};

/// What was found wrong.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<String>);

impl Findings {
    fn add(&mut self, invariant: &str, text: impl std::fmt::Display) {
        self.0.push(format!("{invariant}: {text}"));
    }

    /// True when this invariant does not hold.
    pub(super) fn has(&self, invariant: &str) -> bool {
        self.0.iter().any(|found| found.starts_with(&format!("{invariant}:")))
    }
}

impl World {
    async fn rows(&self, text: &str) -> Vec<QueryResult> {
        let statement = sql::statement(self.engine.db().backend(), text, []);
        self.engine.read().query_all_raw(statement).await.unwrap()
    }

    /// Looks at everything; every saga has come to its end.
    pub(super) async fn check(&self) -> Findings {
        let mut findings = Findings::default();
        self.check_payouts(&mut findings).await;
        self.check_rest(&mut findings).await;
        findings
    }

    async fn check_payouts(&self, findings: &mut Findings) {
        let log = executions(self.engine.read()).await.unwrap();
        let mut log: BTreeMap<String, Execution> =
            log.into_iter().map(|entry| (entry.payout_key.clone(), entry)).collect();
        for (key, entry) in log.iter().filter(|(_, entry)| entry.executions > 1) {
            findings.add("I2", format!("{key} was executed {} times", entry.executions));
        }
        let text = "SELECT p.payout_key, p.state, p.amount_minor, p.provider_reference, p.payee, r.state AS reservation, \
                    (SELECT count(*) FROM ledger_transactions t WHERE t.subject = 'payouts/' || CAST(p.payout_key AS TEXT)) AS n \
                    FROM payouts p LEFT JOIN ledger_reservations r ON r.tenant_id = p.tenant_id AND r.payout_id = p.id";
        let mut confirmed = 0;
        for row in self.rows(text).await {
            let text = |name| column::<String>(&row, name).unwrap();
            let (key, state, payee) = (text("payout_key"), text("state"), text("payee"));
            let amount: i64 = column(&row, "amount_minor").unwrap();
            let entry = log.remove(&key);
            let paid = entry.as_ref().is_some_and(|entry| entry.executions > 0);
            let what = format!("{key} ({payee}) is {state}");
            match state.as_str() {
                "CONFIRMED" => {
                    confirmed += amount;
                    let fits = entry.is_some_and(|entry| {
                        entry.executions == 1
                            && entry.amount.minor == amount
                            && entry.reference == text("provider_reference")
                    });
                    if !fits {
                        findings.add("I4", format!("{what} and not executed once with {amount}"));
                    }
                }
                "DECLINED" | "VOIDED" if paid => findings.add("I5", format!("{what} and was paid")),
                "DECLINED" | "VOIDED" | "MANUAL" => {}
                _ => findings.add("I16", format!("{what}: neither final nor with a person")),
            }
            let (reservation, booked) = match state.as_str() {
                "CONFIRMED" => ("POSTED", 2),
                "DECLINED" | "VOIDED" => ("VOIDED", 2),
                _ => ("PENDING", 1),
            };
            let found: Option<String> = column(&row, "reservation").unwrap();
            let transactions: i64 = column(&row, "n").unwrap();
            if found.as_deref() != Some(reservation) || transactions != booked {
                findings.add("I9", format!("{what}, its reservation {found:?}, with {transactions} bookings"));
            }
            if state != "MANUAL" && found.as_deref() == Some("PENDING") {
                findings.add("I17", format!("{what} and holds money back"));
            }
        }
        let strangers: Vec<_> = log.values().filter(|entry| entry.executions > 0).collect();
        for entry in &strangers {
            findings
                .add("I3", format!("{} was paid under {}, which is no payout's key", entry.amount, entry.payout_key));
        }
        let paid = self.rows("SELECT CAST(coalesce(sum(amount_minor), 0) AS BIGINT) AS n FROM sandbox_payments").await;
        let paid: i64 = column(&paid[0], "n").unwrap();
        let open = "SELECT CAST(coalesce(sum(s.amount_minor), 0) AS BIGINT) AS n FROM sandbox_payments s \
                    JOIN payouts p ON p.payout_key = s.payout_key WHERE p.state = 'MANUAL'";
        let open: i64 = column(&self.rows(open).await[0], "n").unwrap();
        if paid - open != confirmed {
            findings.add("I3", format!("{} was paid and {confirmed} is confirmed", paid - open));
        }
    }

    async fn check_rest(&self, findings: &mut Findings) {
        let unbalanced = "SELECT count(*) AS n FROM (SELECT 1 FROM ledger_entries GROUP BY tenant_id, transaction_id, \
             currency HAVING sum(CASE side WHEN 'DEBIT' THEN amount_minor ELSE -amount_minor END) <> 0) AS sums";
        let left = "SELECT count(*) AS n FROM outbound_calls WHERE target = 'compensation' AND state = 'pending'";
        let alone =
            "SELECT count(*) AS n FROM payout_settlements WHERE state = 'APPROVED' AND decided_by = proposed_by";
        for (invariant, text, what) in [
            ("I7", unbalanced, "ledger transactions do not balance"),
            ("I16", left, "own calls are left"),
            ("FOUR_EYES", alone, "decisions were approved by who proposed them"),
        ] {
            let n: i64 = column(&self.rows(text).await[0], "n").unwrap();
            if n > 0 {
                findings.add(invariant, format!("{n} {what}"));
            }
        }
        // An event has a payout looked up once: no more look-ups than events that asked for one.
        let asked = "SELECT count(*) AS n FROM provider_events WHERE looks_up = 1";
        let asked: i64 = column(&self.rows(asked).await[0], "n").unwrap();
        let calls = "SELECT body FROM outbound_calls WHERE target = 'compensation' AND method LIKE '%/AdvancePayout'";
        let is_hint = |row: &QueryResult| {
            use prost::Message as _;
            let body: Vec<u8> = column(row, "body").unwrap();
            api::compensation::AdvancePayoutRequest::decode(body.as_slice()).unwrap().look_up
        };
        let hints = self.rows(calls).await.iter().filter(|row| is_hint(row)).count();
        if i64::try_from(hints).unwrap() > asked {
            findings.add("EVENTS", format!("{hints} look-ups for {asked} events"));
        }
        let chain = durable::audit::verify(self.engine.read(), &TenantId::default_tenant()).await.unwrap();
        if !chain {
            findings.add("I19", "the audit chain is broken");
        }
    }
}
