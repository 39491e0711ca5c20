//! The demo: real flight disruptions replayed through the whole suite, on a clock that skips quiet time.
//!
//! Nothing about the flights is invented. What the table does not hold (who the passengers were, what they would have
//! answered) is not invented either: passengers are numbered, offers and check-ins go unanswered, and the output says so.

pub mod flights;
mod journey;
mod judged_by;
mod replay;
mod summary;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chassis::TelemetryOptions;
use chassis::config::{LogFormat, TelemetryConfig};
use clap::Args;
use compensation::PacksConfig;
use jiff::civil::date;
use kernel::{RandomIds, VirtualClock};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::client::values;
use crate::clock_driver::ClockDriver;
use crate::config::SuiteConfig;
use crate::dev;
use crate::role::Role;
use crate::suite::{Pending, Suite};
use flights::Flights;
use judged_by::JudgedBy;
pub use replay::CustomersPerFlight;
use replay::Replay;
pub use summary::Summary;

/// Options of the demo.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Replay the whole of 2013 instead of the storm of 8 and 9 February.
    #[arg(long)]
    pub year: bool,
    /// Only so many flights, the earliest.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub flights: Option<u32>,
    /// Judge the flights by this shipped pack alone, e.g. `eu261`, even where it was not made for them.
    #[arg(long)]
    pub pack: Option<String>,
    /// A fact that the data does not have, for every flight: `within_control=true`; can be given several times.
    #[arg(long = "fact", value_name = "KEY=VALUE", value_parser = values::fact, requires = "pack")]
    pub facts: Vec<values::Keyed>,
    /// Affected customers of each flight: a number, or `seats` for as many as the aircraft has seats.
    #[arg(long, default_value = "1")]
    pub customers_per_flight: CustomersPerFlight,
    /// Keep the databases and the mailbox here instead of in a temporary directory.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// A configuration file, e.g. with the URLs of four empty PostgreSQL databases.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Print the summary as one line of JSON and nothing else.
    #[arg(long)]
    pub json: bool,
}

/// Replays, prints what happened.
///
/// # Errors
/// When the suite cannot run, or the replay ends with something undelivered or unbalanced.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let scratch = ScratchDir::make(options.data.as_deref())?;
    let config: SuiteConfig = chassis::config::load(options.config.as_deref(), crate::config::ENV_PREFIX, &[])?;
    let telemetry = chassis::telemetry::init(TelemetryOptions {
        service_name: "amends-demo".to_owned(),
        service_version: env!("CARGO_PKG_VERSION").to_owned(),
        instance: std::process::id().to_string(),
        // Quiet unless asked: the progress bar and the table are what there is to see.
        config: TelemetryConfig {
            log_format: LogFormat::Text,
            log_filter: if config.telemetry.log_filter == TelemetryConfig::default().log_filter {
                "warn".to_owned()
            } else {
                config.telemetry.log_filter.clone()
            },
        },
    });
    let result = replay_and_report(&options, config, &scratch.path).await;
    telemetry.shutdown().await;
    result
}

async fn replay_and_report(options: &Options, config: SuiteConfig, data: &std::path::Path) -> anyhow::Result<()> {
    let flights = Flights::load()?;
    let flights = if options.year { flights.whole_year() } else { flights.on_days(date(2013, 2, 8), date(2013, 2, 9)) };
    let most = options.flights.map_or(flights.len(), |most| usize::try_from(most).unwrap_or(usize::MAX));
    let flights = flights.get(..most).unwrap_or(flights);
    let first = flights.iter().map(flights::Flight::known_at).min().context("there are no flights")?;
    let clock = VirtualClock::starting_at(first.minus(Duration::from_secs(3_600)));

    // A port that was free a moment ago: the services must know their own address before they are built.
    let listen = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let mut config = dev::configure(config, data, listen);
    // What is refused for now, or cut off by a connection that comes of age, would wait in virtual time: to the next stop
    // of the clock, which over a year is six hours away.
    config.server.max_requests = 4_096;
    config.server.max_requests_per_tenant = 4_096;
    config.server.max_connection_age = Duration::from_secs(7 * 86_400);
    let judged_by =
        options.pack.as_ref().map(|pack| JudgedBy::prepare(pack, options.facts.clone(), flights, data)).transpose()?;
    if let Some(judged_by) = &judged_by {
        config.compensation.packs =
            PacksConfig { shipped: false, directory: Some(judged_by.directory.clone()), ..PacksConfig::default() };
    }
    let suite =
        Suite::build(config, BTreeSet::from(Role::ALL), Pending::Apply, Arc::new(clock.clone()), Arc::new(RandomIds))
            .await?;
    let engines = suite.engines().clone();
    let step = if options.year { replay::YEAR_STEP } else { replay::STEP };
    let driver = ClockDriver::new(clock.clone(), engines.values().cloned().collect(), step);
    let shutdown = CancellationToken::new();
    let (bound, is_bound) = oneshot::channel();
    let serving = suite.serve(None, true, Some(bound), shutdown.clone());

    let work = async {
        is_bound.await.context("the suite did not start")?;
        let given = judged_by.as_ref().map_or_else(Vec::new, |judged_by| judged_by.given.clone());
        let customers = options.customers_per_flight;
        let replay = Replay::new(format!("http://{listen}"), clock, driver, step, customers, !options.json)?;
        let replay = replay.with_facts(given);
        let began = Instant::now();
        let told = replay.run(flights).await?;
        let summary = Summary::gather(&engines, told, began.elapsed()).await?;
        if options.json {
            println!("{}", serde_json::to_string(&summary)?);
        } else {
            summary.print(options.year);
            if let Some(judged_by) = &judged_by {
                judged_by.print();
            }
            journey::print(&format!("http://{listen}")).await?;
            summary.print_limits();
        }
        summary.check()
    };
    tokio::pin!(serving);
    let result = tokio::select! {
        result = &mut serving => return result.context("the suite stopped"),
        result = work => result,
        signal = chassis::shutdown_signal() => signal.map_err(Into::into),
    };
    shutdown.cancel();
    serving.await?;
    result
}

/// Where the data of a run goes; a temporary directory is removed afterwards.
struct ScratchDir {
    path: PathBuf,
    remove: bool,
}

impl ScratchDir {
    fn make(given: Option<&std::path::Path>) -> anyhow::Result<Self> {
        let (path, remove) = match given {
            Some(path) => (path.to_owned(), false),
            None => (std::env::temp_dir().join(format!("amends-demo-{}", std::process::id())), true),
        };
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path, remove })
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        if self.remove {
            // What cannot be removed is in the system's temporary directory, which is swept anyway.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
