//! The configuration of intake: section `intake` of a process that hosts it.
//!
//! Always holds: every key has a default that is right for one machine, except where the database is and the secret
//! that page tokens are signed with.

use std::time::Duration;

use chassis::config::{Problems, Validate, duration};
use durable::StoreConfig;
use serde::Deserialize;

/// Everything that intake needs to know.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The database, the relay, the secret of page tokens.
    pub store: StoreConfig,
    /// Section `watch`.
    pub watch: WatchConfig,
    /// Section `story`.
    pub story: StoryConfig,
}

/// How long the story of a case may get.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoryConfig {
    /// Entries after which a story is full; from 100 to 100,000.
    pub max_entries: u32,
}

impl Default for StoryConfig {
    fn default() -> Self {
        // Thirty times what a recovery writes by itself.
        Self { max_entries: 1_000 }
    }
}

/// How cases are watched.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchConfig {
    /// Watches in this process at once; more get RESOURCE_EXHAUSTED `OVERLOADED`.
    pub max: usize,
    /// How often a watch looks for changes that another process made; from 10 ms to 1 s.
    #[serde(with = "duration")]
    pub poll: Duration,
}

impl Default for WatchConfig {
    fn default() -> Self {
        // A thousand looks a second are a small part of what a database answers.
        Self { max: 1_000, poll: Duration::from_secs(1) }
    }
}

impl Validate for Config {
    fn validate(&self, problems: &mut Problems) {
        for (key, problem) in self.store.problems() {
            problems.add(&format!("store.{key}"), problem);
        }
        problems.within("watch", &self.watch);
        problems.within("story", &self.story);
    }
}

impl Validate for StoryConfig {
    fn validate(&self, problems: &mut Problems) {
        // Below, two rounds of a recovery might not fit.
        if !(100..=100_000).contains(&self.max_entries) {
            problems.add("max_entries", "must be from 100 to 100000");
        }
    }
}

impl Validate for WatchConfig {
    fn validate(&self, problems: &mut Problems) {
        if self.max == 0 {
            problems.add("max", "must be at least 1");
        }
        if self.poll < Duration::from_millis(10) || self.poll > Duration::from_secs(1) {
            problems.add("poll", "must be from 10ms to 1s");
        }
    }
}
