//! Section `routing` of the configuration.

use std::collections::BTreeSet;
use std::time::Duration;

use chassis::config::{Problems, Validate, duration};
use durable::StoreConfig;
use serde::Deserialize;

use crate::domain::Sla;

/// Longest time that a clock may give, ten years, so that a slip of the pen is noticed.
const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);

/// Everything that routing needs to know.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Database, engine, relay, page tokens.
    pub store: StoreConfig,
    /// Targets that are told what happens to work, as `amends.extension.v1.MilestoneSink`.
    pub sinks: Vec<String>,
    /// From the opening of work to our acknowledgement, where the queue says nothing else.
    #[serde(with = "duration")]
    pub acknowledge_within: Duration,
    /// From the opening of work to its end, where the queue says nothing else.
    pub resolve_within: ResolveWithin,
    /// How often an open stream of assignments looks for work that came in through another process. Work that comes
    /// in through this one is seen at once.
    #[serde(with = "duration")]
    pub assignment_poll: Duration,
}

/// Section `routing.resolve_within`: by severity of the failure.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResolveWithin {
    /// An annoyance.
    #[serde(with = "duration")]
    pub low: Duration,
    /// Time or money was lost.
    #[serde(with = "duration")]
    pub medium: Duration,
    /// The purpose was missed.
    #[serde(with = "duration")]
    pub high: Duration,
    /// Safety, health, an event of a lifetime.
    #[serde(with = "duration")]
    pub critical: Duration,
}

const HOUR: Duration = Duration::from_secs(3_600);

impl Default for Config {
    fn default() -> Self {
        Self {
            store: StoreConfig::default(),
            sinks: vec!["intake".to_owned()],
            acknowledge_within: HOUR,
            resolve_within: ResolveWithin::default(),
            assignment_poll: Duration::from_secs(1),
        }
    }
}

impl Default for ResolveWithin {
    fn default() -> Self {
        Self { low: 72 * HOUR, medium: 48 * HOUR, high: 24 * HOUR, critical: 8 * HOUR }
    }
}

impl Config {
    pub(crate) fn sla(&self) -> Sla {
        let ResolveWithin { low, medium, high, critical } = self.resolve_within;
        Sla { acknowledge: self.acknowledge_within, resolve: [low, medium, high, critical] }
    }
}

impl Validate for Config {
    fn validate(&self, problems: &mut Problems) {
        problems.scope("store", |problems| {
            for (key, problem) in self.store.problems() {
                problems.add(&key, problem);
            }
        });
        if self.sinks.iter().any(String::is_empty)
            || self.sinks.iter().collect::<BTreeSet<_>>().len() < self.sinks.len()
        {
            problems.add("sinks", "must be names of targets, each one once");
        }
        let window = |key: &str, value: Duration, problems: &mut Problems| {
            if value < Duration::from_secs(1) || value > LONGEST {
                problems.add(key, "must be 1s to 87600h (ten years)");
            }
        };
        window("acknowledge_within", self.acknowledge_within, problems);
        problems.scope("resolve_within", |problems| {
            window("low", self.resolve_within.low, problems);
            window("medium", self.resolve_within.medium, problems);
            window("high", self.resolve_within.high, problems);
            window("critical", self.resolve_within.critical, problems);
        });
        if self.assignment_poll < Duration::from_millis(10) || self.assignment_poll > Duration::from_secs(60) {
            problems.add("assignment_poll", "must be 10ms to 60s");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(config: &Config) -> Vec<String> {
        let mut problems = Problems::default();
        config.validate(&mut problems);
        problems.finish().map_or_else(|error| error.problems.into_iter().map(|p| p.key).collect(), |()| Vec::new())
    }

    #[test]
    fn the_defaults_lack_only_the_database_and_the_key() {
        assert_eq!(problems(&Config::default()), ["store.database.url", "store.page_token_key"]);
    }

    #[test]
    fn everything_wrong_is_listed() {
        let mut config = Config {
            sinks: vec!["intake".to_owned(), "intake".to_owned()],
            acknowledge_within: Duration::ZERO,
            resolve_within: ResolveWithin { low: 100_000 * HOUR, ..ResolveWithin::default() },
            assignment_poll: Duration::from_secs(61),
            ..Config::default()
        };
        config.store.database.url = "sqlite://x".to_owned();
        config.store.page_token_key = "sixteen letters!".to_owned();
        assert_eq!(problems(&config), ["sinks", "acknowledge_within", "resolve_within.low", "assignment_poll"]);
    }

    #[test]
    fn times_are_written_as_people_write_them() {
        let read = |json| serde_json::from_value::<Config>(json);
        let config = read(serde_json::json!({"acknowledge_within": "30m", "resolve_within": {"critical": "4h"}}))
            .expect("a configuration");
        assert_eq!((config.acknowledge_within, config.sla().resolve[3]), (HOUR / 2, 4 * HOUR));
        assert_eq!(config.sla().resolve[0], 72 * HOUR);
        assert!(read(serde_json::json!({"acknowledge": "30m"})).is_err());
    }
}
