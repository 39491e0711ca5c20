//! The packs that a service judges by: those it ships, and those of a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::document;
use super::judge;
use super::{Pack, PackStatus, Policy};
use crate::domain::assessment::Assessment;
use crate::domain::event::{FailureEvent, Severity};

/// A pack that is shipped: its directory, document and test vectors.
macro_rules! shipped {
    ($($directory:literal),* $(,)?) => {
        [$((
            $directory,
            include_str!(concat!("../../../packs/", $directory, "/pack.yaml")),
            include_str!(concat!("../../../packs/", $directory, "/vectors.yaml")),
        )),*]
    };
}

/// The packs that are shipped: directory, document, test vectors.
pub const SHIPPED: [(&str, &str, &str); 11] = shipped![
    "ca-appr",
    "care-klm",
    "eu-rail",
    "eu261",
    "eu261-reform-2026",
    "goodwill",
    "parcel-care",
    "uk-delay-repay",
    "uk-ofcom",
    "uk261",
    "us-dot-260"
];

/// Packs that can be judged by together. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PackSet {
    packs: Arc<[Arc<Pack>]>,
    /// The packs that name the kinds which they judge, by kind; in the order of the packs.
    by_kind: Arc<BTreeMap<String, Vec<usize>>>,
    /// The packs that judge kinds which nobody names.
    of_any_kind: Arc<[usize]>,
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
                Ok(pack) => packs.push(Arc::new(pack)),
                Err(found) => problems.extend(found.into_iter().map(|problem| format!("{name}: {problem}"))),
            }
        }
        problems.extend(conflicts(&packs));
        if problems.is_empty() { Ok(Self::of(packs)) } else { Err(problems) }
    }

    /// Of packs that may be judged by together.
    fn of(mut packs: Vec<Arc<Pack>>) -> Self {
        packs.sort_by(|a, b| (&a.id, a.in_force.0, &a.version).cmp(&(&b.id, b.in_force.0, &b.version)));
        let of_any_kind: Vec<_> = (0..packs.len()).filter(|index| kinds(&packs[*index]).is_none()).collect();
        let mut by_kind: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for pack in &packs {
            for kind in kinds(pack).into_iter().flatten() {
                by_kind.entry(kind.to_owned()).or_default();
            }
        }
        for (kind, places) in &mut by_kind {
            places.extend((0..packs.len()).filter(|index| packs[*index].judges(kind)));
        }
        Self { packs: packs.into(), by_kind: Arc::new(by_kind), of_any_kind: of_any_kind.into() }
    }

    /// The packs that are shipped.
    ///
    /// # Errors
    /// Never: a test loads them.
    pub fn shipped() -> Result<Self, Vec<String>> {
        Self::from_documents(SHIPPED.iter().map(|(id, pack, _)| (*id, *pack)))
    }

    /// All of them, by id and time.
    pub fn packs(&self) -> &[Arc<Pack>] {
        &self.packs
    }

    /// What is owed for an event.
    pub fn assess(&self, event: &FailureEvent, severity: Severity) -> Assessment {
        judge::assess(self.for_kind(&event.kind), event, severity)
    }

    fn for_kind(&self, kind: &str) -> impl Iterator<Item = &Pack> {
        let places = self.by_kind.get(kind).map_or(&*self.of_any_kind, Vec::as_slice);
        places.iter().filter_map(|place| self.packs.get(*place)).map(|pack| &**pack)
    }
}

/// The kinds that a pack names; `None` when one of its rules judges any kind.
fn kinds(pack: &Pack) -> Option<BTreeSet<&str>> {
    let mut kinds: BTreeSet<&str> = pack.event_kinds.iter().map(String::as_str).collect();
    for rule in &pack.rules {
        if rule.on.is_empty() && pack.event_kinds.is_empty() {
            return None;
        }
        kinds.extend(rule.on.iter().map(String::as_str));
    }
    Some(kinds)
}

/// Two versions of a pack that would both decide, two packs with a rule of the same name, and a group of rules that two
/// packs settle by different policies.
fn conflicts(packs: &[Arc<Pack>]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut policies: BTreeMap<&str, (Policy, &str)> = BTreeMap::new();
    for (index, pack) in packs.iter().enumerate() {
        for rule in &pack.rules {
            let owner = *owners.entry(&rule.id).or_insert(&pack.id);
            if owner != pack.id {
                problems.push(format!("{}: rule `{}` is also a rule of {owner}", pack.id, rule.id));
            }
        }
        for group in &pack.set_off {
            let (policy, owner) = *policies.entry(&group.group).or_insert((group.policy, &pack.id));
            if policy != group.policy {
                problems.push(format!("{}: group `{}` is settled otherwise by {owner}", pack.id, group.group));
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
    let active = a.status != PackStatus::Draft && b.status != PackStatus::Draft;
    let a_ends_before = a.in_force.1.is_some_and(|end| end <= b.in_force.0);
    let b_ends_before = b.in_force.1.is_some_and(|end| end <= a.in_force.0);
    active && !a_ends_before && !b_ends_before
}
