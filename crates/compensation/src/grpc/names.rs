//! Resource names, request ids and page sizes of requests.

use kernel::{CaseId, PageSize, ResourceId, ServiceError, Violations};

use crate::domain::records::is_reserved;

/// A resource name that must be given. `None` after recording the violation.
pub(super) fn name<I: ResourceId>(field: &str, value: &str, violations: &mut Violations) -> Option<I> {
    let id = I::parse_name(value);
    if id.is_none() {
        let collection = I::COLLECTION;
        let description = format!("must be {collection}/ and a UUID in lower case");
        violations.add(field, if value.is_empty() { "REQUIRED" } else { "RESOURCE_NAME" }, description);
    }
    id
}

/// The one name of a Get request.
pub(super) fn get<I: ResourceId>(value: &str) -> Result<I, ServiceError> {
    let mut violations = Violations::new();
    let id = name("name", value, &mut violations);
    done(violations, id)
}

/// Request id and name of a mutation that needs no more.
pub(super) fn mutation<I: ResourceId>(request_id: &str, value: &str) -> Result<(String, I), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(request_id);
    let id = name("name", value, &mut violations);
    done(violations, id).map(|id| (request_id, id))
}

/// Case and page size of a List request.
pub(super) fn list(case: &str, page_size: i32) -> Result<(CaseId, PageSize), ServiceError> {
    let mut violations = Violations::new();
    let case = name("case", case, &mut violations);
    let size = PageSize::parse(page_size, &mut violations);
    done(violations, case).map(|case| (case, size))
}

/// Case, where one is given, and page size of a List request.
pub(super) fn list_any(case: &str, page_size: i32) -> Result<(Option<CaseId>, PageSize), ServiceError> {
    let mut violations = Violations::new();
    let case = if case.is_empty() { None } else { name("case", case, &mut violations) };
    let size = PageSize::parse(page_size, &mut violations);
    violations.finish().map(|()| (case, size))
}

/// A value that is there when nothing was wrong.
pub(super) fn done<T>(violations: Violations, value: Option<T>) -> Result<T, ServiceError> {
    violations.finish()?;
    value.ok_or_else(|| ServiceError::internal("a value is missing without a violation"))
}

/// Who makes an offer; the names of rules and of the gate are theirs.
pub(super) fn agent(made_by: &str, violations: &mut Violations) -> String {
    let made_by = violations.text("made_by", made_by, 1, 128);
    if is_reserved(&made_by) {
        violations.add("made_by", "RESERVED", "is what offers of rules or of the gate are made by; name the agent");
    }
    made_by
}
