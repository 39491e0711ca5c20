//! A connection whose BEGIN was cancelled on the wire must not come back from the pool inside a transaction.

use std::process::Command;
use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use sqlx::{Connection as _, Row as _};

use crate::harness;

fn signal(pid: i32, signal: &str) {
    let status = Command::new("kill").arg(signal).arg(pid.to_string()).status().expect("kill runs");
    assert!(status.success(), "kill {signal} {pid}");
}

/// Remedied, the acknowledged insert is durable. The same steps on a pool without the remedy lose it, which shows that
/// the test would notice.
async fn acknowledged_and_durable(pool: &sqlx::PgPool, observer: &sqlx::PgPool, id: i32) -> (bool, i64) {
    let mut connection = pool.acquire().await.expect("a connection");
    let pid: i32 = sqlx::query("SELECT pg_backend_pid()").fetch_one(&mut *connection).await.expect("a pid").get(0);
    signal(pid, "-STOP");
    #[expect(clippy::disallowed_methods, reason = "the cancelled BEGIN is what is tested")]
    let left = tokio::time::timeout(Duration::from_millis(200), connection.begin()).await.is_err();
    assert!(left, "BEGIN is on the wire when its caller leaves");
    drop(connection);
    signal(pid, "-CONT");
    let acknowledged = sqlx::query("INSERT INTO kept VALUES ($1)").bind(id).execute(pool).await.is_ok();
    let durable = sqlx::query_scalar("SELECT count(*) FROM kept WHERE id = $1")
        .bind(id)
        .fetch_one(observer)
        .await
        .expect("a count");
    (acknowledged, durable)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_begin_does_not_poison_the_pool() {
    let database = testkit::postgres::database("poisoned_pool").await;
    let observer = sqlx::PgPool::connect(&database.url).await.expect("an observer");
    sqlx::query("CREATE TABLE kept (id INT PRIMARY KEY)").execute(&observer).await.expect("a table");

    let bare =
        sqlx::postgres::PgPoolOptions::new().max_connections(1).connect(&database.url).await.expect("a bare pool");
    assert_eq!(acknowledged_and_durable(&bare, &observer, 1).await, (true, 0), "without the remedy the insert is lost");
    // Its connection sits in a transaction that would hold the row's lock.
    bare.close().await;

    let config = durable::DatabaseConfig { url: database.url.clone(), max_connections: 1, ..Default::default() };
    let db = durable::Db::connect(&config).await.expect("connects");
    let pool = db.read().get_postgres_connection_pool().clone();
    assert_eq!(acknowledged_and_durable(&pool, &observer, 2).await, (true, 1), "with the remedy it is durable");
}

#[tokio::test]
async fn an_embedded_database_serves_one_process() {
    let database = testkit::sqlite::database("one_process").await;
    let first = harness::connect(&database.url).await;
    let config = durable::DatabaseConfig { url: database.url.clone(), ..Default::default() };
    let error = durable::Db::connect(&config).await.expect_err("a second owner is refused");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    first.close().await;
}

#[tokio::test]
async fn readers_of_an_embedded_database_cannot_write() {
    let database = testkit::sqlite::database("query_only").await;
    let db = harness::connect(&database.url).await;
    assert!(db.read().execute_unprepared("CREATE TABLE t (id INTEGER)").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_migrate_at_once_wait_for_each_other() {
    let database = testkit::postgres::database("migrate_at_once").await;
    let attempts = (0..4).map(|_| async {
        let db = harness::connect(&database.url).await;
        durable::migrate(&db, durable::Migrations(durable::durable_migrations)).await
    });
    for result in futures::future::join_all(attempts).await {
        result.expect("every process finds the schema in place");
    }
    let db = harness::connect(&database.url).await;
    let pending =
        durable::pending_migrations(&db, durable::Migrations(durable::durable_migrations)).await.expect("a list");
    assert_eq!(pending, Vec::<String>::new());
}
