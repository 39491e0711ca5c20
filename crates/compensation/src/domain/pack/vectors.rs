//! Test vectors of a pack: events, and exactly what is owed for each.

use std::collections::BTreeMap;

use kernel::Timestamp;
use serde::Deserialize;

use super::set::PackSet;
use crate::domain::event::{Fact, FailureEvent, Severity};
use crate::domain::line::RemedyLine;
use crate::domain::money::parse_amount;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VectorsDocument {
    vectors: Vec<VectorDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VectorDocument {
    name: String,
    event: EventDocument,
    #[serde(default)]
    severity: Severity,
    #[serde(default)]
    owed: OwedDocument,
    #[serde(default)]
    because: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventDocument {
    kind: String,
    occurred_at: String,
    #[serde(default)]
    facts: BTreeMap<String, FactDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum FactDocument {
    Integer(i64),
    Boolean(bool),
    Money { money: String },
    Time { time: String },
    Text(String),
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OwedDocument {
    automatic: Vec<String>,
    choice_of: BTreeMap<String, Vec<String>>,
    plus: Vec<String>,
}

/// Runs the vectors of a document against packs; the number run, and what did not come out as expected.
///
/// # Errors
/// When the document cannot be read.
pub fn run(packs: &PackSet, yaml: &str) -> Result<(usize, Vec<String>), String> {
    let document: VectorsDocument = serde_norway::from_str(yaml).map_err(|error| error.to_string())?;
    let count = document.vectors.len();
    let mut failures = Vec::new();
    for vector in document.vectors {
        let event = event(vector.event).map_err(|error| format!("{}: {error}", vector.name))?;
        let assessment = packs.assess(&event, vector.severity);
        let owed = OwedDocument {
            automatic: assessment.automatic.iter().map(brief).collect(),
            choice_of: assessment
                .choice_of
                .iter()
                .map(|option| (option.id.clone(), option.lines.iter().map(brief).collect()))
                .collect(),
            plus: assessment.plus.iter().map(brief).collect(),
        };
        if owed != vector.owed {
            failures.push(format!("{}: owed is {owed:?}, expected {:?}", vector.name, vector.owed));
        }
        if let Some(because) = vector.because
            && !assessment.decisions.iter().any(|decision| decision.explanation.contains(&because))
        {
            let explanations: Vec<_> = assessment.decisions.iter().map(|d| d.explanation.as_str()).collect();
            failures.push(format!("{}: no explanation says `{because}`: {explanations:?}", vector.name));
        }
    }
    Ok((count, failures))
}

fn brief(line: &RemedyLine) -> String {
    format!("{} {}", line.id, line.benefit)
}

fn event(document: EventDocument) -> Result<FailureEvent, String> {
    let mut facts = BTreeMap::new();
    for (key, fact) in document.facts {
        let fact = match fact {
            FactDocument::Integer(value) => Fact::Integer(value),
            FactDocument::Boolean(value) => Fact::Boolean(value),
            FactDocument::Text(value) => Fact::Text(value),
            FactDocument::Money { money } => {
                Fact::Money(parse_amount(&money).ok_or_else(|| format!("`{money}` is not an amount"))?)
            }
            FactDocument::Time { time } => Fact::Time(instant(&time)?),
        };
        facts.insert(key, fact);
    }
    let occurred_at = instant(&document.occurred_at)?;
    Ok(FailureEvent { kind: document.kind, occurred_at, reference: String::new(), facts })
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let parsed: jiff::Timestamp = text.parse().map_err(|error| format!("`{text}` is not a time: {error}"))?;
    Ok(Timestamp::from_micros(parsed.as_microsecond()))
}
