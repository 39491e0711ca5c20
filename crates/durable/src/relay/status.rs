//! What the relays of a process and the rest of it tell each other; nothing here decides about correctness.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::RejectionHandler;

/// Shared by an engine and the relays that send its calls.
#[derive(Default)]
pub(crate) struct RelayStatus {
    wakers: Mutex<BTreeMap<String, Arc<Notify>>>,
    open_circuits: Mutex<BTreeSet<String>>,
    handler: Mutex<Option<Arc<dyn RejectionHandler>>>,
}

impl RelayStatus {
    /// What wakes a relay that sends to `target`.
    pub(crate) fn waker(&self, target: &str) -> Arc<Notify> {
        Arc::clone(locked(&self.wakers).entry(target.to_owned()).or_default())
    }

    /// Calls to these targets are due. One relay that wakes is enough.
    pub(crate) fn wake(&self, targets: &BTreeSet<String>) {
        if targets.is_empty() {
            return;
        }
        let wakers = locked(&self.wakers);
        for waker in targets.iter().filter_map(|target| wakers.get(target)) {
            waker.notify_one();
        }
    }

    /// Calls may be due, to whatever target.
    pub(crate) fn wake_all(&self) {
        for waker in locked(&self.wakers).values() {
            waker.notify_one();
        }
    }

    /// Remembers whether the circuit to a target is open.
    pub(crate) fn set_circuit(&self, target: &str, open: bool) {
        let mut circuits = locked(&self.open_circuits);
        if open {
            circuits.insert(target.to_owned());
        } else {
            circuits.remove(target);
        }
    }

    /// Remembers what the service does about calls that do not go through.
    pub(crate) fn set_handler(&self, handler: Arc<dyn RejectionHandler>) {
        *locked(&self.handler) = Some(handler);
    }

    /// What the service does about calls that do not go through.
    pub(crate) fn handler(&self) -> Option<Arc<dyn RejectionHandler>> {
        locked(&self.handler).clone()
    }

    /// True while the circuit to a target is open.
    pub(crate) fn circuit_open(&self, target: &str) -> bool {
        locked(&self.open_circuits).contains(target)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
