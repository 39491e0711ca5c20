//! One entry of a customer's one history.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kernel::{CaseId, CustomerId, Timestamp};

use super::case_state::State;

/// Kinds of entries that intake makes itself; all others are milestones.
pub mod kind {
    /// The case was opened.
    pub const CASE_OPENED: &str = "CASE_OPENED";
    /// The customer was asked something.
    pub const QUESTION_ASKED: &str = "QUESTION_ASKED";
    /// We know what went wrong.
    pub const FINDING_RECORDED: &str = "FINDING_RECORDED";
    /// The customer said what would be fair.
    pub const REMEDY_REQUESTED: &str = "REMEDY_REQUESTED";
    /// The customer came back.
    pub const CASE_REOPENED: &str = "CASE_REOPENED";
    /// A service refused what the recovery asked of it.
    pub const CALL_REFUSED: &str = "CALL_REFUSED";
    /// What the recovery asked of a service does not go through, and waits for an operator.
    pub const CALL_PARKED: &str = "CALL_PARKED";
    /// An operator has it sent again.
    pub const CALL_RETRIED: &str = "CALL_RETRIED";
    /// An operator gave it up.
    pub const CALL_DISCARDED: &str = "CALL_DISCARDED";
    /// From here on only what moves the recovery is written down.
    pub const STORY_FULL: &str = "STORY_FULL";
}

/// The name under which intake's own entries stand.
pub const INTAKE: &str = "intake";

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Place in the case's story, from 1, without gaps.
    pub seq: i64,
    /// When it happened.
    pub happened_at: Timestamp,
    /// The service that reported it.
    pub source: Cow<'static, str>,
    /// What happened.
    pub kind: Cow<'static, str>,
    /// One sentence for a person.
    pub summary: String,
    /// The resource that it happened to.
    pub subject: String,
    /// The state of the case after it.
    pub state: State,
    /// Facts that belong to the kind.
    pub attributes: BTreeMap<String, String>,
}

/// An entry in its place: whose story it belongs to, and which call recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The customer.
    pub customer: CustomerId,
    /// The case.
    pub case: CaseId,
    /// Trace id of the call; empty when it was not traced.
    pub trace_id: String,
    /// What happened.
    pub entry: Entry,
}

impl Recorded {
    /// Its place in the customer's history, which shows the latest first.
    pub fn place(&self) -> (Timestamp, CaseId, i64) {
        (self.entry.happened_at, self.case, self.entry.seq)
    }
}
