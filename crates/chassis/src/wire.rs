//! Well-known protobuf types from and to the kernel's values. What cannot be a value is recorded as a violation.

use std::time::Duration;

use kernel::{Timestamp, Violations};

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
