//! `amends agent`: who works, on what, and whether they are there.

use api::routing::{Agent, CreateAgentRequest, ListAgentsRequest, SetPresenceRequest, agent};
use clap::{Args, Subcommand, ValueEnum};
use kernel::AgentId;

use crate::client::call::Caller;
use crate::client::values::{Paging, Repeatable, name, queue};

/// Verbs of `agent`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an agent, offline at first.
    #[command(after_help = "Example:\n  amends agent create --name Kim --queue default --queue upset --skill refunds")]
    Create(CreateOptions),
    /// List agents, oldest first.
    List(Paging),
    /// Say whether an agent takes work.
    #[command(after_help = "Example:\n  amends agent presence AGENT available")]
    Presence(PresenceOptions),
}

/// An agent.
#[derive(Debug, Args)]
pub struct CreateOptions {
    /// What the agent is called.
    #[arg(long)]
    name: String,
    /// A queue that the agent serves. Repeat for more.
    #[arg(long = "queue", required = true, value_parser = queue)]
    queues: Vec<String>,
    /// A skill. Repeat for more.
    #[arg(long = "skill")]
    skills: Vec<String>,
    /// How many work items the agent holds at most; 0 means 3.
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    capacity: i32,
    /// Level of authority, 1 to 3; 0 means 1.
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    level: i32,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// An agent's presence.
#[derive(Debug, Args)]
pub struct PresenceOptions {
    /// The agent: agents/UUID, or the UUID alone.
    #[arg(value_parser = name::<AgentId>)]
    agent: String,
    /// Whether the agent takes work.
    #[arg(value_enum)]
    presence: PresenceArg,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Whether an agent takes work.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum PresenceArg {
    /// Takes work.
    Available,
    /// Finishes what is there, takes nothing new.
    Busy,
    /// Not there; claimed work goes back to its queue.
    Offline,
}

impl From<PresenceArg> for agent::Presence {
    fn from(presence: PresenceArg) -> Self {
        match presence {
            PresenceArg::Available => Self::Available,
            PresenceArg::Busy => Self::Busy,
            PresenceArg::Offline => Self::Offline,
        }
    }
}

/// Runs a verb of `agent`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::Create(options) => {
            let agent = Agent {
                display_name: options.name.clone(),
                skills: options.skills.clone(),
                queues: options.queues.clone(),
                capacity: options.capacity,
                level: options.level,
                ..Agent::default()
            };
            caller.show(CreateAgentRequest { request_id: options.repeatable.id(), agent: Some(agent) }).await
        }
        Command::List(paging) => caller.show_page(ListAgentsRequest::default(), paging).await,
        Command::Presence(PresenceOptions { agent, presence, repeatable }) => {
            let presence = agent::Presence::from(*presence).into();
            caller.show(SetPresenceRequest { request_id: repeatable.id(), name: agent.clone(), presence }).await
        }
    }
}
