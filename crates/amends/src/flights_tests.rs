//! The whole table of flights: its counts, its order, its agreement with the table of the demo, and damaged ones.

use std::collections::BTreeMap;

use jiff::civil::date;

use super::*;
use crate::demo::flights::Flights;

const TOP: &str = "day,time,carrier,flight_number,origin,destination,departure_delay_min,arrival_delay_min\n";

#[test]
fn the_year_has_the_flights_that_its_readme_states() {
    let (mut all, mut cancelled, mut diverted, mut over_180, mut exactly_180, mut early) = (0, 0, 0, 0, 0, 0);
    let mut days = std::collections::BTreeSet::new();
    for flight in planned_flights().expect("it can be read") {
        let flight = flight.expect("a good line");
        all += 1;
        days.insert(flight.local_departure.date());
        assert!(["EWR", "JFK", "LGA"].contains(&flight.origin.as_str()) && flight.destination.len() == 3);
        match flight.fate {
            Fate::Cancelled => cancelled += 1,
            Fate::Diverted { .. } => diverted += 1,
            Fate::Arrived { arrival_delay_min, .. } => {
                over_180 += u32::from(arrival_delay_min > 180);
                exactly_180 += u32::from(arrival_delay_min == 180);
                early += u32::from(arrival_delay_min < 0);
            }
        }
    }
    assert_eq!((all, cancelled, diverted, over_180, exactly_180), (336_776, 8_255, 1_175, 3_843, 54));
    assert_eq!(early, 188_933);
    assert_eq!(days.len(), 365);
    assert_eq!((days.first().copied(), days.last().copied()), (Some(date(2013, 1, 1)), Some(date(2013, 12, 31))));
}

/// Both tables come from one source by two scripts; what they both say is the same.
#[test]
fn the_disrupted_flights_are_those_of_the_demo() {
    use crate::demo::flights::FlightDisruption;
    let disrupted = Flights::load().expect("it can be read");
    let mut expected: BTreeMap<String, _> = disrupted
        .whole_year()
        .iter()
        .map(|flight| {
            let arrival = match flight.disruption {
                FlightDisruption::Cancelled | FlightDisruption::Diverted => None,
                FlightDisruption::Delayed { arrival_delay_min } => Some(i64::from(arrival_delay_min)),
            };
            let departure = flight.departure_delay_min.map(i64::from);
            (flight.key(), (flight.scheduled_departure, departure, arrival))
        })
        .collect();
    for flight in planned_flights().expect("it can be read") {
        let flight = flight.expect("a good line");
        let delays = match flight.fate {
            Fate::Cancelled => (None, None),
            Fate::Diverted { departure_delay_min } => (Some(departure_delay_min), None),
            Fate::Arrived { departure_delay_min, arrival_delay_min } => {
                (Some(departure_delay_min), Some(arrival_delay_min))
            }
        };
        match expected.remove(&flight.key()) {
            Some(told) => assert_eq!(told, (flight.scheduled_departure, delays.0, delays.1), "{}", flight.key()),
            None => assert!(
                delays.0.is_some_and(|late| late <= 60) && delays.1.is_some_and(|late| late <= 60),
                "{} is a disruption",
                flight.key()
            ),
        }
    }
    assert!(expected.is_empty(), "{} flights of the demo are not in the table", expected.len());
}

#[test]
fn an_event_says_what_the_table_says_and_nothing_else() {
    let read = |line: &str| {
        let table = format!("{TOP}2013-07-01,{line}\n");
        let mut flights = PlannedFlights::read(table.as_bytes()).expect("a header");
        flights.next().expect("a line").expect("a good line").event()
    };
    let arrived = read("0605,UA,1545,EWR,IAH,-2,181");
    assert_eq!(
        (arrived.kind.as_str(), arrived.reference.as_str()),
        ("flight.delayed", "UA1545-EWR-IAH-2013-07-01T06:05")
    );
    let departs = arrived.occurred_at.expect("it is set");
    assert_eq!(departs.seconds, "2013-07-01T10:05:00Z".parse::<jiff::Timestamp>().expect("a time").as_second());
    assert_eq!(arrived.facts["departure_delay_minutes"].value, Some(fact::Value::Integer(-2)));
    assert_eq!(arrived.facts["arrival_delay_minutes"].value, Some(fact::Value::Integer(181)));
    assert_eq!(arrived.facts["destination"].value, Some(fact::Value::Text("IAH".to_owned())));
    let keys = |line| read(line).facts.into_keys().collect::<Vec<_>>();
    assert_eq!(keys("0605,UA,1545,EWR,IAH,,"), ["carrier", "destination", "origin"]);
    assert_eq!(keys("0605,UA,1545,EWR,IAH,5,"), ["carrier", "departure_delay_minutes", "destination", "origin"]);
    assert_eq!(read("0605,UA,1545,EWR,IAH,,").kind, "flight.cancelled");
    assert_eq!(read("0605,UA,1545,EWR,IAH,5,").kind, "flight.diverted");
}

#[test]
fn a_damaged_table_ends_with_its_line() {
    let good = "2013-01-01,0515,UA,1545,EWR,IAH,2,11\n,0517,UA,1714,LGA,IAH,4,20\n";
    let outcome = |table: String| -> anyhow::Result<usize> {
        let mut count = 0;
        for flight in PlannedFlights::read(table.as_bytes())? {
            flight?;
            count += 1;
        }
        Ok(count)
    };
    assert_eq!(outcome(format!("{TOP}{good}")).expect("a good table"), 2);
    for (from, to, complaint) in [
        ("2013-01-01", "", "line 2: the first line names no day"),
        ("2013-01-01", "2013-13-01", "line 2: day"),
        (",0517", ",2517", "line 3: time"),
        (",0517", ",17", "line 3: time `17`"),
        (",0517", ",7", "line 3: time `7`"),
        (",0517", ",0514", "line 3: UA1714-LGA-IAH-2013-01-01T05:14 comes too late"),
        (",0517,UA,1714,LGA", ",0515,UA,1545,EWR", "line 3: UA1545-EWR-IAH-2013-01-01T05:15 comes too late"),
        ("1714", "-1", "line 3: flight_number -1"),
        ("4,20", ",20", "line 3: arrived 20 minutes late and never departed"),
        ("4,20", "4,x", "line 3: arrival_delay_min x"),
        ("4,20", "4", "line 3"),
        // Neither is on the clocks of New York exactly once: summer time begins, summer time ends.
        ("2013-01-01,0515", "2013-03-10,0230", "line 2: time"),
        ("2013-01-01,0515", "2013-11-03,0130", "line 2: time"),
        ("day,", "date,", "the columns are"),
    ] {
        let error = outcome(format!("{TOP}{good}").replacen(from, to, 1)).expect_err(complaint);
        assert!(format!("{error:#}").contains(complaint), "{complaint:?} not in {error:#}");
    }
    let half = PlannedFlights::read(GzDecoder::new(&FLIGHTS[..FLIGHTS.len() / 2])).expect("a header");
    assert!(half.map(|flight| flight.is_err()).last().expect("flights"), "half of the table ends with an error");
}
