//! `amends payout`: money on its way.

use api::compensation::{GetPayoutRequest, ListPayoutsRequest};
use clap::{Args, Subcommand};
use kernel::PayoutId;

use super::remedy::OfCase;
use crate::client::call::Caller;
use crate::client::values::name;

/// Verbs of `payout`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the payouts of a case, oldest first.
    List(OfCase),
    /// Show a payout.
    Get(One),
}

/// One payout.
#[derive(Debug, Args)]
pub struct One {
    /// The payout: payouts/UUID, or the UUID alone.
    #[arg(value_parser = name::<PayoutId>)]
    payout: String,
}

/// Runs a verb of `payout`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(of) => {
            let request = ListPayoutsRequest { case: of.case.clone(), ..Default::default() };
            caller.show_page(request, &of.paging).await
        }
        Command::Get(one) => caller.show(GetPayoutRequest { name: one.payout.clone() }).await,
    }
}
