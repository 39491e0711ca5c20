//! The private PostgreSQL that everything is measured on, with fsync on, and its databases.

use std::collections::BTreeMap;

use anyhow::Context as _;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use testkit::TestDatabase;
use testkit::postgres::{Cluster, ClusterOptions, Durability};

/// Settings that a production server would have at least; commits stay durable.
const SETTINGS: [(&str, &str); 2] = [("shared_buffers", "512MB"), ("max_wal_size", "8GB")];
/// Settings that figures depend on.
const TOLD: [&str; 5] = ["server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers"];

/// A server that ends with this value.
pub struct Postgres {
    cluster: Cluster,
}

/// A database for each role that is to run; removed when dropped.
pub struct Databases(BTreeMap<&'static str, TestDatabase>);

impl Databases {
    /// The URLs by role.
    pub fn urls(&self) -> BTreeMap<&'static str, String> {
        self.0.iter().map(|(role, database)| (*role, database.url.clone())).collect()
    }

    /// The URL of one role.
    pub fn url(&self, role: &str) -> &str {
        &self.0[role].url
    }
}

impl Postgres {
    /// Starts a server. Panics when there are no server programs, with how to get them.
    pub async fn start() -> Self {
        let settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { cluster: Cluster::start_new(ClusterOptions { durability: Durability::Fsync, settings }).await }
    }

    /// An empty database for each of `roles`.
    pub async fn databases(&self, name_hint: &str, roles: &[&'static str]) -> Databases {
        let mut databases = BTreeMap::new();
        for &role in roles {
            databases.insert(role, self.cluster.database(&format!("{name_hint}_{role}")).await);
        }
        Databases(databases)
    }

    /// Version and settings in one line.
    pub async fn facts(&self) -> anyhow::Result<String> {
        let mut connection = connect(&self.cluster.url("postgres")).await?;
        let mut facts = Vec::new();
        for setting in TOLD {
            let value: String =
                sqlx::query_scalar("SELECT current_setting($1)").bind(setting).fetch_one(&mut connection).await?;
            facts.push(if setting == "server_version" {
                format!("PostgreSQL {value}")
            } else {
                format!("{setting} {value}")
            });
        }
        Ok(facts.join(", "))
    }

    /// Writes a checkpoint, so that every measurement begins with the same work behind it.
    pub async fn checkpoint(&self) -> anyhow::Result<()> {
        execute(&mut connect(&self.cluster.url("postgres")).await?, "CHECKPOINT").await
    }
}

/// A connection to one database.
pub async fn connect(url: &str) -> anyhow::Result<PgConnection> {
    PgConnection::connect(url).await.context("the private PostgreSQL does not answer")
}

/// Runs statements whose results nobody needs.
pub async fn execute(connection: &mut PgConnection, sql: &str) -> anyhow::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.with_context(|| sql.to_owned())?;
    Ok(())
}

/// How many rows a table has.
pub async fn rows(connection: &mut PgConnection, table: &str) -> anyhow::Result<i64> {
    let sql = format!("SELECT count(*) FROM {table}");
    Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await?)
}
