//! PostgreSQL databases: each test gets its own, in one server that the tests of a process share.
//!
//! The server is a private cluster, made from the machine's PostgreSQL programs and gone after the process; or the
//! running server that `AMENDS_TEST_DATABASE_URL` names, on which nothing is left either.

pub(crate) mod administrator;
mod binaries;
mod cluster;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use self::administrator::{Administrator, DropOnExit, Sweep};
pub use self::cluster::{Cluster, ClusterOptions, Durability};
use crate::database::{Backend, Guard, Template, TestDatabase};

/// The server that the tests of this process share.
struct Server {
    administrator: Administrator,
    /// Never dropped: the keeper notices the end of the process.
    _cluster: Option<Cluster>,
}

/// An empty database on the shared server. Panics when there is no PostgreSQL, with how to get it.
pub async fn database(name_hint: &str) -> TestDatabase {
    let administrator = shared().await;
    let database = administrator.create(name_hint).await;
    test_database(administrator, database)
}

/// A copy of `template`'s database on the shared server.
pub async fn database_from(template: &Template, name_hint: &str) -> TestDatabase {
    let administrator = shared().await;
    let database = administrator.create_from(template, name_hint).await;
    test_database(administrator, database)
}

/// A program that came with the PostgreSQL that databases of tests run on, e.g. `pgbench`.
///
/// # Errors
/// When there is none of that name, with where it was looked for.
pub fn program(name: &str) -> Result<PathBuf, String> {
    let directory = binaries::directory()?;
    // The programs of the server may be links into the directory where all of them are.
    let linked = std::fs::canonicalize(directory.join("postgres")).ok();
    let directories = [Some(directory.as_path()), linked.as_deref().and_then(Path::parent)];
    let found = directories.into_iter().flatten().map(|directory| directory.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| format!("there is no {name} beside the PostgreSQL server programs in {}", directory.display()))
}

fn test_database(administrator: &Administrator, database: DropOnExit) -> TestDatabase {
    let url = administrator.url(database.name());
    TestDatabase::new(Backend::Postgres, url, Guard::Postgres { _database: database })
}

async fn shared() -> &'static Administrator {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    // The outcome is kept, also the bad one: every test reports it at once instead of trying again.
    cluster::blocking(|| SERVER.get_or_init(server).as_ref().map(|server| &server.administrator).map_err(Clone::clone))
        .await
}

fn server() -> Result<Server, String> {
    if let Some(url) = binaries::variable(binaries::URL_VARIABLE) {
        let administrator = Administrator::start(&url, Sweep::Yes);
        let administrator = administrator.map_err(|error| format!("{}: {error}", binaries::URL_VARIABLE))?;
        return Ok(Server { administrator, _cluster: None });
    }
    let cluster = Cluster::create(&ClusterOptions::default())?;
    Ok(Server { administrator: cluster.administrator(), _cluster: Some(cluster) })
}
