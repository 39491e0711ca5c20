//! `amends disruption`: a failure that hits many customers.

use std::path::PathBuf;

use api::common::Severity;
use api::intake::{Disruption, GetDisruptionRequest, Identity, ReportDisruptionRequest};
use clap::{Args, Subcommand};
use kernel::DisruptionId;

use super::affected;
use crate::client::call::Caller;
use crate::client::values::{EventArgs, Repeatable, SeverityArg, identity, name};

/// Verbs of `disruption`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report a disruption; say who is affected with add-affected.
    #[command(after_help = REPORT_EXAMPLE)]
    Report(Box<ReportOptions>),
    /// Open a case for each affected customer. Adding somebody again changes nothing.
    #[command(after_help = AFFECTED_EXAMPLES)]
    AddAffected(AffectedOptions),
    /// Show a disruption.
    Get(One),
}

const REPORT_EXAMPLE: &str = "Example:
  amends disruption report --id UA1545-2013-02-08 --event flight.cancelled --reference UA1545 \\
      --at 2013-02-08T10:15:00Z --severity high";

const AFFECTED_EXAMPLES: &str = "Examples:
  amends disruption add-affected DISRUPTION --customer email=ann@example.com --customer crm=4711
  amends disruption add-affected DISRUPTION --file passengers.jsonl

Each line of the file is one customer as a JSON object:
  {\"customer\": \"email=ann@example.com\", \"name\": \"Ann\", \"facts\": {\"ticket_price\": \"USD 214.50\"}}
with the keys customer (one identity or an array of them), name, contact (one KIND:ADDRESS or an array), tier,
language, facts (values are typed by their look, as those of --fact).";

/// A disruption.
#[derive(Debug, Args)]
pub struct ReportOptions {
    /// The company's own id of the disruption, unique per tenant, e.g. a flight key.
    #[arg(long = "id", value_name = "ID")]
    external_id: String,
    #[command(flatten)]
    event: EventArgs,
    /// What customers expected.
    #[arg(long, default_value = "", hide_default_value = true)]
    expected: String,
    /// What they got instead.
    #[arg(long, default_value = "", hide_default_value = true)]
    delivered: String,
    /// How badly customers were hit.
    #[arg(long, value_enum, default_value = "medium")]
    severity: SeverityArg,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// One disruption.
#[derive(Debug, Args)]
pub struct One {
    /// The disruption: disruptions/UUID, or the UUID alone.
    #[arg(value_parser = name::<DisruptionId>)]
    disruption: String,
}

/// Who is affected.
#[derive(Debug, Args)]
pub struct AffectedOptions {
    #[command(flatten)]
    one: One,
    /// An affected customer. Repeat for more customers.
    #[arg(long = "customer", value_name = "SOURCE=VALUE", value_parser = identity, required_unless_present = "file")]
    customers: Vec<Identity>,
    /// A file with one customer a line; - reads standard input.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Runs a verb of `disruption`.
///
/// # Errors
/// When the call fails, or the file has wrong lines.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::Report(options) => {
            let event = options.event.event(caller)?;
            let disruption = Disruption {
                external_id: options.external_id.clone(),
                event: Some(event),
                expected: options.expected.clone(),
                delivered: options.delivered.clone(),
                severity: Severity::from(options.severity).into(),
                ..Disruption::default()
            };
            let request_id = options.repeatable.id();
            caller.show(ReportDisruptionRequest { request_id, disruption: Some(disruption) }).await
        }
        Command::AddAffected(options) => {
            let mut customers: Vec<_> = options.customers.iter().cloned().map(affected::identified).collect();
            if let Some(file) = &options.file {
                customers.extend(affected::read(file)?);
            }
            affected::add(&options.one.disruption, customers, &options.repeatable.id(), caller).await
        }
        Command::Get(one) => caller.show(GetDisruptionRequest { name: one.disruption.clone() }).await,
    }
}
