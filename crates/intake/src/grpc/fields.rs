//! Fields that several requests have.

use kernel::{ResourceId, ServiceError, Violations};
use uuid::Uuid;

/// Longest free text in characters.
pub(super) const MAX_TEXT: usize = 2_000;

/// A resource name that must be given. A wrong one is recorded, and stands for nothing.
pub(super) fn name<I: ResourceId>(field: &str, value: &str, violations: &mut Violations) -> I {
    I::parse_name(value).unwrap_or_else(|| {
        let reason = if value.is_empty() { "REQUIRED" } else { "RESOURCE_NAME" };
        let collection = I::COLLECTION;
        violations.add(field, reason, format!("must be {collection}/ and a UUID in lower case with hyphens"));
        Uuid::nil().into()
    })
}

/// A resource name that may be empty.
pub(super) fn optional_name<I: ResourceId>(field: &str, value: &str, violations: &mut Violations) -> Option<I> {
    (!value.is_empty()).then(|| name(field, value, violations))
}

/// The name that a read asks for.
pub(super) fn only_name<I: ResourceId>(field: &str, value: &str) -> Result<I, ServiceError> {
    let mut violations = Violations::new();
    let id = name(field, value, &mut violations);
    violations.finish().map(|()| id)
}

/// A message that must be given; an absent one is recorded.
pub(super) fn required<'a, M>(field: &str, value: &'a Option<M>, violations: &mut Violations) -> Option<&'a M> {
    if value.is_none() {
        violations.add(field, "REQUIRED", "is required");
    }
    value.as_ref()
}

/// The value, once there is no violation. A value can be missing only beside a violation.
pub(super) fn finish<T>(value: Option<T>, violations: Violations) -> Result<T, ServiceError> {
    violations.finish()?;
    value.ok_or_else(|| ServiceError::internal("a field was refused without a violation"))
}
