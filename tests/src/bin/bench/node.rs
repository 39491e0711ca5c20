//! The suite under load: `amends` processes of the same build, on databases of their own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use amends_tests::running::Running;
use anyhow::Context as _;
use testkit::Scratch;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::process;

/// The roles, which are also the names of their sections and targets.
pub const ROLES: [&str; 4] = ["intake", "routing", "compensation", "followup"];

/// Longest time from the start of a process to SERVING.
const START: Duration = Duration::from_secs(60);
/// Pause between two questions whether a process serves.
const ASK_AGAIN: Duration = Duration::from_millis(1);

/// The `amends` command, built beside this program.
pub fn binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("this program does not know where it is")?;
    // A test binary lies one directory below.
    let found =
        own.ancestors().skip(1).take(2).map(|directory| directory.join("amends_node")).find(|path| path.is_file());
    found.with_context(|| {
        format!(
            "there is no amends_node beside {}: build it with `cargo build --release -p amends-tests --bins`",
            own.display()
        )
    })
}

/// Configuration and place of a suite's processes.
#[derive(Debug)]
pub struct Deployment {
    directory: Scratch,
    ports: BTreeMap<&'static str, u16>,
    /// The roles that have a database.
    roles: Vec<&'static str>,
}

impl Deployment {
    /// Writes the configuration of the roles whose databases are in `urls`; every role has an address of its own.
    pub fn new(name_hint: &str, urls: &BTreeMap<&'static str, String>) -> anyhow::Result<Self> {
        let ports = ROLES.into_iter().map(|role| (role, testkit::free_port())).collect();
        Self::at(name_hint, urls, ports)
    }

    /// The same, with all roles at one address, for one process.
    pub fn in_one_process(name_hint: &str, urls: &BTreeMap<&'static str, String>) -> anyhow::Result<Self> {
        let port = testkit::free_port();
        Self::at(name_hint, urls, ROLES.into_iter().map(|role| (role, port)).collect())
    }

    fn at(
        name_hint: &str,
        urls: &BTreeMap<&'static str, String>,
        ports: BTreeMap<&'static str, u16>,
    ) -> anyhow::Result<Self> {
        let deployment = Self { directory: Scratch::new(name_hint), ports, roles: urls.keys().copied().collect() };
        std::fs::write(deployment.config(), configuration(urls, &deployment.ports)?)?;
        Ok(deployment)
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.directory.path().join("amends.toml")
    }

    /// Where a role listens.
    pub fn address(&self, role: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports[role])
    }

    /// The `amends` command with this configuration.
    pub fn command(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(binary()?);
        command.current_dir(self.directory.path()).env("AMENDS_CONFIG", self.config());
        Ok(command)
    }

    /// Applies all migrations.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        let mut command = self.command()?;
        command.arg("migrate").args(&self.roles);
        process::output(command).await.map(drop)
    }

    /// Starts one process for `roles`; returns when it serves. `variables` override the configuration.
    pub async fn serve(&self, roles: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<Running> {
        let first = roles.first().context("no role was given")?;
        let log = self.directory.path().join(format!("{}.log", roles.join("-")));
        let mut command = self.command()?;
        command
            .arg("serve")
            .args(roles)
            .env("AMENDS_SERVER__LISTEN", format!("127.0.0.1:{}", self.ports[first]))
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log)?);
        let mut running = Running::start(&mut command)?;
        serving(&mut running, &self.address(first)).await.with_context(|| tail(&log))?;
        Ok(running)
    }
}

/// Waits until the process at `address` says that it serves.
pub async fn serving(process: &mut Running, address: &str) -> anyhow::Result<()> {
    let mut health = HealthClient::new(Endpoint::from_shared(address.to_owned())?.connect_lazy());
    let deadline = Instant::now() + START;
    loop {
        let answer = health.check(HealthCheckRequest::default()).await;
        if answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving) {
            return Ok(());
        }
        if let Some(status) = process.ended()? {
            anyhow::bail!("the process ended instead of serving: {status}");
        }
        anyhow::ensure!(Instant::now() < deadline, "the process does not serve after {START:?}");
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

fn configuration(urls: &BTreeMap<&'static str, String>, ports: &BTreeMap<&'static str, u16>) -> anyhow::Result<String> {
    let mut toml = String::from(
        "[server.drain]\npre_stop = \"0s\"\ntimeout = \"2s\"\n\n[telemetry]\nlog_filter = \"warn\"\n\n[auth]\nmode = \"dev\"\n\n[targets]\n",
    );
    for (role, port) in ports {
        writeln!(toml, "{role} = \"http://127.0.0.1:{port}\"")?;
    }
    for (role, url) in urls {
        writeln!(
            toml,
            "\n[{role}.store]\npage_token_key = \"a key for measurements only\"\n\n[{role}.store.database]\nurl = \"{url}\""
        )?;
    }
    Ok(toml)
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    format!("the end of its log:\n{}", lines[lines.len().saturating_sub(20)..].join("\n"))
}
