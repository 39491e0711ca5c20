//! What went wrong, in facts that rules can be applied to.

use std::collections::BTreeMap;
use std::fmt;

use kernel::{Money, Timestamp};
use serde::{Deserialize, Serialize};

/// How badly the customer was hit; ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Severity {
    /// Not given.
    #[default]
    Unspecified,
    /// An annoyance; nothing was lost.
    Low,
    /// Time or money was lost.
    Medium,
    /// The purpose of the purchase was missed.
    High,
    /// Safety, health, or an event of a lifetime.
    Critical,
}

impl Severity {
    /// All, in order.
    pub const ALL: [Severity; 5] = [Self::Unspecified, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// As written in documents and stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "UNSPECIFIED",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }

    /// 0 for not given, 4 for the worst.
    pub const fn rank(self) -> i64 {
        self as i64
    }

    /// The reverse of [`Severity::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text)
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
    /// Text.
    Text(String),
    /// An amount.
    Money(Money),
    /// A point in time.
    Time(Timestamp),
}

impl Fact {
    /// What kind of fact it is, for explanations.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Integer(_) => "a whole number",
            Self::Boolean(_) => "yes or no",
            Self::Text(_) => "text",
            Self::Money(_) => "an amount of money",
            Self::Time(_) => "a time",
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            Self::Boolean(value) => value.fmt(f),
            Self::Text(value) => f.write_str(value),
            Self::Money(value) => value.fmt(f),
            Self::Time(value) => value.fmt(f),
        }
    }
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureEvent {
    /// Dotted kind, e.g. `flight.cancelled`.
    pub kind: String,
    /// When it happened: rules are those in force at this time.
    pub occurred_at: Timestamp,
    /// The company's own reference.
    pub reference: String,
    /// Facts by key.
    pub facts: BTreeMap<String, Fact>,
}

impl FailureEvent {
    /// False when no fact is an amount: then nothing tells what the customer paid or is worth.
    pub fn tells_money(&self) -> bool {
        self.facts.values().any(|fact| matches!(fact, Fact::Money(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_tells_money_when_a_fact_is_an_amount() {
        let event = |facts: Vec<Fact>| FailureEvent {
            kind: "bill.wrong".to_owned(),
            occurred_at: Timestamp::from_seconds(0),
            reference: String::new(),
            facts: facts.into_iter().enumerate().map(|(index, fact)| (format!("f{index}"), fact)).collect(),
        };
        let amount = Fact::Money(Money::new(kernel::Currency::parse("EUR").expect("known"), 0));
        assert!(!event(vec![]).tells_money() && !event(vec![Fact::Integer(1), Fact::Boolean(true)]).tells_money());
        assert!(event(vec![Fact::Integer(1), amount]).tells_money());
    }

    #[test]
    fn severities_are_ordered_and_read_back() {
        for severity in Severity::ALL {
            assert_eq!(Severity::parse(severity.as_str()), Some(severity));
        }
        assert!(Severity::ALL.is_sorted() && Severity::Critical.rank() == 4);
        assert_eq!(Severity::parse("high"), None);
    }

    #[test]
    fn a_fact_is_shown_as_people_write_it_with_the_name_of_its_type() {
        let amount = Money::new(kernel::Currency::parse("EUR").expect("a currency"), 1_250);
        let shown = [
            (Fact::Integer(-3), "-3", "a whole number"),
            (Fact::Boolean(true), "true", "yes or no"),
            (Fact::Text("LH 400".to_owned()), "LH 400", "text"),
            (Fact::Money(amount), "EUR 12.50", "an amount of money"),
            (Fact::Time(Timestamp::from_seconds(0)), "1970-01-01T00:00:00Z", "a time"),
        ];
        for (fact, text, type_name) in shown {
            assert_eq!((fact.to_string().as_str(), fact.type_name()), (text, type_name));
        }
    }
}
