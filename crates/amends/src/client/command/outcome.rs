//! `amends outcome`: what came of a recovery.

use api::followup::GetOutcomeRequest;
use clap::Args;
use kernel::CaseId;

use crate::client::call::Caller;
use crate::client::values::name;

/// One case.
#[derive(Debug, Args)]
pub struct Options {
    /// The case: cases/UUID, or the UUID alone.
    #[arg(value_parser = name::<CaseId>)]
    case: String,
}

/// Runs `outcome`.
///
/// # Errors
/// When the call fails.
pub async fn run(options: &Options, caller: &mut Caller) -> anyhow::Result<()> {
    caller.show(GetOutcomeRequest { case: options.case.clone() }).await
}
