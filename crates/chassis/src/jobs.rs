//! Runs the services' jobs and notices when one ends that nobody stopped. A job is not started again after a panic:
//! what it held is in an unknown state, so the process drains and whoever runs it starts a new one.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::service::Job;

/// The running jobs.
pub(crate) struct Jobs {
    running: JoinSet<&'static str>,
}

impl Jobs {
    /// Starts all; they are told to stop by `stopping`.
    pub(crate) fn start(jobs: Vec<Job>, stopping: &CancellationToken) -> Self {
        let mut running = JoinSet::new();
        for Job { name, run } in jobs {
            let job = run(stopping.clone());
            let guarded = async move {
                if AssertUnwindSafe(job).catch_unwind().await.is_err() {
                    tracing::error!(job = name, "the job panicked");
                }
                name
            };
            running.spawn(guarded.instrument(tracing::info_span!("job", job = name)));
        }
        Self { running }
    }

    /// The name of the first job that ends; never when there are none.
    pub(crate) async fn first_to_end(&mut self) -> &'static str {
        match self.running.join_next().await {
            Some(Ok(name)) => name,
            Some(Err(_)) => "?",
            None => std::future::pending().await,
        }
    }

    /// Until all jobs have ended.
    pub(crate) async fn finished(&mut self) {
        while self.running.join_next().await.is_some() {}
    }

    /// Ends all jobs at their next await.
    pub(crate) fn end(&mut self) {
        self.running.abort_all();
    }
}
