//! A private cluster: made, started, stopped and killed through its keeper.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Clock, IdSource, RandomIds, SystemClock};

use super::administrator::{Administrator, Sweep};
use super::{binaries, test_database};
use crate::{Template, TestDatabase, free_port};

const KEEPER: &str = include_str!("keeper.sh");

/// The superuser of every private cluster.
const USER: &str = "amends";

/// What a cluster promises about committed transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// As in production: a commit is on the disk when it is answered.
    #[default]
    Fsync,
    /// Faster; a commit survives the server's death, not the machine's.
    Fast,
}

/// The settings of a cluster.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// What a commit promises.
    pub durability: Durability,
    /// More lines for `postgresql.conf`, e.g. `("lock_timeout", "1s")`.
    pub settings: Vec<(String, String)>,
}

/// A private cluster on a free port, removed when dropped or when the process ends in any other way.
///
/// One for all tests of a process is behind [`super::database`]; a test that stops or kills the server starts its own.
#[derive(Clone, Debug)]
pub struct Cluster {
    keeper: Arc<Mutex<Keeper>>,
    administrator: Administrator,
    port: u16,
}

impl Cluster {
    /// Makes and starts a cluster. Panics when there are no server programs, with how to get them.
    pub async fn start_new(options: ClusterOptions) -> Self {
        blocking(move || Self::create(&options)).await
    }

    pub(super) fn create(options: &ClusterOptions) -> Result<Self, String> {
        let port = free_port();
        let password = RandomIds.next(SystemClock.now()).simple().to_string();
        let mut keeper = Keeper::new(&binaries::directory()?, &password, &settings(port, options))?;
        keeper.command("init")?;
        keeper.command("start")?;
        let url = format!("postgres://{USER}:{password}@127.0.0.1:{port}/postgres");
        let administrator = Administrator::start(&url, Sweep::No)?;
        Ok(Self { keeper: Arc::new(Mutex::new(keeper)), administrator, port })
    }

    /// The URL of a database of this cluster.
    pub fn url(&self, database: &str) -> String {
        self.administrator.url(database)
    }

    /// The port on 127.0.0.1; the same after each start.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A new empty database.
    pub async fn database(&self, name_hint: &str) -> TestDatabase {
        test_database(&self.administrator, self.administrator.create(name_hint).await)
    }

    /// A new copy of `template`'s database.
    pub async fn database_from(&self, template: &Template, name_hint: &str) -> TestDatabase {
        test_database(&self.administrator, self.administrator.create_from(template, name_hint).await)
    }

    pub(super) fn administrator(&self) -> Administrator {
        self.administrator.clone()
    }

    /// Stops the server as `pg_ctl stop -m immediate` does: sessions are cut, the next start recovers.
    pub async fn stop_immediate(&self) {
        self.command("stop").await;
    }

    /// Kills the server and its children with SIGKILL, all at once.
    pub async fn kill9(&self) {
        self.command("kill9").await;
    }

    /// Starts the server after one of the two; returns when it accepts connections.
    pub async fn start(&self) {
        self.command("start").await;
    }

    async fn command(&self, command: &'static str) {
        let keeper = Arc::clone(&self.keeper);
        blocking(move || keeper.lock().unwrap_or_else(PoisonError::into_inner).command(command)).await;
    }
}

/// Runs what waits for another process away from the test's runtime; panics with the error.
pub(super) async fn blocking<T: Send + 'static>(run: impl FnOnce() -> Result<T, String> + Send + 'static) -> T {
    match tokio::task::spawn_blocking(run).await {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => panic!("PostgreSQL for tests: {error}"),
        Err(error) => panic!("PostgreSQL for tests: {error}"),
    }
}

fn settings(port: u16, options: &ClusterOptions) -> String {
    let fsync = if options.durability == Durability::Fsync { "on" } else { "off" };
    let fixed = [
        ("listen_addresses", "127.0.0.1"),
        ("port", &port.to_string()),
        ("max_connections", "200"),
        ("shared_buffers", "64MB"),
        ("max_wal_size", "2GB"),
        ("checkpoint_timeout", "30min"),
        ("fsync", fsync),
        ("jit", "off"),
        ("timezone", "UTC"),
    ];
    let fixed = fixed.iter().map(|(name, value)| format!("{name} = '{value}'\n"));
    fixed.chain(options.settings.iter().map(|(name, value)| format!("{name} = '{value}'\n"))).collect()
}

/// The process that owns the cluster, see `keeper.sh`.
#[derive(Debug)]
struct Keeper {
    process: Child,
    /// Closed on drop, which tells the keeper to clean up. Opened so that programs which a test starts do not inherit
    /// it.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    directory: PathBuf,
}

impl Keeper {
    fn new(bin: &Path, password: &str, settings: &str) -> Result<Self, String> {
        let directory = tempfile::Builder::new()
            .prefix("amends-pg-")
            .tempdir_in(temporary_root())
            .map_err(|error| format!("no temporary directory: {error}"))?;
        let path = directory.path();
        // The server's sockets lie in the directory where that leaves a path short enough for a socket.
        let sockets = if path.as_os_str().len() < 80 { path.display().to_string() } else { String::new() };
        let settings = format!("{settings}unix_socket_directories = '{sockets}'\n");
        let mut command = Command::new("sh");
        let user = user_to_become(path);
        for (name, content) in [("password", password), ("settings", &settings), ("keeper.sh", KEEPER)] {
            let file = path.join(name);
            std::fs::write(&file, content).map_err(|error| format!("{}: {error}", file.display()))?;
            user.as_ref().map_or(Ok(()), |user| user.give(&file))?;
        }
        if let Some(user) = user {
            user.give(path)?;
            command.uid(user.uid).gid(user.gid);
        }
        let mut process = command
            .arg(path.join("keeper.sh"))
            .arg(bin)
            .arg(path)
            .arg(USER)
            .current_dir("/")
            .env_clear()
            .env("PATH", binaries::variable("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("the keeper cannot be started: {error}"))?;
        let commands = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().ok_or("the keeper has no output")?);
        // From here on the directory is the keeper's to remove.
        Ok(Self { process, commands, answers, directory: directory.keep() })
    }

    fn command(&mut self, command: &str) -> Result<(), String> {
        let mut answer = String::new();
        let asked = self.commands.as_mut().map(|input| writeln!(input, "{command}"));
        let heard = self.answers.read_line(&mut answer);
        if matches!((asked, heard), (Some(Ok(())), Ok(_))) && answer.trim_end() == "ok" {
            return Ok(());
        }
        let log = std::fs::read_to_string(self.directory.join("server.log")).unwrap_or_default();
        let tail = log.lines().rev().take(20).collect::<Vec<_>>();
        let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
        Err(format!("`{command}` failed; the end of the server's log:\n{tail}"))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.commands.take());
        // Nothing to do about a failure: the keeper has its own input closed and will end.
        let _ended = self.process.wait();
    }
}

/// Where directories of clusters go: one in which another user can work and remove its own directory.
fn temporary_root() -> PathBuf {
    let root = std::env::temp_dir();
    let open_to_all = std::fs::metadata(&root).is_ok_and(|metadata| metadata.permissions().mode() & 0o003 == 0o003);
    if open_to_all { root } else { PathBuf::from("/tmp") }
}

struct User {
    uid: u32,
    gid: u32,
}

impl User {
    fn give(&self, file: &Path) -> Result<(), String> {
        chown(file, Some(self.uid), Some(self.gid)).map_err(|error| format!("chown {}: {error}", file.display()))
    }
}

/// PostgreSQL refuses to run as root: then it runs as `postgres`, else as `nobody`.
fn user_to_become(own_file: &Path) -> Option<User> {
    let runs_as_root = std::fs::metadata(own_file).is_ok_and(|metadata| metadata.uid() == 0);
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    runs_as_root.then(|| unprivileged(&users))
}

fn unprivileged(users: &str) -> User {
    let find = |name: &str| {
        let mut fields =
            users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|f| f[0] == name)?.into_iter();
        let uid = fields.nth(2)?.parse().ok()?;
        Some(User { uid, gid: fields.next()?.parse().ok()? })
    };
    find("postgres").or_else(|| find("nobody")).unwrap_or(User { uid: 65_534, gid: 65_534 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_becomes_postgres_else_nobody() {
        let nobody = "root:x:0:0::/root:/bin/sh\nnobody:x:99:98::/:/bin/false\n";
        let both = format!("{nobody}postgres:x:101:104::/:/bin/bash\n");
        let ids = |users: &str| (unprivileged(users).uid, unprivileged(users).gid);
        assert_eq!(ids(nobody), (99, 98));
        assert_eq!(ids(&both), (101, 104));
        assert_eq!(ids(""), (65_534, 65_534));
    }
}
