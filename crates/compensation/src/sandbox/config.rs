//! Section `compensation.sandbox` of the configuration.

use std::time::Duration;

use chassis::config::{Problems, Validate, duration};
use serde::Deserialize;

use super::Behaviour;

/// How the sandbox provider behaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxConfig {
    /// What it does with payees that do not ask for something else.
    pub behaviour: Behaviour,
    /// How long it knows a key; what comes with it later is executed anew.
    #[serde(with = "duration")]
    pub key_ttl: Duration,
    /// How late look-ups learn of an execution, for `lookup-lag`.
    #[serde(with = "duration")]
    pub lookup_lag: Duration,
    /// How late the first answer comes, for `slow`. In the machine's time, whatever the clock.
    #[serde(with = "duration")]
    pub slow_by: Duration,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            behaviour: Behaviour::Honest,
            key_ttl: Duration::from_secs(24 * 3_600),
            lookup_lag: Duration::from_secs(3_600),
            slow_by: Duration::from_secs(4),
        }
    }
}

impl Validate for SandboxConfig {
    fn validate(&self, problems: &mut Problems) {
        if self.key_ttl.is_zero() {
            problems.add("key_ttl", "must be more than zero");
        }
    }
}
