//! Protobuf values in words.

use std::collections::BTreeMap;

use api::common::{ContactPoint, Fact, FailureEvent, Severity, contact_point, fact};
use api::google::r#type::Money as WireMoney;
use kernel::{Money, Timestamp};
use prost_types::{Duration, Timestamp as WireTimestamp};

/// A closed enum value without its prefix; the bare number when this client is older than the server.
pub fn word<E: TryFrom<i32>>(value: i32, name: fn(&E) -> &'static str) -> String {
    if value == 0 {
        return String::new();
    }
    E::try_from(value).map_or_else(
        |_| value.to_string(),
        |known| name(&known).split_once('_').map_or_else(String::new, |(_, word)| word.to_owned()),
    )
}

/// RFC 3339 in UTC, to the second.
pub fn date_time(time: Option<&WireTimestamp>) -> String {
    let time = time.and_then(|time| Timestamp::from_seconds_nanos(time.seconds, 0));
    time.map(|time| time.to_string()).unwrap_or_default()
}

/// As `EUR 12.50`.
pub fn money(money: Option<&WireMoney>) -> String {
    let Some(money) = money else { return String::new() };
    match Money::from_units_nanos(&money.currency_code, money.units, money.nanos) {
        Ok(money) => money.to_string(),
        // Shown as it came: an amount is never rounded for display.
        Err(_) => format!("{} {} units {} nanos", money.currency_code, money.units, money.nanos),
    }
}

/// As `EUR 12.50, USD 3.00`.
pub fn amounts(amounts: &[WireMoney]) -> String {
    amounts.iter().map(|amount| money(Some(amount))).collect::<Vec<_>>().join(", ")
}

/// As `1h 30m`.
pub fn duration(duration: Option<&Duration>) -> String {
    let Some(duration) = duration.filter(|duration| duration.seconds > 0 || duration.nanos > 0) else {
        return String::new();
    };
    let parts = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut rest = duration.seconds;
    let mut words = Vec::new();
    for (seconds, unit) in parts {
        if rest >= seconds {
            words.push(format!("{}{unit}", rest / seconds));
            rest %= seconds;
        }
    }
    if duration.nanos > 0 {
        words.push(format!("{}ms", duration.nanos / 1_000_000));
    }
    words.join(" ")
}

/// How badly the customer was hit.
pub fn severity(value: i32) -> String {
    word(value, Severity::as_str_name)
}

/// As `email ann@example.com`.
pub fn contact(contact: &ContactPoint) -> String {
    let kind = word(contact.kind, contact_point::Kind::as_str_name).to_lowercase();
    format!("{kind} {}", contact.address)
}

/// As `arrival_delay_minutes = 200`, one a fact.
pub fn facts(facts: &BTreeMap<String, Fact>) -> impl Iterator<Item = String> {
    facts.iter().map(|(key, fact)| format!("{key} = {}", fact_value(fact)))
}

fn fact_value(fact: &Fact) -> String {
    match &fact.value {
        Some(fact::Value::Integer(value)) => value.to_string(),
        Some(fact::Value::Boolean(value)) => value.to_string(),
        Some(fact::Value::Text(value)) => value.clone(),
        Some(fact::Value::Money(value)) => money(Some(value)),
        Some(fact::Value::Time(value)) => date_time(Some(value)),
        None => String::new(),
    }
}

/// As `parcel.lost at 2026-08-01T10:00:00Z (1Z999)`.
pub fn event(event: Option<&FailureEvent>) -> String {
    let Some(event) = event else { return String::new() };
    let mut words = format!("{} at {}", event.kind, date_time(event.occurred_at.as_ref()));
    if !event.reference.is_empty() {
        words.push_str(&format!(" ({})", event.reference));
    }
    words
}

/// `yes` or nothing.
pub fn yes(value: bool) -> String {
    if value { "yes".to_owned() } else { String::new() }
}

/// A number that means something when it is not zero.
pub fn count(value: i64) -> String {
    if value == 0 { String::new() } else { value.to_string() }
}
