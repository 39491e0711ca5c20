//! Where a service's database is and how hard it may be used.

use std::fmt;

use serde::{Deserialize, Serialize};

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
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { max_mutations: 512, writer_queue: 2_048, writer_workers: 2 }
    }
}
