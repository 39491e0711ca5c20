//! What can be typed: the suite's own commands, and those of its client.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chassis::{Telemetry, TelemetryOptions};
use clap::{Args, Parser, Subcommand};
use kernel::{Clock as _, IdSource as _, RandomIds, SystemClock};
use tokio_util::sync::CancellationToken;

use crate::config::SuiteConfig;
use crate::dev::{self, ClockKind};
use crate::role::Role;
use crate::stop::{self, CutShort};
use crate::suite::{Pending, Suite};
use crate::{client, demo, health};

/// Turns a service failure into a recovered customer.
#[derive(Debug, Parser)]
#[command(name = "amends", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replay real flight disruptions through the whole suite, and see what becomes of them.
    Demo(demo::Options),
    /// Run the whole suite in this process, on embedded databases, at one address.
    Dev(DevOptions),
    /// Run one role or several of them, as the configuration says.
    Serve(ServeOptions),
    /// Apply the migrations of one role or several of them.
    Migrate(RoleOptions),
    /// Read and check a configuration, and say all that is wrong with it.
    CheckConfig(RoleOptions),
    /// Ask a process whether it serves.
    Health(HealthOptions),
    #[command(flatten)]
    Client(Box<client::Command>),
}

#[derive(Debug, Args)]
struct DevOptions {
    /// Where the suite listens.
    #[arg(long, default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Where the databases and the mailbox are kept.
    #[arg(long, default_value = ".amends")]
    data: PathBuf,
    /// `virtual` skips quiet time, so that a week of follow-up runs in a second.
    #[arg(long, value_enum, default_value = "system")]
    clock: ClockKind,
    /// A configuration file (TOML) whose keys override the defaults.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct RoleOptions {
    /// The roles; all of them when none is given.
    #[arg(value_enum)]
    roles: Vec<Role>,
    /// The configuration file (TOML). Variables such as AMENDS_SERVER__LISTEN override its keys.
    #[arg(long, env = "AMENDS_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ServeOptions {
    #[command(flatten)]
    roles: RoleOptions,
    /// Apply pending migrations instead of refusing to start.
    #[arg(long)]
    migrate: bool,
    /// Offer gRPC reflection on the API's port.
    #[arg(long)]
    reflection: bool,
}

#[derive(Debug, Args)]
struct HealthOptions {
    /// The admin or API address of the process.
    #[arg(long, default_value = "http://127.0.0.1:7070")]
    address: String,
    /// Full name of a gRPC service; the whole process when empty.
    #[arg(long, default_value = "")]
    service: String,
}

impl RoleOptions {
    fn roles(&self) -> BTreeSet<Role> {
        if self.roles.is_empty() { BTreeSet::from(Role::ALL) } else { self.roles.iter().copied().collect() }
    }

    fn load(&self) -> anyhow::Result<SuiteConfig> {
        Ok(SuiteConfig::load(self.config.as_deref(), &self.roles())?)
    }

    fn load_to_serve(&self) -> anyhow::Result<SuiteConfig> {
        Ok(SuiteConfig::load_to_serve(self.config.as_deref(), &self.roles())?)
    }
}

/// Exit code of a process that was told a second time to end, and did not finish what it held.
const EXIT_CUT_SHORT: u8 = 3;

/// Runs the command line; the exit code is 2 for bad use, 3 when a second signal cut the drain short, 1 for a failure.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(run(cli.command));
    let cut_short = result.as_ref().is_err_and(anyhow::Error::is::<CutShort>);
    // Work that never awaits must not keep the process.
    runtime.shutdown_timeout(if cut_short { Duration::ZERO } else { Duration::from_secs(1) });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if cut_short => {
            eprintln!("error: {error:#}");
            ExitCode::from(EXIT_CUT_SHORT)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(options) => demo::run(options).await,
        Command::Dev(options) => run_dev(options).await,
        Command::Serve(options) => run_serve(options).await,
        Command::Migrate(options) => run_migrate(options).await,
        Command::CheckConfig(options) => {
            options.load_to_serve()?;
            println!("the configuration is right for {}", names(&options.roles()));
            Ok(())
        }
        Command::Health(options) => health::check(&options.address, &options.service).await,
        Command::Client(command) => client::run(*command).await,
    }
}

async fn run_dev(options: DevOptions) -> anyhow::Result<()> {
    let config: SuiteConfig = chassis::config::load(options.config.as_deref(), crate::config::ENV_PREFIX, &[])?;
    let config = dev::configure(config, &options.data, options.listen);
    let telemetry = telemetry("amends-dev", &config);
    let result = dev::run(config, options.clock, telemetry.registry()).await;
    finish(telemetry, result).await
}

async fn run_serve(options: ServeOptions) -> anyhow::Result<()> {
    let roles = options.roles.roles();
    let config = options.roles.load_to_serve()?;
    let telemetry = telemetry(&format!("amends-{}", names(&roles).replace(", ", "-")), &config);
    let result = serve(config, roles, &options, telemetry.registry()).await;
    finish(telemetry, result).await
}

/// Sends what telemetry still holds, unless the process is to end at once.
async fn finish(telemetry: Telemetry, result: anyhow::Result<()>) -> anyhow::Result<()> {
    if !result.as_ref().is_err_and(anyhow::Error::is::<CutShort>) {
        telemetry.shutdown().await;
    }
    result
}

async fn serve(
    config: SuiteConfig,
    roles: BTreeSet<Role>,
    options: &ServeOptions,
    registry: prometheus::Registry,
) -> anyhow::Result<()> {
    let pending = if options.migrate { Pending::Apply } else { Pending::Refuse };
    let suite = Suite::build(config, roles, pending, Arc::new(SystemClock), Arc::new(RandomIds)).await?;
    let shutdown = CancellationToken::new();
    let serving = suite.serve(Some(registry), options.reflection, None, shutdown.clone());
    stop::at_signal(serving, std::future::pending(), &shutdown).await
}

async fn run_migrate(options: RoleOptions) -> anyhow::Result<()> {
    let config = options.load()?;
    for role in options.roles() {
        let db = durable::Db::connect(&config.store(role).database).await.with_context(|| role.to_string())?;
        let pending = durable::pending_migrations(&db, role.migrations()).await?;
        durable::migrate(&db, role.migrations()).await.with_context(|| role.to_string())?;
        println!("{role}: {} applied", pending.len());
        db.close().await;
    }
    Ok(())
}

fn telemetry(service_name: &str, config: &SuiteConfig) -> Telemetry {
    chassis::telemetry::init(TelemetryOptions {
        service_name: service_name.to_owned(),
        service_version: env!("CARGO_PKG_VERSION").to_owned(),
        instance: RandomIds.next(SystemClock.now()).to_string(),
        config: config.telemetry.clone(),
    })
}

fn names(roles: &BTreeSet<Role>) -> String {
    roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ")
}
