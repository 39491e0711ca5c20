//! `amends policy`: who may decide what alone, budgets for gestures, thresholds of repetition.

use std::path::PathBuf;

use anyhow::Context as _;
use api::compensation::{ApplyPolicyRequest, GetPolicyRequest};
use clap::{Args, Subcommand, ValueEnum};

use crate::client::call::Caller;
use crate::client::values::Repeatable;

/// Verbs of `policy`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Apply a version of a policy from a file, or see what it would change.
    #[command(after_help = "Example:\n  amends policy apply -f authority.yaml --applied-by Lee --dry-run")]
    Apply(ApplyOptions),
    /// Show the version of a policy that is in force, as its document.
    Get(GetOptions),
}

/// Which document.
#[derive(Debug, Args)]
pub struct ApplyOptions {
    /// The document (YAML).
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
    /// Who applies it: agents/UUID, or a name.
    #[arg(long, value_name = "AGENT")]
    applied_by: String,
    /// Only say what would change.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    repeatable: Repeatable,
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
}

impl KindArg {
    const fn resource(self) -> &'static str {
        match self {
            Self::Authority => "policies/authority",
            Self::Budgets => "policies/budgets",
            Self::Abuse => "policies/abuse",
        }
    }
}

/// Runs a verb of `policy`.
///
/// # Errors
/// When the file cannot be read or the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::Apply(ApplyOptions { file, applied_by, dry_run, repeatable }) => {
            let document = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            let request = ApplyPolicyRequest {
                request_id: repeatable.id(),
                document,
                applied_by: applied_by.clone(),
                dry_run: *dry_run,
            };
            caller.show(request).await
        }
        Command::Get(GetOptions { kind }) => caller.show(GetPolicyRequest { name: kind.resource().to_owned() }).await,
    }
}
