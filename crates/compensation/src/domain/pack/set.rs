//! The packs that a service judges by: those it ships, and those of a directory.

use std::collections::BTreeMap;

use super::document;
use super::judge;
use super::{Pack, PackStatus};
use crate::domain::assessment::Assessment;
use crate::domain::event::{FailureEvent, Severity};

/// The packs that are shipped: id, document, test vectors.
pub const SHIPPED: [(&str, &str, &str); 2] = [
    (
        "care-klm",
        include_str!("../../../packs/care-klm/pack.yaml"),
        include_str!("../../../packs/care-klm/vectors.yaml"),
    ),
    (
        "parcel-care",
        include_str!("../../../packs/parcel-care/pack.yaml"),
        include_str!("../../../packs/parcel-care/vectors.yaml"),
    ),
];

/// Packs that can be judged by together.
#[derive(Debug)]
pub struct PackSet {
    packs: Vec<Pack>,
}

impl PackSet {
    /// From documents with the names that problems are told by. A pack may come in several versions, each for a time of
    /// its own.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn from_documents<'a>(documents: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<String>> {
        let mut packs = Vec::new();
        let mut problems = Vec::new();
        for (name, yaml) in documents {
            match document::parse(yaml) {
                Ok(pack) => packs.push(pack),
                Err(found) => problems.extend(found.into_iter().map(|problem| format!("{name}: {problem}"))),
            }
        }
        packs.sort_by(|a: &Pack, b: &Pack| (&a.id, a.in_force.0, &a.version).cmp(&(&b.id, b.in_force.0, &b.version)));
        problems.extend(conflicts(&packs));
        if problems.is_empty() { Ok(Self { packs }) } else { Err(problems) }
    }

    /// The packs that are shipped.
    ///
    /// # Errors
    /// Never: a test loads them.
    pub fn shipped() -> Result<Self, Vec<String>> {
        Self::from_documents(SHIPPED.iter().map(|(id, pack, _)| (*id, *pack)))
    }

    /// All of them, by id and time.
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// What is owed for an event.
    pub fn assess(&self, event: &FailureEvent, severity: Severity) -> Assessment {
        judge::assess(&self.packs, event, severity)
    }
}

/// Two versions of a pack that would both decide, and two packs with a rule of the same name.
fn conflicts(packs: &[Pack]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for (index, pack) in packs.iter().enumerate() {
        for rule in &pack.rules {
            let owner = *owners.entry(&rule.id).or_insert(&pack.id);
            if owner != pack.id {
                problems.push(format!("{}: rule `{}` is also a rule of {owner}", pack.id, rule.id));
            }
        }
        for other in &packs[..index] {
            if other.id != pack.id {
                continue;
            }
            if other.version == pack.version {
                problems.push(format!("{}: version {} is there twice", pack.id, pack.version));
            } else if both_decide(other, pack) {
                problems.push(format!(
                    "{}: versions {} and {} hold at the same time",
                    pack.id, other.version, pack.version
                ));
            }
        }
    }
    problems
}

fn both_decide(a: &Pack, b: &Pack) -> bool {
    let active = a.status == PackStatus::Active && b.status == PackStatus::Active;
    let a_ends_before = a.in_force.1.is_some_and(|end| end <= b.in_force.0);
    let b_ends_before = b.in_force.1.is_some_and(|end| end <= a.in_force.0);
    active && !a_ends_before && !b_ends_before
}
