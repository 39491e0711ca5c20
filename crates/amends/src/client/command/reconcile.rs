//! `amends reconcile`: the provider's settlement of a day beside our books.
//!
//! Always holds: the file is looked through before anything is sent; it is known by the hash of its bytes unless it is
//! given a name; a batch at a time is held.

use std::fs::File;
use std::io::{BufReader, Seek as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use api::compensation::settlement_service_client::SettlementServiceClient;
use api::compensation::{ReconcileSettlementRequest, SettlementLine};
use clap::Args;
use futures::stream;
use sha2::{Digest as _, Sha256};

use crate::client::call::Caller;
use crate::client::session::Patience;
use crate::client::settlement_file;
use crate::client::values::Repeatable;

/// Lines in one batch.
const BATCH: usize = 200;
/// Batches in one stream.
const STREAM: usize = 20;
/// How long a stream may take.
const DEADLINE: Duration = Duration::from_secs(120);
/// Wrong lines that are shown.
const SHOWN: usize = 10;

/// What is compared.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  amends reconcile --file settlement.csv --day 2026-08-31")]
pub struct Options {
    /// The settlement: CSV with payout_key, provider_reference, amount, currency, execute_time.
    #[arg(long)]
    file: PathBuf,
    /// The day that it settles, in UTC.
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: String,
    /// What the file is known by, for ever; the hash of its bytes when not given.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    name: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Compares a file with the payouts, and prints what came of it.
///
/// # Errors
/// With every wrong line, the first ten in words, and then nothing was sent; when a batch fails, those before it stand.
pub async fn run(options: &Options, caller: &mut Caller) -> anyhow::Result<()> {
    let path = &options.file;
    let hash = look_through(path)?;
    let name = if options.name.is_empty() { hash } else { options.name.clone() };
    let request_id = options.repeatable.id();
    let session = caller.session().clone();
    let session = session.clone().with_patience(Patience { deadline: DEADLINE, ..session.patience() });
    let mut lines = settlement_file::read(open(path)?).peekable();
    let (mut sum, mut sent) = (api::compensation::ReconcileSettlementResponse::default(), 0);
    loop {
        let mut batches = Vec::new();
        while batches.len() < STREAM && (lines.peek().is_some() || sent + batches.len() == 0) {
            let batch: Vec<SettlementLine> =
                lines.by_ref().take(BATCH).collect::<Result<_, _>>().map_err(anyhow::Error::msg)?;
            batches.push(ReconcileSettlementRequest {
                request_id: format!("{request_id}-{}", sent + batches.len() + 1),
                file: name.clone(),
                day: options.day.clone(),
                lines: batch,
                last: lines.peek().is_none(),
            });
        }
        if batches.is_empty() {
            break;
        }
        sent += batches.len();
        let answer = session.repeated(Some(&request_id), |limit| {
            let request = session.request(stream::iter(batches.clone()));
            let channel = session.channel();
            Box::pin(chassis::with_deadline(limit, request, move |request| {
                let mut client = SettlementServiceClient::new(channel.clone());
                async move { client.reconcile_settlement(request).await }
            }))
        });
        let taken = answer.await.map_err(|failure| caller.repeatable(failure))?.message;
        sum.file = taken.file;
        sum.lines += taken.lines;
        sum.lines_taken_before += taken.lines_taken_before;
        sum.lines_matched += taken.lines_matched;
        sum.payouts_adopted += taken.payouts_adopted;
        sum.discrepancies += taken.discrepancies;
        sum.complete = taken.complete;
    }
    caller.screen().print(api::method::settlement_service::RECONCILE_SETTLEMENT, &sum)
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(BufReader::new(file))
}

/// Reads the whole file once: its hash, or all that is wrong with it.
fn look_through(path: &Path) -> anyhow::Result<String> {
    let (mut wrong, mut more) = (Vec::new(), 0_usize);
    for line in settlement_file::read(open(path)?) {
        match line {
            Ok(_) => {}
            Err(why) if wrong.len() < SHOWN => wrong.push(why),
            Err(_) => more += 1,
        }
    }
    if !wrong.is_empty() {
        if more > 0 {
            wrong.push(format!("and {more} more"));
        }
        bail!("{} is not what it should be: nothing was sent\n  {}", path.display(), wrong.join("\n  "));
    }
    let mut file = open(path)?.into_inner();
    file.rewind()?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
