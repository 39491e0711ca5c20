//! Milestones of other services.

use std::collections::BTreeMap;

use api::extension;
use chassis::wire;
use kernel::{ServiceError, Violations};

use super::fields;
use crate::domain::milestone::{Kind, Milestone};

/// Milestones in one batch at most.
const MAX_BATCH: usize = 500;
/// Attributes of one milestone at most.
const MAX_ATTRIBUTES: usize = 16;

/// ReportMilestones: the request id and the milestones.
pub(super) fn report(request: &extension::ReportMilestonesRequest) -> Result<(String, Vec<Milestone>), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    violations.count("milestones", request.milestones.len(), 1, MAX_BATCH);
    let mut milestones = Vec::with_capacity(request.milestones.len().min(MAX_BATCH));
    for (index, milestone) in request.milestones.iter().take(MAX_BATCH).enumerate() {
        milestones.extend(violations.within(format!("milestones[{index}]"), |violations| one(milestone, violations)));
    }
    violations.finish()?;
    Ok((request_id, milestones))
}

fn one(milestone: &extension::Milestone, violations: &mut Violations) -> Option<Milestone> {
    let kind = violations.known_enum::<extension::milestone::Kind>(
        "kind",
        milestone.kind,
        "KIND_WORK_OPENED to KIND_PLAN_NEEDS_ATTENTION as the service describes them",
    );
    let case = fields::name("case", &milestone.case, violations);
    let subject = violations.text("subject", &milestone.subject, 1, 128);
    let happened_at = wire::timestamp("happened_at", milestone.happened_at.as_ref(), violations);
    let summary = violations.text("summary", &milestone.summary, 0, 512);
    let attributes = attributes(&milestone.attributes, violations);
    // The names agree but for the prefix; a test goes through all of them.
    let kind = Kind::parse(kind?.as_str_name().trim_start_matches("KIND_"))?;
    Some(Milestone { kind, case, subject, happened_at, summary, attributes })
}

fn attributes(values: &BTreeMap<String, String>, violations: &mut Violations) -> BTreeMap<String, String> {
    violations.count("attributes", values.len(), 0, MAX_ATTRIBUTES);
    let mut attributes = BTreeMap::new();
    for (key, value) in values.iter().take(MAX_ATTRIBUTES) {
        if key.is_empty() || key.chars().count() > 63 || key.contains('\0') {
            violations.add("attributes", "PATTERN", format!("the key {key:.70?} must have 1 to 63 characters, no NUL"));
            continue;
        }
        attributes.insert(key.clone(), violations.text(&format!("attributes[{key}]"), value, 0, 512));
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_wire_is_one_of_the_domain() {
        let wire: Vec<_> = (1..100).filter_map(|n| extension::milestone::Kind::try_from(n).ok()).collect();
        assert_eq!(wire.len(), Kind::ALL.len());
        for kind in wire {
            let name = kind.as_str_name().trim_start_matches("KIND_");
            assert_eq!(Kind::parse(name).map(Kind::as_str), Some(name));
        }
    }
}
