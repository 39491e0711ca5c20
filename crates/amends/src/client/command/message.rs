//! `amends message`: what was said to the customer.

use api::followup::{GetMessageRequest, ListMessagesRequest};
use clap::{Args, Subcommand};
use kernel::MessageId;

use super::remedy::OfCase;
use crate::client::call::Caller;
use crate::client::values::name;

/// Verbs of `message`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the messages of a case, oldest first.
    List(OfCase),
    /// Show a message with its text.
    Get(One),
}

/// One message.
#[derive(Debug, Args)]
pub struct One {
    /// The message: messages/UUID, or the UUID alone.
    #[arg(value_parser = name::<MessageId>)]
    message: String,
}

/// Runs a verb of `message`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(of) => {
            let request = ListMessagesRequest { case: of.case.clone(), ..Default::default() };
            caller.show_page(request, &of.paging).await
        }
        Command::Get(one) => caller.show(GetMessageRequest { name: one.message.clone() }).await,
    }
}
