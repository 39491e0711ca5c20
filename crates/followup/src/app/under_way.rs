//! The messages that this process is handing over right now, so that a call that comes again meanwhile does not hand
//! the same message over twice.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{MessageId, TenantId};

type Key = (TenantId, MessageId);

/// The set of them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct UnderWay(Arc<Mutex<BTreeSet<Key>>>);

/// One of them; leaves the set when dropped.
#[derive(Debug)]
pub(super) struct Pass {
    set: UnderWay,
    key: Key,
}

impl UnderWay {
    /// Enters a message; `None` when it is under way already.
    pub(super) fn enter(&self, tenant: &TenantId, message: MessageId) -> Option<Pass> {
        let key = (tenant.clone(), message);
        let entered = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        entered.then(|| Pass { set: self.clone(), key })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.set.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
