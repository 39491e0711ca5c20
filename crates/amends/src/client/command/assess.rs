//! `amends assess`: what is owed for a failure, and why.

use anyhow::{Context as _, bail};
use api::common::{FailureEvent, Severity};
use api::compensation::AssessRequest;
use clap::Args;
use jiff::civil::Date;
use prost_types::Timestamp;

use crate::client::call::Caller;
use crate::client::values::{EventArgs, SeverityArg, time};
use crate::flights::planned_flights;

/// A failure that may or may not have happened, or a flight that did.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  amends assess --event flight.delayed --fact arrival_delay_minutes=200\n  \
                        amends assess --flight UA1690 --date 2013-02-09")]
pub struct Options {
    #[command(flatten)]
    event: Option<EventArgs>,
    /// A flight from New York in 2013, as it went: airline and number.
    #[arg(long, value_name = "NUMBER", requires = "date", conflicts_with_all = ["kind", "at", "reference", "facts"])]
    flight: Option<String>,
    /// The day of its planned departure, on the clocks of New York.
    #[arg(long, value_name = "DAY", requires = "flight")]
    date: Option<Date>,
    /// How badly the customer was hit.
    #[arg(long, value_enum, default_value = "medium")]
    severity: SeverityArg,
    /// By what was known at this time, RFC 3339; by what is known now when not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<Timestamp>,
}

/// Runs `assess`.
///
/// # Errors
/// When the call fails, or there was no such flight.
pub async fn run(options: &Options, caller: &mut Caller) -> anyhow::Result<()> {
    let event = match (&options.flight, options.date, &options.event) {
        (Some(flight), Some(date), _) => flown(flight, date)?,
        (_, _, Some(event)) => event.event(caller)?,
        _ => bail!("name a failure by --event, or a flight by --flight and --date"),
    };
    caller
        .show(AssessRequest {
            event: Some(event),
            severity: Severity::from(options.severity).into(),
            as_of_time: options.as_of,
        })
        .await
}

/// The first flight of that number on that day: two dozen numbers flew twice a day, under another destination.
fn flown(flight: &str, date: Date) -> anyhow::Result<FailureEvent> {
    for planned in planned_flights()? {
        let planned = planned?;
        let day = planned.local_departure.date();
        if day > date {
            break;
        }
        if day == date && format!("{}{}", planned.carrier, planned.number) == flight {
            return Ok(planned.event());
        }
    }
    None.with_context(|| format!("no flight {flight} left New York on {date}; the flights are those of 2013"))
}
