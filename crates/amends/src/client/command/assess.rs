//! `amends assess`: what is owed for a failure, and why.

use api::common::Severity;
use api::compensation::AssessRequest;
use clap::Args;

use crate::client::call::Caller;
use crate::client::values::{EventArgs, SeverityArg};

/// A failure that may or may not have happened.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  amends assess --event flight.delayed --fact arrival_delay_minutes=200")]
pub struct Options {
    #[command(flatten)]
    event: EventArgs,
    /// How badly the customer was hit.
    #[arg(long, value_enum, default_value = "medium")]
    severity: SeverityArg,
}

/// Runs `assess`.
///
/// # Errors
/// When the call fails.
pub async fn run(options: &Options, caller: &mut Caller) -> anyhow::Result<()> {
    let event = options.event.event(caller)?;
    caller
        .show(AssessRequest { event: Some(event), severity: Severity::from(options.severity).into(), as_of_time: None })
        .await
}
