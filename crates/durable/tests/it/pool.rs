//! A connection whose BEGIN was cancelled on the wire must not come back from the pool inside a transaction.

use std::process::Command;
use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use sqlx::Row as _;

use crate::harness;

/// Longer than any machine is busy.
const PATIENCE: Duration = Duration::from_secs(30);

fn signal(pid: i32, signal: &str) {
    let status = Command::new("kill").arg(signal).arg(pid.to_string()).status().expect("kill runs");
    assert!(status.success(), "kill {signal} {pid}");
}

/// Stops the backend behind the pool's only connection, lets `begin` begin and be left, and wakes the backend again.
async fn leave_while_it_begins(pool: &sqlx::PgPool, begin: impl Future<Output = ()>) {
    let pid: i32 = sqlx::query("SELECT pg_backend_pid()").fetch_one(pool).await.expect("a pid").get(0);
    // It goes back to the pool by a round trip of its own.
    testkit::eventually("the connection is idle", PATIENCE, || async { (pool.num_idle() == 1).then_some(()) }).await;
    signal(pid, "-STOP");
    let left = tokio::time::timeout(Duration::from_millis(200), begin).await.is_err();
    signal(pid, "-CONT");
    assert!(left, "BEGIN is on the wire when its caller leaves");
}

async fn rows(observer: &sqlx::PgPool, id: i32) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM kept WHERE id = $1").bind(id).fetch_one(observer).await.expect("a count")
}

/// On a bare pool, which shows that the test would notice, the acknowledged insert is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_leaves_while_its_transaction_begins_does_not_poison_the_pool() {
    let database = testkit::postgres::database("poisoned_pool").await;
    let observer = sqlx::PgPool::connect(&database.url).await.expect("an observer");
    sqlx::query("CREATE TABLE kept (id INT PRIMARY KEY)").execute(&observer).await.expect("a table");

    let options = sqlx::postgres::PgPoolOptions::new().max_connections(1).test_before_acquire(false);
    let bare = options.connect(&database.url).await.expect("a bare pool");
    let begin = async {
        #[expect(clippy::disallowed_methods, reason = "the cancelled BEGIN is what is tested")]
        let _transaction = bare.begin().await;
    };
    leave_while_it_begins(&bare, begin).await;
    let acknowledged = sqlx::query("INSERT INTO kept VALUES (1)").execute(&bare).await.is_ok();
    assert_eq!((acknowledged, rows(&observer, 1).await), (true, 0), "without the remedy the insert is lost");
    // Its connection sits in a transaction that would hold the row's lock.
    bare.close().await;

    let config = durable::DatabaseConfig { url: database.url.clone(), max_connections: 1, ..Default::default() };
    let engine = harness::engine_on(durable::Db::connect(&config).await.expect("connects"));
    let pool = engine.db().read().get_postgres_connection_pool().clone();
    let begin = async {
        let left = engine.run_tx("test.left", |_tx| async { Ok(()) }).await;
        assert!(left.is_err(), "it is left before it begins");
    };
    leave_while_it_begins(&pool, begin).await;
    let acknowledged = sqlx::query("INSERT INTO kept VALUES (2)").execute(&pool).await.is_ok();
    assert_eq!((acknowledged, rows(&observer, 2).await), (true, 1), "with the remedy it is durable");
}

/// A connection that the server has closed while it rested is replaced before anybody uses it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_died_while_it_was_used_costs_no_answer() {
    let database = testkit::postgres::database("killed_backend").await;
    let observer = sqlx::PgPool::connect(&database.url).await.expect("an observer");
    sqlx::query("CREATE TABLE kept (id INT PRIMARY KEY)").execute(&observer).await.expect("a table");
    let config = durable::DatabaseConfig { url: database.url.clone(), max_connections: 1, ..Default::default() };
    let db = durable::Db::connect(&config).await.expect("connects");
    durable::migrate(&db, durable::Migrations(durable::durable_migrations)).await.expect("migrated");
    let engine = harness::engine_on(db);
    for id in 1..=3 {
        let pid: i32 = sqlx::query("SELECT pg_backend_pid()")
            .fetch_one(engine.db().read().get_postgres_connection_pool())
            .await
            .expect("a pid")
            .get(0);
        sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(&observer).await.expect("terminated");
        // Right away: the pool has no reason to doubt the connection.
        let key = harness::key("default", &format!("insert-{id}"), "");
        let insert = move |tx: durable::Tx| async move {
            let statement =
                durable::sql::statement(tx.backend(), "INSERT INTO kept VALUES ($1)", [i64::from(id).into()]);
            tx.execute(statement).await?;
            Ok(String::new())
        };
        engine.mutate("test.insert", key, insert).await.expect("the mutation is run again on another connection");
        assert_eq!(rows(&observer, id).await, 1);
    }
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
