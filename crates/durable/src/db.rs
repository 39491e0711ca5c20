//! The connections of one service to its one database.
//!
//! PostgreSQL: one pool. SQLite: one writer connection and a pool of readers, because two writers only wait for each
//! other, and unfairly. Every round trip to PostgreSQL counts: connections that were just in use are not asked whether
//! they live, and a `BEGIN` is never cancelled on the wire (see `tx`), so that none has to be cleaned after use.

use std::fs::File;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::DatabaseConfig;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Embedded, one process, one writer.
    Sqlite,
    /// Production, any number of processes.
    Postgres,
}

impl Backend {
    /// The backend as sea-orm names it.
    pub fn dialect(self) -> sea_orm::DbBackend {
        match self {
            Self::Sqlite => sea_orm::DbBackend::Sqlite,
            Self::Postgres => sea_orm::DbBackend::Postgres,
        }
    }
}

/// The connections of a service to its database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    backend: Backend,
    write: DatabaseConnection,
    read: DatabaseConnection,
    // Held for life: a second process on the same SQLite file would break the single writer.
    _lock: Option<Arc<File>>,
}

impl Db {
    /// Connects, and refuses a database that cannot keep promises: SQLite older than 3.51.3 or in use by another
    /// process, PostgreSQL on standby or with `fsync`, `full_page_writes` or `synchronous_commit` off.
    pub fn connect(config: &DatabaseConfig) -> BoxFuture<'static, anyhow::Result<Self>> {
        let config = config.clone();
        async move {
            if config.url.starts_with("sqlite:") {
                Self::connect_sqlite(&config).await
            } else if config.url.starts_with("postgres:") || config.url.starts_with("postgresql:") {
                Self::connect_postgres(&config).await
            } else {
                bail!("database.url must start with sqlite:// or postgres://")
            }
        }
        .boxed()
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// A connection for reads that decide nothing, outside of any transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// The connection that transactions begin on.
    pub(crate) fn write(&self) -> &DatabaseConnection {
        &self.write
    }

    /// Says whether the database answers.
    pub async fn ping(&self) -> Result<(), sea_orm::DbErr> {
        self.read.execute_unprepared("SELECT 1").await.map(|_| ())
    }

    /// Closes all connections; waits for those in use.
    pub async fn close(&self) {
        // Errors of closing have nobody left to act on them.
        let _ = self.write.clone().close().await;
        let _ = self.read.clone().close().await;
    }

    async fn connect_postgres(config: &DatabaseConfig) -> anyhow::Result<Self> {
        let options = PgConnectOptions::from_str(&config.url)
            .context("database.url is not a PostgreSQL URL")?
            .options([
                ("statement_timeout", config.statement_timeout_ms.to_string()),
                ("lock_timeout", "2000".to_owned()),
                ("idle_in_transaction_session_timeout", "10000".to_owned()),
                // As a setting of the connection: said in each transaction it would be a round trip of its own.
                ("default_transaction_isolation", "read committed".to_owned()),
                // Every statement looks rows up by an index. A plan that was made on an empty table would read it as a
                // whole and hash it, and a prepared statement keeps that plan while the table grows.
                ("enable_seqscan", "off".to_owned()),
                ("enable_hashjoin", "off".to_owned()),
                ("enable_mergejoin", "off".to_owned()),
            ])
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
            .test_before_acquire(false)
            .before_acquire(|connection, meta| alive(connection, meta.idle_for))
            .connect_with(options)
            .await
            .context("cannot connect to the database")?;
        let checks: Vec<(String, String)> = sqlx::query_as(
            "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') \
             UNION ALL SELECT 'standby', CASE WHEN pg_is_in_recovery() THEN 'off' ELSE 'on' END",
        )
        .fetch_all(&pool)
        .await?;
        if let Some((name, _)) = checks.iter().find(|(_, setting)| setting == "off") {
            match name.as_str() {
                "standby" => bail!("database.url leads to a standby; decisions need the primary"),
                name => bail!("the database has {name} = off and may lose what it acknowledged; set it to on"),
            }
        }
        let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
        Ok(Self { backend: Backend::Postgres, write: connection.clone(), read: connection, _lock: None })
    }

    async fn connect_sqlite(config: &DatabaseConfig) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::from_str(&config.url)
            .context("database.url is not a SQLite URL")?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("cache_size", "-16384")
            .disable_statement_logging();
        let lock = single_process_lock(options.get_filename())?;
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            // The one writer is waited for by whole groups: a timeout would fail callers that only had to queue.
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(options.clone())
            .await
            .context("cannot open the database")?;
        let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&write).await?;
        new_enough(&version)?;
        let read = SqlitePoolOptions::new()
            .max_connections(config.max_connections)
            .test_before_acquire(false)
            .acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
            .connect_with(options.pragma("query_only", "on"))
            .await?;
        Ok(Self {
            backend: Backend::Sqlite,
            write: SqlxSqliteConnector::from_sqlx_sqlite_pool(write),
            read: SqlxSqliteConnector::from_sqlx_sqlite_pool(read),
            _lock: lock.map(Arc::new),
        })
    }
}

/// Idle for longer than this, a connection is asked whether it lives before it is used.
const FRESH: Duration = Duration::from_secs(1);

/// False for a connection that has rested and does not answer: the pool opens another one. One that broke within the
/// last second is found out by its next statement, which fails with nothing durable and is run again.
fn alive(connection: &mut PgConnection, idle_for: Duration) -> BoxFuture<'_, Result<bool, sqlx::Error>> {
    async move { Ok(idle_for < FRESH || connection.ping().await.is_ok()) }.boxed()
}

fn single_process_lock(database: &std::path::Path) -> anyhow::Result<Option<File>> {
    if database.as_os_str().is_empty() || database.to_string_lossy().contains(":memory:") {
        return Ok(None);
    }
    if let Some(parent) = database.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot make the directory {}", parent.display()))?;
    }
    let path = database.with_extension("lock");
    let file = File::create(&path).with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(_) => bail!(
            "{} is in use by another process; an embedded database serves one process (use PostgreSQL for more)",
            database.display()
        ),
    }
}

fn new_enough(version: &str) -> anyhow::Result<()> {
    if version_number(version) < version_number("3.51.3") {
        bail!("SQLite {version} can corrupt a write-ahead log; 3.51.3 or later is needed");
    }
    Ok(())
}

fn version_number(version: &str) -> u64 {
    version.split('.').fold(0, |sum, part| sum * 1_000 + part.parse::<u64>().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_sqlite_is_refused() {
        for old in ["3.7.0", "3.40.1", "3.51.2", "2.99.99", ""] {
            let refused = new_enough(old).expect_err(old);
            assert!(refused.to_string().contains("3.51.3 or later is needed"), "{refused}");
        }
        for new in ["3.51.3", "3.51.10", "3.52.0", "3.54.1", "4.0.0"] {
            new_enough(new).expect(new);
        }
    }
}
