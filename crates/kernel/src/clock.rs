//! Time as a value, and the clocks that hand it out.
//!
//! Every stored time is a count of microseconds: PostgreSQL keeps no finer, and an integer sorts the same way on both
//! databases, which RFC 3339 text of varying length does not.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The epoch.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the epoch; saturates at the ends of the range.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch (rounded down) and the nanoseconds above them, as protobuf wants them.
    pub const fn to_seconds_nanos(self) -> (i64, i32) {
        (self.0.div_euclid(1_000_000), (self.0.rem_euclid(1_000_000) * 1_000) as i32)
    }

    /// From seconds and nanoseconds, truncated to microseconds. `None` outside the range.
    pub fn from_seconds_nanos(seconds: i64, nanos: i32) -> Option<Self> {
        seconds.checked_mul(1_000_000)?.checked_add(i64::from(nanos) / 1_000).map(Self)
    }

    /// This time and `duration` later; saturates.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This time and `duration` earlier; saturates.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This time cut to the second before it, as people read it.
    pub const fn to_the_second(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(1_000_000)))
    }

    /// How much later `self` is than `earlier`; zero when it is not later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with microseconds, for logs and messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(1_000_000);
        let micros = self.0.rem_euclid(1_000_000);
        let (days, second_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Days to civil date: Howard Hinnant, "chrono-compatible low-level date algorithms".
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let mp = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (h, m, s) = (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}")?;
        if micros != 0 {
            write!(f, ".{micros:06}")?;
        }
        f.write_str("Z")
    }
}

/// Where the time comes from. Passed in, so that tests and the demo decide what time it is.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;

    /// True when time moves only when somebody moves it. The relay then compares due times with this clock instead
    /// of the database's.
    fn is_virtual(&self) -> bool {
        false
    }
}

/// The machine's clock, truncated to microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's time is read")]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved; never moves backwards. Clones share the same time.
#[derive(Clone, Debug)]
pub struct VirtualClock(Arc<AtomicI64>);

impl VirtualClock {
    /// A clock that shows `start`.
    pub fn starting_at(start: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(start.0)))
    }

    /// Moves forward to `to`; stays where it is when that is in the past.
    pub fn advance_to(&self, to: Timestamp) {
        self.0.fetch_max(to.0, Ordering::SeqCst);
    }

    /// Moves forward by `duration`.
    pub fn advance(&self, duration: Duration) {
        self.advance_to(self.now().plus(duration));
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn is_virtual(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_as_rfc_3339() {
        assert_eq!(Timestamp::EPOCH.to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_seconds(1_360_368_000).to_string(), "2013-02-09T00:00:00Z");
        assert_eq!(Timestamp::from_micros(951_782_400_000_001).to_string(), "2000-02-29T00:00:00.000001Z");
        assert_eq!(Timestamp::from_micros(-1).to_string(), "1969-12-31T23:59:59.999999Z");
        assert_eq!(Timestamp::from_micros(-1).to_the_second().to_string(), "1969-12-31T23:59:59Z");
        assert_eq!(Timestamp::from_micros(1_999_999).to_the_second(), Timestamp::from_seconds(1));
        assert_eq!(Timestamp::from_micros(i64::MIN).to_the_second(), Timestamp::from_micros(i64::MIN));
    }

    #[test]
    fn seconds_and_nanos_survive_the_round_trip_before_the_epoch_too() {
        for micros in [-1_500_001, -1, 0, 1, 1_360_368_000_123_456] {
            let (seconds, nanos) = Timestamp::from_micros(micros).to_seconds_nanos();
            assert_eq!(Timestamp::from_seconds_nanos(seconds, nanos), Some(Timestamp::from_micros(micros)));
        }
        assert_eq!(Timestamp::from_seconds_nanos(i64::MAX, 0), None);
    }

    #[test]
    fn a_virtual_clock_never_goes_back() {
        let clock = VirtualClock::starting_at(Timestamp::from_seconds(100));
        clock.advance_to(Timestamp::from_seconds(50));
        assert_eq!(clock.now(), Timestamp::from_seconds(100));
        let shared = clock.clone();
        clock.advance(Duration::from_secs(5));
        assert_eq!(shared.now(), Timestamp::from_seconds(105));
    }
}
