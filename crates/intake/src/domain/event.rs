//! What went wrong, in facts that rules can be applied to.

use std::collections::BTreeMap;

use kernel::{Money, Timestamp};
use serde::{Deserialize, Serialize};

use super::text_enum::text_enum;

/// Facts that one event holds at most.
pub const MAX_FACTS: usize = 64;

text_enum! {
    /// How badly the customer was hit.
    Severity {
        /// An annoyance; nothing was lost.
        Low = "LOW",
        /// Time or money was lost.
        Medium = "MEDIUM",
        /// The purpose of the purchase was missed.
        High = "HIGH",
        /// Safety, health, or an event of a lifetime.
        Critical = "CRITICAL",
    }
}

/// One fact, of exactly one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Boolean(bool),
    /// A text.
    Text(String),
    /// An amount.
    Money(Money),
    /// A point in time.
    Time(Timestamp),
}

/// Facts by key.
pub type Facts = BTreeMap<String, Fact>;

/// The failure in facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureEvent {
    /// Dotted kind, e.g. `flight.cancelled`.
    pub kind: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The company's own reference; may be empty.
    pub reference: String,
    /// Facts by key.
    pub facts: Facts,
}

impl FailureEvent {
    /// This event with more facts, which win over those of the same key; `None` when that is more than an event holds.
    pub fn with_facts(&self, more: &Facts) -> Option<Self> {
        let mut facts = self.facts.clone();
        facts.extend(more.iter().map(|(key, fact)| (key.clone(), fact.clone())));
        (facts.len() <= MAX_FACTS).then(|| Self { facts, ..self.clone() })
    }
}
