//! Judging the demo's flights by one named pack, also where it was not made for them.
//!
//! Owns the pack as the demo uses it: the shipped document with what keeps it from these flights set aside (its first day,
//! where it applies). Calls the packs of compensation. What always holds: whatever is set aside, assumed or not known is
//! said, and no fact is added but those that the caller gives.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use api::common::Fact;
use compensation::domain::event::{Fact as DomainFact, FailureEvent, Severity};
use compensation::domain::pack::set::{PackSet, SHIPPED};
use compensation::domain::pack::{Pack, PackStatus, document};
use serde_norway::{Mapping, Value};

use super::flights::{Flight, FlightDisruption};

/// Kinds of event that the table of flights has; see `replay`.
const KINDS: [&str; 3] = ["flight.cancelled", "flight.delayed", "flight.diverted"];

/// Facts that it has.
const KNOWN: [&str; 8] = [
    "carrier",
    "origin",
    "destination",
    "distance_miles",
    "scheduled_departure",
    "scheduled_arrival",
    "arrival_delay_minutes",
    "departure_delay_minutes",
];

/// What the pack of a demo is, and what had to be done so that it judges the flights.
#[derive(Clone, Debug)]
pub struct JudgedBy {
    /// Directory of the pack's document, for the configuration.
    pub directory: PathBuf,
    /// Facts that the caller gave, for every flight.
    pub given: Vec<(String, Fact)>,
    id: String,
    display_name: String,
    set_aside: Vec<String>,
    assumed: Vec<String>,
    unknown: Vec<String>,
}

impl JudgedBy {
    /// Prepares the shipped pack `id` for `flights` and writes it under `data`.
    ///
    /// # Errors
    /// When there is no such pack, or it does not judge flights.
    pub fn prepare(id: &str, given: Vec<(String, Fact)>, flights: &[Flight], data: &Path) -> anyhow::Result<Self> {
        let yaml = shipped(id)?;
        let told = |problems: Vec<String>| anyhow!("pack {id}: {}", problems.join("; "));
        let pack = document::parse(yaml).map_err(told)?;
        if !KINDS.iter().any(|kind| pack.judges(kind)) {
            bail!("pack {id} does not judge flights; those that do are {}", packs_for_flights().join(", "));
        }
        let (changed, set_aside) = fit(&pack, yaml, flights)?;
        let directory = data.join("packs");
        let file = directory.join(id).join("pack.yaml");
        std::fs::create_dir_all(directory.join(id)).with_context(|| format!("cannot make {}", directory.display()))?;
        std::fs::write(&file, changed).with_context(|| format!("cannot write {}", file.display()))?;
        let (assumed, unknown) = not_in_the_data(&pack, &given);
        let (id, display_name) = (pack.id, pack.display_name);
        Ok(Self { directory, given, id, display_name, set_aside, assumed, unknown })
    }

    /// Says by what the flights were judged, and what that leaves open.
    pub fn print(&self) {
        println!("\nJudged by {}: {}", self.id, self.display_name);
        let list = |title: &str, items: &[String]| {
            if !items.is_empty() {
                println!("  {title}");
                items.iter().for_each(|item| println!("    - {item}"));
            }
        };
        list(
            "As it stands the pack does not judge these flights. To show what it would give, this is set aside:",
            &self.set_aside,
        );
        let given: Vec<_> = self.given.iter().map(|(key, fact)| format!("{key} = {}", shown(fact))).collect();
        list("Given on the command line for every flight, not by the data:", &given);
        list("Not in the data; assumed, as the pack says:", &self.assumed);
        list("Not in the data; what needs it was not given (--fact KEY=VALUE gives it):", &self.unknown);
    }
}

fn shipped(id: &str) -> anyhow::Result<&'static str> {
    let found = SHIPPED.iter().find(|(name, _, _)| *name == id).map(|(_, yaml, _)| *yaml);
    found.with_context(|| format!("there is no pack {id}; those for flights are {}", packs_for_flights().join(", ")))
}

/// Packs that are shipped and judge what the table tells.
fn packs_for_flights() -> Vec<&'static str> {
    let judges = |yaml: &str| document::parse(yaml).is_ok_and(|pack| KINDS.iter().any(|kind| pack.judges(kind)));
    SHIPPED.iter().filter(|(_, yaml, _)| judges(yaml)).map(|(id, _, _)| *id).collect()
}

/// The document so that it judges the flights, and what was set aside for that.
fn fit(pack: &Pack, yaml: &str, flights: &[Flight]) -> anyhow::Result<(String, Vec<String>)> {
    let mut document: Mapping = serde_norway::from_str(yaml)?;
    let mut set_aside = Vec::new();
    let departures = flights.iter().map(|flight| flight.scheduled_departure);
    let (first, last) = departures.clone().min().zip(departures.max()).context("there are no flights")?;
    if pack.in_force.0 > first {
        set_aside.push(format!("its first day, {}", pack.effective_from));
        document.insert("effective_from".into(), "2013-01-01".into());
    }
    if pack.in_force.1.is_some_and(|end| end <= last) {
        set_aside.push(format!("its last day, {}", pack.effective_to));
        document.remove("effective_to");
    }
    if pack.status == PackStatus::Draft {
        set_aside.push("that it is a draft".to_owned());
        document.insert("status".into(), "ACTIVE".into());
    }
    if let Some(condition) = &pack.applies_when
        && !is_for(&serde_norway::to_string(&document)?, flights)?
    {
        let condition: Vec<_> = condition.source().split_whitespace().collect();
        set_aside.push(format!("where it applies: {}", condition.join(" ")));
        document.remove("applies_when");
    }
    Ok((serde_norway::to_string(&Value::Mapping(document))?, set_aside))
}

/// True when a rule of the pack judges one of the flights: the pack as a whole did not turn it away.
fn is_for(yaml: &str, flights: &[Flight]) -> anyhow::Result<bool> {
    let packs = PackSet::from_documents([("demo", yaml)]).map_err(|problems| anyhow!(problems.join("; ")))?;
    let judges = |flight: &Flight| {
        let text = |text: &str| DomainFact::Text(text.to_owned());
        let event = FailureEvent {
            kind: match flight.disruption {
                FlightDisruption::Cancelled => "flight.cancelled".to_owned(),
                FlightDisruption::Diverted => "flight.diverted".to_owned(),
                FlightDisruption::Delayed { .. } => "flight.delayed".to_owned(),
            },
            occurred_at: flight.scheduled_departure,
            reference: flight.key(),
            facts: [
                ("origin".to_owned(), text(&flight.origin.code)),
                ("destination".to_owned(), text(&flight.destination.code)),
                ("carrier".to_owned(), text(&flight.carrier.code)),
            ]
            .into(),
        };
        packs.assess(&event, Severity::Medium).decisions.iter().any(|decision| !decision.rule.is_empty())
    };
    Ok(flights.iter().any(judges))
}

/// Inputs that rules for flights read and the data does not have: those for which the pack has a default, and the others.
fn not_in_the_data(pack: &Pack, given: &[(String, Fact)]) -> (Vec<String>, Vec<String>) {
    let (mut assumed, mut unknown) = (Vec::new(), Vec::new());
    let is_known = |name: &str| KNOWN.contains(&name) || given.iter().any(|(key, _)| key == name);
    let rules = pack.rules.iter().filter(|rule| KINDS.iter().any(|kind| rule.judges(pack, kind)));
    let read: BTreeSet<usize> = rules.flat_map(|rule| &rule.reads.inputs).copied().collect();
    for (_, input) in pack.inputs.iter().enumerate().filter(|(index, _)| read.contains(index)) {
        if is_known(&input.name) || input.derived.is_some() {
            continue;
        }
        match &input.default {
            Some(default) => assumed.push(format!("{} = {default}: {}", input.name, input.description)),
            None => unknown.push(format!("{}: {}", input.name, input.description)),
        }
    }
    (assumed, unknown)
}

/// A fact for people, as it was typed.
fn shown(fact: &Fact) -> String {
    use api::common::fact::Value;
    match &fact.value {
        Some(Value::Integer(value)) => value.to_string(),
        Some(Value::Boolean(value)) => value.to_string(),
        Some(Value::Text(value)) => value.clone(),
        Some(Value::Money(value)) => format!("{} {}.{:02}", value.currency_code, value.units, value.nanos / 10_000_000),
        Some(Value::Time(value)) => {
            kernel::Timestamp::from_seconds_nanos(value.seconds, value.nanos).unwrap_or_default().to_string()
        }
        None => String::new(),
    }
}

#[cfg(test)]
#[path = "judged_by_tests.rs"]
mod tests;
