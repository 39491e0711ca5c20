//! `amends approval`: what waits for somebody else's decision.

use api::compensation::{ApproveOfferRequest, GetApprovalRequest, ListApprovalsRequest, RejectOfferRequest, approval};
use clap::{Args, Subcommand, ValueEnum};
use kernel::{ApprovalId, CaseId};

use crate::client::call::Caller;
use crate::client::values::{Paging, Repeatable, name};

/// Verbs of `approval`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what waits, or what was decided, oldest first.
    #[command(after_help = "Example:\n  amends approval list --state rejected")]
    List(ListOptions),
    /// Show an approval with its reasons.
    Get(One),
    /// Approve what somebody else asked for.
    #[command(after_help = "Example:\n  amends approval approve APPROVAL --decided-by Lee --role lead")]
    Approve(ApproveOptions),
    /// Reject what somebody else asked for: why, and what instead.
    #[command(after_help = REJECT_EXAMPLE)]
    Reject(RejectOptions),
}

const REJECT_EXAMPLE: &str = "Example:
  amends approval reject APPROVAL --decided-by Lee --role lead --reason \"Above the price\" --alternative \"Offer EUR 50.00\"";

/// Which approvals.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// Only approvals in this state; those that wait when neither state nor case is given.
    #[arg(long, value_enum)]
    state: Option<StateArg>,
    /// Only approvals of this case: cases/UUID, or the UUID alone.
    #[arg(long, value_parser = name::<CaseId>)]
    case: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

/// Where an approval stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum StateArg {
    Pending,
    Approved,
    Rejected,
    Expired,
}

impl From<StateArg> for approval::State {
    fn from(state: StateArg) -> Self {
        match state {
            StateArg::Pending => Self::Pending,
            StateArg::Approved => Self::Approved,
            StateArg::Rejected => Self::Rejected,
            StateArg::Expired => Self::Expired,
        }
    }
}

/// One approval.
#[derive(Debug, Args)]
pub struct One {
    /// The approval: approvals/UUID, or the UUID alone.
    #[arg(value_parser = name::<ApprovalId>)]
    approval: String,
}

/// Who decides.
#[derive(Debug, Args)]
pub struct Decider {
    /// Who decides: agents/UUID, or a name; never who asked.
    #[arg(long, value_name = "AGENT")]
    decided_by: String,
    /// In which role.
    #[arg(long, value_name = "ROLE")]
    role: String,
}

/// A yes.
#[derive(Debug, Args)]
pub struct ApproveOptions {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    decider: Decider,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// A no.
#[derive(Debug, Args)]
pub struct RejectOptions {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    decider: Decider,
    /// Why.
    #[arg(long, value_name = "WORDS")]
    reason: String,
    /// What is done instead.
    #[arg(long, value_name = "WORDS")]
    alternative: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Runs a verb of `approval`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(ListOptions { state, case, paging }) => {
            let state = state.map_or(0, |state| approval::State::from(state).into());
            let request = ListApprovalsRequest { state, case: case.clone().unwrap_or_default(), ..Default::default() };
            caller.show_page(request, paging).await
        }
        Command::Get(one) => caller.show(GetApprovalRequest { name: one.approval.clone() }).await,
        Command::Approve(ApproveOptions { one, decider, repeatable }) => {
            let request = ApproveOfferRequest {
                request_id: repeatable.id(),
                name: one.approval.clone(),
                decided_by: decider.decided_by.clone(),
                role: decider.role.clone(),
            };
            caller.show(request).await
        }
        Command::Reject(RejectOptions { one, decider, reason, alternative, repeatable }) => {
            let request = RejectOfferRequest {
                request_id: repeatable.id(),
                name: one.approval.clone(),
                decided_by: decider.decided_by.clone(),
                role: decider.role.clone(),
                reason: reason.clone(),
                alternative: alternative.clone(),
            };
            caller.show(request).await
        }
    }
}
