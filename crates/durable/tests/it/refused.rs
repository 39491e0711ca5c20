//! A server that may lose what it acknowledged is not used, nor one that decides nothing.

use std::path::Path;
use std::time::Duration;

use durable::{DatabaseConfig, Db};
use sqlx::{Connection as _, PgConnection};
use testkit::eventually;
use testkit::postgres::{Cluster, ClusterOptions};

const SOON: Duration = Duration::from_secs(30);

async fn refusal(url: &str) -> Option<String> {
    let config = DatabaseConfig { url: url.to_owned(), max_connections: 1, ..DatabaseConfig::default() };
    match Db::connect(&config).await {
        Ok(db) => {
            db.close().await;
            None
        }
        Err(error) => Some(error.to_string()),
    }
}

async fn execute(url: &str, statement: &'static str) {
    let mut connection = PgConnection::connect(url).await.expect("a superuser's connection");
    sqlx::query(statement).execute(&mut connection).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_lose_what_it_acknowledged_is_refused() {
    let cluster = Cluster::start_new(ClusterOptions::default()).await;
    let url = cluster.url("postgres");
    assert_eq!(refusal(&url).await, None, "as it comes it is used");
    for (off, on, name) in [
        ("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET fsync = on", "fsync"),
        ("ALTER SYSTEM SET full_page_writes = off", "ALTER SYSTEM RESET full_page_writes", "full_page_writes"),
        ("ALTER SYSTEM SET synchronous_commit = off", "ALTER SYSTEM RESET synchronous_commit", "synchronous_commit"),
    ] {
        execute(&url, off).await;
        execute(&url, "SELECT pg_reload_conf()").await;
        let expected = format!("the database has {name} = off and may lose what it acknowledged; set it to on");
        eventually(&format!("{name} is off and refused"), SOON, || async {
            refusal(&url).await.filter(|refusal| *refusal == expected)
        })
        .await;
        execute(&url, on).await;
        execute(&url, "SELECT pg_reload_conf()").await;
        eventually(&format!("{name} is on again"), SOON, || async { refusal(&url).await.is_none().then_some(()) })
            .await;
    }

    let mut connection = PgConnection::connect(&url).await.expect("a superuser's connection");
    let directory: String = sqlx::query_scalar("SHOW data_directory").fetch_one(&mut connection).await.expect("a path");
    connection.close().await.expect("closed");
    cluster.stop_immediate().await;
    std::fs::write(Path::new(&directory).join("standby.signal"), "").expect("the server is told to stand by");
    cluster.start().await;
    let standby = "database.url leads to a standby; decisions need the primary";
    eventually("the standby is refused", SOON, || async { refusal(&url).await.filter(|refusal| refusal == standby) })
        .await;
}
