//! Customers as requests describe them.

use api::common::contact_point::Kind;
use api::{common, intake};
use email_address::{EmailAddress, Options};
use kernel::{ServiceError, Violations};

use super::fields;
use crate::domain::customer::{ContactKind, ContactPoint, CustomerDraft, Identity, MAX_CONTACT_POINTS};

/// Identities in one request at most.
const MAX_IDENTITIES: usize = 16;
/// Longest identity or address in characters.
const MAX_VALUE: usize = 254;

/// ResolveCustomer: the request id and the customer.
pub(super) fn resolve(request: &intake::ResolveCustomerRequest) -> Result<(String, CustomerDraft), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let draft = draft(&request.customer, &mut violations);
    fields::finish(draft.map(|draft| (request_id, draft)), violations)
}

/// The field `customer`, which must be given; output-only fields are ignored.
pub(super) fn draft(customer: &Option<intake::Customer>, violations: &mut Violations) -> Option<CustomerDraft> {
    let customer = fields::required("customer", customer, violations)?;
    violations.within("customer", |violations| {
        violations.count("identities", customer.identities.len(), 1, MAX_IDENTITIES);
        violations.count("contact_points", customer.contact_points.len(), 0, MAX_CONTACT_POINTS);
        Some(CustomerDraft {
            display_name: violations.text("display_name", &customer.display_name, 0, 200),
            identities: identities(&customer.identities, violations),
            contact_points: contact_points(&customer.contact_points, violations),
            tier: violations.text("tier", &customer.tier, 0, 32),
            language: language(&customer.language, violations),
        })
    })
}

/// Without repetitions, in their order.
fn identities(values: &[intake::Identity], violations: &mut Violations) -> Vec<Identity> {
    let mut identities = Vec::with_capacity(values.len());
    for (index, value) in values.iter().take(MAX_IDENTITIES).enumerate() {
        let identity = violations.within(format!("identities[{index}]"), |violations| identity(value, violations));
        if !identities.contains(&identity) {
            identities.push(identity);
        }
    }
    identities
}

fn identity(identity: &intake::Identity, violations: &mut Violations) -> Identity {
    if !is_source(&identity.source) {
        let reason = if identity.source.is_empty() { "REQUIRED" } else { "PATTERN" };
        violations.add("source", reason, "must be 1 to 32 characters of a-z, 0-9, - and _, starting with a letter");
    }
    let value = violations.text("value", &identity.value, 1, MAX_VALUE);
    if identity.source == "email" && !value.is_empty() && !is_mailbox(&value) {
        violations.add("value", "ADDRESS", "must be an e-mail address such as name@example.com");
    }
    Identity::new(&identity.source, &value)
}

fn contact_points(values: &[common::ContactPoint], violations: &mut Violations) -> Vec<ContactPoint> {
    let mut points = Vec::with_capacity(values.len());
    for (index, value) in values.iter().take(MAX_CONTACT_POINTS).enumerate() {
        let point =
            violations.within(format!("contact_points[{index}]"), |violations| contact_point(value, violations));
        points.extend(point.filter(|point| !points.contains(point)));
    }
    points
}

fn contact_point(point: &common::ContactPoint, violations: &mut Violations) -> Option<ContactPoint> {
    let kind = violations.known_enum::<Kind>("kind", point.kind, "KIND_EMAIL, KIND_PHONE, KIND_APP");
    let address = violations.text("address", &point.address, 1, MAX_VALUE);
    let (kind, good, expected) = match kind? {
        Kind::Email => (ContactKind::Email, is_mailbox(&address), "must be an e-mail address such as name@example.com"),
        Kind::Phone => (ContactKind::Phone, is_phone(&address), "must be + and 8 to 15 digits, e.g. +491701234567"),
        Kind::App => (ContactKind::App, is_plain(&address), "must be the app's user id, without blanks"),
        Kind::Unspecified => return None,
    };
    if !address.is_empty() && !good {
        violations.add("address", "ADDRESS", expected);
    }
    Some(ContactPoint { kind, address })
}

fn language(value: &str, violations: &mut Violations) -> String {
    let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_tag = value.len() <= 35 && value.split('-').all(is_part);
    if !value.is_empty() && !is_tag {
        violations.add("language", "LANGUAGE_TAG", "must be a BCP 47 tag of at most 35 characters such as de or en-GB");
    }
    value.to_owned()
}

/// `^[a-z][a-z0-9_-]*$`, at most 32 characters.
fn is_source(source: &str) -> bool {
    (1..=32).contains(&source.len())
        && source.starts_with(|c: char| c.is_ascii_lowercase())
        && source.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

/// An address in ASCII without quotes: others look alike to people, or different to mail servers.
fn is_mailbox(address: &str) -> bool {
    let options = Options::default().without_display_text().without_domain_literal();
    address.is_ascii()
        && !address.contains(['"', '\\', '(', ')', ',', ';', '<', '>'])
        && EmailAddress::parse_with_options(address, options).is_ok()
}

fn is_phone(address: &str) -> bool {
    let digits = address.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_plain(address: &str) -> bool {
    address.chars().all(|c| !c.is_whitespace() && !c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_could_be_one_pass_and_others_do_not() {
        for good in ["ada@example.com", "Ada.Lovelace+x@mail.example.org", "a@b"] {
            assert!(is_mailbox(good), "{good}");
        }
        for bad in [
            "ada",
            "@x.org",
            "ada@",
            "a b@x.org",
            "ada@x..org",
            "Ada <ada@x.org>",
            "\"a b\"@x.org",
            "ada@[127.0.0.1]",
            "ada@ex\u{430}mple.com",
            "a@b@c",
            "ada@x.org\r\nBcc: eve@x.org",
        ] {
            assert!(!is_mailbox(bad), "{bad:?}");
        }
        assert!(
            is_phone("+4917012345678") && !is_phone("004917012345678") && !is_phone("+12345") && !is_phone("+49 170 1")
        );
        assert!(is_source("crm-2") && !is_source("CRM") && !is_source("2crm") && !is_source(&"a".repeat(33)));
    }
}
