//! What the sections share: options, the server, numbers that no two runs have in common.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;

use crate::load::{Operation, Outcome, Pace, Spec};
use crate::options::Options;
use crate::postgres::Postgres;

/// A measurement under way.
pub struct Bench {
    /// What was asked for.
    pub options: Options,
    postgres: Option<Postgres>,
    runs: AtomicU32,
}

impl Bench {
    /// With a server where one is needed.
    pub fn new(options: Options, postgres: Option<Postgres>) -> Self {
        Self { options, postgres, runs: AtomicU32::new(1) }
    }

    /// The server.
    pub fn postgres(&self) -> anyhow::Result<&Postgres> {
        self.postgres.as_ref().context("this section has no PostgreSQL")
    }

    /// A number for requests that no other run has.
    pub fn next_run(&self) -> u32 {
        self.runs.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes load on a service from a process of its own.
    pub async fn load(&self, address: &str, operation: Operation, pace: Pace) -> anyhow::Result<Outcome> {
        let window = match pace {
            Pace::Closed { .. } => self.options.window(),
            // Percentiles of slow calls need some time, too.
            Pace::Open { per_second } => {
                let enough = self.options.size(50, 3) as f64 / per_second;
                self.options.window().max(Duration::try_from_secs_f64(enough).context("no call succeeded before")?)
            }
        };
        let spec = Spec {
            address: address.to_owned(),
            operation,
            pace,
            warm_up: self.options.warm_up(),
            window,
            run: self.next_run(),
        };
        spec.run().await
    }
}
