//! What came of judged events, counted so that parts can be added up.

use std::collections::BTreeMap;

use kernel::Currency;

use super::HistoricEvent;
use super::difference::Differences;
use super::outcome::Outcome;
use super::spread::Spread;
use crate::domain::line::{Basis, RemedyLine};
use crate::domain::pack::Pack;

/// What came of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Events seen.
    pub events: u64,
    /// Customers whom they hit.
    pub customers: u64,
    /// By the version in question.
    pub candidate: Side,
    /// By the version that it is compared with.
    pub baseline: Option<Side>,
    /// Where the two differ.
    pub differences: Differences,
}

/// What came of events by one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Events that happened while the version was in force.
    pub judged: u64,
    /// Events that give something.
    pub owed: u64,
    /// Customers who get something.
    pub customers_owed: u64,
    /// Events that give nothing, and for which a rule lacked a fact: they might.
    pub undecided: u64,
    /// By the rule's id; every rule is there.
    pub rules: BTreeMap<String, RuleCount>,
    /// By the line's id; lines that were given or offered.
    pub lines: BTreeMap<String, LineCount>,
    /// By currency; those in which something was given or offered.
    pub costs: BTreeMap<Currency, CostCount>,
}

/// What came of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCount {
    /// Events to which it applied.
    pub applied: u64,
    /// Customers in them.
    pub customers: u64,
    /// Events for which it lacked a fact.
    pub missing: u64,
}

/// What came of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineCount {
    /// What it is for.
    pub basis: Basis,
    /// What the customer gets, as the contract names it.
    pub kind: &'static str,
    /// One sentence for the customer.
    pub description: String,
    /// True when it is one of a choice: what it costs is what it would if everybody took it.
    pub offered: bool,
    /// Events with this line.
    pub events: u64,
    /// Customers in them.
    pub customers: u64,
    /// What it costs, in minor units.
    pub cost: BTreeMap<Currency, i128>,
}

/// What one currency costs, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostCount {
    /// Events that cost something in it.
    pub events: u64,
    /// When everybody takes the option that is cheapest in this currency.
    pub low: i128,
    /// When everybody takes the dearest one.
    pub high: i128,
    /// What one customer costs, the dearest option taken; those who cost nothing in it are not counted.
    pub spread: Spread,
}

impl Tally {
    /// Of nothing.
    pub(super) fn new(candidate: &Pack, baseline: Option<&Pack>, examples: usize) -> Self {
        Self {
            events: 0,
            customers: 0,
            candidate: Side::of(candidate),
            baseline: baseline.map(Side::of),
            differences: Differences::new(examples),
        }
    }

    /// Adds the tally of other events by the same trial.
    pub fn merge(&mut self, other: Self) {
        self.events += other.events;
        self.customers += other.customers;
        self.candidate.merge(other.candidate);
        match (&mut self.baseline, other.baseline) {
            (Some(mine), Some(others)) => mine.merge(others),
            (mine, others) => *mine = mine.take().or(others),
        }
        self.differences.merge(other.differences);
    }
}

impl Side {
    fn of(pack: &Pack) -> Self {
        let rules = pack.rules.iter().map(|rule| (rule.id.clone(), RuleCount::default())).collect();
        Self { rules, ..Self::default() }
    }

    /// Counts an event; no outcome: the version was not in force.
    pub(super) fn add(&mut self, event: &HistoricEvent, outcome: Option<&Outcome>) {
        let Some(outcome) = outcome else { return };
        let customers = u64::from(event.customers);
        self.judged += 1;
        let mut lacks = false;
        for decision in outcome.decisions.iter().filter(|decision| !decision.rule.is_empty()) {
            if !self.rules.contains_key(&decision.rule) {
                self.rules.insert(decision.rule.clone(), RuleCount::default());
            }
            if let Some(count) = self.rules.get_mut(&decision.rule) {
                count.applied += u64::from(decision.applies);
                count.customers += if decision.applies { customers } else { 0 };
                count.missing += u64::from(!decision.missing.is_empty());
            }
            lacks |= !decision.missing.is_empty();
        }
        if outcome.is_empty() {
            self.undecided += u64::from(lacks);
            return;
        }
        self.owed += 1;
        self.customers_owed += customers;
        for (line, offered) in outcome.lines() {
            self.add_line(line, offered, customers);
        }
        for (currency, cost) in outcome.costs() {
            let count = self.costs.entry(currency).or_default();
            count.events += 1;
            count.low += cost.low * i128::from(customers);
            count.high += cost.high * i128::from(customers);
            count.spread.add(cost.high, customers);
        }
    }

    fn add_line(&mut self, line: &RemedyLine, offered: bool, customers: u64) {
        if !self.lines.contains_key(&line.id) {
            self.lines.insert(line.id.clone(), LineCount::of(line, offered));
        }
        let Some(count) = self.lines.get_mut(&line.id) else { return };
        count.describe(&line.description);
        count.events += 1;
        count.customers += customers;
        if let Some(amount) = line.cost() {
            *count.cost.entry(amount.currency).or_insert(0) += i128::from(amount.minor) * i128::from(customers);
        }
    }

    fn merge(&mut self, other: Self) {
        self.judged += other.judged;
        self.owed += other.owed;
        self.customers_owed += other.customers_owed;
        self.undecided += other.undecided;
        for (rule, more) in other.rules {
            let count = self.rules.entry(rule).or_default();
            count.applied += more.applied;
            count.customers += more.customers;
            count.missing += more.missing;
        }
        for (id, more) in other.lines {
            let count = self.lines.entry(id).or_insert_with(|| more.without_counts());
            count.describe(&more.description);
            count.events += more.events;
            count.customers += more.customers;
            for (currency, cost) in more.cost {
                *count.cost.entry(currency).or_insert(0) += cost;
            }
        }
        for (currency, more) in other.costs {
            let count = self.costs.entry(currency).or_default();
            count.events += more.events;
            count.low += more.low;
            count.high += more.high;
            count.spread.merge(&more.spread);
        }
    }
}

impl LineCount {
    fn of(line: &RemedyLine, offered: bool) -> Self {
        let (basis, kind, description) = (line.basis, line.benefit.kind(), line.description.clone());
        Self { basis, kind, description, offered, events: 0, customers: 0, cost: BTreeMap::new() }
    }

    fn without_counts(&self) -> Self {
        Self { events: 0, customers: 0, cost: BTreeMap::new(), ..self.clone() }
    }

    /// Of several descriptions the least one stays, whichever came first.
    fn describe(&mut self, description: &str) {
        if description < self.description.as_str() {
            description.clone_into(&mut self.description);
        }
    }
}
