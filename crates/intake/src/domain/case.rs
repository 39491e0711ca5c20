//! One failure towards one customer, from the first word to the proof that it is right again.

use kernel::{CaseId, CustomerId, DisruptionId, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::attention::Attention;
use super::case_state::State;
use super::disruption::Disruption;
use super::event::{FailureEvent, Severity};
use super::steps::{Step, Steps};
use super::text_enum::text_enum;

text_enum! {
    /// Why the case exists.
    Origin {
        /// The customer told us.
        Complaint = "COMPLAINT",
        /// We knew before the customer complained.
        Disruption = "DISRUPTION",
    }
}

/// A case as a customer's complaint describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseDraft {
    /// What the customer expected.
    pub expected: String,
    /// What the customer got instead.
    pub delivered: String,
    /// The failure in facts.
    pub event: FailureEvent,
    /// How badly the customer was hit.
    pub severity: Severity,
    /// What the customer would call fair; may be empty.
    pub requested_remedy: String,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The id.
    pub id: CaseId,
    /// The customer.
    pub customer: CustomerId,
    /// Why it exists.
    pub origin: Origin,
    /// Where the recovery stands.
    pub state: State,
    /// What the customer expected.
    pub expected: String,
    /// What the customer got instead.
    pub delivered: String,
    /// The failure in facts.
    pub event: FailureEvent,
    /// How badly the customer was hit.
    pub severity: Severity,
    /// The disruption that opened it.
    pub disruption: Option<DisruptionId>,
    /// What the customer would call fair.
    pub requested_remedy: String,
    /// What we found out.
    pub finding: String,
    /// How often it was reopened.
    pub reopen_count: u32,
    /// Why it needs a person.
    pub attention: Attention,
    /// Last score that the customer gave.
    pub last_score: Option<u8>,
    /// The steps that it has taken.
    pub steps: Steps,
    /// Entries that its story has.
    pub entry_count: i64,
    /// `traceparent` of the request that opened it.
    pub trace_parent: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change: the etag.
    pub version: i64,
}

impl Case {
    /// The case of a complaint, before its recovery starts.
    pub fn of_complaint(
        id: CaseId,
        customer: CustomerId,
        draft: &CaseDraft,
        trace_parent: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            customer,
            origin: Origin::Complaint,
            state: State::Received,
            expected: draft.expected.clone(),
            delivered: draft.delivered.clone(),
            event: draft.event.clone(),
            severity: draft.severity,
            disruption: None,
            requested_remedy: draft.requested_remedy.clone(),
            finding: String::new(),
            reopen_count: 0,
            attention: Attention::default(),
            last_score: None,
            steps: Steps::default(),
            entry_count: 0,
            trace_parent: trace_parent.to_owned(),
            created_at: now,
            updated_at: now,
            version: 0,
        }
    }

    /// The case of a customer whom a disruption hit, before its recovery starts; `event` has this customer's facts.
    pub fn of_disruption(
        id: CaseId,
        customer: CustomerId,
        disruption: &Disruption,
        event: FailureEvent,
        trace_parent: &str,
        now: Timestamp,
    ) -> Self {
        let draft = CaseDraft {
            expected: disruption.content.expected.clone(),
            delivered: disruption.content.delivered.clone(),
            event,
            severity: disruption.content.severity,
            requested_remedy: String::new(),
        };
        Self {
            origin: Origin::Disruption,
            disruption: Some(disruption.id),
            ..Self::of_complaint(id, customer, &draft, trace_parent, now)
        }
    }

    /// Which recovery this is: 1, and one more with every reopening.
    pub fn round(&self) -> u32 {
        self.reopen_count + 1
    }

    /// True when the operation's own evidence is enough to know what went wrong and to run by itself: a disruption, as
    /// long as the recovery has not failed.
    pub fn runs_by_itself(&self) -> bool {
        self.origin == Origin::Disruption && self.round() == 1
    }

    /// The work item of the round, once it was asked for.
    pub fn work_item(&self) -> Option<Uuid> {
        self.opened_by(&Step::Work)
    }

    /// The remedy of the round, once it was asked for.
    pub fn remedy(&self) -> Option<Uuid> {
        self.opened_by(&Step::Remedy)
    }

    /// The plan of the round, once it was asked for.
    pub fn plan(&self) -> Option<Uuid> {
        self.opened_by(&Step::Plan)
    }

    fn opened_by(&self, step: &Step) -> Option<Uuid> {
        self.steps.taken(step, self.round()).then(|| step.message_id(self.id, self.round()))
    }

    /// True when `subject` is a work item, remedy or plan of an earlier round: what happens to it no longer moves the
    /// case.
    pub fn is_of_earlier_round(&self, subject: &str) -> bool {
        let Some((collection, id)) = subject.split_once('/') else { return false };
        let step = match collection {
            "workItems" => Step::Work,
            "remedies" => Step::Remedy,
            "plans" => Step::Plan,
            _ => return false,
        };
        Uuid::try_parse(id).is_ok_and(|id| (1..self.round()).any(|round| step.message_id(self.id, round) == id))
    }
}
