//! `amends payouts`: the kill switch of all payouts.

use api::compensation::{FreezePayoutsRequest, GetPayoutFreezeRequest, UnfreezePayoutsRequest};
use clap::{Args, Subcommand};

use crate::client::call::Caller;
use crate::client::values::Repeatable;

/// Verbs of `payouts`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send nothing to the payout provider any more; what may have been sent is still looked up.
    #[command(after_help = "Example:\n  amends payouts freeze --by Kim --reason \"The provider pays twice\"")]
    Freeze(SwitchOptions),
    /// Let payouts flow again.
    #[command(after_help = "Example:\n  amends payouts unfreeze --by Kim --reason Reconciled")]
    Unfreeze(SwitchOptions),
    /// Show whether payouts are frozen, and why.
    Status,
}

/// Who moves the switch, and why.
#[derive(Debug, Args)]
pub struct SwitchOptions {
    /// Why.
    #[arg(long)]
    reason: String,
    /// Who decides.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Runs a verb of `payouts`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::Freeze(SwitchOptions { reason, by, repeatable }) => {
            let request =
                FreezePayoutsRequest { request_id: repeatable.id(), reason: reason.clone(), changed_by: by.clone() };
            caller.show(request).await
        }
        Command::Unfreeze(SwitchOptions { reason, by, repeatable }) => {
            let request =
                UnfreezePayoutsRequest { request_id: repeatable.id(), reason: reason.clone(), changed_by: by.clone() };
            caller.show(request).await
        }
        Command::Status => caller.show(GetPayoutFreezeRequest { name: "payoutFreeze".to_owned() }).await,
    }
}
