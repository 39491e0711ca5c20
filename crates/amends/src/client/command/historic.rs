//! Events that happened: the flights that come with the binary, or a file of them.
//!
//! Always holds: events are read one at a time, however many there are, and a line that is wrong is told with its number.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use api::common::{Fact, FailureEvent, Severity};
use api::compensation::HistoricEvent;
use serde::Deserialize;
use serde_json::Value;

use super::affected::json_fact;
use crate::client::values::time;
use crate::flights::{Fate, PlannedFlight, planned_flights};

/// Events, one at a time.
pub type Events = Box<dyn Iterator<Item = anyhow::Result<HistoricEvent>> + Send>;

/// One line of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    kind: String,
    at: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    customers: i32,
    #[serde(default)]
    facts: BTreeMap<String, Value>,
}

/// Every New York flight of 2013, each as an event that hit one customer.
///
/// # Errors
/// Never, but for a binary without its time zones.
pub fn flights() -> anyhow::Result<Events> {
    Ok(Box::new(planned_flights()?.map(|flight| Ok(of_flight(&flight?)))))
}

/// As severe as the demo reports it.
fn of_flight(flight: &PlannedFlight) -> HistoricEvent {
    let severity = match flight.fate {
        Fate::Cancelled => Severity::High,
        Fate::Diverted { .. } => Severity::Medium,
        Fate::Arrived { arrival_delay_min, .. } if arrival_delay_min > 180 => Severity::Medium,
        Fate::Arrived { .. } => Severity::Low,
    };
    HistoricEvent { event: Some(flight.event()), severity: severity.into(), customers: 1 }
}

/// The events of a file, one JSON object a line; `-` is standard input.
///
/// # Errors
/// When it cannot be opened.
pub fn file(path: &Path) -> anyhow::Result<Events> {
    let source: Box<dyn Read + Send> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("{} cannot be read", path.display()))?)
    };
    let name = path.display().to_string();
    let lines = (1_u64..).zip(BufReader::new(source).lines());
    let lines = lines.filter(|(_, line)| !line.as_ref().is_ok_and(|line| line.trim().is_empty()));
    Ok(Box::new(lines.map(move |(number, line)| {
        line.map_err(anyhow::Error::from)
            .and_then(|line| parse(&line))
            .with_context(|| format!("{name}, line {number}"))
    })))
}

fn parse(line: &str) -> anyhow::Result<HistoricEvent> {
    let line: Line = serde_json::from_str(line)?;
    let occurred_at = time(&line.at).map_err(|why| anyhow!("at: {why}"))?;
    let facts = line.facts.iter().map(|(key, value)| match json_fact(value) {
        Ok(value) => Ok((key.clone(), Fact { value: Some(value) })),
        Err(why) => Err(anyhow!("facts.{key}: {why}")),
    });
    let facts = facts.collect::<anyhow::Result<_>>()?;
    let severity = match line.severity.to_ascii_uppercase().as_str() {
        "" => Severity::Unspecified,
        word => match Severity::from_str_name(&format!("SEVERITY_{word}")) {
            Some(severity) => severity,
            None => bail!("severity: give low, medium, high or critical"),
        },
    };
    let event = FailureEvent { kind: line.kind, occurred_at: Some(occurred_at), reference: line.reference, facts };
    Ok(HistoricEvent { event: Some(event), severity: severity.into(), customers: line.customers })
}

/// The same events with these facts where they do not say themselves.
pub fn with_facts(events: Events, facts: BTreeMap<String, Fact>) -> Events {
    if facts.is_empty() {
        return events;
    }
    Box::new(events.map(move |historic| {
        let mut historic = historic?;
        if let Some(event) = &mut historic.event {
            for (key, fact) in &facts {
                event.facts.entry(key.clone()).or_insert_with(|| fact.clone());
            }
        }
        Ok(historic)
    }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use api::common::fact;

    use super::*;

    #[test]
    fn a_line_is_an_event_and_a_wrong_one_is_told() {
        let line = r#"{"kind": "bill.wrong", "at": "2026-03-01T12:00:00Z", "severity": "high", "customers": 3,
            "facts": {"amount": "EUR 5.00", "days": 2}}"#;
        let historic = parse(line).unwrap();
        let event = historic.event.clone().unwrap();
        assert_eq!((event.kind.as_str(), historic.customers, historic.severity()), ("bill.wrong", 3, Severity::High));
        assert!(matches!(event.facts["amount"].value, Some(fact::Value::Money(_))));
        for (line, complaint) in [
            ("{}", "missing field `kind`"),
            (r#"{"kind": "a", "at": "noon"}"#, "at: give an RFC 3339 time"),
            (r#"{"kind": "a", "at": "2026-03-01T12:00:00Z", "severity": "bad"}"#, "severity: give low"),
            (r#"{"kind": "a", "at": "2026-03-01T12:00:00Z", "facts": {"x": 1.5}}"#, "facts.x: 1.5 is no whole number"),
        ] {
            let error = format!("{:#}", parse(line).unwrap_err());
            assert!(error.contains(complaint), "{error}");
        }
    }

    #[test]
    fn given_facts_stand_in_for_missing_ones() {
        let event = |facts: &[(&str, i64)]| {
            let facts = facts.iter().map(|(key, value)| ((*key).to_owned(), integer(*value))).collect();
            HistoricEvent { event: Some(FailureEvent { facts, ..FailureEvent::default() }), ..HistoricEvent::default() }
        };
        let given = BTreeMap::from([("seats".to_owned(), integer(7))]);
        let events = with_facts(Box::new([event(&[]), event(&[("seats", 2)])].map(Ok).into_iter()), given);
        let seats: Vec<_> = events.map(|event| event.unwrap().event.unwrap().facts["seats"].clone()).collect();
        assert_eq!(seats, [integer(7), integer(2)]);
    }

    fn integer(value: i64) -> Fact {
        Fact { value: Some(fact::Value::Integer(value)) }
    }
}
