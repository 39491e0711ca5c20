//! `amends settlement`: where the provider's books and ours differ.

use api::compensation::settlement_service_client::SettlementServiceClient;
use api::compensation::{
    GetSandboxSettlementRequest, GetSettlementDiscrepancyRequest, ListSettlementDiscrepanciesRequest,
    ResolveSettlementDiscrepancyRequest,
};
use clap::{Args, Subcommand};
use kernel::SettlementDiscrepancyId;

use crate::client::call::Caller;
use crate::client::settlement_file::Writing;
use crate::client::values::{Paging, Repeatable, name};

/// Verbs of `settlement`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what differs, oldest first.
    List(ListOptions),
    /// Show what differs.
    Get(One),
    /// Say how it was cleared up.
    #[command(
        after_help = "Example:\n  amends settlement resolve UUID --resolution \"The provider took it back, ticket 4711\""
    )]
    Resolve(ResolveOptions),
    /// Print what the sandbox provider executed on a day, as a settlement file.
    #[command(after_help = "Example:\n  amends settlement sandbox --day 2026-08-31")]
    Sandbox(SandboxOptions),
}

/// Which discrepancies.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// Those that were cleared up as well.
    #[arg(long)]
    resolved: bool,
    #[command(flatten)]
    paging: Paging,
}

/// One discrepancy.
#[derive(Debug, Args)]
pub struct One {
    /// The discrepancy: settlementDiscrepancies/UUID, or the UUID alone.
    #[arg(value_parser = name::<SettlementDiscrepancyId>)]
    discrepancy: String,
}

/// How it was cleared up.
#[derive(Debug, Args)]
pub struct ResolveOptions {
    #[command(flatten)]
    one: One,
    /// How it was cleared up.
    #[arg(long, value_name = "WORDS")]
    resolution: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Which day.
#[derive(Debug, Args)]
pub struct SandboxOptions {
    /// The day, in UTC.
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: String,
}

/// Runs a verb of `settlement`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(ListOptions { resolved, paging }) => {
            let request = ListSettlementDiscrepanciesRequest { show_resolved: *resolved, ..Default::default() };
            caller.show_page(request, paging).await
        }
        Command::Get(one) => caller.show(GetSettlementDiscrepancyRequest { name: one.discrepancy.clone() }).await,
        Command::Resolve(options) => {
            let request_id = options.repeatable.id();
            let (name, resolution) = (options.one.discrepancy.clone(), options.resolution.clone());
            caller.show(ResolveSettlementDiscrepancyRequest { request_id, name, resolution }).await
        }
        Command::Sandbox(options) => sandbox(&options.day, caller).await,
    }
}

async fn sandbox(day: &str, caller: &mut Caller) -> anyhow::Result<()> {
    let session = caller.session().clone();
    let request = session.request(GetSandboxSettlementRequest { day: day.to_owned() });
    let mut client = SettlementServiceClient::new(session.channel());
    let answer = client.get_sandbox_settlement(request).await;
    let mut pages = answer.map_err(|status| session.failure(&status))?.into_inner();
    let mut file = Writing::new(caller.screen().raw())?;
    while let Some(page) = pages.message().await.map_err(|status| session.failure(&status))? {
        for line in &page.lines {
            file.line(line)?;
        }
    }
    Ok(file.end()?)
}
