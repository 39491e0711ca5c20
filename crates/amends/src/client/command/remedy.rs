//! `amends remedy`: what is done about a case.

use api::compensation::{
    GateOutcome, GetGateDecisionRequest, GetRemedyRequest, ListCatalogueItemsRequest, ListRemediesRequest,
    OverrideGateRequest, RecordApologyRequest,
};
use clap::{Args, Subcommand, ValueEnum};
use kernel::{CaseId, RemedyId};

use crate::client::call::Caller;
use crate::client::values::{Paging, Repeatable, name};

/// Verbs of `remedy`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a remedy, with what is owed and why.
    Get(One),
    /// List the remedies of a case, oldest first.
    List(OfCase),
    /// List the extras of the catalogue for a remedy, most worth for its cost first.
    #[command(
        after_help = "Example:\n  amends remedy extras REMEDY\n  amends offer make REMEDY --made-by Kim --option item:free-upgrade"
    )]
    Extras(ExtrasOptions),
    /// Record that the customer has our apology: an offer that waited for it is made.
    Apologise(Apology),
    /// Show how far to go beyond fair, and why.
    Gate(One),
    /// Decide against the gate.
    #[command(
        after_help = "Example:\n  amends remedy override REMEDY --outcome save --by Kim --reason \"A founder's family\""
    )]
    Override(OverrideOptions),
}

/// One remedy.
#[derive(Debug, Args)]
pub struct One {
    /// The remedy: remedies/UUID, or the UUID alone.
    #[arg(value_parser = name::<RemedyId>)]
    remedy: String,
}

/// The extras for a remedy.
#[derive(Debug, Args)]
pub struct ExtrasOptions {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    paging: Paging,
}

/// Our apology.
#[derive(Debug, Args)]
pub struct Apology {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// A person's decision against the gate.
#[derive(Debug, Args)]
pub struct OverrideOptions {
    #[command(flatten)]
    one: One,
    /// What shall hold.
    #[arg(long)]
    outcome: OutcomeArg,
    /// Why.
    #[arg(long, value_name = "WORDS")]
    reason: String,
    /// Who decides: agents/UUID, or a name.
    #[arg(long, value_name = "AGENT")]
    by: String,
    /// The decider's role: one that approves. Absent: the policy's default one.
    #[arg(long, value_name = "ROLE", default_value = "")]
    role: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// How far to go.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum OutcomeArg {
    /// One step further than right.
    Delight,
    /// Make it right.
    Restore,
    /// In person, by somebody with authority.
    Save,
    /// What the law demands.
    StatutoryOnly,
}

impl From<OutcomeArg> for GateOutcome {
    fn from(outcome: OutcomeArg) -> Self {
        match outcome {
            OutcomeArg::Delight => Self::Delight,
            OutcomeArg::Restore => Self::Restore,
            OutcomeArg::Save => Self::Save,
            OutcomeArg::StatutoryOnly => Self::StatutoryOnly,
        }
    }
}

/// What belongs to a case.
#[derive(Debug, Args)]
pub struct OfCase {
    /// The case: cases/UUID, or the UUID alone.
    #[arg(value_parser = name::<CaseId>)]
    pub case: String,
    #[command(flatten)]
    pub paging: Paging,
}

/// Runs a verb of `remedy`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::Get(one) => caller.show(GetRemedyRequest { name: one.remedy.clone() }).await,
        Command::Extras(ExtrasOptions { one, paging }) => {
            let request = ListCatalogueItemsRequest { remedy: one.remedy.clone(), ..Default::default() };
            caller.show_page(request, paging).await
        }
        Command::Apologise(Apology { one, repeatable }) => {
            let request = RecordApologyRequest { request_id: repeatable.id(), name: one.remedy.clone() };
            caller.show(request).await
        }
        Command::Gate(one) => caller.show(GetGateDecisionRequest { name: one.remedy.clone() }).await,
        Command::Override(options) => {
            let request = OverrideGateRequest {
                request_id: options.repeatable.id(),
                name: options.one.remedy.clone(),
                outcome: GateOutcome::from(options.outcome).into(),
                reason: options.reason.clone(),
                decided_by: options.by.clone(),
                role: options.role.clone(),
            };
            caller.show(request).await
        }
        Command::List(of) => {
            let request = ListRemediesRequest { case: of.case.clone(), ..Default::default() };
            caller.show_page(request, &of.paging).await
        }
    }
}
