//! `amends policy`: who may decide what alone, budgets for gestures, thresholds of repetition.

use api::compensation::{ApplyPolicyRequest, GetPolicyRequest};
use clap::{Args, Subcommand, ValueEnum};

use super::apply_document::ApplyOptions;
use crate::client::call::Caller;

/// Verbs of `policy`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Apply a version of a policy from a file, or see what it would change.
    #[command(after_help = "Example:\n  amends policy apply -f authority.yaml --applied-by Lee --dry-run")]
    Apply(ApplyOptions),
    /// Show the version of a policy that is in force, as its document.
    Get(GetOptions),
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
        Command::Apply(options) => {
            let request = ApplyPolicyRequest {
                request_id: options.repeatable.id(),
                document: options.document()?,
                applied_by: options.applied_by.clone(),
                dry_run: options.dry_run,
            };
            caller.show(request).await
        }
        Command::Get(GetOptions { kind }) => caller.show(GetPolicyRequest { name: kind.resource().to_owned() }).await,
    }
}
