//! Four `amends serve` processes on PostgreSQL, to be killed and started again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use amends::role::Role;
use chassis::ClientConfig;
use testkit::{Backend, Scratch};
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::databases::Databases;

/// A suite of four processes.
pub struct Processes {
    /// The four databases.
    pub databases: Databases,
    binary: PathBuf,
    config: PathBuf,
    scratch: Scratch,
    ports: BTreeMap<Role, u16>,
    running: BTreeMap<Role, Child>,
    environment: Vec<(String, String)>,
    /// Processes killed so far.
    pub kills: u32,
}

impl Processes {
    /// Migrates four fresh databases and starts the four roles. `extra` is TOML that is added to the configuration.
    pub async fn start(binary: &Path, name_hint: &str, extra: &str) -> Self {
        Self::start_with(binary, name_hint, extra, &[]).await
    }

    /// The same, with variables in the processes' environment.
    pub async fn start_with(binary: &Path, name_hint: &str, extra: &str, environment: &[(&str, &str)]) -> Self {
        let databases = Databases::create(Backend::Postgres, name_hint).await;
        Self::start_on(databases, binary, name_hint, extra, environment).await
    }

    /// The same, on databases of the test's own.
    pub async fn start_on(
        databases: Databases,
        binary: &Path,
        name_hint: &str,
        extra: &str,
        environment: &[(&str, &str)],
    ) -> Self {
        let scratch = Scratch::new(name_hint);
        let ports: BTreeMap<Role, u16> = Role::ALL.into_iter().map(|role| (role, testkit::free_port())).collect();
        let mut toml = String::from(
            "[server.drain]\npre_stop = \"0s\"\ntimeout = \"2s\"\n[telemetry]\nlog_filter = \"warn\"\n[auth]\nmode = \"dev\"\n[targets]\n",
        );
        for (role, port) in &ports {
            let _ = writeln!(toml, "{role} = \"http://127.0.0.1:{port}\"");
        }
        for role in Role::ALL {
            let _ = writeln!(
                toml,
                "[{role}.store]\npage_token_key = \"a key for tests only\"\n[{role}.store.database]\nurl = \"{}\"",
                databases.url(role)
            );
        }
        toml.push_str(extra);
        let config = scratch.path().join("amends.toml");
        std::fs::write(&config, toml).expect("the configuration can be written");
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let running = BTreeMap::new();
        let mut processes =
            Self { databases, binary: binary.to_owned(), config, scratch, ports, running, environment, kills: 0 };
        let migrated = processes.command().arg("migrate").status().expect("the binary runs");
        assert!(migrated.success(), "migrations apply");
        for role in Role::ALL {
            processes.spawn(role);
        }
        for role in Role::ALL {
            processes.serving(role).await;
        }
        processes
    }

    /// Where test files may go; the mailbox is there.
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// Kills a role's process as the kernel would: no drain, no last words.
    pub fn kill(&mut self, role: Role) {
        if let Some(mut child) = self.running.remove(&role) {
            child.kill().expect("the process can be killed");
            child.wait().expect("the process ends");
            self.kills += 1;
        }
    }

    /// Tells a role's process to end, as a supervisor does, and waits for its clean end; how long it took.
    pub async fn terminate(&mut self, role: Role, within: Duration) -> Duration {
        let mut child = self.running.remove(&role).expect("the role runs");
        let since = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
        let status = testkit::eventually(&format!("{role} has ended"), within, || {
            let status = child.try_wait().expect("the process is ours");
            async move { status }
        })
        .await;
        assert!(status.success(), "{role}: {status}; its log: {}", self.log(role));
        since.elapsed()
    }

    /// Hands a role's process over, to be ended in another way.
    ///
    /// # Panics
    /// When the role does not run.
    pub fn take(&mut self, role: Role) -> Child {
        self.running.remove(&role).expect("the role runs")
    }

    /// Starts a role's process.
    pub fn spawn(&mut self, role: Role) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.scratch.path().join(format!("{role}.log")))
            .expect("a log file");
        let child = self
            .command()
            .arg("serve")
            .arg(role.name())
            .env("AMENDS_SERVER__LISTEN", format!("127.0.0.1:{}", self.ports[&role]))
            .stderr(log)
            .spawn()
            .expect("the binary runs");
        self.running.insert(role, child);
    }

    /// Waits until a role says that it serves.
    pub async fn serving(&self, role: Role) {
        let channel = self.channel(role);
        testkit::eventually(&format!("{role} serves; its log: {}", self.log(role)), Duration::from_secs(30), || {
            let mut health = HealthClient::new(channel.clone());
            async move {
                let response = health.check(HealthCheckRequest::default()).await.ok()?;
                (response.into_inner().status() == tonic_health::pb::health_check_response::ServingStatus::Serving)
                    .then_some(())
            }
        })
        .await;
    }

    /// A channel to a role.
    pub fn channel(&self, role: Role) -> Channel {
        chassis::channel(&format!("http://127.0.0.1:{}", self.ports[&role]), &ClientConfig::default())
            .expect("an address")
    }

    /// What a role has logged.
    pub fn log(&self, role: Role) -> String {
        std::fs::read_to_string(self.scratch.path().join(format!("{role}.log"))).unwrap_or_default()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .current_dir(self.scratch.path())
            .env("AMENDS_CONFIG", &self.config)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in self.running.values_mut() {
            // Gone already, or gone now.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
