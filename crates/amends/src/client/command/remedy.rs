//! `amends remedy`: what is done about a case.

use api::compensation::{GetRemedyRequest, ListRemediesRequest};
use clap::{Args, Subcommand};
use kernel::{CaseId, RemedyId};

use crate::client::call::Caller;
use crate::client::values::{Paging, name};

/// Verbs of `remedy`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a remedy, with what is owed and why.
    Get(One),
    /// List the remedies of a case, oldest first.
    List(OfCase),
}

/// One remedy.
#[derive(Debug, Args)]
pub struct One {
    /// The remedy: remedies/UUID, or the UUID alone.
    #[arg(value_parser = name::<RemedyId>)]
    remedy: String,
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
        Command::List(of) => {
            let request = ListRemediesRequest { case: of.case.clone(), ..Default::default() };
            caller.show_page(request, &of.paging).await
        }
    }
}
