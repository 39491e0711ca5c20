//! `amends decision`: what agents decided alone, for recognition.

use api::compensation::ListAutonomousDecisionsRequest;
use clap::{Args, Subcommand};
use prost_types::Timestamp;

use crate::client::call::Caller;
use crate::client::values::{Paging, time};

/// Verbs of `decision`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what agents decided alone, within their authority, newest first.
    #[command(after_help = "Example:\n  amends decision list --agent Kim --from 2026-03-01T00:00:00Z")]
    List(ListOptions),
}

/// Which decisions.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// Only decisions of this agent.
    #[arg(long, value_name = "AGENT", default_value = "", hide_default_value = true)]
    agent: String,
    /// Only decisions from this time on, RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// Only decisions before this time, RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = time)]
    before: Option<Timestamp>,
    #[command(flatten)]
    paging: Paging,
}

/// Runs a verb of `decision`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(ListOptions { agent, from, before, paging }) => {
            let request = ListAutonomousDecisionsRequest {
                agent: agent.clone(),
                start_time: *from,
                end_time: *before,
                ..Default::default()
            };
            caller.show_page(request, paging).await
        }
    }
}
