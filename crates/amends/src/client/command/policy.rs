//! `amends policy`: who may decide what alone, budgets for gestures, thresholds of repetition, the catalogue of extras.

use std::path::PathBuf;

use api::compensation::{ApplyPolicyRequest, BacktestPolicyRequest, GetPolicyRequest};
use clap::{Args, Subcommand, ValueEnum};
use prost_types::Timestamp;

use super::apply_document::{ApplyOptions, document};
use crate::client::call::Caller;
use crate::client::values::time;

/// Verbs of `policy`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Apply a version of a policy from a file, or see what it would change.
    #[command(after_help = "Example:\n  amends policy apply -f authority.yaml --applied-by Lee --dry-run")]
    Apply(ApplyOptions),
    /// Try a version of the policy of authority on what agents offered, beside the one in force.
    #[command(after_help = "Example:\n  amends policy backtest -f authority.yaml --from 2026-03-01T00:00:00Z")]
    Backtest(BacktestOptions),
    /// Show the version of a policy that is in force, as its document.
    Get(GetOptions),
}

/// Which version, and on what.
#[derive(Debug, Args)]
pub struct BacktestOptions {
    /// The document (YAML).
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
    /// From the beginning of this day (UTC) on, RFC 3339; the last 30 days when not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// Before this time, RFC 3339; until now when not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    before: Option<Timestamp>,
    /// Show so many differing offers.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(i32).range(1..=1000))]
    differences: i32,
}

/// Which policy.
#[derive(Debug, Args)]
pub struct GetOptions {
    /// What it is about.
    #[arg(value_enum)]
    kind: KindArg,
}

/// What a policy is about.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindArg {
    Authority,
    Budgets,
    Abuse,
    Catalogue,
}

impl KindArg {
    const fn resource(self) -> &'static str {
        match self {
            Self::Authority => "policies/authority",
            Self::Budgets => "policies/budgets",
            Self::Abuse => "policies/abuse",
            Self::Catalogue => "policies/catalogue",
        }
    }
}

/// Runs a verb of `policy`.
///
/// # Errors
/// When the file cannot be read or the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::Apply(options) => {
            let request = ApplyPolicyRequest {
                request_id: options.repeatable.id(),
                document: options.document()?,
                applied_by: options.applied_by.clone(),
                dry_run: options.dry_run,
            };
            caller.show(request).await
        }
        Command::Backtest(BacktestOptions { file, from, before, differences }) => {
            let request = BacktestPolicyRequest {
                document: document(file)?,
                start_time: *from,
                end_time: *before,
                max_differences: *differences,
            };
            caller.show(request).await
        }
        Command::Get(GetOptions { kind }) => caller.show(GetPolicyRequest { name: kind.resource().to_owned() }).await,
    }
}
