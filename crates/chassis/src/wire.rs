//! Well-known protobuf types from and to the kernel's values. What cannot be a value is recorded as a violation.

use std::time::Duration;

use api::google::r#type::Money as WireMoney;
use kernel::{Money, MoneyError, Timestamp, Violations};

/// 0001-01-01T00:00:00Z, the earliest `google.protobuf.Timestamp`.
const FIRST_SECOND: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z, the latest.
const LAST_SECOND: i64 = 253_402_300_799;
/// The longest `google.protobuf.Duration`: about 10,000 years.
const LONGEST_SECONDS: i64 = 315_576_000_000;

/// A time that must be given.
pub fn timestamp(field: &str, value: Option<&prost_types::Timestamp>, violations: &mut Violations) -> Timestamp {
    if value.is_none() {
        violations.add(field, "REQUIRED", "is required");
    }
    optional_timestamp(field, value, violations).unwrap_or_default()
}

/// A time that may be absent.
pub fn optional_timestamp(
    field: &str,
    value: Option<&prost_types::Timestamp>,
    violations: &mut Violations,
) -> Option<Timestamp> {
    let value = value?;
    if !(FIRST_SECOND..=LAST_SECOND).contains(&value.seconds) || !(0..1_000_000_000).contains(&value.nanos) {
        violations.add(field, "TIMESTAMP_RANGE", "must lie in the years 0001 to 9999, with nanos of 0 to 999999999");
        return None;
    }
    Timestamp::from_seconds_nanos(value.seconds, value.nanos)
}

/// A time for the wire.
pub fn to_timestamp(value: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = value.to_seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}

/// A length of time, not negative, that must be given.
pub fn duration(field: &str, value: Option<&prost_types::Duration>, violations: &mut Violations) -> Duration {
    if value.is_none() {
        violations.add(field, "REQUIRED", "is required");
    }
    optional_duration(field, value, violations).unwrap_or_default()
}

/// A length of time, not negative, that may be absent.
pub fn optional_duration(
    field: &str,
    value: Option<&prost_types::Duration>,
    violations: &mut Violations,
) -> Option<Duration> {
    let value = value?;
    match (u64::try_from(value.seconds), u32::try_from(value.nanos)) {
        (Ok(seconds), Ok(nanos)) if value.seconds <= LONGEST_SECONDS && nanos < 1_000_000_000 => {
            Some(Duration::new(seconds, nanos))
        }
        _ => {
            violations.add(field, "DURATION_RANGE", "must be 0 to 315576000000 seconds, with nanos of 0 to 999999999");
            None
        }
    }
}

/// A length of time for the wire; cut at the longest that it can say.
pub fn to_duration(value: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(value.as_secs()).unwrap_or(LONGEST_SECONDS).min(LONGEST_SECONDS);
    prost_types::Duration { seconds, nanos: i32::try_from(value.subsec_nanos()).unwrap_or(0) }
}

/// An amount of any sign that must be given.
pub fn money(field: &str, value: Option<&WireMoney>, violations: &mut Violations) -> Option<Money> {
    if value.is_none() {
        violations.add(field, "REQUIRED", "is required");
    }
    optional_money(field, value, violations)
}

/// An amount of any sign that may be absent.
pub fn optional_money(field: &str, value: Option<&WireMoney>, violations: &mut Violations) -> Option<Money> {
    let value = value?;
    match Money::from_units_nanos(&value.currency_code, value.units, value.nanos) {
        Ok(money) => Some(money),
        Err(error) => {
            let reason = match error {
                MoneyError::UnknownCurrency => "UNKNOWN_CURRENCY",
                MoneyError::Shape => "MONEY_SHAPE",
                MoneyError::TooFine => "MONEY_TOO_FINE",
                MoneyError::OutOfRange => "AMOUNT_RANGE",
                MoneyError::CurrencyMismatch => "CURRENCY_MISMATCH",
            };
            violations.add(field, reason, error.to_string());
            None
        }
    }
}

/// An amount above zero that must be given.
pub fn positive_money(field: &str, value: Option<&WireMoney>, violations: &mut Violations) -> Option<Money> {
    let money = money(field, value, violations)?;
    if money.minor <= 0 {
        violations.add(field, "AMOUNT_RANGE", "must be more than zero");
        return None;
    }
    Some(money)
}

/// An amount for the wire.
pub fn to_money(value: Money) -> WireMoney {
    let (units, nanos) = value.to_units_nanos();
    WireMoney { currency_code: value.currency.code().to_owned(), units, nanos }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(check: impl FnOnce(&mut Violations)) -> Vec<(String, String)> {
        let mut violations = Violations::new();
        check(&mut violations);
        match violations.finish() {
            Ok(()) => Vec::new(),
            Err(error) => error.violations.into_iter().map(|v| (v.field, v.reason)).collect(),
        }
    }

    #[test]
    fn times_survive_the_wire_and_others_are_refused() {
        let at = |seconds, nanos| prost_types::Timestamp { seconds, nanos };
        for micros in [-62_135_596_800_000_000, -1, 0, 1_360_368_000_123_456, 253_402_300_799_999_999] {
            let value = Timestamp::from_micros(micros);
            assert!(reasons(|v| assert_eq!(timestamp("at", Some(&to_timestamp(value)), v), value)).is_empty());
        }
        for bad in [at(-62_135_596_801, 0), at(253_402_300_800, 0), at(0, -1), at(0, 1_000_000_000), at(i64::MIN, 0)] {
            let found = reasons(|v| assert_eq!(optional_timestamp("at", Some(&bad), v), None));
            assert_eq!(found, [("at".to_owned(), "TIMESTAMP_RANGE".to_owned())], "{bad:?}");
        }
        assert_eq!(
            reasons(|v| assert_eq!(timestamp("at", None, v), Timestamp::EPOCH)),
            [("at".to_owned(), "REQUIRED".to_owned())]
        );
    }

    #[test]
    fn durations_survive_the_wire_and_others_are_refused() {
        let of = |seconds, nanos| prost_types::Duration { seconds, nanos };
        for value in [Duration::ZERO, Duration::from_micros(1), Duration::new(315_576_000_000, 999_999_999)] {
            assert!(reasons(|v| assert_eq!(duration("d", Some(&to_duration(value)), v), value)).is_empty());
        }
        for bad in [of(-1, 0), of(0, -1), of(0, 1_000_000_000), of(315_576_000_001, 0), of(i64::MAX, 0)] {
            let found = reasons(|v| assert_eq!(optional_duration("d", Some(&bad), v), None));
            assert_eq!(found, [("d".to_owned(), "DURATION_RANGE".to_owned())], "{bad:?}");
        }
        assert_eq!(to_duration(Duration::MAX).seconds, LONGEST_SECONDS);
    }

    #[test]
    fn money_survives_the_wire_and_other_amounts_are_refused() {
        let of = |code: &str, units, nanos| WireMoney { currency_code: code.to_owned(), units, nanos };
        let given = of("EUR", -12, -500_000_000);
        assert!(reasons(|v| assert_eq!(money("m", Some(&given), v).map(to_money), Some(given.clone()))).is_empty());
        for (bad, reason) in [
            (of("eur", 1, 0), "UNKNOWN_CURRENCY"),
            (of("EUR", 1, -10_000_000), "MONEY_SHAPE"),
            (of("EUR", 1, 1), "MONEY_TOO_FINE"),
            (of("EUR", i64::MAX, 0), "AMOUNT_RANGE"),
            (of("EUR", 0, 0), "AMOUNT_RANGE"),
            (of("EUR", -1, 0), "AMOUNT_RANGE"),
        ] {
            let found = reasons(|v| assert_eq!(positive_money("m", Some(&bad), v), None));
            assert_eq!(found, [("m".to_owned(), reason.to_owned())], "{bad:?}");
        }
        assert_eq!(reasons(|v| assert_eq!(money("m", None, v), None)), [("m".to_owned(), "REQUIRED".to_owned())]);
    }
}
