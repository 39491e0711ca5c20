//! Ids that callers chose, within one group: the first to ask for an id is the one that may have it.

use std::collections::BTreeSet;

use kernel::{ResourceId, TenantId};
use uuid::Uuid;

/// The ids that the group has asked for so far.
#[derive(Debug, Default)]
pub(super) struct Ids(BTreeSet<(TenantId, Uuid)>);

impl Ids {
    /// True for the first who asks for this id.
    pub(super) fn claim(&mut self, tenant: &TenantId, id: impl ResourceId) -> bool {
        self.0.insert((tenant.clone(), id.uuid()))
    }
}
