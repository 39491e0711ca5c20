//! `amends payout`: money on its way, and what people decide about it.

use api::compensation::payout_settlement::Outcome;
use api::compensation::{
    AdvancePayoutRequest, ApprovePayoutSettlementRequest, GetPayoutRequest, ListPayoutSettlementsRequest,
    ListPayoutsRequest, RejectPayoutSettlementRequest, SettlePayoutRequest,
};
use clap::{Args, Subcommand};
use kernel::{PayoutId, PayoutSettlementId};

use super::remedy::OfCase;
use crate::client::call::Caller;
use crate::client::values::{Paging, Repeatable, name};

/// Verbs of `payout`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the payouts of a case, oldest first.
    List(OfCase),
    /// Show a payout.
    Get(One),
    /// Ask the provider now what became of a payout. Nothing is sent.
    LookUp(LookUpOptions),
    /// Say what became of a payout that needs a person; another person must approve.
    #[command(
        after_help = "Examples:\n  amends payout settle UUID --executed BANK-4711 --evidence \"statement of 1 March\"\n  \
                            amends payout settle UUID --not-executed --evidence \"the bank's letter of 3 March\""
    )]
    Settle(SettleOptions),
    /// Approve what another person said.
    Approve(DecideOptions),
    /// Reject what a person said, or take it back.
    Reject(DecideOptions),
    /// List what people said about a payout, oldest first.
    Decisions(DecisionsOptions),
}

/// One payout.
#[derive(Debug, Args)]
pub struct One {
    /// The payout: payouts/UUID, or the UUID alone.
    #[arg(value_parser = name::<PayoutId>)]
    payout: String,
}

/// Which payout.
#[derive(Debug, Args)]
pub struct LookUpOptions {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// What became of it.
#[derive(Debug, Args)]
pub struct SettleOptions {
    #[command(flatten)]
    one: One,
    /// It was executed, under this reference of the provider.
    #[arg(long, value_name = "REFERENCE", conflicts_with = "not_executed", required_unless_present = "not_executed")]
    executed: Option<String>,
    /// It was not executed and never will be.
    #[arg(long)]
    not_executed: bool,
    /// What that is known from.
    #[arg(long, value_name = "WORDS")]
    evidence: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// What the second person says.
#[derive(Debug, Args)]
pub struct DecideOptions {
    /// The decision: payoutSettlements/UUID, or the UUID alone.
    #[arg(value_parser = name::<PayoutSettlementId>)]
    decision: String,
    /// Why.
    #[arg(long, value_name = "WORDS")]
    reason: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Whose decisions.
#[derive(Debug, Args)]
pub struct DecisionsOptions {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    paging: Paging,
}

/// Runs a verb of `payout`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(of) => {
            let request = ListPayoutsRequest { case: of.case.clone(), ..Default::default() };
            caller.show_page(request, &of.paging).await
        }
        Command::Get(one) => caller.show(GetPayoutRequest { name: one.payout.clone() }).await,
        Command::LookUp(LookUpOptions { one, repeatable }) => {
            let request_id = repeatable.id();
            caller.show(AdvancePayoutRequest { request_id, name: one.payout.clone(), look_up: true }).await
        }
        Command::Settle(options) => {
            let outcome = if options.not_executed { Outcome::NotExecuted } else { Outcome::Executed };
            let request = SettlePayoutRequest {
                request_id: options.repeatable.id(),
                name: options.one.payout.clone(),
                outcome: outcome.into(),
                provider_reference: options.executed.clone().unwrap_or_default(),
                evidence: options.evidence.clone(),
            };
            caller.show(request).await
        }
        Command::Approve(DecideOptions { decision, reason, repeatable }) => {
            let (request_id, name, reason) = (repeatable.id(), decision.clone(), reason.clone());
            caller.show(ApprovePayoutSettlementRequest { request_id, name, reason }).await
        }
        Command::Reject(DecideOptions { decision, reason, repeatable }) => {
            let (request_id, name, reason) = (repeatable.id(), decision.clone(), reason.clone());
            caller.show(RejectPayoutSettlementRequest { request_id, name, reason }).await
        }
        Command::Decisions(DecisionsOptions { one, paging }) => {
            let request = ListPayoutSettlementsRequest { payout: one.payout.clone(), ..Default::default() };
            caller.show_page(request, paging).await
        }
    }
}
