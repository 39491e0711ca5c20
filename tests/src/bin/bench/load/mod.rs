//! The load generator: a process of its own, which calls one method at one address and reports percentiles.
//!
//! Owns the two ways to make load. Always holds: every call has a body and a request id of its own; what is measured is
//! what a caller waits; a call that fails is counted by its error and never among the latencies.

mod closed;
mod open;
mod requests;
mod tally;

use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

pub use requests::{Operation, add_affected, open_case, report_disruption, token};
pub use tally::Outcome;

use crate::process;

/// Name of the subcommand by which this program starts itself.
pub const SUBCOMMAND: &str = "load";

/// How calls follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Pace {
    /// So many callers, each of which calls again as soon as it has its answer.
    Closed {
        /// Callers.
        callers: usize,
    },
    /// So many calls a second, whatever the answers do. Latency counts from when a call should have begun.
    Open {
        /// Calls a second.
        per_second: f64,
    },
}

/// What to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// Where the service is.
    pub address: String,
    /// What is called.
    pub operation: Operation,
    /// How often.
    pub pace: Pace,
    /// How long before anything counts.
    pub warm_up: Duration,
    /// How long it counts.
    pub window: Duration,
    /// Sets apart what this run writes from all others; below a million.
    pub run: u32,
}

impl Spec {
    /// Makes the load in a new process and waits for its report.
    pub async fn run(&self) -> anyhow::Result<Outcome> {
        let own = std::env::current_exe().context("this program does not know where it is")?;
        let mut command = Command::new(own);
        command.arg(SUBCOMMAND).arg(serde_json::to_string(self)?);
        let report = process::output(command).await.with_context(|| format!("load on {:?}", self.operation))?;
        serde_json::from_str(&report).with_context(|| format!("the load generator said: {report}"))
    }
}

/// The subcommand: makes the load that `spec` asks for and prints the report.
pub async fn main(spec: &str) -> anyhow::Result<()> {
    let spec: Spec = serde_json::from_str(spec)?;
    let callers = match spec.pace {
        Pace::Closed { callers } => callers,
        Pace::Open { .. } => open::CONNECTIONS,
    };
    let callers = requests::prepare(&spec, callers).await?;
    let (tally, window) = match spec.pace {
        Pace::Closed { .. } => closed::run(callers, spec.warm_up, spec.window).await?,
        Pace::Open { per_second } => (open::run(&callers, per_second, spec.warm_up, spec.window).await?, spec.window),
    };
    println!("{}", serde_json::to_string(&tally.outcome(window))?);
    Ok(())
}

/// Adds customers to a disruption of their own, in so many batches; nothing is measured.
pub async fn fill(address: &str, run: u32, batches: usize, batch: usize) -> anyhow::Result<()> {
    let spec = Spec {
        address: address.to_owned(),
        operation: Operation::AddAffected { batch },
        pace: Pace::Closed { callers: 1 },
        warm_up: Duration::ZERO,
        window: Duration::ZERO,
        run,
    };
    for mut caller in requests::prepare(&spec, 1).await? {
        for index in 0..batches as u64 {
            caller.call(index).await?;
        }
    }
    Ok(())
}
