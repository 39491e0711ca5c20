//! `amends experiment`: which sequence of apology and offer works better, in the company's own data.

use api::compensation::{
    ApplyExperimentRequest, GetExperimentReportRequest, GetExperimentRequest, ListExperimentsRequest,
    StopExperimentRequest,
};
use clap::{Args, Subcommand};

use super::apply_document::ApplyOptions;
use crate::client::call::Caller;
use crate::client::values::{Paging, Repeatable};

/// Verbs of `experiment`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start an experiment from a file, or see whether it could be started.
    #[command(after_help = "Example:\n  amends experiment apply -f apology-alone.yaml --applied-by Lee --dry-run")]
    Apply(ApplyOptions),
    /// List experiments, newest first.
    List(Paging),
    /// Show an experiment, with its document.
    Get(Which),
    /// Stop an experiment: no more cases are assigned.
    Stop(StopOptions),
    /// Show what an experiment has shown so far, and whether customers who were hit alike were treated alike.
    Report(Which),
}

/// Which experiment.
#[derive(Debug, Args)]
pub struct Which {
    /// The experiment: experiments/ID, or its id.
    #[arg(value_name = "EXPERIMENT")]
    experiment: String,
}

/// Which experiment, and why.
#[derive(Debug, Args)]
pub struct StopOptions {
    #[command(flatten)]
    which: Which,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Who stops it: agents/UUID, or a name.
    #[arg(long, value_name = "AGENT")]
    stopped_by: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

impl Which {
    fn name(&self) -> String {
        let id = self.experiment.strip_prefix("experiments/").unwrap_or(&self.experiment);
        format!("experiments/{id}")
    }
}

/// Runs a verb of `experiment`.
///
/// # Errors
/// When the file cannot be read or the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::Apply(options) => {
            let request = ApplyExperimentRequest {
                request_id: options.repeatable.id(),
                document: options.document()?,
                applied_by: options.applied_by.clone(),
                dry_run: options.dry_run,
            };
            caller.show(request).await
        }
        Command::List(paging) => caller.show_page(ListExperimentsRequest::default(), paging).await,
        Command::Get(which) => caller.show(GetExperimentRequest { name: which.name() }).await,
        Command::Stop(StopOptions { which, reason, stopped_by, repeatable }) => {
            let request = StopExperimentRequest {
                request_id: repeatable.id(),
                name: which.name(),
                reason: reason.clone(),
                stopped_by: stopped_by.clone(),
            };
            caller.show(request).await
        }
        Command::Report(which) => caller.show(GetExperimentReportRequest { name: which.name() }).await,
    }
}
