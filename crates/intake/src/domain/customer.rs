//! Who the customer is, and what a request may add to what is known.

use kernel::{CustomerId, Timestamp};
use serde::{Deserialize, Serialize};

/// Contact points that a customer has at most; the least preferred give way.
pub const MAX_CONTACT_POINTS: usize = 8;
/// Identities that a customer has at most.
pub const MAX_IDENTITIES: u32 = 64;

/// Kind of a contact point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ContactKind {
    /// An e-mail address.
    Email,
    /// A phone number in E.164 form.
    Phone,
    /// The customer's inbox in the company's app.
    App,
}

/// One way to reach a customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContactPoint {
    /// What kind of address it is.
    pub kind: ContactKind,
    /// The address.
    pub address: String,
}

/// One way to recognise a customer; unique per tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The system that knows the customer by this value.
    pub source: String,
    /// The value there, in the form in which it is compared.
    pub value: String,
}

impl Identity {
    /// `email` is compared without case, every other source byte by byte.
    pub fn new(source: &str, value: &str) -> Self {
        let value = if source == "email" { value.to_lowercase() } else { value.to_owned() };
        Self { source: source.to_owned(), value }
    }
}

/// A customer as a request describes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerDraft {
    /// What the customer is called; empty: not said.
    pub display_name: String,
    /// Identities, at least one, none twice.
    pub identities: Vec<Identity>,
    /// Contact points, best first.
    pub contact_points: Vec<ContactPoint>,
    /// Loyalty tier; empty: not said.
    pub tier: String,
    /// BCP 47 tag; empty: not said.
    pub language: String,
}

/// A customer without the identities, which live in an index of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The id.
    pub id: CustomerId,
    /// What the customer is called.
    pub display_name: String,
    /// Contact points, best first.
    pub contact_points: Vec<ContactPoint>,
    /// Loyalty tier.
    pub tier: String,
    /// BCP 47 tag; empty means English.
    pub language: String,
    /// How many identities there are.
    pub identity_count: u32,
    /// When the customer became known.
    pub created_at: Timestamp,
    /// Grows with every change.
    pub version: i64,
}

impl Customer {
    /// A customer that nobody knew before.
    pub fn new(id: CustomerId, draft: &CustomerDraft, now: Timestamp) -> Self {
        Self {
            id,
            display_name: draft.display_name.clone(),
            contact_points: draft.contact_points.clone(),
            tier: draft.tier.clone(),
            language: draft.language.clone(),
            identity_count: u32::try_from(draft.identities.len()).unwrap_or(u32::MAX),
            created_at: now,
            version: 1,
        }
    }

    /// What is known after a request spoke of this customer: texts that it gave replace the old ones, its contact
    /// points come first, the old ones stay behind them.
    pub fn updated(&self, draft: &CustomerDraft, new_identities: usize) -> Self {
        let given = |new: &str, old: &str| if new.is_empty() { old.to_owned() } else { new.to_owned() };
        let mut contact_points = draft.contact_points.clone();
        contact_points.extend(self.contact_points.iter().filter(|old| !draft.contact_points.contains(old)).cloned());
        contact_points.truncate(MAX_CONTACT_POINTS);
        Self {
            id: self.id,
            display_name: given(&draft.display_name, &self.display_name),
            contact_points,
            tier: given(&draft.tier, &self.tier),
            language: given(&draft.language, &self.language),
            identity_count: self.identity_count.saturating_add(u32::try_from(new_identities).unwrap_or(u32::MAX)),
            created_at: self.created_at,
            version: self.version,
        }
    }

    /// Where messages go.
    pub fn reached_at(&self) -> Option<&ContactPoint> {
        self.contact_points.first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(points: &[&str], tier: &str) -> CustomerDraft {
        CustomerDraft {
            display_name: String::new(),
            identities: vec![Identity::new("crm", "1")],
            contact_points: points.iter().map(|address| point(address)).collect(),
            tier: tier.to_owned(),
            language: String::new(),
        }
    }

    fn point(address: &str) -> ContactPoint {
        ContactPoint { kind: ContactKind::App, address: address.to_owned() }
    }

    #[test]
    fn only_email_is_compared_without_case() {
        assert_eq!(Identity::new("email", "Ada@X.org"), Identity::new("email", "ada@x.ORG"));
        assert_ne!(Identity::new("crm", "A"), Identity::new("crm", "a"));
    }

    #[test]
    fn what_a_request_says_comes_first_and_nothing_known_is_lost() {
        let known = Customer::new(uuid::Uuid::from_u128(1).into(), &draft(&["a", "b"], "gold"), Timestamp::EPOCH);
        let updated = known.updated(&draft(&["c", "b"], ""), 0);
        assert_eq!(updated.contact_points, ["c", "b", "a"].map(point));
        assert_eq!(updated.tier, "gold");
        assert_eq!(known.updated(&draft(&[], ""), 0), known);
        let many: Vec<String> = (0..8).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(known.updated(&draft(&many, ""), 0).contact_points.len(), MAX_CONTACT_POINTS);
    }
}
