//! Databases of tests: separate, removed, copied from a template that is migrated once.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use testkit::{Backend, Template, TestDatabase, database, database_from, eventually};

use crate::sql::{execute, number};

/// How often the template below was migrated: once on each backend.
static MIGRATIONS: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];

static TEMPLATE: Template = Template::new("numbers", |url| {
    Box::pin(async move {
        MIGRATIONS[usize::from(url.starts_with("sqlite:"))].fetch_add(1, Ordering::SeqCst);
        execute(&url, "CREATE TABLE t (n BIGINT NOT NULL); INSERT INTO t VALUES (7)").await.expect("it is empty");
    })
});

testkit::on_both_databases! {
    async fn a_database_is_empty_and_its_own(first: TestDatabase) {
        let second = database(first.backend(), "second").await;
        for database in [&first, &second] {
            execute(&database.url, "CREATE TABLE t (n BIGINT NOT NULL)").await.expect("it is empty");
            execute(&database.url, "INSERT INTO t VALUES (7)").await.expect("it can be written");
            assert_eq!(number(&database.url, "SELECT count(*) FROM t").await.expect("it can be read"), 1);
        }
    }
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn copies_of_a_template_are_separate_and_it_is_migrated_once(first: TestDatabase) {
        let backend = first.backend();
        let copies = join_all((0..8).map(|_| database_from(backend, &TEMPLATE, "copy"))).await;
        for copy in copies.iter().chain([&first]) {
            assert_eq!(number(&copy.url, "SELECT count(*) FROM t").await.expect("the table is there"), 1);
            execute(&copy.url, "INSERT INTO t VALUES (8)").await.expect("it can be written");
        }
        let urls: BTreeSet<_> = copies.iter().chain([&first]).map(|copy| &copy.url).collect();
        assert_eq!(urls.len(), 9);
        assert_eq!(MIGRATIONS[usize::from(backend == Backend::Sqlite)].load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_sqlite_database_goes_with_its_value() {
    let database = testkit::sqlite::database("goes").await;
    execute(&database.url, "CREATE TABLE t (n BIGINT NOT NULL)").await.expect("it can be written");
    let file = database.url.trim_start_matches("sqlite://").trim_end_matches("?mode=rwc").to_owned();
    assert!(Path::new(&file).is_file(), "{file}");
    drop(database);
    assert!(!Path::new(&file).exists(), "{file}");
}

#[tokio::test]
async fn a_postgres_database_goes_with_its_value_though_a_session_is_open() {
    let watcher = testkit::postgres::database("watcher").await;
    let database = testkit::postgres::database("goes").await;
    let name = database.url.rsplit('/').next().expect("a URL has a path").to_owned();
    let query = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    let pool = sqlx::PgPool::connect(&database.url).await.expect("it can be reached");
    assert_eq!(number(&watcher.url, &query).await.expect("the catalogue can be read"), 1);
    drop(database);
    eventually("the database is dropped", Duration::from_secs(20), || async {
        (number(&watcher.url, &query).await.expect("the catalogue can be read") == 0).then_some(())
    })
    .await;
    pool.close().await;
}
