//! `amends audit`: who changed what by hand.

use api::operations::ListAuditRecordsRequest;
use clap::{Args, Subcommand};

use crate::client::call::Caller;
use crate::client::values::{Paging, service};

/// Verbs of `audit`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List audit records of a service, newest first, and say whether their chain is intact.
    List(ListOptions),
}

/// Which records.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// The service: intake, routing, compensation or followup.
    #[arg(long, value_parser = service)]
    service: String,
    #[command(flatten)]
    paging: Paging,
}

/// Runs a verb of `audit`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(ListOptions { service, paging }) => {
            let request = ListAuditRecordsRequest { parent: service.clone(), ..Default::default() };
            caller.show_page(request, paging).await
        }
    }
}
