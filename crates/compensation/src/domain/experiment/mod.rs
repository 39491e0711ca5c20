//! Recovery experiments: which sequence of apology and offer works better, measured in the company's own data.
//!
//! A document (`document`) declares everything beforehand: whom it is about, what the arms do, the metric, the effect,
//! the sample and when to stop. Pure. What always holds: an assignment is a function of experiment, tenant and unit;
//! what the law demands and what gives back a loss is the same in every arm; no arm is without an apology; and nothing
//! that is measured grows with failures.

pub mod assign;
pub mod boundary;
pub mod document;
#[cfg(test)]
mod document_tests;
pub mod figures;
mod guards;
pub mod look;
pub mod normal;
pub mod outcome;
pub mod sample_size;
pub mod state;
pub mod strata;
pub mod treatment;

use std::time::Duration;

use kernel::{CustomerId, TenantId, Timestamp};

use self::assign::arm_of;
use super::event::{FailureEvent, Severity};
use super::gate::ApologyKind;
use super::pack::expression::{Expression, Scope};
use super::pack::input::Input;

/// An experiment as its document declares it.
#[derive(Debug)]
pub struct Experiment {
    /// Its id.
    pub id: String,
    /// What is thought to be better, and why.
    pub hypothesis: String,
    /// From when on cases are assigned.
    pub starts_at: Timestamp,
    /// From when on no more are.
    pub ends_at: Timestamp,
    /// Whom it is about.
    pub population: Population,
    /// What is done; exactly one is the control.
    pub arms: Vec<Arm>,
    /// What gets the same arm.
    pub unit: Unit,
    /// What is measured.
    pub metric: Metric,
    /// The smallest difference that matters: of shares in parts of one, of scores in points.
    pub minimum_effect: f64,
    /// What the control is expected to reach: its share, or the standard deviation of its scores.
    pub expected: f64,
    /// Outcomes that every arm needs.
    pub sample_per_arm: u32,
    /// When to stop.
    pub stop: StopRule,
    /// The document.
    pub document: String,
}

/// Whom an experiment is about.
#[derive(Debug)]
pub struct Population {
    /// Kinds of event.
    pub event_kinds: Vec<String>,
    /// What the condition reads.
    pub inputs: Vec<Input>,
    /// Which events of these kinds; all when there is none.
    pub condition: Option<Expression>,
}

/// One way to do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// Its id.
    pub id: String,
    /// For people.
    pub description: String,
    /// Its share of the units, against those of the others.
    pub weight: u32,
    /// What the others are compared with.
    pub control: bool,
    /// What kind of apology it asks for, where the gate asks for the usual one.
    pub apology: ApologyKind,
    /// What becomes of gestures.
    pub gestures: Gestures,
    /// How long after the apology the offer comes.
    pub offer_after: Duration,
}

/// What an arm does with gestures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gestures {
    /// Given and offered as the packs, the gate and the policies have it.
    AsJudged,
    /// Left out.
    None,
}

/// What gets the same arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A customer, for ever.
    Customer,
    /// Everybody whom the event of one reference hit.
    Event,
}

/// What is measured. None of them grows with failures, and none is about reviews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Share of the ended recoveries that the customer calls right again.
    RecoveredShare,
    /// Mean of the last scores, 0 to 10.
    MeanScore,
    /// Share of the ended recoveries that came back: less is better.
    ReopenedShare,
}

impl Metric {
    /// All.
    pub const ALL: [Metric; 3] = [Self::RecoveredShare, Self::MeanScore, Self::ReopenedShare];

    /// As written in documents and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RecoveredShare => "RECOVERED_SHARE",
            Self::MeanScore => "MEAN_SCORE",
            Self::ReopenedShare => "REOPENED_SHARE",
        }
    }

    /// The reverse of [`Metric::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.as_str() == text)
    }
}

/// When an experiment stops, declared beforehand.
#[derive(Clone, Debug, PartialEq)]
pub struct StopRule {
    /// Two-sided level of all looks together.
    pub alpha: f64,
    /// Chance to see the minimum effect.
    pub power: f64,
    /// Shares of the sample at which somebody looks, the last one 1.
    pub looks: Vec<f64>,
    /// One-sided level at which all looks together see harm.
    pub harm_alpha: f64,
}

impl Experiment {
    /// What is wrong with lines that packs may give here: no benefit may depend on a review. Each line comes with its
    /// name, the kinds of event of its pack (none: all), and its text.
    pub fn benefits_for_reviews(&self, lines: Vec<(String, Vec<String>, String)>) -> Vec<String> {
        let about =
            |kinds: &[String]| kinds.is_empty() || kinds.iter().any(|k| self.population.event_kinds.contains(k));
        let problem = |(line, kinds, text): (String, Vec<String>, String)| {
            let word = guards::speaks_of_reviews(&text).filter(|_| about(&kinds))?;
            Some(format!("the line {line} says `{word}`: no benefit may depend on a review or a rating"))
        };
        lines.into_iter().filter_map(problem).collect()
    }

    /// The control's place among the arms.
    pub fn control(&self) -> usize {
        self.arms.iter().position(|arm| arm.control).unwrap_or_default()
    }

    /// True when a case of this event may be assigned now.
    pub fn takes(&self, event: &FailureEvent, severity: Severity, now: Timestamp) -> bool {
        let Population { event_kinds, inputs, condition } = &self.population;
        // Those hit by an event without a reference cannot be told to belong together.
        let has_unit = self.unit == Unit::Customer || !event.reference.is_empty();
        let in_time = self.starts_at <= now && now < self.ends_at;
        in_time
            && has_unit
            && event_kinds.contains(&event.kind)
            && condition.as_ref().is_none_or(|condition| {
                // What cannot be told because a fact is missing does not hold.
                Scope::new(event, severity, inputs, &[]).holds(condition).unwrap_or(false)
            })
    }

    /// What gets the same arm as this case.
    pub fn unit_of(&self, event: &FailureEvent, customer: CustomerId) -> String {
        match self.unit {
            Unit::Customer => customer.to_string(),
            Unit::Event => format!("events/{}", event.reference),
        }
    }

    /// The arm of a unit.
    pub fn arm(&self, tenant: &TenantId, unit: &str) -> Option<&Arm> {
        let weights: Vec<u32> = self.arms.iter().map(|arm| arm.weight).collect();
        self.arms.get(arm_of(&self.id, tenant.as_str(), unit, &weights))
    }
}
