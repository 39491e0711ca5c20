//! Makes and drops the databases of one server, on a thread of its own: tests end on runtimes that end with them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kernel::{Clock, IdSource, RandomIds, SystemClock};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tokio::sync::{mpsc, oneshot};

use crate::Template;
use crate::database::{Templates, identifier};

/// Whether databases of earlier processes may be on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sweep {
    /// A private server: everything on it goes with it.
    No,
    /// A server that outlives the tests: drop what processes left behind that were killed.
    Yes,
}

enum Job {
    /// Runs the statements and reports.
    Run(Vec<String>, oneshot::Sender<Result<(), String>>),
    /// Drops the database; nobody waits.
    Drop(String),
}

/// A handle on the thread, which ends with the last of its handles.
#[derive(Clone)]
pub(super) struct Administrator {
    jobs: mpsc::UnboundedSender<Job>,
    url: String,
    run: i64,
    next: Arc<AtomicU32>,
    /// The names of the databases that templates were made into.
    templates: Arc<Templates<String>>,
}

impl Administrator {
    /// For the server and the role of `url`; connects when there is something to do.
    pub(super) fn start(url: &str, sweep: Sweep) -> Result<Self, String> {
        let options = PgConnectOptions::from_str(url).map_err(|error| format!("the server's URL: {error}"))?;
        let run = i64::from_le_bytes(*RandomIds.next(SystemClock.now()).as_bytes().last_chunk().expect("16 bytes"));
        let (jobs, queue) = mpsc::unbounded_channel();
        let worker = Worker { options, sweep, run, connection: None };
        std::thread::Builder::new()
            .name("postgres-administrator".to_owned())
            .spawn(move || worker.work(queue))
            .expect("a thread can be started");
        Ok(Self { jobs, url: url.to_owned(), run, next: Arc::default(), templates: Arc::default() })
    }

    /// The URL of a database of this server.
    pub(super) fn url(&self, database: &str) -> String {
        with_database(&self.url, database)
    }

    /// A new empty database.
    pub(super) async fn create(&self, name_hint: &str) -> DropOnExit {
        let name = self.new_name(name_hint);
        self.run(vec![format!("CREATE DATABASE {name}")]).await;
        DropOnExit { name, jobs: self.jobs.clone() }
    }

    /// A new copy of `template`, which is migrated first if nobody has.
    pub(super) async fn create_from(&self, template: &Template, name_hint: &str) -> DropOnExit {
        let cell = self.templates.cell(template);
        let source = cell.get_or_init(|| self.migrate(template)).await;
        let name = self.new_name(name_hint);
        self.run(vec![format!("CREATE DATABASE {name} TEMPLATE {source}")]).await;
        DropOnExit { name, jobs: self.jobs.clone() }
    }

    async fn migrate(&self, template: &Template) -> String {
        let name = self.new_name(template.key());
        self.run(vec![format!("CREATE DATABASE {name}")]).await;
        template.migrate(self.url(&name)).await;
        // A database is copied only while nobody is connected to it.
        self.run(vec![
            format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
        ])
        .await;
        name
    }

    fn new_name(&self, hint: &str) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{PREFIX}{:016x}_{number}_{}", self.run, identifier(hint))
    }

    async fn run(&self, statements: Vec<String>) {
        let (report, outcome) = oneshot::channel();
        let sent = self.jobs.send(Job::Run(statements, report));
        assert!(sent.is_ok(), "PostgreSQL for tests: the administrator has ended");
        match outcome.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => panic!("PostgreSQL for tests: {error}"),
            Err(_gone) => panic!("PostgreSQL for tests: the administrator has ended"),
        }
    }
}

impl fmt::Debug for Administrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Administrator").field("run", &self.run).finish_non_exhaustive()
    }
}

/// A database that is dropped with this value.
#[derive(Debug)]
pub(crate) struct DropOnExit {
    name: String,
    jobs: mpsc::UnboundedSender<Job>,
}

impl DropOnExit {
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for DropOnExit {
    fn drop(&mut self) {
        // Without the administrator the server is gone, or the process about to be.
        let _sent = self.jobs.send(Job::Drop(std::mem::take(&mut self.name)));
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Job::Run(..) => "Run",
            Job::Drop(_) => "Drop",
        })
    }
}

/// All databases of tests are named `amends_test_<16 hex digits of the run>_<number>_<hint>`.
const PREFIX: &str = "amends_test_";

struct Worker {
    options: PgConnectOptions,
    sweep: Sweep,
    run: i64,
    connection: Option<PgConnection>,
}

impl Worker {
    fn work(mut self, mut queue: mpsc::UnboundedReceiver<Job>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            while let Some(job) = queue.recv().await {
                match job {
                    Job::Run(statements, report) => {
                        // A test that was given up does not wait for its report.
                        let _sent = report.send(self.execute(&statements).await.map_err(|error| error.to_string()));
                    }
                    Job::Drop(name) => {
                        // On a server that a test has stopped there is nothing to drop any more.
                        let _dropped = self.execute(&[format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")]).await;
                    }
                }
            }
        });
    }

    /// Connects again, once, when the server has been restarted since the last time.
    async fn execute(&mut self, statements: &[String]) -> Result<(), sqlx::Error> {
        for statement in statements {
            if self.connection.is_some() {
                match self.execute_one(statement).await {
                    Err(sqlx::Error::Database(error)) if !is_disconnect(error.code().as_deref()) => {
                        return Err(sqlx::Error::Database(error));
                    }
                    Err(_lost) => self.connection = None,
                    Ok(()) => continue,
                }
            }
            let mut connection = self.options.connect().await?;
            if self.sweep == Sweep::Yes {
                sweep(&mut connection, self.run).await?;
            }
            self.connection = Some(connection);
            self.execute_one(statement).await?;
        }
        Ok(())
    }

    async fn execute_one(&mut self, statement: &str) -> Result<(), sqlx::Error> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(|_done| ())
    }
}

/// SQLSTATE class 57P: the server is shutting down or starting.
fn is_disconnect(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("57P"))
}

/// Marks this run as alive by a lock that the server frees with the connection, and drops the databases of the runs
/// that hold none any more.
async fn sweep(connection: &mut PgConnection, run: i64) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_lock($1)").bind(run).execute(&mut *connection).await?;
    let names: Vec<String> = sqlx::query_scalar("SELECT datname::text FROM pg_database WHERE starts_with(datname, $1)")
        .bind(PREFIX)
        .fetch_all(&mut *connection)
        .await?;
    let runs: BTreeSet<i64> = names.iter().filter_map(|name| run_of(name)).filter(|other| *other != run).collect();
    for other in runs {
        if sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(other).fetch_one(&mut *connection).await? {
            for name in names.iter().filter(|name| run_of(name) == Some(other)) {
                let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *connection).await?;
            }
            sqlx::query("SELECT pg_advisory_unlock($1)").bind(other).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// `url` with another database and all else as it was.
fn with_database(url: &str, database: &str) -> String {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let authority = address.find("://").map_or(0, |scheme| scheme + 3);
    let server = address[authority..].find('/').map_or(address, |path| &address[..authority + path]);
    if query.is_empty() { format!("{server}/{database}") } else { format!("{server}/{database}?{query}") }
}

/// The run that made the database of this name.
fn run_of(database: &str) -> Option<i64> {
    let digits = database.strip_prefix(PREFIX)?.get(..16)?;
    u64::from_str_radix(digits, 16).ok().map(u64::cast_signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_of_a_url_is_replaced() {
        assert_eq!(
            with_database("postgres://u:p@h:1/old?sslmode=disable", "new"),
            "postgres://u:p@h:1/new?sslmode=disable"
        );
        assert_eq!(with_database("postgres://u:p@h:1/", "new"), "postgres://u:p@h:1/new");
        assert_eq!(with_database("postgres://h", "new"), "postgres://h/new");
        assert_eq!(with_database("postgres:///old?host=/run/pg", "new"), "postgres:///new?host=/run/pg");
    }

    #[test]
    fn a_name_tells_its_run() {
        for run in [0, 1, -1, i64::MIN, i64::MAX] {
            assert_eq!(run_of(&format!("{PREFIX}{run:016x}_7_hint")), Some(run));
        }
        for other in ["postgres", "amends_test_", "amends_test_short", "amends_test_zzzzzzzzzzzzzzzz_1_x"] {
            assert_eq!(run_of(other), None, "{other}");
        }
    }
}
