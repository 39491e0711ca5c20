//! The rows as sea-orm sees them; private to the store.

pub(super) mod case;
pub(super) mod customer;
pub(super) mod customer_identity;
pub(super) mod disruption;
pub(super) mod timeline_entry;
