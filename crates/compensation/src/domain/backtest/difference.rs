//! Events for which two versions of a pack give different things.
//!
//! What always holds: of all differing events the examples are those that change most, whatever the order in which they
//! came; the counts and the money are of all of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use kernel::{Currency, Timestamp};

use super::HistoricEvent;
use super::outcome::Outcome;

/// Events and the customers in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hit {
    /// Events.
    pub events: u64,
    /// Customers.
    pub customers: u64,
}

impl Hit {
    fn add(&mut self, customers: u32) {
        self.events += 1;
        self.customers += u64::from(customers);
    }

    fn merge(&mut self, other: Self) {
        self.events += other.events;
        self.customers += other.customers;
    }
}

/// What customers gain and lose in one currency, in minor units; both are positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    /// More than by the baseline, over the events that gain.
    pub gained: i128,
    /// Less than by the baseline, over the events that lose.
    pub lost: i128,
}

/// An event with both outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What went wrong.
    pub event: HistoricEvent,
    /// By the baseline; absent when it was not in force.
    pub baseline: Option<Outcome>,
    /// By the candidate; absent when it was not in force.
    pub candidate: Option<Outcome>,
    key: Key,
}

/// The order of examples: the largest change of money first; then by time and reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(Reverse<i128>, Timestamp, String, String);

/// Where two versions differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differences {
    keep: usize,
    /// Gain money in some currency, and lose none.
    pub gain: Hit,
    /// Lose money in some currency, and gain none.
    pub lose: Hit,
    /// Get something else: services, discounts, another basis, or more of one currency for less of another.
    pub other: Hit,
    /// By currency, the dearest option taken.
    pub money: BTreeMap<Currency, Shift>,
    /// The events that change most.
    pub examples: Vec<Difference>,
}

impl Differences {
    pub(super) fn new(keep: usize) -> Self {
        let (gain, lose, other) = (Hit::default(), Hit::default(), Hit::default());
        Self { keep, gain, lose, other, money: BTreeMap::new(), examples: Vec::new() }
    }

    /// All differing events.
    pub fn all(&self) -> Hit {
        let mut all = self.gain;
        all.merge(self.lose);
        all.merge(self.other);
        all
    }

    /// Compares what two versions give for an event.
    pub(super) fn add(&mut self, event: &HistoricEvent, baseline: Option<&Outcome>, candidate: Option<&Outcome>) {
        let nothing = Outcome::default();
        let (before, after) = (baseline.unwrap_or(&nothing), candidate.unwrap_or(&nothing));
        if before.gives_the_same_as(after) {
            return;
        }
        let (costs_before, costs_after) = (before.costs(), after.costs());
        let currencies: BTreeSet<Currency> = costs_before.keys().chain(costs_after.keys()).copied().collect();
        let (mut gains, mut loses, mut change) = (false, false, 0_i128);
        for currency in currencies {
            let high =
                |costs: &BTreeMap<Currency, super::outcome::Cost>| costs.get(&currency).map_or(0, |cost| cost.high);
            let shift = (high(&costs_after) - high(&costs_before)) * i128::from(event.customers);
            if shift == 0 {
                continue;
            }
            gains |= shift > 0;
            loses |= shift < 0;
            let money = self.money.entry(currency).or_default();
            money.gained += shift.max(0);
            money.lost += (-shift).max(0);
            // To four decimal places, which every currency fits.
            change += shift.abs() * 10_i128.pow(4_u32.saturating_sub(currency.exponent()));
        }
        match (gains, loses) {
            (true, false) => self.gain.add(event.customers),
            (false, true) => self.lose.add(event.customers),
            (true, true) | (false, false) => self.other.add(event.customers),
        }
        if self.keep == 0 || (self.examples.len() == self.keep && self.least() > Some(change)) {
            return;
        }
        let reference = event.event.reference.clone();
        let key = Key(Reverse(change), event.event.occurred_at, reference, format!("{event:?}"));
        let place = self.examples.partition_point(|example| example.key < key);
        let (event, baseline, candidate) = (event.clone(), baseline.cloned(), candidate.cloned());
        self.examples.insert(place, Difference { event, baseline, candidate, key });
        self.examples.truncate(self.keep);
    }

    /// The change of the last example.
    fn least(&self) -> Option<i128> {
        self.examples.last().map(|example| example.key.0.0)
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.gain.merge(other.gain);
        self.lose.merge(other.lose);
        self.other.merge(other.other);
        for (currency, more) in other.money {
            let money = self.money.entry(currency).or_default();
            money.gained += more.gained;
            money.lost += more.lost;
        }
        self.examples.extend(other.examples);
        self.examples.sort_by(|a, b| a.key.cmp(&b.key));
        self.examples.truncate(self.keep);
    }
}
