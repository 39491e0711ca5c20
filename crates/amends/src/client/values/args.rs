//! Options that several commands have.

use std::collections::BTreeMap;

use anyhow::bail;
use api::common::{Fact, FailureEvent, Severity};
use clap::{Args, ValueEnum};
use kernel::{Clock as _, IdSource as _, RandomIds, SystemClock};
use prost_types::Timestamp;

use super::fact::{Keyed, fact};
use super::text::time;
use crate::client::call::Caller;
use crate::client::output::date_time;

/// The time now, to the second, so that it can be given again as it is shown.
fn now() -> Timestamp {
    Timestamp { nanos: 0, ..chassis::wire::to_timestamp(SystemClock.now()) }
}

/// The id under which a change can be repeated.
#[derive(Clone, Debug, Default, Args)]
pub struct Repeatable {
    /// Repeat an earlier call safely: its request id. A new one is made when none is given.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
}

impl Repeatable {
    /// The id given, or a new one.
    pub fn id(&self) -> String {
        self.request_id.clone().unwrap_or_else(|| RandomIds.next(SystemClock.now()).to_string())
    }
}

/// The version that a change is meant for.
#[derive(Clone, Debug, Default, Args)]
pub struct Etag {
    /// Refuse the change when the case has another etag by now.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub etag: String,
}

/// Which part of a list.
#[derive(Clone, Debug, Default, Args)]
pub struct Paging {
    /// Items per page, at most 500; 0 lets the service choose.
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    pub page_size: i32,
    /// Go on where an earlier page ended.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TOKEN")]
    pub page_token: String,
    /// All pages.
    #[arg(long)]
    pub all: bool,
}

impl Paging {
    /// Everything, page by page.
    pub fn everything() -> Self {
        Self { page_size: 500, page_token: String::new(), all: true }
    }
}

/// How badly the customer was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SeverityArg {
    /// An annoyance; nothing was lost.
    Low,
    /// Time or money was lost.
    Medium,
    /// The purpose of the purchase was missed.
    High,
    /// Safety, health, or an event of a lifetime.
    Critical,
}

impl From<SeverityArg> for Severity {
    fn from(severity: SeverityArg) -> Self {
        match severity {
            SeverityArg::Low => Self::Low,
            SeverityArg::Medium => Self::Medium,
            SeverityArg::High => Self::High,
            SeverityArg::Critical => Self::Critical,
        }
    }
}

/// What went wrong, in facts.
#[derive(Clone, Debug, Args)]
pub struct EventArgs {
    /// Dotted kind of the failure, e.g. parcel.lost, flight.cancelled, bill.wrong.
    #[arg(long = "event", value_name = "KIND")]
    pub kind: String,
    /// When it happened, RFC 3339; now when not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub at: Option<Timestamp>,
    /// The company's own reference, e.g. a parcel or flight number.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub reference: String,
    /// A fact, typed by its look: true, 200, "USD 12.50", 2026-03-01T12:00:00Z, else text. Repeat for more.
    #[arg(long = "fact", value_name = "KEY=VALUE", value_parser = fact)]
    pub facts: Vec<Keyed>,
}

impl EventArgs {
    /// The event. A time that is made up here is remembered: a repeated call must say the same.
    ///
    /// # Errors
    /// When a fact is given twice.
    pub fn event(&self, caller: &mut Caller) -> anyhow::Result<FailureEvent> {
        let occurred_at = self.at.unwrap_or_else(|| {
            let at = now();
            caller.remember(format!("--at {}", date_time(Some(&at))));
            at
        });
        Ok(FailureEvent {
            kind: self.kind.clone(),
            occurred_at: Some(occurred_at),
            reference: self.reference.clone(),
            facts: fact_map(&self.facts)?,
        })
    }
}

/// Facts by their keys.
///
/// # Errors
/// When one is given twice.
pub fn fact_map(facts: &[Keyed]) -> anyhow::Result<BTreeMap<String, Fact>> {
    let mut map = BTreeMap::new();
    for (key, fact) in facts {
        if map.insert(key.clone(), fact.clone()).is_some() {
            bail!("the fact {key} is given twice");
        }
    }
    Ok(map)
}
