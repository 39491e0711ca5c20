//! `amends pack`: the rules that say what is owed.

use api::compensation::ListPacksRequest;
use clap::Subcommand;

use crate::client::call::Caller;
use crate::client::values::Paging;

/// Verbs of `pack`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the packs in force with their rules and sources.
    List(Paging),
}

/// Runs a verb of `pack`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(paging) => caller.show_page(ListPacksRequest::default(), paging).await,
    }
}
