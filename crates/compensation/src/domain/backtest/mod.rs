//! Backtests: what one version of a pack, or two of them, would have given for events that happened.
//!
//! A trial holds the versions (`Trial`), judges events one by one and counts what comes of them (`tally`): what is given
//! and what it costs (`outcome`), how the amounts are spread (`spread`), and where two versions differ (`difference`).
//! Pure; calls the packs' judge. What always holds: tallies of parts add up to the tally of the whole, neither the order
//! of events nor how they are cut into parts changes it, and a tally's size is bounded by the packs and the number of
//! currencies, never by the number of events.

pub mod difference;
pub mod outcome;
pub mod spread;
pub mod tally;

use std::sync::Arc;

use kernel::Timestamp;

use self::outcome::Outcome;
use self::tally::Tally;
use super::event::{FailureEvent, Severity};
use super::pack::judge::assess;
use super::pack::{Pack, PackStatus};
use super::policy::catalogue::Catalogue;

/// Something that went wrong, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoricEvent {
    /// What went wrong.
    pub event: FailureEvent,
    /// How badly the customers were hit.
    pub severity: Severity,
    /// How many customers were hit, at least one; each of them is owed what the event gives.
    pub customers: u32,
}

/// How events are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Judge events from outside the days of a version as well, as if it had been in force.
    pub ignore_dates: bool,
    /// Differing events that are kept as examples.
    pub examples: usize,
}

/// One version of a pack, or two of them, and how they judge.
#[derive(Debug)]
pub struct Trial {
    candidate: Pack,
    baseline: Option<Pack>,
    catalogue: Arc<Catalogue>,
    options: Options,
}

impl Trial {
    /// A trial of `candidate`, against `baseline` where there is one. Drafts are judged as if they were active: what they
    /// would do is the question. What services cost is what this catalogue says.
    pub fn new(candidate: Pack, baseline: Option<Pack>, catalogue: Arc<Catalogue>, options: Options) -> Self {
        let prepared = |mut pack: Pack| {
            pack.status = PackStatus::Active;
            if options.ignore_dates {
                pack.in_force = (Timestamp::from_micros(i64::MIN), None);
            }
            pack
        };
        Self { candidate: prepared(candidate), baseline: baseline.map(prepared), catalogue, options }
    }

    /// The version in question.
    pub const fn candidate(&self) -> &Pack {
        &self.candidate
    }

    /// The version that it is compared with.
    pub const fn baseline(&self) -> Option<&Pack> {
        self.baseline.as_ref()
    }

    /// A tally of nothing: every rule with zero.
    pub fn tally(&self) -> Tally {
        Tally::new(&self.candidate, self.baseline.as_ref(), self.options.examples)
    }

    /// Judges events and counts what comes of them.
    pub fn judge<'a>(&self, events: impl IntoIterator<Item = &'a HistoricEvent>) -> Tally {
        let mut tally = self.tally();
        for event in events {
            tally.events += 1;
            tally.customers += u64::from(event.customers);
            let candidate = self.judge_by(&self.candidate, event);
            tally.candidate.add(event, candidate.as_ref());
            if let (Some(pack), Some(side)) = (&self.baseline, &mut tally.baseline) {
                let baseline = self.judge_by(pack, event);
                side.add(event, baseline.as_ref());
                tally.differences.add(event, baseline.as_ref(), candidate.as_ref());
            }
        }
        tally
    }

    /// What a version gives for an event; `None` when it was not in force.
    fn judge_by(&self, pack: &Pack, event: &HistoricEvent) -> Option<Outcome> {
        if !pack.holds_at(event.event.occurred_at) {
            return None;
        }
        let mut assessment = assess([pack], &event.event, event.severity);
        self.catalogue.price_all(&mut assessment, &event.event);
        Some(Outcome::of(assessment))
    }
}

#[cfg(test)]
mod tests;
