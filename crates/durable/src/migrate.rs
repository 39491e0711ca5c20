//! Migrations under a lock: sea-orm takes none, and several processes that migrate at once break each other.

use anyhow::Context as _;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use sea_orm_migration::{MigrationTrait, MigratorTraitSelf};

use crate::{Backend, Db};

/// Any number that no other application uses for its advisory locks: "amends" in ASCII.
const ADVISORY_LOCK: i64 = 0x61_6d_65_6e_64_73;

/// The migrations of one service, oldest first, those of this crate before its own.
#[derive(Clone, Copy, Debug)]
pub struct Migrations(pub fn() -> Vec<Box<dyn MigrationTrait>>);

impl MigratorTraitSelf for Migrations {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        (self.0)()
    }
}

/// Applies what is pending, one process at a time.
///
/// # Errors
/// When a migration fails: what was applied before it stays.
pub fn migrate(db: &Db, migrations: Migrations) -> BoxFuture<'static, anyhow::Result<()>> {
    let db = db.clone();
    async move {
        match db.backend() {
            // A session lock lives on one connection: this one does the migrations too.
            Backend::Postgres => {
                let pool = db.write().get_postgres_connection_pool().clone();
                let mut lock = pool.acquire().await.context("cannot connect to migrate")?.detach();
                sqlx::query("SET statement_timeout = 0").execute(&mut lock).await?;
                sqlx::query("SET lock_timeout = 0").execute(&mut lock).await?;
                sqlx::query("SELECT pg_advisory_lock($1)").bind(ADVISORY_LOCK).execute(&mut lock).await?;
                let result = migrations.up(db.write(), None).await;
                // Dropping the connection would release the lock too; closing it says so to the server at once.
                let _ = sqlx::Connection::close(lock).await;
                result?;
            }
            // The process lock of the database file is held already: nobody else is here.
            Backend::Sqlite => migrations.up(db.write(), None).await?,
        }
        Ok(())
    }
    .boxed()
}

/// Names of the migrations that have not been applied; reads only.
///
/// # Errors
/// When the database does not answer.
pub async fn pending_migrations(db: &Db, migrations: Migrations) -> anyhow::Result<Vec<String>> {
    let pending = migrations.get_pending_migrations_read_only(db.read()).await?;
    Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
}
