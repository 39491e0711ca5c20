//! The packs that a service judges by: those it ships, and those of a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kernel::Timestamp;

use super::canary::{Canary, CanaryRule};
use super::document;
use super::explain::explain;
use super::judge;
use super::{Pack, PackStatus, Policy, canary};
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
pub const SHIPPED: [(&str, &str, &str); 12] = shipped![
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
    "us-dot-250",
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
    /// The later versions that judge in the place of each pack when they hold.
    replaced_by: Arc<[Vec<usize>]>,
    /// Versions for a share of the tenants; those in force are among the packs as well.
    canaries: Arc<[Canary]>,
}

impl PackSet {
    /// From documents with the names that problems are told by. A pack may come in several versions, each for a time of
    /// its own.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn from_documents<'a>(documents: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<String>> {
        Self::with_canaries(documents, &[])
            .map_err(|problems| problems.into_iter().map(|(_, problem)| problem).collect())
    }

    /// As `from_documents`, with versions that are in force for a share of the tenants: they may hold at the same time as
    /// another version, and judge for nobody until a tenant is named (`for_tenant`).
    ///
    /// # Errors
    /// Everything that is wrong: where (`canary[0].version`; empty for a document) and what.
    pub fn with_canaries<'a>(
        documents: impl IntoIterator<Item = (&'a str, &'a str)>,
        rules: &[CanaryRule],
    ) -> Result<Self, Vec<(String, String)>> {
        let mut packs = Vec::new();
        let mut problems = Vec::new();
        for (name, yaml) in documents {
            match document::parse(yaml) {
                Ok(pack) => packs.push(Arc::new(pack)),
                Err(found) => problems.extend(found.into_iter().map(|problem| format!("{name}: {problem}"))),
            }
        }
        let is_whole = problems.is_empty();
        problems.extend(clashes(&packs));
        let (canaries, stable): (Vec<_>, Vec<_>) =
            packs.iter().cloned().partition(|pack| rules.iter().any(|rule| rule.names(pack)));
        problems.extend(overlaps(&stable));
        let mut problems: Vec<_> = problems.into_iter().map(|problem| (String::new(), problem)).collect();
        // What could not be read is not unknown.
        problems.extend(canary::problems(rules, is_whole.then_some(packs.as_slice())));
        if !problems.is_empty() {
            return Err(problems);
        }
        let canaries = canaries.into_iter().map(|pack| Canary::new(pack, rules)).collect();
        Ok(Self::of(stable, canaries))
    }

    /// With the versions that are in force for a tenant, because it is among their share.
    pub fn for_tenant(&self, tenant: &str) -> Self {
        if self.canaries.is_empty() {
            return self.clone();
        }
        let canaries: Arc<[Canary]> = self.canaries.iter().map(|canary| canary.for_tenant(tenant)).collect();
        let in_force = canaries.iter().filter(|canary| canary.in_force).map(|canary| Arc::clone(&canary.pack));
        Self::of(self.packs.iter().cloned().chain(in_force).collect(), Arc::clone(&canaries))
    }

    /// With versions that were applied later, in their order. Where a version of the same pack holds as well, the later one
    /// judges; a draft takes the place of drafts only.
    pub fn with_applied<'a>(&self, applied: impl IntoIterator<Item = &'a Arc<Pack>>) -> Self {
        // A canary is younger than what it is tried against, whatever their days.
        let (canaries, mut packs): (Vec<_>, Vec<_>) =
            self.packs.iter().cloned().partition(|pack| self.canary_of(pack).is_some());
        packs.extend(canaries);
        let mut canaries = self.canaries.to_vec();
        for pack in applied {
            packs.retain(|known| (&known.id, &known.version) != (&pack.id, &pack.version));
            canaries.retain(|canary| (&canary.pack.id, &canary.pack.version) != (&pack.id, &pack.version));
            packs.push(Arc::clone(pack));
        }
        Self::of(packs, canaries.into())
    }

    /// What is wrong with judging by these packs and another one together.
    pub fn problems_with(&self, other: &Arc<Pack>) -> Vec<String> {
        let known = self.known();
        let others = known.iter().filter(|known| known.id != other.id || known.version != other.version);
        let all: Vec<_> = others.cloned().chain([Arc::clone(other)]).collect();
        clashes(&all)
    }

    /// Of packs that may be judged by together, in the order in which they became known.
    fn of(packs: Vec<Arc<Pack>>, canaries: Arc<[Canary]>) -> Self {
        let mut ordered: Vec<(usize, Arc<Pack>)> = packs.into_iter().enumerate().collect();
        ordered.sort_by(|(_, a), (_, b)| (&a.id, a.in_force.0, &a.version).cmp(&(&b.id, b.in_force.0, &b.version)));
        let replaces = |(later, by): &(usize, Arc<Pack>), (earlier, of): &(usize, Arc<Pack>)| {
            by.id == of.id && later > earlier && (by.status != PackStatus::Draft || of.status == PackStatus::Draft)
        };
        let replaced_by: Vec<Vec<usize>> =
            ordered.iter().map(|of| (0..ordered.len()).filter(|by| replaces(&ordered[*by], of)).collect()).collect();
        let packs: Vec<Arc<Pack>> = ordered.into_iter().map(|(_, pack)| pack).collect();
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
        Self {
            packs: packs.into(),
            by_kind: Arc::new(by_kind),
            of_any_kind: of_any_kind.into(),
            replaced_by: replaced_by.into(),
            canaries,
        }
    }

    /// The packs that are shipped.
    ///
    /// # Errors
    /// Never: a test loads them.
    pub fn shipped() -> Result<Self, Vec<String>> {
        Self::from_documents(SHIPPED.iter().map(|(id, pack, _)| (*id, *pack)))
    }

    /// Those that judge, by id and time.
    pub fn packs(&self) -> &[Arc<Pack>] {
        &self.packs
    }

    /// Those that judge, and the versions that are in force for other tenants only; by id and time.
    pub fn known(&self) -> Vec<Arc<Pack>> {
        let elsewhere = self.canaries.iter().filter(|canary| !canary.in_force).map(|canary| &canary.pack);
        let mut known: Vec<_> = self.packs.iter().chain(elsewhere).cloned().collect();
        known.sort_by(|a, b| (&a.id, a.in_force.0, &a.version).cmp(&(&b.id, b.in_force.0, &b.version)));
        known
    }

    /// The share of the tenants that a version is in force for; `None` when it is for all that know it.
    pub fn canary_of(&self, pack: &Pack) -> Option<&Canary> {
        self.canaries.iter().find(|canary| canary.pack.id == pack.id && canary.pack.version == pack.version)
    }

    /// What is owed for an event.
    pub fn assess(&self, event: &FailureEvent, severity: Severity) -> Assessment {
        self.tell_canaries(judge::assess(self.judging(event), event, severity))
    }

    /// What is owed for an event, with what would change each decision.
    pub fn explain(&self, event: &FailureEvent, severity: Severity) -> Assessment {
        self.tell_canaries(explain(self.judging(event), event, severity))
    }

    fn tell_canaries(&self, mut assessment: Assessment) -> Assessment {
        for canary in self.canaries.iter().filter(|canary| canary.in_force) {
            canary.tell(&mut assessment.decisions);
        }
        assessment
    }

    /// A version of a pack, whether it judges for the tenant or not.
    pub fn version(&self, id: &str, version: &str) -> Option<&Arc<Pack>> {
        let known = self.packs.iter().chain(self.canaries.iter().map(|canary| &canary.pack));
        known.into_iter().find(|pack| pack.id == id && pack.version == version)
    }

    /// The version of a pack that judges at a time; drafts judge where nothing else does.
    pub fn version_at(&self, id: &str, at: Timestamp) -> Option<&Arc<Pack>> {
        let holding = |place: &usize| {
            self.packs[*place].id == id && self.packs[*place].holds_at(at) && self.is_current(*place, at)
        };
        let places: Vec<_> = (0..self.packs.len()).filter(holding).collect();
        let decides = places.iter().find(|place| self.packs[**place].status != PackStatus::Draft);
        decides.or(places.first()).map(|place| &self.packs[*place])
    }

    fn judging<'a>(&'a self, event: &'a FailureEvent) -> impl Iterator<Item = &'a Pack> + Clone {
        let places = self.by_kind.get(&event.kind).map_or(&*self.of_any_kind, Vec::as_slice);
        let current = places.iter().filter(|place| self.is_current(**place, event.occurred_at));
        current.filter_map(|place| self.packs.get(*place)).map(|pack| &**pack)
    }

    /// False when a later version of the pack judges in its place. One that does not hold says so itself.
    fn is_current(&self, place: usize, at: Timestamp) -> bool {
        let holds = |place: usize| self.packs[place].holds_at(at);
        !holds(place) || !self.replaced_by[place].iter().any(|later| holds(*later))
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

/// Two versions of a pack that would both decide.
fn overlaps(packs: &[Arc<Pack>]) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, pack) in packs.iter().enumerate() {
        for other in packs[..index].iter().filter(|other| other.id == pack.id) {
            if other.version != pack.version && both_decide(other, pack) {
                problems.push(format!(
                    "{}: versions {} and {} hold at the same time",
                    pack.id, other.version, pack.version
                ));
            }
        }
    }
    problems
}

/// A version that is there twice, two packs with a rule of the same name, and a group of rules that two packs settle by
/// different policies.
fn clashes(packs: &[Arc<Pack>]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut policies: BTreeMap<&str, (Policy, &str)> = BTreeMap::new();
    let mut versions = BTreeSet::new();
    for pack in packs {
        if !versions.insert((&pack.id, &pack.version)) {
            problems.push(format!("{}: version {} is there twice", pack.id, pack.version));
        }
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
    }
    problems
}

fn both_decide(a: &Pack, b: &Pack) -> bool {
    let active = a.status != PackStatus::Draft && b.status != PackStatus::Draft;
    let a_ends_before = a.in_force.1.is_some_and(|end| end <= b.in_force.0);
    let b_ends_before = b.in_force.1.is_some_and(|end| end <= a.in_force.0);
    active && !a_ends_before && !b_ends_before
}

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;
