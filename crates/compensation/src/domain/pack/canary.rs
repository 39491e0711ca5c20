//! Versions that are in force for a share of the tenants first.
//!
//! Which tenants are among them is decided by `domain::share`. What always holds: a higher share only adds tenants, every
//! replica and every restart finds the same ones, and a decision of such a version says that it is one.

use std::sync::Arc;

use super::judge::cut;
use super::{Pack, PackStatus};
use crate::domain::assessment::Decision;
use crate::domain::share::place;

/// All tenants, in per mille.
pub const ALL: u32 = 1_000;

/// A version, and the share of the tenants that it is in force for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryRule {
    /// Id of the pack.
    pub pack: String,
    /// The version.
    pub version: String,
    /// The share, 0 to 1,000.
    pub per_mille: u32,
}

impl CanaryRule {
    /// True when it is about this version.
    pub fn names(&self, pack: &Pack) -> bool {
        self.pack == pack.id && self.version == pack.version
    }
}

/// A version that is in force for a share of the tenants.
#[derive(Clone, Debug)]
pub struct Canary {
    /// The version.
    pub pack: Arc<Pack>,
    /// The share, 0 to 1,000.
    pub per_mille: u32,
    /// True when the tenant in question is among them.
    pub in_force: bool,
}

impl Canary {
    /// A version that no tenant has been asked about.
    pub fn new(pack: Arc<Pack>, rules: &[CanaryRule]) -> Self {
        let per_mille = rules.iter().find(|rule| rule.names(&pack)).map_or(0, |rule| rule.per_mille);
        Self { pack, per_mille, in_force: false }
    }

    /// For one tenant.
    #[must_use]
    pub fn for_tenant(&self, tenant: &str) -> Self {
        let in_force = place(&[&self.pack.id, tenant], ALL.into()) < self.per_mille.into();
        Self { in_force, ..self.clone() }
    }

    /// Says of its decisions what they are. The share itself is left out: a higher one must not change what was said.
    pub fn tell(&self, decisions: &mut [Decision]) {
        for decision in decisions {
            if decision.pack == self.pack.id && decision.version == self.pack.version {
                decision.canary = true;
                decision.explanation = cut(&format!(
                    "By canary: version {} is in force for a share of the tenants, this one among them. {}",
                    decision.version, decision.explanation
                ));
            }
        }
    }
}

/// What is wrong with the rules: where, and what. `packs` are those that there are; `None` when that is not known.
pub(super) fn problems(rules: &[CanaryRule], packs: Option<&[Arc<Pack>]>) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let mut add = |key: &str, problem: String| problems.push((format!("canary[{index}].{key}"), problem));
        if rule.per_mille > ALL {
            add("per_mille", format!("is {}; must be 0 to {ALL}", rule.per_mille));
        }
        if rules[..index].iter().any(|other| other.pack == rule.pack) {
            add("pack", format!("{} has a canary already; a pack has one at a time", rule.pack));
        }
        let Some(packs) = packs else { continue };
        let versions: Vec<_> = packs.iter().filter(|pack| pack.id == rule.pack).collect();
        match versions.iter().find(|pack| pack.version == rule.version) {
            Some(pack) if pack.status == PackStatus::Draft => {
                add("version", format!("{} {} is a draft, which decides nothing", rule.pack, rule.version));
            }
            Some(_) => {}
            None if versions.is_empty() => {
                let problem = "is not the id of a pack that is shipped or in the directory";
                add("pack", format!("{:?} {problem}", rule.pack));
            }
            None => {
                let known: Vec<_> = versions.iter().map(|pack| pack.version.as_str()).collect();
                add("version", format!("{} has no version {:?}; it has {}", rule.pack, rule.version, known.join(", ")));
            }
        }
    }
    problems
}

#[cfg(test)]
#[path = "canary_tests.rs"]
mod tests;
