//! A cluster of one's own: what committed survives its stop and its death, at the same address.

use sqlx::{Connection, PgConnection};
use testkit::postgres::{Cluster, ClusterOptions, Durability};

use crate::sql::{execute, number, text};

/// Starts a cluster with one committed row and one open transaction with another, ends the server by `end`, starts it
/// again and returns the cluster, the database's URL and the session that was cut.
async fn crashed<F: AsyncFnOnce(&Cluster)>(end: F) {
    let cluster = Cluster::start_new(ClusterOptions::default()).await;
    let database = cluster.database("crash").await;
    execute(&database.url, "CREATE TABLE t (n BIGINT NOT NULL); INSERT INTO t VALUES (1)").await.expect("a commit");
    let mut session = PgConnection::connect(&database.url).await.expect("it can be reached");
    sqlx::raw_sql("BEGIN; INSERT INTO t VALUES (2)").execute(&mut session).await.expect("an open transaction");

    end(&cluster).await;
    PgConnection::connect(&database.url).await.expect_err("nobody listens while it is down");
    cluster.start().await;

    assert_eq!(number(&database.url, "SELECT sum(n)::bigint FROM t").await.expect("it is back"), 1);
    sqlx::raw_sql("COMMIT").execute(&mut session).await.expect_err("the session did not survive");
    cluster.database("another").await;
}

#[tokio::test]
async fn a_stopped_server_comes_back_with_what_was_committed() {
    crashed(Cluster::stop_immediate).await;
}

#[tokio::test]
async fn a_killed_server_comes_back_with_what_was_committed() {
    crashed(Cluster::kill9).await;
}

#[tokio::test]
async fn a_cluster_has_the_settings_it_was_given() {
    let options = ClusterOptions {
        durability: Durability::Fast,
        settings: vec![("lock_timeout".to_owned(), "1234ms".to_owned())],
    };
    let cluster = Cluster::start_new(options).await;
    let url = cluster.url("postgres");
    for (setting, value) in [("fsync", "off"), ("lock_timeout", "1234ms"), ("max_connections", "200")] {
        assert_eq!(text(&url, &format!("SHOW {setting}")).await.expect("it can be read"), value, "{setting}");
    }
    let shared = testkit::postgres::database("settings").await;
    assert_eq!(text(&shared.url, "SHOW fsync").await.expect("it can be read"), "on");
}

#[tokio::test]
#[should_panic(expected = "unrecognized configuration parameter")]
async fn a_cluster_that_cannot_start_says_what_the_server_said() {
    let settings = vec![("no_such_setting".to_owned(), "1".to_owned())];
    Cluster::start_new(ClusterOptions { settings, ..ClusterOptions::default() }).await;
}
