//! What day and time it is at an airport.

use std::sync::LazyLock;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use kernel::Timestamp;

use super::airports::airport;

/// Compiled in: the machine's own database would judge the same event differently from one machine to the next.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// What the clocks and calendars show at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// The day.
    pub date: Date,
    /// The time of day.
    pub time: Time,
    /// Seconds that local time is ahead of UTC; negative in the west, an hour more while summer time holds.
    pub offset_seconds: i32,
}

impl LocalTime {
    /// The day of the week.
    pub fn weekday(self) -> Weekday {
        self.date.weekday()
    }

    /// Minutes since the clocks showed midnight: 0 to 1,439.
    pub fn minute_of_day(self) -> i64 {
        i64::from(self.time.hour()) * 60 + i64::from(self.time.minute())
    }

    /// Calendar days from this day until `other`; negative when it was earlier.
    pub fn days_until(self, other: LocalTime) -> i64 {
        i64::from(self.date.until(other.date).map_or(0, |span| span.get_days()))
    }
}

/// What day and time it is at an airport; `None` when it is not known, or outside of the years -9999 to 9999.
pub fn local_time(code: &str, at: Timestamp) -> Option<LocalTime> {
    let zone: TimeZone = ZONES.get(airport(code)?.time_zone).ok()?;
    let at = jiff::Timestamp::from_microsecond(at.micros()).ok()?;
    let offset = zone.to_offset(at);
    let there = offset.to_datetime(at);
    Some(LocalTime { date: there.date(), time: there.time(), offset_seconds: offset.seconds() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::geo::all;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_micros(text.parse::<jiff::Timestamp>().expect("a time").as_microsecond())
    }

    fn shows(code: &str, moment: &str) -> String {
        let local = local_time(code, at(moment)).expect("a known airport");
        format!("{} {} {:+}", local.date, local.time, local.offset_seconds / 60)
    }

    #[test]
    fn every_airport_has_a_local_time() {
        let now = at("2026-06-30T12:00:00Z");
        let without: Vec<_> = all().filter(|airport| local_time(airport.code, now).is_none()).collect();
        assert!(without.is_empty(), "{without:?}");
        assert_eq!(local_time("QQQ", now), None);
        assert_eq!(local_time("JFK", Timestamp::from_micros(i64::MAX)), None);
    }

    /// The minute before and the minute at which clocks are changed, on both sides of the Atlantic and of the equator.
    #[test]
    fn summer_time_begins_and_ends_to_the_minute() {
        for (code, moment, expected) in [
            ("JFK", "2013-03-10T06:59:00Z", "2013-03-10 01:59:00 -300"),
            ("JFK", "2013-03-10T07:00:00Z", "2013-03-10 03:00:00 -240"),
            ("JFK", "2013-11-03T05:59:00Z", "2013-11-03 01:59:00 -240"),
            ("JFK", "2013-11-03T06:00:00Z", "2013-11-03 01:00:00 -300"),
            ("FRA", "2026-03-29T00:59:00Z", "2026-03-29 01:59:00 +60"),
            ("FRA", "2026-03-29T01:00:00Z", "2026-03-29 03:00:00 +120"),
            ("LHR", "2026-10-25T00:59:00Z", "2026-10-25 01:59:00 +60"),
            ("LHR", "2026-10-25T01:00:00Z", "2026-10-25 01:00:00 +0"),
            ("SYD", "2026-04-04T15:59:00Z", "2026-04-05 02:59:00 +660"),
            ("SYD", "2026-04-04T16:00:00Z", "2026-04-05 02:00:00 +600"),
            ("PHX", "2013-07-27T10:55:00Z", "2013-07-27 03:55:00 -420"),
            ("KTM", "2026-01-01T00:00:00Z", "2026-01-01 05:45:00 +345"),
        ] {
            assert_eq!(shows(code, moment), expected, "{code} at {moment}");
        }
    }

    #[test]
    fn the_same_moment_is_another_day_elsewhere() {
        let moment = at("2026-07-01T10:30:00Z");
        let [west, east] = ["HNL", "AKL"].map(|code| local_time(code, moment).expect("known"));
        assert_eq!((west.weekday(), west.minute_of_day()), (Weekday::Wednesday, 30));
        assert_eq!((east.weekday(), east.minute_of_day()), (Weekday::Wednesday, 22 * 60 + 30));
        let [west, east] = ["HNL", "AKL"].map(|code| local_time(code, at("2026-07-01T09:59:59Z")).expect("known"));
        assert_eq!((west.days_until(east), east.days_until(west)), (1, -1));
        let later = local_time("AKL", at("2027-07-01T09:59:59Z")).expect("known");
        assert_eq!(east.days_until(later), 365);
    }
}
