//! `amends signal`: gestures that repeat, with their evidence.

use api::compensation::ListAbuseSignalsRequest;
use clap::{Args, Subcommand};
use kernel::CustomerId;

use crate::client::call::Caller;
use crate::client::values::{Paging, name};

/// Verbs of `signal`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List signals of repetition, newest first. For people who decide; never for messages to customers.
    #[command(after_help = "Example:\n  amends signal list --customer CUSTOMER")]
    List(ListOptions),
}

/// Which signals.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// Only signals about this customer: customers/UUID, or the UUID alone.
    #[arg(long, value_parser = name::<CustomerId>)]
    customer: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

/// Runs a verb of `signal`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(ListOptions { customer, paging }) => {
            let request =
                ListAbuseSignalsRequest { customer: customer.clone().unwrap_or_default(), ..Default::default() };
            caller.show_page(request, paging).await
        }
    }
}
