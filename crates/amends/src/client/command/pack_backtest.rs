//! `amends pack backtest`: events that happened, judged by one version of a pack or two.
//!
//! Always holds: events are read while earlier ones are judged, a few batches ahead at most; a report is shown only when
//! every event was read.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use api::compensation::backtest_pack_request::Message as Asked;
use api::compensation::backtest_pack_response::Message as Told;
use api::compensation::backtest_version::Version;
use api::compensation::pack_service_client::PackServiceClient;
use api::compensation::{
    BacktestBatch, BacktestDifference, BacktestPackRequest, BacktestPackResponse, BacktestReport, BacktestSetup,
    BacktestVersion, HistoricEvent,
};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;

use super::historic::{self, Events};
use super::pack_document::{is_a_file, load};
use crate::client::call::Caller;
use crate::client::output::{Chart, backtest, grouped};
use crate::client::values::{Keyed, fact, fact_map};

/// Events in one batch, and their bytes; half of what the service takes.
const BATCH: usize = 500;
const BATCH_BYTES: usize = chassis::limits::BATCH_BYTES / 2;
/// Batches that are read ahead.
const AHEAD: usize = 4;

/// What is tried, on what.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  amends pack backtest packs/care-klm@1.1.0 --fact ticket_price=\"USD 214.50\"\n  \
                        amends pack backtest my-packs/care-klm --against packs/care-klm@1.1.0\n  \
                        amends pack backtest packs/parcel-care@1.1.0 --events parcels.jsonl --output json")]
pub struct Options {
    /// The version in question: packs/ID@VERSION that the service knows, or a file or directory with its document.
    candidate: String,
    /// The version that it is compared with.
    #[arg(long, value_name = "VERSION")]
    against: Option<String>,
    /// Events, a JSON object a line with kind, at, reference, severity, customers and facts; `-` is standard input. Without
    /// it: the 336,776 flights from New York in 2013, one customer on each.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Stop after so many events.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// A fact for events that do not say it, as KEY=VALUE. Repeat for more.
    #[arg(long = "fact", value_name = "KEY=VALUE", value_parser = fact)]
    facts: Vec<Keyed>,
    /// Judge events from outside the days of a version as well.
    #[arg(long)]
    ignore_dates: bool,
    /// Differing events to show, those that change most first; at most 1,000.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1_000))]
    differences: i32,
}

/// Runs `pack backtest`.
///
/// # Errors
/// When events or a document cannot be read, or the call fails.
pub async fn run(options: &Options, caller: &mut Caller) -> anyhow::Result<()> {
    let setup = BacktestSetup {
        candidate: Some(version(&options.candidate)?),
        baseline: options.against.as_deref().map(version).transpose()?,
        ignore_dates: options.ignore_dates,
        max_differences: options.differences,
    };
    let events = match &options.events {
        Some(path) => historic::file(path)?,
        None => historic::flights()?,
    };
    let events = historic::with_facts(events, fact_map(&options.facts)?);
    let events: Events = match options.limit {
        Some(limit) => Box::new(events.take(limit)),
        None => events,
    };
    let started = Instant::now();
    let (report, differences) = stream(setup, events, caller).await?;
    if caller.prints_json() {
        let method = api::method::pack_service::BACKTEST_PACK;
        let differences = differences.into_iter().map(Told::Difference);
        for message in differences.chain([Told::Report(report)]) {
            caller.print_json_line(method, &BacktestPackResponse { message: Some(message) })?;
        }
        return Ok(());
    }
    let chart = Chart::for_standard_output();
    caller.screen().text(|page| backtest(page, chart, &report, &differences))?;
    let seconds = started.elapsed().as_secs_f64();
    caller.screen().note(&format!("{} events in {seconds:.1} s", grouped(report.events)))
}

fn version(given: &str) -> anyhow::Result<BacktestVersion> {
    let version = if is_a_file(given) {
        Version::Document(load(given)?.text)
    } else {
        let name = given.strip_prefix("packs/").unwrap_or(given);
        let (id, version) = name
            .split_once('@')
            .with_context(|| format!("{given} is no file; a version that the service knows is packs/ID@VERSION"))?;
        Version::Name(format!("packs/{id}@{version}"))
    };
    Ok(BacktestVersion { version: Some(version) })
}

/// Sends the events and reads what is told about them.
async fn stream(
    setup: BacktestSetup,
    events: Events,
    caller: &mut Caller,
) -> anyhow::Result<(BacktestReport, Vec<BacktestDifference>)> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let mut reader = JoinSet::new();
    reader.spawn_blocking(move || send(setup, events, &sender));
    let session = caller.session().clone();
    let mut client = PackServiceClient::new(session.channel());
    let request = session.request(ReceiverStream::new(receiver));
    let bar = ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{human_pos} events  {elapsed}  {per_sec}")?);
    let outcome = async {
        let mut answers = client.backtest_pack(request).await?.into_inner();
        let (mut report, mut differences) = (None, Vec::new());
        while let Some(answer) = answers.message().await? {
            match answer.message {
                Some(Told::Progress(progress)) => bar.set_position(u64::try_from(progress.events).unwrap_or(0)),
                Some(Told::Difference(difference)) => differences.push(difference),
                Some(Told::Report(told)) => report = Some(told),
                None => {}
            }
        }
        Ok((report, differences))
    };
    let outcome: Result<_, tonic::Status> = outcome.await;
    bar.finish_and_clear();
    // What could not be read comes first: the report would be of the events before it.
    while let Some(read) = reader.join_next().await {
        read.context("the events were not read")??;
    }
    let (report, differences) = outcome.map_err(|status| session.failure(&status))?;
    Ok((report.context("the service ended its answer without a report")?, differences))
}

/// Reads events and sends them in batches, for as long as somebody listens.
fn send(setup: BacktestSetup, events: Events, sender: &mpsc::Sender<BacktestPackRequest>) -> anyhow::Result<()> {
    let send = |message| sender.blocking_send(BacktestPackRequest { message: Some(message) }).is_ok();
    if !send(Asked::Setup(setup)) {
        return Ok(());
    }
    let (mut batch, mut bytes): (Vec<HistoricEvent>, usize) = (Vec::new(), 0);
    for event in events {
        let event = event?;
        let size = event.encoded_len();
        if batch.len() == BATCH || (bytes + size > BATCH_BYTES && !batch.is_empty()) {
            let events = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            bytes = 0;
            if !send(Asked::Batch(BacktestBatch { events })) {
                return Ok(());
            }
        }
        bytes += size;
        batch.push(event);
    }
    if !batch.is_empty() {
        send(Asked::Batch(BacktestBatch { events: batch }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn sent(events: Events) -> (anyhow::Result<()>, Vec<usize>) {
        let (sender, mut receiver) = mpsc::channel(100);
        let result = send(BacktestSetup::default(), events, &sender);
        drop(sender);
        let mut batches = Vec::new();
        while let Ok(request) = receiver.try_recv() {
            match request.message.unwrap() {
                Asked::Setup(_) => assert!(batches.is_empty(), "the setup is the first message"),
                Asked::Batch(batch) => batches.push(batch.events.len()),
            }
        }
        (result, batches)
    }

    #[test]
    fn events_are_sent_in_batches_and_a_wrong_one_ends_it() {
        let events = |count: usize| std::iter::repeat_with(|| Ok(HistoricEvent::default())).take(count);
        assert_eq!(sent(Box::new(events(1_001))).1, [500, 500, 1]);
        let wrong = events(600).chain([Err(anyhow::anyhow!("line 601"))]);
        let (result, batches) = sent(Box::new(wrong));
        assert_eq!((result.unwrap_err().to_string().as_str(), batches), ("line 601", vec![500]));
    }

    #[test]
    fn a_version_is_a_file_or_a_name() {
        let name = |given| match version(given).unwrap().version.unwrap() {
            Version::Name(name) => name,
            Version::Document(_) => panic!("{given} is no file"),
        };
        assert_eq!(
            (name("care-klm@1.0.0"), name("packs/a@2")),
            ("packs/care-klm@1.0.0".to_owned(), "packs/a@2".to_owned())
        );
        assert!(version("care-klm").unwrap_err().to_string().contains("packs/ID@VERSION"));
    }
}
