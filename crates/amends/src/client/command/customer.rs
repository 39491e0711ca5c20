//! `amends customer`: who it is, and everything that happened, whatever the channel and the case.

use api::intake::{GetCustomerRequest, GetCustomerTimelineRequest};
use clap::{Args, Subcommand};
use kernel::CustomerId;

use crate::client::call::Caller;
use crate::client::values::{Paging, name};

/// Verbs of `customer`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a customer.
    Get(One),
    /// Show everything that happened with a customer, the newest page of it, oldest first.
    Timeline(TimelineOptions),
}

/// One customer.
#[derive(Debug, Args)]
pub struct One {
    /// The customer: customers/UUID, or the UUID alone.
    #[arg(value_parser = name::<CustomerId>)]
    customer: String,
}

/// Which part of the history.
#[derive(Debug, Args)]
pub struct TimelineOptions {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    paging: Paging,
}

/// Runs a verb of `customer`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::Get(one) => caller.show(GetCustomerRequest { name: one.customer.clone() }).await,
        Command::Timeline(TimelineOptions { one, paging }) => {
            let request = GetCustomerTimelineRequest { customer: one.customer.clone(), ..Default::default() };
            caller.show_page(request, paging).await
        }
    }
}
