//! Inputs that are worked out from others: distances, countries, local days.
//!
//! Calls `domain::geo`, which knows airports. Pure: the same arguments always give the same value. What always holds: an
//! argument that is missing, or an airport that is not known, makes the derived input missing.

use std::borrow::Cow;
use std::sync::OnceLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use kernel::Timestamp;

use super::input::{Type, Value};
use crate::domain::geo::{self, local_time};

/// A function that derives an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// Kilometres between two airports by great circle, rounded up.
    DistanceKm,
    /// Country of an airport, ISO 3166-1 alpha-2.
    Country,
    /// Day of a time at an airport, as `2026-03-29`.
    LocalDay,
    /// Minutes since midnight of a time at an airport, by the clock on the wall.
    LocalMinutes,
    /// Calendar days from one time to another at an airport: nights away.
    LocalDays,
    /// Seconds from one time to another by the clock on the wall at an airport: two weeks are as long as ever when the
    /// clocks are changed between them.
    LocalSeconds,
    /// Whole minutes that passed from one time to another, whatever the clocks showed: a delay.
    ElapsedMinutes,
}

impl Function {
    /// Types of its arguments, in order.
    pub const fn arguments(self) -> &'static [Type] {
        match self {
            Self::DistanceKm => &[Type::Text, Type::Text],
            Self::Country => &[Type::Text],
            Self::LocalDay | Self::LocalMinutes => &[Type::Time, Type::Text],
            Self::LocalDays | Self::LocalSeconds => &[Type::Time, Type::Time, Type::Text],
            Self::ElapsedMinutes => &[Type::Time, Type::Time],
        }
    }

    /// Type of its result.
    pub const fn result(self) -> Type {
        match self {
            Self::DistanceKm | Self::LocalMinutes | Self::LocalDays | Self::LocalSeconds | Self::ElapsedMinutes => {
                Type::Integer
            }
            Self::Country | Self::LocalDay => Type::Text,
        }
    }

    /// Its name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DistanceKm => "distance_km",
            Self::Country => "country",
            Self::LocalDay => "local_day",
            Self::LocalMinutes => "local_minutes",
            Self::LocalDays => "local_days",
            Self::LocalSeconds => "local_seconds",
            Self::ElapsedMinutes => "elapsed_minutes",
        }
    }

    /// True for what events usually say themselves: when its arguments are not there, it is itself what is missing.
    pub const fn is_usually_said(self) -> bool {
        matches!(self, Self::ElapsedMinutes)
    }

    /// The result. `None` when an airport is not known, or the arguments do not have the declared types.
    pub fn call<'a>(self, arguments: &[Value<'_>]) -> Option<Value<'a>> {
        match (self, arguments) {
            (Self::DistanceKm, [Value::Text(from), Value::Text(to)]) => geo::distance_km(from, to).map(Value::Integer),
            (Self::Country, [Value::Text(airport)]) => {
                geo::airport(airport).map(|airport| Value::Text(Cow::Borrowed(airport.country)))
            }
            (Self::LocalDay, [Value::Time(at), Value::Text(airport)]) => {
                local_time(airport, *at).map(|local| Value::Text(Cow::Owned(local.date.to_string())))
            }
            (Self::LocalMinutes, [Value::Time(at), Value::Text(airport)]) => {
                local_time(airport, *at).map(|local| Value::Integer(local.minute_of_day()))
            }
            (Self::LocalDays, [Value::Time(from), Value::Time(to), Value::Text(airport)]) => {
                let (from, to) = (local_time(airport, *from)?, local_time(airport, *to)?);
                Some(Value::Integer(from.days_until(to)))
            }
            (Self::LocalSeconds, [Value::Time(from), Value::Time(to), Value::Text(airport)]) => {
                let (there_from, there_to) = (local_time(airport, *from)?, local_time(airport, *to)?);
                let moved = i64::from(there_to.offset_seconds) - i64::from(there_from.offset_seconds);
                passed(*from, *to, 1)?.checked_add(moved).map(Value::Integer)
            }
            (Self::ElapsedMinutes, [Value::Time(from), Value::Time(to)]) => passed(*from, *to, 60).map(Value::Integer),
            (
                Self::DistanceKm
                | Self::Country
                | Self::LocalDay
                | Self::LocalMinutes
                | Self::LocalDays
                | Self::LocalSeconds
                | Self::ElapsedMinutes,
                _,
            ) => None,
        }
    }
}

/// Whole units of so many seconds that passed, rounded down.
fn passed(from: Timestamp, to: Timestamp, seconds: i64) -> Option<i64> {
    to.micros().checked_sub(from.micros()).map(|micros| micros.div_euclid(seconds * 1_000_000))
}

/// A time zone by its IANA name, from the database that is built in: no machine's own may change a judgement.
pub fn zone(name: &str) -> Option<TimeZone> {
    static ZONES: OnceLock<TimeZoneDatabase> = OnceLock::new();
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    ZONES.get_or_init(TimeZoneDatabase::bundled).get(name).ok()
}

/// How an input is derived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// The function.
    pub function: Function,
    /// Its arguments.
    pub arguments: Vec<Argument>,
}

/// An argument of a derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// An input that is declared before.
    Input(usize),
    /// When the event happened.
    OccurredAt,
}

#[cfg(test)]
#[path = "derived_tests.rs"]
mod tests;
