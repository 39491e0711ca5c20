//! A time as a customer reads it: the day, in the template's language.

use minijinja::State;

const GERMAN_MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

/// The filter `day`: an RFC 3339 time or date as `5 January 2026` or `5. Januar 2026` in UTC; other text as it came.
pub(super) fn day(state: &State<'_, '_>, value: String) -> String {
    let moment = value.parse::<jiff::Timestamp>().map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).date());
    let Ok(date) = moment.or_else(|_| value.parse::<jiff::civil::Date>()) else { return value };
    if state.name().starts_with("de/") {
        let month = GERMAN_MONTHS[usize::try_from(date.month() - 1).unwrap_or_default()];
        return format!("{}. {month} {}", date.day(), date.year());
    }
    date.strftime("%-d %B %Y").to_string()
}
