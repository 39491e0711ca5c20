//! `amends work`: see, take and finish work.

use api::routing::{
    ClaimWorkRequest, CompleteWorkRequest, EscalateWorkRequest, GetWorkItemRequest, ListWorkItemsRequest,
    PostProgressRequest, Progress, progress, work_item,
};
use clap::{Args, Subcommand, ValueEnum};
use kernel::{AgentId, CaseId, WorkItemId};
use prost_types::Timestamp;

use crate::client::call::Caller;
use crate::client::values::{Paging, Repeatable, name, queue, time};

/// Verbs of `work`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List work, the most urgent first.
    List(ListOptions),
    /// Show a work item with its clocks.
    Get(One),
    /// Take a work item for an agent: a given one, or the most urgent one that fits.
    #[command(after_help = "Example:\n  amends work claim --agent AGENT")]
    Claim(ClaimOptions),
    /// Record what the customer was told, or a note for colleagues.
    #[command(after_help = PROGRESS_EXAMPLE)]
    Progress(ProgressOptions),
    /// Hand a work item to a higher level of authority.
    Escalate(EscalateOptions),
    /// Say that the work is done.
    Complete(CompleteOptions),
}

const PROGRESS_EXAMPLE: &str = "Example:
  amends work progress WORK --kind substantive-update \"The depot has found your parcel\" \\
      --next-update-by 2026-03-01T12:00:00Z";

/// One work item.
#[derive(Debug, Args)]
pub struct One {
    /// The work item: workItems/UUID, or the UUID alone.
    #[arg(value_parser = name::<WorkItemId>)]
    work: String,
}

/// Which work.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// Only work in this state.
    #[arg(long, value_enum)]
    state: Option<StateArg>,
    /// Only work of this queue.
    #[arg(long, value_parser = queue)]
    queue: Option<String>,
    /// Only work of this case.
    #[arg(long, value_parser = name::<CaseId>)]
    case: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

/// Where work stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum StateArg {
    Unattended,
    Waiting,
    Claimed,
    Completed,
    Cancelled,
}

impl From<StateArg> for work_item::State {
    fn from(state: StateArg) -> Self {
        match state {
            StateArg::Unattended => Self::Unattended,
            StateArg::Waiting => Self::Waiting,
            StateArg::Claimed => Self::Claimed,
            StateArg::Completed => Self::Completed,
            StateArg::Cancelled => Self::Cancelled,
        }
    }
}

/// Who takes what.
#[derive(Debug, Args)]
pub struct ClaimOptions {
    /// The agent: agents/UUID, or the UUID alone.
    #[arg(long, value_parser = name::<AgentId>)]
    agent: String,
    /// The work item; the most urgent one that fits when none is given.
    #[arg(value_parser = name::<WorkItemId>)]
    work: Option<String>,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// What was told.
#[derive(Debug, Args)]
pub struct ProgressOptions {
    #[command(flatten)]
    one: One,
    /// What was said.
    text: String,
    /// What kind of progress this is.
    #[arg(long, value_enum)]
    kind: KindArg,
    /// By when the customer was promised the next news, RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = time)]
    next_update_by: Option<Timestamp>,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// A kind of progress.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindArg {
    /// The customer has our acknowledgement and apology.
    Acknowledgement,
    /// The customer was told something new.
    SubstantiveUpdate,
    /// For colleagues only.
    InternalNote,
    /// The customer has the word: our clock stands still.
    WaitingForCustomer,
    /// The customer answered: our clock goes on.
    CustomerAnswered,
}

impl From<KindArg> for progress::Kind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Acknowledgement => Self::Acknowledgement,
            KindArg::SubstantiveUpdate => Self::SubstantiveUpdate,
            KindArg::InternalNote => Self::InternalNote,
            KindArg::WaitingForCustomer => Self::WaitingForCustomer,
            KindArg::CustomerAnswered => Self::CustomerAnswered,
        }
    }
}

/// Why it goes up.
#[derive(Debug, Args)]
pub struct EscalateOptions {
    #[command(flatten)]
    one: One,
    /// Why, in words that the customer may read.
    reason: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// What was done.
#[derive(Debug, Args)]
pub struct CompleteOptions {
    #[command(flatten)]
    one: One,
    /// What was done.
    resolution: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Runs a verb of `work`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(options) => {
            let request = ListWorkItemsRequest {
                state: options.state.map_or(work_item::State::Unspecified, work_item::State::from).into(),
                queue: options.queue.clone().unwrap_or_default(),
                case: options.case.clone().unwrap_or_default(),
                ..ListWorkItemsRequest::default()
            };
            caller.show_page(request, &options.paging).await
        }
        Command::Get(one) => caller.show(GetWorkItemRequest { name: one.work.clone() }).await,
        Command::Claim(ClaimOptions { agent, work, repeatable }) => {
            let work_item = work.clone().unwrap_or_default();
            caller.show(ClaimWorkRequest { request_id: repeatable.id(), agent: agent.clone(), work_item }).await
        }
        Command::Progress(ProgressOptions { one, text, kind, next_update_by, repeatable }) => {
            let progress = Progress {
                kind: progress::Kind::from(*kind).into(),
                text: text.clone(),
                next_update_by: *next_update_by,
                post_time: None,
            };
            let request_id = repeatable.id();
            caller.show(PostProgressRequest { request_id, name: one.work.clone(), progress: Some(progress) }).await
        }
        Command::Escalate(EscalateOptions { one, reason, repeatable }) => {
            let (request_id, reason) = (repeatable.id(), reason.clone());
            caller.show(EscalateWorkRequest { request_id, name: one.work.clone(), reason }).await
        }
        Command::Complete(CompleteOptions { one, resolution, repeatable }) => {
            let (request_id, resolution) = (repeatable.id(), resolution.clone());
            caller.show(CompleteWorkRequest { request_id, name: one.work.clone(), resolution }).await
        }
    }
}
