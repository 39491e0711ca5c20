//! The steps of a recovery that send something, each with one message id for ever.
//!
//! A step is known by its name and its round. A case remembers the steps that it has taken: a step that comes again
//! sends nothing, and if it did it would have the same message id.

use std::collections::BTreeSet;

use kernel::{CaseId, ResourceId as _, message_id_for_step};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::command::OutcomeResult;

/// Steps that a case takes at most by itself.
const MAX: usize = 256;

/// A step that sends something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The apology.
    Apology,
    /// The work item.
    Work,
    /// Routing is told that the customer has our acknowledgement.
    Acknowledgement,
    /// The remedy.
    Remedy,
    /// The customer is told of this offer.
    OfferMessage(String),
    /// Routing is told that this offer waits for the customer.
    OfferWaits(String),
    /// Routing is told that the customer answered this offer.
    OfferAnswered(String),
    /// The customer is given this voucher.
    VoucherMessage(String),
    /// The customer is told of this payout.
    PayoutMessage(String),
    /// Somebody with authority gets the work.
    SeniorOwner,
    /// The work is done.
    CompleteWork,
    /// The check-ins.
    Plan,
    /// Compensation is told that this came of the recovery.
    Outcome(OutcomeResult),
}

impl Step {
    fn name(&self) -> String {
        match self {
            Self::Apology => "apology".to_owned(),
            Self::Work => "work".to_owned(),
            Self::Acknowledgement => "acknowledgement".to_owned(),
            Self::Remedy => "remedy".to_owned(),
            Self::OfferMessage(offer) => format!("offer_message:{offer}"),
            Self::OfferWaits(offer) => format!("offer_waits:{offer}"),
            Self::OfferAnswered(offer) => format!("offer_answered:{offer}"),
            Self::VoucherMessage(voucher) => format!("voucher_message:{voucher}"),
            Self::PayoutMessage(payout) => format!("payout_message:{payout}"),
            Self::SeniorOwner => "senior_owner".to_owned(),
            Self::CompleteWork => "complete_work".to_owned(),
            Self::Plan => "plan".to_owned(),
            Self::Outcome(result) => format!("outcome:{}", result.as_str()),
        }
    }

    /// The message id of this step in this round; the id of the work item, remedy or plan that it opens, too.
    pub fn message_id(&self, case: CaseId, round: u32) -> Uuid {
        message_id_for_step(case.uuid(), &self.name(), round)
    }
}

/// What came of taking a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is taken now.
    Now,
    /// It had been taken before.
    Before,
    /// The case has taken as many steps as it may.
    TooMany,
}

/// The steps that a case has taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Steps(BTreeSet<String>);

impl Steps {
    /// Takes a step of a round.
    pub fn take(&mut self, step: &Step, round: u32) -> Taken {
        let key = key(step, round);
        if self.0.contains(&key) {
            Taken::Before
        } else if self.0.len() >= MAX {
            Taken::TooMany
        } else {
            self.0.insert(key);
            Taken::Now
        }
    }

    /// True when the step has been taken in this round.
    pub fn taken(&self, step: &Step, round: u32) -> bool {
        self.0.contains(&key(step, round))
    }
}

fn key(step: &Step, round: u32) -> String {
    format!("{}/{round}", step.name())
}
