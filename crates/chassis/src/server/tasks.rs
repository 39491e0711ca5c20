//! Owns every task of the server, so that all of them can be waited for, and ended.

use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// The tasks; clones are the same set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    kill: CancellationToken,
}

impl Tasks {
    /// Starts a task that ends at the latest when the set is ended.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let kill = self.kill.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                biased;
                () = kill.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Until all tasks have ended; starts no more.
    pub(crate) async fn finished(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Ends all tasks at their next await.
    pub(crate) fn end(&self) {
        self.kill.cancel();
    }

    /// Ends all tasks when it is dropped: they do not outlive a `serve` that failed or was given up.
    pub(crate) fn end_on_drop(&self) -> DropGuard {
        self.kill.clone().drop_guard()
    }
}

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, task: F) {
        self.spawn(async move {
            drop(task.await);
        });
    }
}
