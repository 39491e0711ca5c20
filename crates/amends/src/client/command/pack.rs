//! `amends pack`: the rules that say what is owed.

use api::compensation::ListPacksRequest;
use clap::Subcommand;

use super::{pack_backtest, pack_diff, pack_test, pack_version};
use crate::client::call::Caller;
use crate::client::values::Paging;

/// Verbs of `pack`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the packs in force with their rules and sources.
    List(Paging),
    /// Show a version of a pack.
    Get(pack_version::Get),
    /// Put a version of a pack into force from its first day on, or say what that would change.
    Apply(pack_version::Apply),
    /// Say in words what changed between two documents of a pack. Asks no service.
    Diff(pack_diff::Options),
    /// Run the test vectors of packs: the shipped ones, or those of a directory. Asks no service.
    Test(pack_test::Options),
    /// See what a version would have given for events that happened, or where two versions differ.
    Backtest(pack_backtest::Options),
}

/// Runs a verb of `pack`.
///
/// # Errors
/// When the call fails, a document cannot be read, or a vector does not come out as it says.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(paging) => caller.show_page(ListPacksRequest::default(), paging).await,
        Command::Get(options) => pack_version::get(options, caller).await,
        Command::Apply(options) => pack_version::apply(options, caller).await,
        Command::Diff(options) => pack_diff::run(options, caller),
        Command::Test(options) => pack_test::run(options, caller),
        Command::Backtest(options) => pack_backtest::run(options, caller).await,
    }
}
