//! `amends ledger`: every amount, twice.

use api::compensation::{GetLedgerBalancesRequest, ListLedgerTransactionsRequest};
use clap::{Args, Subcommand};
use kernel::CaseId;

use crate::client::call::Caller;
use crate::client::values::{Paging, name};

/// Verbs of `ledger`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the balance of every account in every currency.
    Balances,
    /// List transactions, oldest first.
    Transactions(TransactionOptions),
}

/// Which transactions.
#[derive(Debug, Args)]
pub struct TransactionOptions {
    /// Only transactions of this case.
    #[arg(long, value_parser = name::<CaseId>)]
    case: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

/// Runs a verb of `ledger`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::Balances => caller.show(GetLedgerBalancesRequest {}).await,
        Command::Transactions(TransactionOptions { case, paging }) => {
            let request =
                ListLedgerTransactionsRequest { case: case.clone().unwrap_or_default(), ..Default::default() };
            caller.show_page(request, paging).await
        }
    }
}
