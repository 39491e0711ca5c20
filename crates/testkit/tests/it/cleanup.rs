//! Nothing is left when a test process is killed: no server, no directory, no database on a running server.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use testkit::eventually;
use testkit::postgres::{Cluster, ClusterOptions};

use crate::sql::{number, text};

const PATIENCE: Duration = Duration::from_secs(30);

/// A process that holds a database of each kind.
struct Holder {
    process: Child,
    postgres: String,
    sqlite: PathBuf,
}

impl Holder {
    /// With a private cluster, or with databases on the running server `url`.
    fn start(url: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hold"));
        command.env("AMENDS_TEST_DATABASE_URL", url.unwrap_or_default());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be started");
        let mut lines = BufReader::new(process.stdout.take().expect("it has an output")).lines();
        let mut line = || lines.next().expect("it prints two lines").expect("it prints text");
        let (postgres, sqlite) = (line(), line());
        let sqlite = PathBuf::from(sqlite.trim_start_matches("sqlite://")).parent().expect("a directory").to_path_buf();
        Self { process, postgres, sqlite }
    }

    /// SIGKILL: no destructor runs, no handler.
    fn kill(mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it can be waited for");
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _collected = self.process.wait();
    }
}

async fn gone(path: &Path) {
    eventually(&format!("{} is removed", path.display()), PATIENCE, || async { (!path.exists()).then_some(()) }).await;
}

#[tokio::test]
async fn a_killed_process_leaves_no_server_and_no_directory() {
    let holder = Holder::start(None);
    let data = text(&holder.postgres, "SHOW data_directory").await.expect("the server runs");
    let (cluster, sqlite) = (Path::new(&data).parent().expect("a directory").to_path_buf(), holder.sqlite.clone());
    assert!(cluster.is_dir() && sqlite.is_dir());
    let url = holder.postgres.clone();
    holder.kill();
    gone(&cluster).await;
    gone(&sqlite).await;
    text(&url, "SHOW data_directory").await.expect_err("the server is gone");
}

#[tokio::test]
async fn a_dropped_cluster_is_gone_at_once() {
    let cluster = Cluster::start_new(ClusterOptions::default()).await;
    let url = cluster.url("postgres");
    let data = text(&url, "SHOW data_directory").await.expect("the server runs");
    drop(cluster);
    assert!(!Path::new(&data).parent().expect("a directory").exists());
    text(&url, "SHOW data_directory").await.expect_err("the server is gone");
}

#[tokio::test]
async fn on_a_running_server_the_next_process_drops_what_a_killed_one_left_and_nothing_else() {
    let server = Cluster::start_new(ClusterOptions::default()).await;
    let url = server.url("postgres");
    let name = |holder: &Holder| holder.postgres.rsplit('/').next().expect("a URL has a path").to_owned();
    let exists = async |name: &str| {
        let query = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
        number(&url, &query).await.expect("the catalogue can be read") == 1
    };

    let (alive, killed) = (Holder::start(Some(&url)), Holder::start(Some(&url)));
    let (of_alive, of_killed) = (name(&alive), name(&killed));
    killed.kill();
    assert!(exists(&of_killed).await, "nobody was there to drop it");
    eventually("the next process drops it", PATIENCE, async || {
        let next = Holder::start(Some(&url));
        assert!(exists(&name(&next)).await);
        (!exists(&of_killed).await).then_some(())
    })
    .await;
    assert!(exists(&of_alive).await, "its process lives");
}
