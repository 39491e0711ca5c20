//! The whole suite in one process at one address, on embedded databases: for development and for the demo.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chassis::config::{AuthMode, DrainConfig, LogFormat};
use kernel::{Clock, RandomIds, SystemClock, VirtualClock};
use tokio_util::sync::CancellationToken;

use crate::clock_driver::ClockDriver;
use crate::config::SuiteConfig;
use crate::role::Role;
use crate::stop;
use crate::suite::{Pending, Suite};

/// Which clock the suite runs by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ClockKind {
    /// The machine's.
    System,
    /// Starts now and skips whatever time nothing happens in: a week of follow-up runs in a second.
    Virtual,
}

/// A configuration for all roles at `listen`, with their data under `data`; `config` has what a file and the
/// environment say.
pub fn configure(mut config: SuiteConfig, data: &Path, listen: SocketAddr) -> SuiteConfig {
    config.server.listen = listen;
    // Nobody else reaches the port of a development machine; a file may still ask for tokens.
    config.auth.mode.get_or_insert(AuthMode::Dev);
    config.server.drain = DrainConfig { pre_stop: Duration::ZERO, timeout: Duration::from_secs(5) };
    config.telemetry.log_format = LogFormat::Text;
    for role in Role::ALL {
        config.targets.entry(role.name().to_owned()).or_insert_with(|| format!("http://{listen}").into());
        let store = config.store_mut(role);
        if store.database.url.is_empty() {
            store.database.url = format!("sqlite://{}", data.join(format!("{role}.db")).display());
        }
        if store.page_token_key.is_empty() {
            // One process, no replicas to share it with; tokens stay valid over restarts.
            store.page_token_key = format!("development-only-{role}");
        }
    }
    if config.followup.mailbox.file == followup::MailboxConfig::default().file {
        config.followup.mailbox.file = data.join("mailbox.mbox");
    }
    config
}

/// Runs the suite until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot be built or served.
pub async fn run(config: SuiteConfig, clock: ClockKind, registry: prometheus::Registry) -> anyhow::Result<()> {
    let roles = BTreeSet::from(Role::ALL);
    let virtual_clock = VirtualClock::starting_at(SystemClock.now());
    let time: Arc<dyn Clock> = match clock {
        ClockKind::System => Arc::new(SystemClock),
        ClockKind::Virtual => Arc::new(virtual_clock.clone()),
    };
    let suite = Suite::build(config, roles, Pending::Apply, time, Arc::new(RandomIds)).await?;
    let shutdown = CancellationToken::new();
    let driver = (clock == ClockKind::Virtual).then(|| {
        let engines = suite.engines().values().cloned().collect();
        ClockDriver::new(virtual_clock, engines, Duration::from_secs(1))
    });
    let serving = suite.serve(Some(registry), true, None, shutdown.clone());
    stop::at_signal(serving, drive(driver), &shutdown).await
}

/// Skips quiet time for ever.
async fn drive(driver: Option<ClockDriver>) -> anyhow::Result<()> {
    let Some(driver) = driver else { return std::future::pending().await };
    loop {
        driver.run_out(kernel::Timestamp::from_micros(i64::MAX)).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
