//! The yardstick: pgbench on the same server, writing the same rows as one call does, one transaction for each.
//!
//! The rows are not written down here: triggers record what the service itself writes for one call ([`recording`]), and
//! the scripts are made from that ([`script`]), so that they follow every change of the schema. A script only writes:
//! what the service reads, decides and answers is left out, and payloads are constants of the prepared statements. All
//! of this favours pgbench.

mod recording;
pub mod script;
mod yardstick;

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use kernel::{Clock as _, SystemClock};
use testkit::Scratch;

use crate::process;
pub use yardstick::Yardstick;

/// Runs scripts on one database; ids that it writes differ from run to run.
pub struct Pgbench {
    program: PathBuf,
    url: String,
    directory: Scratch,
    runs: AtomicU32,
}

impl Pgbench {
    /// For the database at `url`.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let program = testkit::postgres::program("pgbench").map_err(anyhow::Error::msg)?;
        Ok(Self { program, url: url.to_owned(), directory: Scratch::new("pgbench"), runs: AtomicU32::new(1) })
    }

    /// Runs `script` for `time`; transactions a second.
    pub async fn measure(&self, script: &str, clients: usize, time: Duration) -> anyhow::Result<f64> {
        Ok(self.run(script, clients, &format!("--time={}", time.as_secs().max(1))).await?.1)
    }

    /// Runs `script` so many times by each client; the number of the run.
    pub async fn repeat(&self, script: &str, clients: usize, times: usize) -> anyhow::Result<u32> {
        Ok(self.run(script, clients, &format!("--transactions={times}")).await?.0)
    }

    async fn run(&self, script: &str, clients: usize, length: &str) -> anyhow::Result<(u32, f64)> {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let file = self.directory.path().join("script.sql");
        std::fs::write(&file, script)?;
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(clients);
        let mut command = Command::new(&self.program);
        command.args(["--no-vacuum", "--protocol=prepared"]);
        command.arg(format!("--client={clients}")).arg(format!("--jobs={threads}"));
        command.arg(length);
        for (name, value) in [("run", i64::from(run)), ("seq", 0), ("base", SystemClock.now().micros())] {
            command.arg(format!("--define={name}={value}"));
        }
        command.arg("--file").arg(&file).arg(&self.url);
        let output = process::output(command).await?;
        let rate = transactions_per_second(&output).with_context(|| format!("pgbench said:\n{output}"))?;
        Ok((run, rate))
    }
}

/// An error when transactions failed: then the figure would be of something else.
fn transactions_per_second(output: &str) -> anyhow::Result<f64> {
    let value = |name: &str| output.lines().find_map(|line| line.strip_prefix(name));
    if let Some(failed) = value("number of failed transactions: ") {
        anyhow::ensure!(failed.starts_with("0 "), "{failed} transactions failed");
    }
    let tps = value("tps = ").and_then(|rest| rest.split_whitespace().next()).context("no `tps =` line")?;
    Ok(tps.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_and_failures_are_not_overlooked() {
        let good = "number of failed transactions: 0 (0.000%)\nlatency average = 0.5 ms\ntps = 1234.567 (without initial connection time)\n";
        assert_eq!(transactions_per_second(good).expect("a rate"), 1_234.567);
        assert!(transactions_per_second(&good.replace("s: 0 (", "s: 3 (")).is_err());
        assert!(transactions_per_second("pgbench: error").is_err());
    }
}
