//! Where a service's database is and how hard it may be used.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::RelayConfig;

/// Everything that a service keeps and sends: section `store` of its configuration.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Where the database is.
    pub database: DatabaseConfig,
    /// Bounds of the engine.
    pub engine: EngineConfig,
    /// How durable calls are sent.
    pub relay: RelayConfig,
    /// Secret that page tokens are signed with, the same on all replicas; at least 16 characters. There is no default:
    /// one made up at random would break paging as soon as two replicas answer.
    pub page_token_key: String,
}

impl StoreConfig {
    /// What is wrong with the configuration: key below `store`, and explanation.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if self.database.url.is_empty() {
            problems.push((
                "database.url".to_owned(),
                "is required: sqlite:///path/to/file.db or postgres://user:password@host/database".to_owned(),
            ));
        }
        problems.extend(self.relay.problems().into_iter().map(|(key, problem)| (format!("relay.{key}"), problem)));
        let sent = self.relay.park_after_s.saturating_add(self.relay.keep_done_s);
        if self.engine.keep_answers_s <= sent {
            let problem =
                format!("must be more than relay.park_after_s and relay.keep_done_s together, that is {sent}");
            problems.push(("engine.keep_answers_s".to_owned(), problem));
        }
        if self.page_token_key.len() < 16 {
            problems.push((
                "page_token_key".to_owned(),
                "is required: at least 16 characters, the same in all replicas of the service".to_owned(),
            ));
        }
        problems
    }
}

impl fmt::Debug for StoreConfig {
    /// Hides the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig")
            .field("database", &self.database)
            .field("engine", &self.engine)
            .field("relay", &self.relay)
            .field("page_token_key", &"***")
            .finish()
    }
}

/// Configuration of a service's database.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// `sqlite:///path/to/file.db` (embedded, one process) or `postgres://user:password@host/database`.
    pub url: String,
    /// Connections at most. On SQLite it bounds the readers; there is always exactly one writer.
    pub max_connections: u32,
    /// How long a caller waits for a connection before it gets UNAVAILABLE, in milliseconds.
    pub acquire_timeout_ms: u64,
    /// PostgreSQL's `statement_timeout`, in milliseconds.
    pub statement_timeout_ms: u64,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        // Eight connections saturate PostgreSQL as well as sixteen do; a short queue keeps the tail short.
        Self { url: String::new(), max_connections: 10, acquire_timeout_ms: 2_000, statement_timeout_ms: 5_000 }
    }
}

impl fmt::Debug for DatabaseConfig {
    /// Hides the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match (self.url.split_once("://"), self.url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
            _ => self.url.clone(),
        };
        f.debug_struct("DatabaseConfig")
            .field("url", &url)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

/// Bounds of the engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// Mutations that may be under way at once; more get RESOURCE_EXHAUSTED `OVERLOADED`.
    pub max_mutations: usize,
    /// Commands that may wait for a group commit; more get RESOURCE_EXHAUSTED `OVERLOADED`.
    pub writer_queue: usize,
    /// Group commits of one command that may run at once on PostgreSQL: one prepares while the other commits. SQLite
    /// has one writer whatever this says.
    pub writer_workers: usize,
    /// How long an answer is kept, in seconds: so long the same request gets the same answer. Answers that protect
    /// money stay for ever. Longer than `relay.park_after_s` and `relay.keep_done_s` together: a sender goes on with a
    /// call by itself no longer than that, and its record of the call ends before the receipt.
    pub keep_answers_s: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { max_mutations: 512, writer_queue: 2_048, writer_workers: 2, keep_answers_s: 30 * 24 * 3_600 }
    }
}
