//! Failure events and their facts.

use std::collections::BTreeMap;
use std::time::Duration;

use api::common;
use api::common::fact::Value;
use chassis::wire;
use kernel::{Timestamp, Violations};

use super::fields;
use crate::domain::event::{Fact, Facts, FailureEvent, MAX_FACTS, Severity};

/// How far ahead of ours a caller's clock may be.
const AHEAD: Duration = Duration::from_secs(5 * 60);
/// How long ago a failure may be: ten years.
const AGO: Duration = Duration::from_secs(3_653 * 24 * 3_600);
/// Facts that one customer or one finding adds at most.
pub(super) const MAX_MORE_FACTS: usize = 32;

/// An event that must be given.
pub(super) fn event(
    field: &str,
    value: &Option<common::FailureEvent>,
    now: Timestamp,
    violations: &mut Violations,
) -> Option<FailureEvent> {
    let value = fields::required(field, value, violations)?;
    violations.within(field, |violations| {
        if !is_kind(&value.kind) {
            let reason = if value.kind.is_empty() { "REQUIRED" } else { "PATTERN" };
            violations.add(
                "kind",
                reason,
                "must be a dotted kind in lower case of 1 to 63 characters, e.g. parcel.lost",
            );
        }
        Some(FailureEvent {
            kind: value.kind.clone(),
            occurred_at: occurred_at(value.occurred_at.as_ref(), now, violations),
            reference: violations.text("reference", &value.reference, 0, 128),
            facts: facts(&value.facts, MAX_FACTS, violations),
        })
    })
}

fn occurred_at(value: Option<&prost_types::Timestamp>, now: Timestamp, violations: &mut Violations) -> Timestamp {
    if value.is_none() {
        return wire::timestamp("occurred_at", value, violations);
    }
    let at = wire::optional_timestamp("occurred_at", value, violations);
    if at.is_some_and(|at| at > now.plus(AHEAD) || at < now.minus(AGO)) {
        let expected = "must not be later than five minutes from now, nor older than ten years";
        violations.add("occurred_at", "CLOCK_SKEW", format!("{expected}; it is {now} here"));
    }
    at.unwrap_or_default()
}

/// Facts by key, at most `max`.
pub(super) fn facts(value: &BTreeMap<String, common::Fact>, max: usize, violations: &mut Violations) -> Facts {
    violations.count("facts", value.len(), 0, max);
    // A map that is far too large is not looked at any further.
    let known = value.iter().take(max);
    known.filter_map(|(key, value)| fact(key, value, violations).map(|fact| (key.clone(), fact))).collect()
}

fn fact(key: &str, fact: &common::Fact, violations: &mut Violations) -> Option<Fact> {
    if !is_fact_key(key) {
        violations.add(
            "facts",
            "PATTERN",
            format!("the key {key:.70?} must be lower snake case of 1 to 63 characters"),
        );
        return None;
    }
    violations.within(format!("facts[{key}]"), |violations| match &fact.value {
        None => {
            violations.add("", "REQUIRED", "must have exactly one of integer, boolean, text, money, time");
            None
        }
        Some(Value::Integer(number)) => Some(Fact::Integer(*number)),
        Some(Value::Boolean(yes)) => Some(Fact::Boolean(*yes)),
        Some(Value::Text(text)) => Some(Fact::Text(violations.text("text", text, 0, 512))),
        Some(Value::Money(amount)) => wire::money("money", Some(amount), violations).map(Fact::Money),
        Some(Value::Time(time)) => Some(Fact::Time(wire::timestamp("time", Some(time), violations))),
    })
}

/// A severity; `default` stands for one that is not given, `None` makes it required.
pub(super) fn severity(value: i32, default: Option<Severity>, violations: &mut Violations) -> Severity {
    if let (0, Some(default)) = (value, default) {
        return default;
    }
    let choices = "SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL";
    match violations.known_enum::<common::Severity>("severity", value, choices) {
        Some(common::Severity::Low) => Severity::Low,
        Some(common::Severity::High) => Severity::High,
        Some(common::Severity::Critical) => Severity::Critical,
        Some(common::Severity::Medium | common::Severity::Unspecified) | None => Severity::Medium,
    }
}

/// `^[a-z][a-z0-9]*(\.[a-z][a-z0-9_]*)*$`, at most 63 characters.
fn is_kind(kind: &str) -> bool {
    let is_segment = |(index, segment): (usize, &str)| {
        segment.starts_with(|c: char| c.is_ascii_lowercase())
            && segment.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || (b == b'_' && index > 0))
    };
    (1..=63).contains(&kind.len()) && kind.split('.').enumerate().all(is_segment)
}

/// `^[a-z][a-z0-9_]{0,62}$`.
fn is_fact_key(key: &str) -> bool {
    (1..=63).contains(&key.len())
        && key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_keys_follow_their_patterns() {
        for good in ["bill", "flight.cancelled", "a1.b_2.c"] {
            assert!(is_kind(good), "{good}");
        }
        for bad in ["", "Flight", "1a", "a_b", "a.", ".a", "a..b", "a.1", "flight cancelled", &"a".repeat(64)] {
            assert!(!is_kind(bad), "{bad}");
        }
        for (key, good) in
            [("a", true), ("a_1", true), ("_a", false), ("1", false), ("A", false), ("", false), ("a-b", false)]
        {
            assert_eq!(is_fact_key(key), good, "{key}");
        }
        assert!(is_fact_key(&"a".repeat(63)) && !is_fact_key(&"a".repeat(64)));
    }

    #[test]
    fn a_failure_is_neither_in_the_future_nor_ten_years_old() {
        let now = Timestamp::from_seconds(1_767_603_600);
        let judged = |at: Timestamp| {
            let mut violations = Violations::new();
            occurred_at(Some(&wire::to_timestamp(at)), now, &mut violations);
            violations.is_empty()
        };
        assert!(judged(now.plus(AHEAD)) && !judged(now.plus(AHEAD + Duration::from_micros(1))));
        assert!(judged(now.minus(AGO)) && !judged(now.minus(AGO + Duration::from_micros(1))));
    }
}
