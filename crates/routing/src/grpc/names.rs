//! Resource names and other small values as callers write them. What is wrong is recorded as a violation.

use std::collections::BTreeSet;
use std::time::Duration;

use chassis::wire;
use kernel::{ResourceId, Violations};

use crate::domain::{QueueId, is_skill};

/// Longest time that a queue may give, ten years.
const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);

/// A resource name that must be given.
pub(super) fn resource<I: ResourceId>(field: &str, name: &str, violations: &mut Violations) -> Option<I> {
    if name.is_empty() {
        violations.add(field, "REQUIRED", format!("is required: give {}/{{uuid}}", I::COLLECTION));
        return None;
    }
    let id = I::parse_name(name);
    if id.is_none() {
        violations.add(field, "RESOURCE_NAME", format!("must be {}/ and a UUID in lower case", I::COLLECTION));
    }
    id
}

/// A resource name that may be empty.
pub(super) fn optional_resource<I: ResourceId>(field: &str, name: &str, violations: &mut Violations) -> Option<I> {
    if name.is_empty() { None } else { resource(field, name, violations) }
}

/// The name of a queue that must be given.
pub(super) fn queue(field: &str, name: &str, violations: &mut Violations) -> Option<QueueId> {
    if name.is_empty() {
        violations.add(field, "REQUIRED", "is required: give queues/{id}");
        return None;
    }
    let id = QueueId::parse_name(name);
    if id.is_none() {
        violations.add(
            field,
            "RESOURCE_NAME",
            "must be queues/ and 1 to 63 characters of a-z, 0-9 and '-', starting with a letter",
        );
    }
    id
}

/// The name of a queue that may be empty.
pub(super) fn optional_queue(field: &str, name: &str, violations: &mut Violations) -> Option<QueueId> {
    if name.is_empty() { None } else { queue(field, name, violations) }
}

/// At most `most` skills; the same one twice counts as one.
pub(super) fn skills(field: &str, skills: &[String], most: usize, violations: &mut Violations) -> BTreeSet<String> {
    violations.count(field, skills.len(), 0, most);
    // The first that are too many are one violation; what is in them is not looked at.
    for (index, skill) in skills.iter().take(most).enumerate() {
        if !is_skill(skill) {
            violations.add(
                &format!("{field}[{index}]"),
                "SKILL",
                "must be 1 to 63 characters of a-z, 0-9, '-' and '_', starting with a letter or digit",
            );
        }
    }
    skills.iter().take(most).cloned().collect()
}

/// A length of time, of which zero and absence mean the service's default.
pub(super) fn window(
    field: &str,
    value: Option<&prost_types::Duration>,
    violations: &mut Violations,
) -> Option<Duration> {
    let duration = wire::optional_duration(field, value, violations)?;
    if duration.is_zero() {
        return None;
    }
    if duration < Duration::from_secs(1) || duration > LONGEST {
        violations.add(field, "DURATION_RANGE", "must be zero for the default, or 1 second to 3650 days");
        return None;
    }
    Some(duration)
}

/// A whole number of a range, of which 0 means `default`.
pub(super) fn number(field: &str, value: i32, default: u32, most: u32, violations: &mut Violations) -> u32 {
    match u32::try_from(value) {
        Ok(0) => default,
        Ok(number) if number <= most => number,
        Ok(_) | Err(_) => {
            violations.add(field, "RANGE", format!("must be 1 to {most}; 0 means {default}"));
            default
        }
    }
}

/// What a parse found: all violations, or the value. Everything that is `None` without a violation is a defect.
pub(super) fn finish<T>(violations: Violations, value: Option<T>) -> Result<T, kernel::ServiceError> {
    violations.finish()?;
    value.ok_or_else(|| kernel::ServiceError::internal("a field was refused without a violation"))
}
