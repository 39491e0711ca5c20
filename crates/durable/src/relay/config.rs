//! How the relay works: bounds, times, ages. Every default is right for production; tests shorten the times.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Configuration of the relay that sends a service's durable calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RelayConfig {
    /// Calls under way to one target at most; shrinks by itself when the target has too much to do. A call is claimed
    /// only when a place is free.
    pub concurrency: usize,
    /// Calls that are claimed, or finalised, by one statement at most.
    pub batch: usize,
    /// Deadline of one call, in milliseconds.
    pub call_timeout_ms: u64,
    /// How long a claimed call belongs to its claimer, in milliseconds by the database's clock; at least four times
    /// `call_timeout_ms`.
    pub lease_ms: u64,
    /// How often the relay looks for due calls when nothing wakes it, in milliseconds, at most 1000. The actual pause
    /// is between half of it and all of it.
    pub poll_ms: u64,
    /// First back-off of a call whose outcome is unknown, in milliseconds; doubles with each failure, full jitter.
    pub backoff_base_ms: u64,
    /// Longest back-off, in milliseconds.
    pub backoff_cap_ms: u64,
    /// A call is parked when it has failed in the same way for this many seconds while its target answered others: lack
    /// of permission, an unknown method, a defect, a queue that stays full.
    pub park_after_s: u64,
    /// A call is parked when it has got the same refusal, which the receiver has not put on record, this many times.
    pub park_after_refusals: u32,
    /// A call is parked when its receiver has panicked on it this many times.
    pub park_after_panics: u32,
    /// How long a final call (done, rejected, discarded, cancelled) is kept, in seconds.
    pub keep_done_s: u64,
    /// How long a stopping relay waits for the calls that are under way before it gives them back, in milliseconds.
    pub stop_timeout_ms: u64,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            concurrency: 128,
            batch: 256,
            call_timeout_ms: 5_000,
            lease_ms: 20_000,
            poll_ms: 1_000,
            backoff_base_ms: 200,
            backoff_cap_ms: 60_000,
            park_after_s: 24 * 3_600,
            park_after_refusals: 10,
            park_after_panics: 3,
            keep_done_s: 7 * 24 * 3_600,
            stop_timeout_ms: 6_000,
        }
    }
}

impl RelayConfig {
    /// What is wrong with the configuration: key and explanation.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let positive: [(&'static str, u64); 7] = [
            ("concurrency", self.concurrency as u64),
            ("batch", self.batch as u64),
            ("call_timeout_ms", self.call_timeout_ms),
            ("backoff_base_ms", self.backoff_base_ms),
            ("park_after_refusals", u64::from(self.park_after_refusals)),
            ("park_after_panics", u64::from(self.park_after_panics)),
            ("park_after_s", self.park_after_s),
        ];
        for (key, value) in positive {
            if value == 0 {
                problems.push((key, "must be at least 1".to_owned()));
            }
        }
        if self.lease_ms < self.call_timeout_ms.saturating_mul(4) {
            problems.push((
                "lease_ms",
                format!(
                    "must be at least four times call_timeout_ms, that is {}",
                    self.call_timeout_ms.saturating_mul(4)
                ),
            ));
        }
        if !(1..=1_000).contains(&self.poll_ms) {
            problems.push(("poll_ms", "must be from 1 to 1000".to_owned()));
        }
        if self.backoff_cap_ms < self.backoff_base_ms {
            problems.push(("backoff_cap_ms", "must not be below backoff_base_ms".to_owned()));
        }
        problems
    }

    pub(crate) fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms)
    }

    pub(crate) fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }

    pub(crate) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }

    pub(crate) fn stop_timeout(&self) -> Duration {
        Duration::from_millis(self.stop_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_have_no_problems_and_every_problem_is_named() {
        assert_eq!(RelayConfig::default().problems(), vec![]);
        let wrong = RelayConfig {
            concurrency: 0,
            batch: 0,
            call_timeout_ms: 5_000,
            lease_ms: 19_999,
            poll_ms: 1_001,
            backoff_base_ms: 200,
            backoff_cap_ms: 100,
            park_after_s: 0,
            park_after_refusals: 0,
            park_after_panics: 0,
            ..RelayConfig::default()
        };
        let keys: Vec<_> = wrong.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(
            keys,
            [
                "concurrency",
                "batch",
                "park_after_refusals",
                "park_after_panics",
                "park_after_s",
                "lease_ms",
                "poll_ms",
                "backoff_cap_ms"
            ]
        );
    }
}
