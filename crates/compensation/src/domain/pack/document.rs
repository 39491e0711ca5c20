//! A pack as it is written: YAML, strict. `read` makes a pack of it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::derived::Function;
use super::input::Type;
use super::{Pack, PackStatus, Policy, read};
use crate::domain::line::{Basis, Consent};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackDocument {
    pub(super) id: String,
    pub(super) display_name: String,
    pub(super) version: String,
    pub(super) status: PackStatus,
    #[serde(default)]
    pub(super) jurisdiction: String,
    #[serde(default)]
    pub(super) reviewed: String,
    #[serde(default = "yes")]
    pub(super) proactive: bool,
    #[serde(default = "utc")]
    pub(super) time_zone: String,
    pub(super) effective_from: String,
    #[serde(default)]
    pub(super) effective_to: String,
    #[serde(default)]
    pub(super) event_kinds: Vec<String>,
    #[serde(default)]
    pub(super) applies_when: Option<String>,
    #[serde(default)]
    pub(super) inputs: Vec<InputDocument>,
    #[serde(default)]
    pub(super) terms: Vec<TermDocument>,
    #[serde(default)]
    pub(super) set_off: Vec<SetOffDocument>,
    pub(super) sources: Vec<SourceDocument>,
    #[serde(default)]
    pub(super) rules: Vec<RuleDocument>,
}

const fn yes() -> bool {
    true
}

fn utc() -> String {
    "UTC".to_owned()
}

fn always() -> String {
    "true".to_owned()
}

/// An input as packs and experiments write it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain) struct InputDocument {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: Type,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) default: Option<FactDocument>,
    #[serde(default)]
    pub(super) derived: Option<DerivedDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain) struct DerivedDocument {
    pub(super) function: Function,
    pub(super) of: Vec<String>,
}

/// A fact as packs and vectors write it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(in crate::domain) enum FactDocument {
    Integer(i64),
    Boolean(bool),
    Money { money: String },
    Time { time: String },
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TermDocument {
    pub(super) name: String,
    pub(super) is: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetOffDocument {
    pub(super) group: String,
    pub(super) policy: Policy,
    #[serde(default)]
    pub(super) order: i64,
    #[serde(default)]
    pub(super) first_when: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum SourceDocument {
    Title(String),
    Whole(WholeSource),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WholeSource {
    #[serde(default)]
    pub(super) id: String,
    pub(super) title: String,
    #[serde(default)]
    pub(super) url: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleDocument {
    pub(super) id: String,
    pub(super) description: String,
    #[serde(default)]
    pub(super) article: String,
    #[serde(default)]
    pub(super) source: String,
    #[serde(default)]
    pub(super) on: Vec<String>,
    #[serde(default = "always")]
    pub(super) condition: String,
    #[serde(default)]
    pub(super) set_off: String,
    #[serde(default)]
    pub(super) automatic: Vec<LineDocument>,
    #[serde(default)]
    pub(super) choice_of: Vec<OptionDocument>,
    #[serde(default)]
    pub(super) if_unanswered: String,
    #[serde(default)]
    pub(super) answer_within_hours: Option<u32>,
    #[serde(default)]
    pub(super) plus: Vec<LineDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OptionDocument {
    pub(super) id: String,
    pub(super) description: String,
    #[serde(default)]
    pub(super) consent: Consent,
    pub(super) lines: Vec<LineDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineDocument {
    pub(super) id: String,
    pub(super) basis: Basis,
    pub(super) kind: KindDocument,
    pub(super) description: String,
    #[serde(default)]
    pub(super) article: String,
    #[serde(default)]
    pub(super) when: Option<String>,
    #[serde(default)]
    pub(super) amount: Option<AmountDocument>,
    #[serde(default)]
    pub(super) percent: Option<u32>,
    #[serde(default)]
    pub(super) refund: bool,
    #[serde(default)]
    pub(super) assumption: String,
    #[serde(default)]
    pub(super) never_expires: bool,
    #[serde(default)]
    pub(super) catalogue_item: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum KindDocument {
    Money,
    Voucher,
    Discount,
    Service,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AmountDocument {
    #[serde(default)]
    pub(super) fixed: Option<String>,
    #[serde(default)]
    pub(super) from_fact: Option<String>,
    #[serde(default)]
    pub(super) table: Option<TableDocument>,
    #[serde(default)]
    pub(super) percent: Option<f64>,
    #[serde(default)]
    pub(super) divide_by: Option<u32>,
    #[serde(default)]
    pub(super) times: Option<TimesDocument>,
    #[serde(default)]
    pub(super) adjust: Vec<AdjustDocument>,
    #[serde(default)]
    pub(super) min: Option<String>,
    #[serde(default)]
    pub(super) max: Option<String>,
    #[serde(default)]
    pub(super) nothing_below: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableDocument {
    #[serde(default)]
    pub(super) by: Option<String>,
    pub(super) rows: Vec<RowDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RowDocument {
    #[serde(default)]
    pub(super) up_to: Option<BoundDocument>,
    #[serde(default)]
    pub(super) below: Option<BoundDocument>,
    #[serde(default)]
    pub(super) since: Option<String>,
    #[serde(default)]
    pub(super) until: Option<String>,
    #[serde(default)]
    pub(super) when: Option<String>,
    #[serde(default)]
    pub(super) amount: Option<String>,
    #[serde(default)]
    pub(super) percent: Option<f64>,
    #[serde(default)]
    pub(super) divide_by: Option<u32>,
    #[serde(default)]
    pub(super) assumption: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum BoundDocument {
    Integer(i64),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum TimesDocument {
    Integer(i64),
    Input(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdjustDocument {
    pub(super) when: String,
    pub(super) percent: f64,
    pub(super) because: String,
}

/// Reads a pack.
///
/// # Errors
/// Everything that is wrong with the document, each problem with its path; an unknown key or a missing one alone, since
/// nothing can be read beyond it.
pub fn parse(yaml: &str) -> Result<Pack, Vec<String>> {
    if yaml.len() > read::MAX_DOCUMENT {
        return Err(vec![format!("has {} bytes; at most {} are allowed", yaml.len(), read::MAX_DOCUMENT)]);
    }
    let document: PackDocument = serde_norway::from_str(yaml).map_err(|error| vec![error.to_string()])?;
    read::pack(document, yaml)
}

pub(in crate::domain) use super::read::population;

/// The facts of a vector, or what is wrong with them.
pub(super) fn facts(
    documents: BTreeMap<String, FactDocument>,
) -> Result<BTreeMap<String, crate::domain::event::Fact>, String> {
    documents.into_iter().map(|(key, fact)| Ok((key, read::fact(&fact)?))).collect()
}

#[cfg(test)]
#[path = "document_bounds_tests.rs"]
mod bounds;
#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
