//! Fields that several requests have: names, ids, contact points, language tags, pages.

use api::common::contact_point::Kind;
use kernel::{CaseId, PageSize, ResourceId, ServiceError, Violations};
use uuid::Uuid;

use crate::app::Page;
use crate::domain::{ContactKind, ContactPoint};

/// Longest address in characters.
const MAX_ADDRESS: usize = 254;
/// Longest language tag in characters.
const MAX_LANGUAGE: usize = 35;

/// A resource name. A wrong one is recorded, and stands for nothing.
pub(super) fn name<I: ResourceId>(field: &str, value: &str, violations: &mut Violations) -> I {
    I::parse_name(value).unwrap_or_else(|| {
        let reason = if value.is_empty() { "REQUIRED" } else { "RESOURCE_NAME" };
        let collection = I::COLLECTION;
        violations.add(field, reason, format!("must be {collection}/ and a UUID in lower case with hyphens"));
        Uuid::nil().into()
    })
}

/// The name that a read asks for.
pub(super) fn only_name<I: ResourceId>(field: &str, value: &str) -> Result<I, ServiceError> {
    let mut violations = Violations::new();
    let id = name(field, value, &mut violations);
    violations.finish().map(|()| id)
}

/// An id that the caller may choose.
pub(super) fn chosen_id(field: &str, value: &str, violations: &mut Violations) -> Option<Uuid> {
    if value.is_empty() {
        return None;
    }
    let id = Uuid::try_parse(value).ok().filter(|id| !id.is_nil() && id.hyphenated().to_string() == value);
    if id.is_none() {
        violations.add(field, "UUID", "must be a UUID in lower case with hyphens, not the nil one; or empty");
    }
    id
}

/// A contact point that may be absent.
pub(super) fn contact(
    field: &str,
    value: Option<&api::common::ContactPoint>,
    violations: &mut Violations,
) -> Option<ContactPoint> {
    let value = value?;
    violations.within(field, |violations| {
        let kind = violations.known_enum::<Kind>("kind", value.kind, "KIND_EMAIL, KIND_PHONE, KIND_APP");
        let address = violations.text("address", &value.address, 1, MAX_ADDRESS);
        let kind = match kind? {
            Kind::Email => ContactKind::Email,
            Kind::Phone => ContactKind::Phone,
            Kind::App => ContactKind::App,
            Kind::Unspecified => return None,
        };
        if !address.is_empty()
            && let Some(complaint) = kind.complaint(&address)
        {
            violations.add("address", "ADDRESS", complaint);
        }
        Some(ContactPoint { kind, address })
    })
}

/// A language tag that may be empty.
pub(super) fn language(field: &str, value: &str, violations: &mut Violations) -> String {
    let is_tag =
        value.split('-').all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if !value.is_empty() && (value.len() > MAX_LANGUAGE || !is_tag) {
        violations.add(field, "LANGUAGE_TAG", "must be a BCP 47 tag of at most 35 characters such as de or en-GB");
        return String::new();
    }
    value.to_owned()
}

/// A page of a case's resources.
pub(super) fn page(case: &str, page_size: i32, page_token: String) -> Result<Page, ServiceError> {
    let mut violations = Violations::new();
    let case: CaseId = name("case", case, &mut violations);
    let size = PageSize::parse(page_size, &mut violations);
    violations.finish()?;
    Ok(Page { case, size, token: page_token })
}

/// The error of a request with at least one violation.
pub(super) fn refused(violations: Violations) -> ServiceError {
    violations.finish().err().unwrap_or_else(|| ServiceError::internal("a refusal without a violation"))
}
