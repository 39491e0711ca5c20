//! `amends calls`: durable calls, and how the relays are doing.

use api::operations::{
    DiscardCallRequest, GetCallRequest, GetRelayHealthRequest, ListCallsRequest, RetryCallRequest, call,
};
use clap::{Args, Subcommand, ValueEnum};

use crate::client::call::Caller;
use crate::client::values::{self, Paging, Repeatable, service};

/// Verbs of `calls`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the durable calls of a service, oldest first.
    #[command(after_help = "Example:\n  amends calls list --service intake --state parked")]
    List(ListOptions),
    /// Show a call with its request.
    Get(One),
    /// Send a parked or waiting call now.
    Retry(ChangeOptions),
    /// Give a parked call up, so that its lane moves on.
    Discard(ChangeOptions),
    /// Show how a service's relay is doing.
    Health(HealthOptions),
}

/// Which calls.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// The service that owes the calls: intake, routing, compensation or followup.
    #[arg(long, value_parser = service)]
    service: String,
    /// Only calls in this state.
    #[arg(long, value_enum)]
    state: Option<StateArg>,
    /// Only calls of this lane, e.g. cases/UUID.
    #[arg(long, default_value = "", hide_default_value = true)]
    lane: String,
    #[command(flatten)]
    paging: Paging,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum StateArg {
    Pending,
    Leased,
    Done,
    Rejected,
    Parked,
    Discarded,
    Cancelled,
}

impl From<StateArg> for call::State {
    fn from(state: StateArg) -> Self {
        match state {
            StateArg::Pending => Self::Pending,
            StateArg::Leased => Self::Leased,
            StateArg::Done => Self::Done,
            StateArg::Rejected => Self::Rejected,
            StateArg::Parked => Self::Parked,
            StateArg::Discarded => Self::Discarded,
            StateArg::Cancelled => Self::Cancelled,
        }
    }
}

/// One call.
#[derive(Debug, Args)]
pub struct One {
    /// The call, as `amends calls list` shows it: services/SERVICE/calls/UUID.
    #[arg(value_parser = values::call)]
    call: String,
}

/// A change, and why.
#[derive(Debug, Args)]
pub struct ChangeOptions {
    #[command(flatten)]
    one: One,
    /// Why; the audit keeps it.
    #[arg(long, value_name = "WORDS")]
    reason: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Which relay.
#[derive(Debug, Args)]
pub struct HealthOptions {
    /// The service: intake, routing, compensation or followup.
    #[arg(long, value_parser = service)]
    service: String,
}

/// Runs a verb of `calls`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(options) => {
            let request = ListCallsRequest {
                parent: options.service.clone(),
                state: options.state.map_or(call::State::Unspecified, call::State::from).into(),
                lane: options.lane.clone(),
                ..ListCallsRequest::default()
            };
            caller.show_page(request, &options.paging).await
        }
        Command::Get(one) => caller.show(GetCallRequest { name: one.call.clone() }).await,
        Command::Retry(ChangeOptions { one, reason, repeatable }) => {
            let (request_id, name, reason) = (repeatable.id(), one.call.clone(), reason.clone());
            caller.show(RetryCallRequest { request_id, name, reason }).await
        }
        Command::Discard(ChangeOptions { one, reason, repeatable }) => {
            let (request_id, name, reason) = (repeatable.id(), one.call.clone(), reason.clone());
            caller.show(DiscardCallRequest { request_id, name, reason }).await
        }
        Command::Health(options) => {
            caller.show(GetRelayHealthRequest { name: format!("{}/relayHealth", options.service) }).await
        }
    }
}
