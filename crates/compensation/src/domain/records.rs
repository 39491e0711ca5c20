//! A remedy and an offer, with everything that is known about them.

use kernel::{CaseId, CustomerId, Money, OfferId, RemedyId, Timestamp};

use super::assessment::Assessment;
use super::event::{FailureEvent, Severity};
use super::experiment::treatment::Treatment;
use super::gate::{GateDecision, PriorFailure, RecoveryContext};
use super::history::History;
use super::line::{OfferOption, RemedyLine, settlement_summary};
use super::offer::{OfferEvent, OfferState};
use super::remedy::RemedyState;
use super::transition::InvalidTransition;

/// What is done about one failure of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// Its id.
    pub id: RemedyId,
    /// The case.
    pub case: CaseId,
    /// The customer.
    pub customer: CustomerId,
    /// Where it stands.
    pub state: RemedyState,
    /// The failure in facts.
    pub event: FailureEvent,
    /// How badly the customer was hit.
    pub severity: Severity,
    /// Whom payouts go to.
    pub payee: String,
    /// What is owed and why.
    pub assessment: Assessment,
    /// The last offer.
    pub offer: Option<OfferId>,
    /// What the caller said about the recovery.
    pub recovery: RecoveryContext,
    /// How far to go; none for a remedy from before the gate.
    pub gate: Option<GateDecision>,
    /// What an experiment does with it; none for what is under none.
    pub experiment: Option<Treatment>,
    /// Since when it is on record that the customer has our apology.
    pub apology_at: Option<Timestamp>,
    /// Changes with every change.
    pub version: i64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A choice that is put to a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// The remedy that it belongs to.
    pub remedy: RemedyId,
    /// The case.
    pub case: CaseId,
    /// Where it stands.
    pub state: OfferState,
    /// The customer chooses exactly one of these.
    pub options: Vec<OfferOption>,
    /// Given with the chosen option.
    pub plus: Vec<RemedyLine>,
    /// The option chosen; empty until then.
    pub accepted_option: String,
    /// Why it was declined.
    pub decline_reason: String,
    /// What the customer would call fair instead.
    pub fair_ask: String,
    /// The amount that the customer would call fair instead.
    pub fair_amount: Option<Money>,
    /// The declined offer that this one answers.
    pub counter_to: Option<OfferId>,
    /// The offer that answers this declined one.
    pub counter_offer: Option<OfferId>,
    /// Why this answer to a fair ask, or why a person must answer.
    pub explanation: String,
    /// What it gave when it ended, by the customer's choice or by law; none while it has not, and for offers from before
    /// that was written down.
    pub given: Option<Vec<RemedyLine>>,
    /// Who made it.
    pub made_by: String,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was answered, or its time was over; `None` while it is open.
    pub ended_at: Option<Timestamp>,
}

impl Offer {
    /// Where the offer stands for the customer now: its time may have passed before its timer has said so.
    pub fn state_at(&self, now: Timestamp) -> OfferState {
        if self.state == OfferState::Open && now >= self.expires_at { OfferState::Expired } else { self.state }
    }

    /// Takes the customer's answer or the end of its time.
    ///
    /// # Errors
    /// When the offer is not open at `now`.
    pub fn take(&mut self, event: OfferEvent, now: Timestamp) -> Result<(), InvalidTransition> {
        let state = match event {
            OfferEvent::Accept | OfferEvent::Decline => self.state_at(now).on(event)?,
            OfferEvent::Expire | OfferEvent::Approve | OfferEvent::Reject => self.state.on(event)?,
        };
        self.state = state;
        self.updated_at = now;
        self.ended_at = Some(now);
        Ok(())
    }

    /// True when an agent made it: neither rules nor the gate, whose names no agent has.
    pub fn is_by_person(&self) -> bool {
        !self.made_by.is_empty() && !is_reserved(&self.made_by)
    }

    /// What the accepted option gives, with what comes along.
    pub fn accepted_lines(&self) -> Vec<RemedyLine> {
        if self.state != OfferState::Accepted {
            return Vec::new();
        }
        let chosen = self.options.iter().filter(|option| option.id == self.accepted_option);
        chosen.flat_map(|option| option.lines.clone()).chain(self.plus.clone()).collect()
    }
}

/// True for a name that offers of rules (`packs/…`) or of the gate are made by.
pub fn is_reserved(name: &str) -> bool {
    name == BY_GATE || name.starts_with("packs/")
}

/// Who makes the answer to a fair ask.
pub const BY_GATE: &str = "gate";

/// A new offer, before the customer has seen it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferDraft {
    /// The customer chooses exactly one of these.
    pub options: Vec<OfferOption>,
    /// Given with the chosen option.
    pub plus: Vec<RemedyLine>,
    /// Who makes it.
    pub made_by: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl OfferDraft {
    /// The offer of `remedy`, open from `now` on.
    pub fn open(self, id: OfferId, remedy: &Remedy, now: Timestamp) -> Offer {
        let Self { options, plus, made_by, expires_at } = self;
        Offer {
            id,
            remedy: remedy.id,
            case: remedy.case,
            state: OfferState::Open,
            options,
            plus,
            accepted_option: String::new(),
            decline_reason: String::new(),
            fair_ask: String::new(),
            fair_amount: None,
            counter_to: None,
            counter_offer: None,
            explanation: String::new(),
            given: None,
            made_by,
            expires_at,
            created_at: now,
            updated_at: now,
            ended_at: None,
        }
    }
}

impl Remedy {
    /// What this failure is for a later one of the same customer.
    pub fn as_prior(&self) -> PriorFailure {
        PriorFailure {
            remedy: self.id,
            case: self.case,
            kind: self.event.kind.clone(),
            reference: self.event.reference.clone(),
            occurred_at: self.event.occurred_at,
            apology_at: self.apology_at,
        }
    }

    /// True while an offer has to wait for our apology. Remedies from before the gate are not asked.
    pub const fn needs_apology(&self) -> bool {
        self.gate.is_some() && self.apology_at.is_none()
    }

    /// What was given in the end: what its history tells, and by an offer that ends just now.
    pub fn settlement(&self, history: &History, now: &[RemedyLine]) -> String {
        settlement_summary(history.given(self).iter().chain(now))
    }
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
