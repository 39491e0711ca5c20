//! A version of a policy is tried on what agents offered, beside the version in force: what each agent would have decided
//! alone, what would have waited for approval, and where the two differ.
//!
//! Pure. Bounded: so many examples are kept, whatever comes.

use std::collections::{BTreeMap, VecDeque};

use kernel::{Currency, Money};

use super::authority::Authority;
use super::replay::{AgentOffer, Replay, SumOf};

/// Two versions, and what came of them so far.
#[derive(Debug)]
pub struct PolicyTrial<'a> {
    baseline: Replay<'a>,
    candidate: Replay<'a>,
    max_differences: usize,
    report: TrialReport,
}

/// What came of a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrialReport {
    /// Offers judged.
    pub offers: u64,
    /// By the version in force.
    pub baseline: Side,
    /// By the version in question.
    pub candidate: Side,
    /// Offers that an agent would decide alone by the version in question, and not by the one in force.
    pub more_alone: u64,
    /// Offers that would wait for approval by the version in question, and not by the one in force.
    pub more_to_approve: u64,
    /// Differing offers, the latest ones, in their order.
    pub differences: VecDeque<Difference>,
}

/// What came of the offers by one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// All of them.
    pub total: Tally,
    /// By role.
    pub roles: BTreeMap<String, Tally>,
}

/// Offers, by who would decide them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The agent alone.
    pub alone: u64,
    /// Somebody else.
    pub to_approve: u64,
    /// What those cost at most that an agent decides alone; minor units by currency.
    pub costs_alone: BTreeMap<Currency, i64>,
    /// What those cost at most that wait.
    pub costs_to_approve: BTreeMap<Currency, i64>,
}

/// An offer that the versions judge differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The offer.
    pub offer: AgentOffer,
    /// The most that it costs, by currency.
    pub costs: Vec<Money>,
    /// Why it waits by the version in force; none: decided alone.
    pub baseline: Vec<String>,
    /// Why it waits by the version in question.
    pub candidate: Vec<String>,
}

impl<'a> PolicyTrial<'a> {
    /// Nothing judged yet.
    pub fn new(baseline: &'a Authority, candidate: &'a Authority, max_differences: usize) -> Self {
        let (baseline, candidate) = (Replay::new(baseline), Replay::new(candidate));
        Self { baseline, candidate, max_differences, report: TrialReport::default() }
    }

    /// What was counted for somebody on a day before the first offer.
    pub fn carry(&mut self, sum: &SumOf, day: i64, amount: i64) {
        self.baseline.carry(sum.clone(), day, amount);
        self.candidate.carry(sum.clone(), day, amount);
    }

    /// Judges the next offer, which costs this at most.
    pub fn judge(&mut self, offer: AgentOffer, costs: Vec<Money>) {
        let baseline = self.baseline.judge(&offer);
        let candidate = self.candidate.judge(&offer);
        let report = &mut self.report;
        report.offers += 1;
        report.baseline.add(&offer.role, baseline.is_empty(), &costs);
        report.candidate.add(&offer.role, candidate.is_empty(), &costs);
        match (baseline.is_empty(), candidate.is_empty()) {
            (false, true) => report.more_alone += 1,
            (true, false) => report.more_to_approve += 1,
            (true, true) | (false, false) => return,
        }
        report.differences.push_back(Difference { offer, costs, baseline, candidate });
        if report.differences.len() > self.max_differences {
            report.differences.pop_front();
        }
    }

    /// What came of it.
    pub fn into_report(self) -> TrialReport {
        self.report
    }
}

impl Side {
    fn add(&mut self, role: &str, is_alone: bool, costs: &[Money]) {
        for tally in [&mut self.total, self.roles.entry(role.to_owned()).or_default()] {
            let (count, sums) = if is_alone {
                (&mut tally.alone, &mut tally.costs_alone)
            } else {
                (&mut tally.to_approve, &mut tally.costs_to_approve)
            };
            *count += 1;
            for cost in costs {
                let sum = sums.entry(cost.currency).or_default();
                *sum = sum.saturating_add(cost.minor);
            }
        }
    }
}

#[cfg(test)]
#[path = "trial_tests.rs"]
mod tests;
