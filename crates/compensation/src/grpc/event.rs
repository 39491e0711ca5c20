//! Failure events, as requests carry them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use api::common as wire;
use api::common::fact::Value;
use chassis::wire::{optional_money, optional_timestamp, timestamp};
use kernel::{Timestamp, Violations};

use crate::domain::event::{Fact, FailureEvent, Severity};

const MAX_FACTS: usize = 64;
/// How far a caller's clock may be ahead.
const SKEW: Duration = Duration::from_secs(5 * 60);
const OLDEST: Duration = Duration::from_secs(3_652 * 86_400);

/// An event that is judged and changes nothing: however old it is. A durable call looks at no time, as with [`event`].
pub(super) fn historic_event(
    value: Option<wire::FailureEvent>,
    now: Option<Timestamp>,
    violations: &mut Violations,
) -> Option<FailureEvent> {
    let in_time = now
        .map(|now| (Timestamp::from_micros(i64::MIN)..=now.plus(SKEW), "must not be later than five minutes from now"));
    read(value, in_time, violations)
}

/// An event that must be given. `now` is absent for a durable call: its sender has looked at the time, and the call may
/// have been under way for long.
pub(super) fn event(
    value: Option<wire::FailureEvent>,
    now: Option<Timestamp>,
    violations: &mut Violations,
) -> Option<FailureEvent> {
    let description = "must not be later than five minutes from now, nor older than ten years";
    read(value, now.map(|now| (now.minus(OLDEST)..=now.plus(SKEW), description)), violations)
}

fn read(
    value: Option<wire::FailureEvent>,
    times: Option<(RangeInclusive<Timestamp>, &str)>,
    violations: &mut Violations,
) -> Option<FailureEvent> {
    let Some(value) = value else {
        violations.add("event", "REQUIRED", "is required");
        return None;
    };
    violations.within("event", |violations| {
        if !is_kind(&value.kind) {
            let reason = if value.kind.is_empty() { "REQUIRED" } else { "EVENT_KIND" };
            let description = "must be 1 to 63 characters: dotted words in lower case such as flight.cancelled";
            violations.add("kind", reason, description);
        }
        let occurred_at = timestamp("occurred_at", value.occurred_at.as_ref(), violations);
        if value.occurred_at.is_some()
            && let Some((times, description)) = times
            && !times.contains(&occurred_at)
        {
            violations.add("occurred_at", "CLOCK_SKEW", description);
        }
        let reference = violations.text("reference", &value.reference, 0, 128);
        violations.count("facts", value.facts.len(), 0, MAX_FACTS);
        let mut facts = BTreeMap::new();
        for (key, given) in value.facts.into_iter().take(MAX_FACTS) {
            if let Some(fact) = violations.within(path_of(&key), |violations| fact(&key, given, violations)) {
                facts.insert(key, fact);
            }
        }
        Some(FailureEvent { kind: value.kind, occurred_at, reference, facts })
    })
}

/// A severity; not given is allowed.
pub(super) fn severity(value: i32, violations: &mut Violations) -> Severity {
    match wire::Severity::try_from(value) {
        Ok(wire::Severity::Unspecified) => Severity::Unspecified,
        Ok(wire::Severity::Low) => Severity::Low,
        Ok(wire::Severity::Medium) => Severity::Medium,
        Ok(wire::Severity::High) => Severity::High,
        Ok(wire::Severity::Critical) => Severity::Critical,
        Err(_) => {
            let description = format!("{value} is not allowed; use one of LOW, MEDIUM, HIGH, CRITICAL, or none");
            violations.add("severity", "UNKNOWN_ENUM_VALUE", description);
            Severity::Unspecified
        }
    }
}

fn fact(key: &str, given: wire::Fact, violations: &mut Violations) -> Option<Fact> {
    if !is_key(key) {
        violations.add("", "FACT_KEY", "a key is 1 to 63 characters of a-z, 0-9 and '_', from a letter on");
    }
    match given.value {
        None => {
            violations.add("", "REQUIRED", "must have one of integer, boolean, text, money, time");
            None
        }
        Some(Value::Integer(value)) => Some(Fact::Integer(value)),
        Some(Value::Boolean(value)) => Some(Fact::Boolean(value)),
        Some(Value::Text(value)) => Some(Fact::Text(violations.text("text", &value, 0, 512))),
        Some(Value::Money(value)) => optional_money("money", Some(&value), violations).map(Fact::Money),
        Some(Value::Time(value)) => optional_timestamp("time", Some(&value), violations).map(Fact::Time),
    }
}

/// The path of a fact; a key that cannot be one is cut, since it may be of any length.
fn path_of(key: &str) -> String {
    format!("facts[{}]", key.chars().filter(|c| !c.is_control()).take(63).collect::<String>())
}

fn is_kind(text: &str) -> bool {
    let first = |word: &str| word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let later = |word: &str| word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let starts = |word: &str| word.starts_with(|c: char| c.is_ascii_lowercase());
    text.len() <= 63
        && text.split('.').all(starts)
        && text.split('.').next().is_some_and(first)
        && text.split('.').skip(1).all(later)
}

fn is_key(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_dotted_words() {
        for good in ["flight.cancelled", "a", "bill2.wrong_amount", "a.b.c_d"] {
            assert!(is_kind(good), "{good}");
        }
        let long = format!("a{}", "b".repeat(63));
        for bad in ["", ".", "a.", ".a", "Flight", "a_b.c", "a.1b", "1a", "a b", "a..b", long.as_str()] {
            assert!(!is_kind(bad), "{bad}");
        }
    }
}
