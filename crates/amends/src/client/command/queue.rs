//! `amends queue`: where work waits.

use api::routing::{CreateQueueRequest, ListQueuesRequest, Queue};
use clap::{Args, Subcommand};
use prost_types::Duration;

use crate::client::call::Caller;
use crate::client::values::{Paging, Repeatable, duration};

/// Verbs of `queue`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a queue.
    #[command(
        after_help = "Example:\n  amends queue create refunds --skill refunds --acknowledge-within 15m --resolve-within 2d"
    )]
    Create(CreateOptions),
    /// List queues by name.
    List(Paging),
}

/// A queue.
#[derive(Debug, Args)]
pub struct CreateOptions {
    /// The id: a-z, 0-9 and -, starting with a letter.
    id: String,
    /// For people.
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// A skill that every agent of the queue must have. Repeat for more.
    #[arg(long = "skill")]
    skills: Vec<String>,
    /// By when the customer must have our acknowledgement, e.g. 15m; the service's default when not given.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    acknowledge_within: Option<Duration>,
    /// By when the work must be done, e.g. 2d; the service's default for the severity when not given.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    resolve_within: Option<Duration>,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Runs a verb of `queue`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::Create(options) => {
            let queue = Queue {
                display_name: options.name.clone(),
                required_skills: options.skills.clone(),
                acknowledge_within: options.acknowledge_within,
                resolve_within: options.resolve_within,
                ..Queue::default()
            };
            let (request_id, queue_id) = (options.repeatable.id(), options.id.clone());
            caller.show(CreateQueueRequest { request_id, queue_id, queue: Some(queue) }).await
        }
        Command::List(paging) => caller.show_page(ListQueuesRequest::default(), paging).await,
    }
}
