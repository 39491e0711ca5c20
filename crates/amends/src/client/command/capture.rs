//! `amends capture`: what was captured for orders, which bounds what is refunded of them.

use api::compensation::{GetOrderFundsRequest, RecordCaptureRequest};
use api::google::r#type::Money;
use clap::{Args, Subcommand};

use crate::client::call::Caller;
use crate::client::values::{Repeatable, amount};

/// Verbs of `capture`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record what was captured for an order.
    #[command(after_help = "Example:\n  amends capture record --order A-17 --capture ch_1 --amount \"EUR 89.00\"")]
    Record(RecordOptions),
    /// Show what was captured for an order, and what was refunded of it.
    Get(GetOptions),
}

/// A capture.
#[derive(Debug, Args)]
pub struct RecordOptions {
    /// The order as the company knows it; what the fact `order` of a failure says.
    #[arg(long)]
    order: String,
    /// The capture as the payment provider knows it.
    #[arg(long)]
    capture: String,
    /// What was captured, e.g. "EUR 89.00".
    #[arg(long, value_parser = amount)]
    amount: Money,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// An order.
#[derive(Debug, Args)]
pub struct GetOptions {
    /// The order as the company knows it.
    order: String,
}

/// Runs a verb of `capture`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::Record(RecordOptions { order, capture, amount, repeatable }) => {
            let request = RecordCaptureRequest {
                request_id: repeatable.id(),
                order: order.clone(),
                capture: capture.clone(),
                amount: Some(amount.clone()),
            };
            caller.show(request).await
        }
        Command::Get(GetOptions { order }) => caller.show(GetOrderFundsRequest { order: order.clone() }).await,
    }
}
