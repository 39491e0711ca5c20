//! Latencies and errors while they are counted, and what is reported of them.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Longest latency that is told apart, in microseconds. Bounds are given: a histogram without them clamps in silence.
const LONGEST_US: u64 = 120_000_000;
/// Decimal digits that a latency is kept with.
const DIGITS: u8 = 3;

/// Counts of one caller, or of several together.
pub struct Tally {
    latencies: Histogram<u64>,
    errors: BTreeMap<String, u64>,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { latencies: Histogram::new_with_bounds(1, LONGEST_US, DIGITS)?, errors: BTreeMap::new() })
    }

    /// One call.
    pub fn record(&mut self, latency: Duration, result: Result<(), tonic::Status>) {
        match result {
            Ok(()) => self.latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US)),
            Err(status) => {
                *self.errors.entry(format!("{:?}: {}", status.code(), status.message())).or_default() += 1;
            }
        }
    }

    /// True when no call was counted.
    pub fn is_empty(&self) -> bool {
        self.latencies.is_empty() && self.errors.is_empty()
    }

    /// What another one counted.
    pub fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.latencies.add(&other.latencies)?;
        for (error, count) in &other.errors {
            *self.errors.entry(error.clone()).or_default() += count;
        }
        Ok(())
    }

    /// The report of calls that ended within `window`.
    pub fn outcome(&self, window: Duration) -> Outcome {
        let quantile = |quantile| self.latencies.value_at_quantile(quantile);
        Outcome {
            calls: self.latencies.len(),
            per_second: self.latencies.len() as f64 / window.as_secs_f64(),
            p50_us: quantile(0.5),
            p90_us: quantile(0.9),
            p99_us: quantile(0.99),
            p999_us: quantile(0.999),
            errors: self.errors.clone(),
        }
    }
}

/// What a load generator measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Calls that were answered well within the window.
    pub calls: u64,
    /// The same by the second.
    pub per_second: f64,
    /// Latency that half of the calls stayed within, in microseconds.
    pub p50_us: u64,
    /// Nine of ten.
    pub p90_us: u64,
    /// 99 of 100.
    pub p99_us: u64,
    /// 999 of 1000.
    pub p999_us: u64,
    /// Calls that failed, by error.
    pub errors: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_keep_long_latencies_and_leave_errors_out() {
        let mut tally = Tally::new().expect("bounds");
        for millisecond in 1..=1_000 {
            tally.record(Duration::from_millis(millisecond), Ok(()));
        }
        let mut other = Tally::new().expect("bounds");
        other.record(Duration::from_micros(1), Err(tonic::Status::from(std::io::Error::other("down"))));
        tally.add(&other).expect("same bounds");
        let outcome = tally.outcome(Duration::from_secs(2));
        assert_eq!((outcome.calls, outcome.per_second), (1_000, 500.0));
        for (found, exact) in [
            (outcome.p50_us, 500_000),
            (outcome.p90_us, 900_000),
            (outcome.p99_us, 990_000),
            (outcome.p999_us, 999_000),
        ] {
            assert!(found >= exact && found <= exact + exact / 500, "{found} is not {exact}");
        }
        assert_eq!(outcome.errors.values().sum::<u64>(), 1);
    }
}
