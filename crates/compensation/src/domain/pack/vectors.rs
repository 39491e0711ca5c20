//! Test vectors of packs: events, and exactly what is owed for each, by which packs is the caller's choice.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::document::{FactDocument, facts};
use super::read::instant;
use super::set::PackSet;
use crate::domain::event::{FailureEvent, Severity};
use crate::domain::line::{OfferOption, RemedyLine};

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
    /// What drafts would give.
    #[serde(default)]
    shadow: OwedDocument,
    /// Rules that must have given way to others.
    #[serde(default)]
    set_off: Vec<String>,
    /// Facts that some rule must have missed.
    #[serde(default)]
    missing: Vec<String>,
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
        let owed = briefly(&assessment.automatic, &assessment.choice_of, &assessment.plus);
        if owed != vector.owed {
            failures.push(format!("{}: owed is {owed:?}, expected {:?}", vector.name, vector.owed));
        }
        let mut shadow = OwedDocument::default();
        for draft in &assessment.shadow {
            let OwedDocument { automatic, choice_of, plus } = briefly(&draft.automatic, &draft.choice_of, &draft.plus);
            shadow.automatic.extend(automatic);
            shadow.choice_of.extend(choice_of);
            shadow.plus.extend(plus);
        }
        if shadow != vector.shadow {
            failures.push(format!("{}: in the shadow is {shadow:?}, expected {:?}", vector.name, vector.shadow));
        }
        let set_off = assessment.decisions.iter().filter(|decision| !decision.set_off_by.is_empty());
        let set_off: Vec<_> = set_off.map(|decision| decision.rule.clone()).collect();
        if set_off != vector.set_off {
            failures.push(format!("{}: set off is {set_off:?}, expected {:?}", vector.name, vector.set_off));
        }
        for fact in vector.missing {
            if !assessment.decisions.iter().any(|decision| decision.missing.contains(&fact)) {
                failures.push(format!("{}: no rule misses `{fact}`", vector.name));
            }
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

/// The events of a document, with their names and severities.
#[cfg(test)]
pub(super) fn events(yaml: &str) -> Result<Vec<(String, FailureEvent, Severity)>, String> {
    let document: VectorsDocument = serde_norway::from_str(yaml).map_err(|error| error.to_string())?;
    let read = |vector: VectorDocument| Ok((vector.name, event(vector.event)?, vector.severity));
    document.vectors.into_iter().map(read).collect()
}

fn brief(line: &RemedyLine) -> String {
    format!("{} {}", line.id, line.benefit)
}

fn briefly(automatic: &[RemedyLine], choice_of: &[OfferOption], plus: &[RemedyLine]) -> OwedDocument {
    let lines = |lines: &[RemedyLine]| lines.iter().map(brief).collect();
    OwedDocument {
        automatic: lines(automatic),
        choice_of: choice_of.iter().map(|option| (option.id.clone(), lines(&option.lines))).collect(),
        plus: lines(plus),
    }
}

fn event(document: EventDocument) -> Result<FailureEvent, String> {
    let facts = facts(document.facts)?;
    let occurred_at = instant(&document.occurred_at)?;
    Ok(FailureEvent { kind: document.kind, occurred_at, reference: String::new(), facts })
}
