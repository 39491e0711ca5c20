//! `amends plan`: the check-ins of a case.

use api::followup::{GetPlanRequest, ListPlansRequest, StopPlanRequest};
use clap::{Args, Subcommand};
use kernel::PlanId;

use super::remedy::OfCase;
use crate::client::call::Caller;
use crate::client::values::{Repeatable, name};

/// Verbs of `plan`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the plans of a case, oldest first.
    List(OfCase),
    /// Show a plan.
    Get(One),
    /// Stop a running plan and its timers.
    Stop(StopOptions),
}

/// One plan.
#[derive(Debug, Args)]
pub struct One {
    /// The plan: plans/UUID, or the UUID alone.
    #[arg(value_parser = name::<PlanId>)]
    plan: String,
}

/// Why it stops.
#[derive(Debug, Args)]
pub struct StopOptions {
    #[command(flatten)]
    one: One,
    /// Why.
    reason: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Runs a verb of `plan`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(of) => {
            let request = ListPlansRequest { case: of.case.clone(), ..Default::default() };
            caller.show_page(request, &of.paging).await
        }
        Command::Get(one) => caller.show(GetPlanRequest { name: one.plan.clone() }).await,
        Command::Stop(StopOptions { one, reason, repeatable }) => {
            let (request_id, reason) = (repeatable.id(), reason.clone());
            caller.show(StopPlanRequest { request_id, name: one.plan.clone(), reason }).await
        }
    }
}
