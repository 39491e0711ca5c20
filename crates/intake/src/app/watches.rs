//! Who watches which case. A change that commits in this process wakes its watchers at once; those in other processes
//! find it at their next look.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel::{ErrorCode, ServiceError, reason};
use tokio::sync::watch;

use crate::store::CaseKey;

/// All watches of this process.
#[derive(Debug)]
pub(super) struct Watches {
    cases: Mutex<HashMap<CaseKey, watch::Sender<()>>>,
    max: usize,
    poll: Duration,
}

impl Watches {
    /// At most `max` at once, each looking at least every `poll`.
    pub(super) fn new(max: usize, poll: Duration) -> Self {
        Self { cases: Mutex::default(), max, poll }
    }

    /// A change of this case has committed.
    pub(super) fn changed(&self, case: &CaseKey) {
        if let Some(watchers) = self.cases().get(case) {
            watchers.send_replace(());
        }
    }

    /// Watches a case.
    pub(super) fn watch(self: &Arc<Self>, case: CaseKey) -> Result<Watch, ServiceError> {
        let mut cases = self.cases();
        if cases.values().map(watch::Sender::receiver_count).sum::<usize>() >= self.max {
            let message = "as many cases are watched here as this server allows; try again";
            let mut error = ServiceError::new(ErrorCode::ResourceExhausted, reason::OVERLOADED, message);
            error.retry_after = Some(Duration::from_secs(1));
            return Err(error.with("limit", self.max));
        }
        let changes = cases.entry(case.clone()).or_default().subscribe();
        Ok(Watch { case, changes: Some(changes), watches: Arc::clone(self) })
    }

    fn cases(&self) -> MutexGuard<'_, HashMap<CaseKey, watch::Sender<()>>> {
        self.cases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One watch; ends when dropped.
#[derive(Debug)]
pub(super) struct Watch {
    /// The case.
    pub(super) case: CaseKey,
    changes: Option<watch::Receiver<()>>,
    watches: Arc<Watches>,
}

impl Watch {
    /// Completes when the case may have changed.
    pub(super) async fn look_again(&mut self) {
        if let Some(changes) = &mut self.changes {
            // Neither a closed channel nor a passed time is an error: the case is looked at either way.
            let _ = tokio::time::timeout(self.watches.poll, changes.changed()).await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.changes = None;
        let mut cases = self.watches.cases();
        if cases.get(&self.case).is_some_and(|watchers| watchers.receiver_count() == 0) {
            cases.remove(&self.case);
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::TenantId;
    use uuid::Uuid;

    use super::*;

    fn key(n: u128) -> CaseKey {
        (TenantId::default_tenant(), Uuid::from_u128(n).into())
    }

    #[test]
    fn watches_are_bounded_and_leave_nothing_behind() {
        let watches = Arc::new(Watches::new(2, Duration::from_secs(1)));
        let first = watches.watch(key(1)).expect("the first");
        let second = watches.watch(key(1)).expect("the second");
        let refused = watches.watch(key(2)).expect_err("one too many");
        assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::ResourceExhausted, reason::OVERLOADED));
        drop(first);
        let third = watches.watch(key(2)).expect("a place is free");
        drop((second, third));
        assert!(watches.cases().is_empty());
    }

    #[tokio::test]
    async fn a_change_wakes_those_who_watch_the_case() {
        let watches = Arc::new(Watches::new(2, Duration::from_secs(3_600)));
        let mut watch = watches.watch(key(1)).expect("a watch");
        watches.changed(&key(2));
        watches.changed(&key(1));
        tokio::time::timeout(Duration::from_secs(60), watch.look_again()).await.expect("woken long before the poll");
    }
}
