//! What is measured about the versions of packs that judge: how many remedies each of them judged, and whether it gave
//! something, so that a canary can be compared with the version that it is tried against.

use opentelemetry::KeyValue;

use super::tenant_packs::PacksOfTenant;
use crate::domain::assessment::Assessment;
use crate::domain::pack::PackStatus;

/// What tenants have applied is counted together: there may be any number of it.
const APPLIED: &str = "applied";

/// What one version of a pack made of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pack: String,
    version: String,
    canary: bool,
    gives: bool,
}

impl PacksOfTenant {
    /// One for each version that judged; those that are not for the event did not.
    pub(crate) fn judgements(&self, assessment: &Assessment) -> Vec<Judgement> {
        let mut judgements: Vec<Judgement> = Vec::new();
        let shadows = |pack: &str, version: &str| {
            self.set.version(pack, version).is_some_and(|pack| pack.status == PackStatus::Draft)
        };
        for decision in assessment.decisions.iter().filter(|decision| !decision.rule.is_empty()) {
            let (mut pack, mut version) = (decision.pack.clone(), decision.version.clone());
            if shadows(&pack, &version) {
                continue;
            }
            if self.applied(&pack, &version).is_some() {
                (pack, version) = (APPLIED.to_owned(), APPLIED.to_owned());
            }
            let gives = decision.applies && decision.set_off_by.is_empty();
            match judgements.iter_mut().find(|known| known.pack == pack && known.version == version) {
                Some(known) => known.gives |= gives,
                None => judgements.push(Judgement { pack, version, canary: decision.canary, gives }),
            }
        }
        judgements
    }
}

impl Judgement {
    /// Counts it, once the remedy is durable.
    pub(crate) fn count(&self) {
        opentelemetry::global::meter("amends.compensation")
            .u64_counter("amends.pack.judgements")
            .with_description("Remedies that a version of a pack judged, by pack, version, canary and whether it gave")
            .build()
            .add(
                1,
                &[
                    KeyValue::new("pack", self.pack.clone()),
                    KeyValue::new("version", self.version.clone()),
                    KeyValue::new("canary", self.canary),
                    KeyValue::new("gives", self.gives),
                ],
            );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kernel::{TenantId, Timestamp};

    use super::super::tenant_packs::TenantPacks;
    use super::*;
    use crate::domain::event::{Fact, FailureEvent, Severity};
    use crate::domain::pack::canary::CanaryRule;
    use crate::domain::pack::set::PackSet;
    use crate::store::packs::AppliedPack;

    fn document(id: &str, version: &str, status: &str) -> String {
        format!(
            "{{ id: {id}, display_name: P, version: \"{version}\", status: {status}, effective_from: \"2020-01-01\", \
             sources: [s], event_kinds: [x], inputs: [{{ name: n, type: INTEGER }}], rules: [\
             {{ id: {id}-r, description: D., condition: n > 1, automatic: [{{ id: m, basis: RESTITUTION, kind: MONEY, \
             description: M, amount: {{ fixed: EUR 1.00 }} }}] }}, \
             {{ id: {id}-s, description: D., condition: n > 2, automatic: [{{ id: m, basis: RESTITUTION, kind: MONEY, \
             description: M, amount: {{ fixed: EUR 1.00 }} }}] }}] }}"
        )
    }

    /// Each version once, whatever the number of its rules; no draft; all that a tenant applied together.
    #[test]
    fn each_version_that_judged_counts_once() {
        let documents = [document("a", "1", "ACTIVE"), document("a", "2", "ACTIVE"), document("b", "1", "DRAFT")];
        let canary = CanaryRule { pack: "a".to_owned(), version: "2".to_owned(), per_mille: 1_000 };
        let base = PackSet::with_canaries(documents.iter().map(|text| ("test", text.as_str())), &[canary]);
        let packs = TenantPacks::new(base.expect("valid packs"));
        let applied = ["c", "d"].map(|id| AppliedPack {
            revision: 0,
            pack: id.to_owned(),
            version: "7".to_owned(),
            document: document(id, "7", "ACTIVE"),
            applied_by: "Ada".to_owned(),
            applied_at: Timestamp::from_seconds(0),
        });
        let tenant = TenantId::parse("t").expect("a tenant");
        let packs = packs.of_rows(&tenant, applied.to_vec()).expect("valid packs");
        for (number, gives) in [(1, false), (2, true), (3, true)] {
            let event = FailureEvent {
                kind: "x".to_owned(),
                occurred_at: Timestamp::from_seconds(1_700_000_000),
                reference: String::new(),
                facts: BTreeMap::from([("n".to_owned(), Fact::Integer(number))]),
            };
            let counted = packs.judgements(&packs.set.assess(&event, Severity::Low));
            let told: Vec<_> = counted
                .iter()
                .map(|judged| (judged.pack.as_str(), judged.version.as_str(), judged.canary, judged.gives))
                .collect();
            assert_eq!(told, [("a", "2", true, gives), (APPLIED, APPLIED, false, gives)], "{number}");
        }
    }
}
