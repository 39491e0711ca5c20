//! Finds or makes the customers of a whole group of requests of one tenant.
//!
//! Starts from what the store knows about the identities that the group names. Each request is resolved against it and
//! against what the requests before it added; one that is refused adds nothing.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{CustomerId, Timestamp};

use super::customer::{Customer, CustomerDraft, Identity, MAX_IDENTITIES};

/// Why a request's customers cannot be resolved; `index` is the draft's place in the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// The identities belong to different customers.
    Conflict {
        /// Which draft.
        index: usize,
        /// The customers.
        customers: Vec<CustomerId>,
    },
    /// The customer would have more identities than allowed.
    TooManyIdentities {
        /// Which draft.
        index: usize,
        /// The customer.
        customer: CustomerId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Stored,
    Changed,
    New,
}

/// The customers of one tenant, as far as a group speaks of them.
#[derive(Debug, Default)]
pub struct Directory {
    owners: BTreeMap<Identity, CustomerId>,
    customers: BTreeMap<CustomerId, (Customer, Standing)>,
    added: BTreeMap<Identity, CustomerId>,
}

impl Directory {
    /// What the store knows.
    pub fn add_stored(&mut self, identity: Identity, customer: &Customer) {
        self.owners.insert(identity, customer.id);
        self.customers.entry(customer.id).or_insert_with(|| (customer.clone(), Standing::Stored));
    }

    /// Resolves the customers of one request, all or none. Each draft comes with the id that it gets if it is new.
    ///
    /// # Errors
    /// The first draft that cannot be resolved.
    pub fn resolve(
        &mut self,
        drafts: &[(&CustomerDraft, CustomerId)],
        now: Timestamp,
    ) -> Result<Vec<CustomerId>, Unresolved> {
        let mut added: BTreeMap<Identity, CustomerId> = BTreeMap::new();
        let mut changed: BTreeMap<CustomerId, (Customer, Standing)> = BTreeMap::new();
        let mut resolved = Vec::with_capacity(drafts.len());
        for (index, (draft, new_id)) in drafts.iter().enumerate() {
            let owner = |identity: &Identity| added.get(identity).or_else(|| self.owners.get(identity)).copied();
            let found: BTreeSet<CustomerId> = draft.identities.iter().filter_map(owner).collect();
            let unknown: Vec<Identity> =
                draft.identities.iter().filter(|identity| owner(identity).is_none()).cloned().collect();
            if found.len() > 1 {
                return Err(Unresolved::Conflict { index, customers: found.into_iter().collect() });
            }
            let id = match found.first() {
                None => {
                    changed.insert(*new_id, (Customer::new(*new_id, draft, now), Standing::New));
                    *new_id
                }
                Some(id) => {
                    let known = changed.get(id).or_else(|| self.customers.get(id));
                    if let Some((customer, standing)) = known {
                        let updated = customer.updated(draft, unknown.len());
                        if updated.identity_count > MAX_IDENTITIES {
                            return Err(Unresolved::TooManyIdentities { index, customer: *id });
                        }
                        if updated != *customer {
                            let standing = if *standing == Standing::New { Standing::New } else { Standing::Changed };
                            changed.insert(*id, (updated, standing));
                        }
                    }
                    *id
                }
            };
            added.extend(unknown.into_iter().map(|identity| (identity, id)));
            resolved.push(id);
        }
        self.owners.extend(added.iter().map(|(identity, id)| (identity.clone(), *id)));
        self.added.extend(added);
        self.customers.extend(changed);
        Ok(resolved)
    }

    /// A customer that was stored or resolved.
    pub fn customer(&self, id: CustomerId) -> Option<&Customer> {
        self.customers.get(&id).map(|(customer, _)| customer)
    }

    /// True when the customer was in the store before this group.
    pub fn was_stored(&self, id: CustomerId) -> bool {
        self.customers.get(&id).is_some_and(|(_, standing)| *standing != Standing::New)
    }

    /// Customers to insert.
    pub fn new_customers(&self) -> impl Iterator<Item = &Customer> {
        self.with(Standing::New)
    }

    /// Customers to update; their version is the stored one.
    pub fn changed_customers(&self) -> impl Iterator<Item = &Customer> {
        self.with(Standing::Changed)
    }

    /// Identities to insert, in their order.
    pub fn new_identities(&self) -> impl Iterator<Item = (&Identity, CustomerId)> {
        self.added.iter().map(|(identity, id)| (identity, *id))
    }

    fn with(&self, wanted: Standing) -> impl Iterator<Item = &Customer> {
        self.customers.values().filter(move |(_, standing)| *standing == wanted).map(|(customer, _)| customer)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> CustomerId {
        Uuid::from_u128(n).into()
    }

    fn draft(identities: &[&str]) -> CustomerDraft {
        CustomerDraft {
            display_name: String::new(),
            identities: identities.iter().map(|value| Identity::new("crm", value)).collect(),
            contact_points: Vec::new(),
            tier: String::new(),
            language: String::new(),
        }
    }

    fn knowing(known: &[(&str, u128)]) -> Directory {
        let mut directory = Directory::default();
        for (value, owner) in known {
            let customer = Customer::new(id(*owner), &draft(&[value]), Timestamp::EPOCH);
            directory.add_stored(Identity::new("crm", value), &customer);
        }
        directory
    }

    #[test]
    fn one_of_several_identities_is_enough_and_the_others_are_learned() {
        let mut directory = knowing(&[("a", 1)]);
        let (known, new) = (draft(&["a", "b"]), draft(&["c"]));
        let resolved = directory.resolve(&[(&known, id(8)), (&new, id(9))], Timestamp::EPOCH);
        assert_eq!(resolved, Ok(vec![id(1), id(9)]));
        let later = draft(&["b"]);
        assert_eq!(directory.resolve(&[(&later, id(10))], Timestamp::EPOCH), Ok(vec![id(1)]));
        assert_eq!(
            directory.new_identities().map(|(identity, owner)| (identity.value.as_str(), owner)).collect::<Vec<_>>(),
            [("b", id(1)), ("c", id(9))]
        );
        assert_eq!(directory.new_customers().map(|customer| customer.id).collect::<Vec<_>>(), [id(9)]);
        let changed: Vec<_> =
            directory.changed_customers().map(|customer| (customer.id, customer.identity_count)).collect();
        assert_eq!(changed, [(id(1), 2)]);
        assert!(directory.was_stored(id(1)) && !directory.was_stored(id(9)));
    }

    #[test]
    fn a_refused_request_adds_nothing() {
        let mut directory = knowing(&[("a", 1), ("b", 2)]);
        let (new, torn) = (draft(&["x"]), draft(&["a", "b"]));
        let refused = directory.resolve(&[(&new, id(8)), (&torn, id(9))], Timestamp::EPOCH);
        assert_eq!(refused, Err(Unresolved::Conflict { index: 1, customers: vec![id(1), id(2)] }));
        assert_eq!(directory.new_identities().count() + directory.new_customers().count(), 0);
        let again = directory.resolve(&[(&new, id(10))], Timestamp::EPOCH);
        assert_eq!(again, Ok(vec![id(10)]));
    }

    #[test]
    fn the_same_new_customer_twice_in_a_request_is_one_customer() {
        let mut directory = Directory::default();
        let (one, two) = (draft(&["a"]), draft(&["b", "a"]));
        let resolved = directory.resolve(&[(&one, id(1)), (&two, id(2))], Timestamp::EPOCH);
        assert_eq!(resolved, Ok(vec![id(1), id(1)]));
        let counts: Vec<_> = directory.new_customers().map(|customer| customer.identity_count).collect();
        assert_eq!(counts, [2]);
    }

    #[test]
    fn identities_do_not_grow_without_end() {
        let mut directory = knowing(&[("a", 1)]);
        for n in 1..MAX_IDENTITIES {
            let more = draft(&["a", &n.to_string()]);
            assert_eq!(directory.resolve(&[(&more, id(9))], Timestamp::EPOCH), Ok(vec![id(1)]));
        }
        let one_more = draft(&["a", "z"]);
        let refused = directory.resolve(&[(&one_more, id(9))], Timestamp::EPOCH);
        assert_eq!(refused, Err(Unresolved::TooManyIdentities { index: 0, customer: id(1) }));
    }
}
