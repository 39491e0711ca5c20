//! What another service says has happened to a case.

use std::collections::BTreeMap;

use kernel::{CaseId, Timestamp};
use serde::{Deserialize, Serialize};

use super::text_enum::text_enum;

text_enum! {
    /// What happened.
    Kind {
        /// A work item was opened.
        WorkOpened = "WORK_OPENED",
        /// An agent took it.
        WorkClaimed = "WORK_CLAIMED",
        /// The customer was given news.
        ProgressPosted = "PROGRESS_POSTED",
        /// A clock ran out.
        ClockBreached = "CLOCK_BREACHED",
        /// The work went to somebody with more authority.
        WorkEscalated = "WORK_ESCALATED",
        /// The work is done.
        WorkCompleted = "WORK_COMPLETED",
        /// How it stands with the timer of a clock.
        WorkNeedsAttention = "WORK_NEEDS_ATTENTION",
        /// Nothing is owed.
        NothingOwed = "NOTHING_OWED",
        /// An offer waits for the customer's answer.
        OfferMade = "OFFER_MADE",
        /// The customer accepted.
        OfferAccepted = "OFFER_ACCEPTED",
        /// The customer declined.
        OfferDeclined = "OFFER_DECLINED",
        /// Nobody answered the offer.
        OfferExpired = "OFFER_EXPIRED",
        /// A voucher was issued.
        VoucherIssued = "VOUCHER_ISSUED",
        /// Money reached the customer.
        PayoutConfirmed = "PAYOUT_CONFIRMED",
        /// A payout needs a person.
        PayoutNeedsAttention = "PAYOUT_NEEDS_ATTENTION",
        /// Everything that was owed or accepted has been given.
        RemedySettled = "REMEDY_SETTLED",
        /// A message left for the customer.
        MessageSent = "MESSAGE_SENT",
        /// A message will never be delivered.
        MessageFailed = "MESSAGE_FAILED",
        /// The check-ins run.
        PlanStarted = "PLAN_STARTED",
        /// The customer answered a survey.
        SurveyAnswered = "SURVEY_ANSWERED",
        /// It is right again.
        Recovered = "RECOVERED",
        /// It is still wrong.
        StillWrong = "STILL_WRONG",
        /// Nobody answered any check-in.
        Lapsed = "LAPSED",
        /// How it stands with the timer of a plan.
        PlanNeedsAttention = "PLAN_NEEDS_ATTENTION",
    }
}

impl Kind {
    /// The service that reports it.
    pub fn source(self) -> &'static str {
        match self {
            Self::WorkOpened
            | Self::WorkClaimed
            | Self::ProgressPosted
            | Self::ClockBreached
            | Self::WorkEscalated
            | Self::WorkCompleted
            | Self::WorkNeedsAttention => "routing",
            Self::NothingOwed
            | Self::OfferMade
            | Self::OfferAccepted
            | Self::OfferDeclined
            | Self::OfferExpired
            | Self::VoucherIssued
            | Self::PayoutConfirmed
            | Self::PayoutNeedsAttention
            | Self::RemedySettled => "compensation",
            Self::MessageSent
            | Self::MessageFailed
            | Self::PlanStarted
            | Self::SurveyAnswered
            | Self::Recovered
            | Self::StillWrong
            | Self::Lapsed
            | Self::PlanNeedsAttention => "followup",
        }
    }
}

/// Something that happened to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    /// What happened.
    pub kind: Kind,
    /// The case.
    pub case: CaseId,
    /// What it happened to.
    pub subject: String,
    /// When, by the reporting service's clock.
    pub happened_at: Timestamp,
    /// One sentence for a person; may be empty.
    pub summary: String,
    /// Facts that belong to the kind.
    pub attributes: BTreeMap<String, String>,
}

impl Milestone {
    /// An attribute; empty when it is missing.
    pub fn attribute(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }

    /// The resource that an attribute names, else the subject.
    pub fn about(&self, key: &str) -> &str {
        self.attributes.get(key).map_or(self.subject.as_str(), String::as_str)
    }

    /// How much better the score is than before the recovery, -10 to 10.
    pub fn delta(&self) -> Option<i8> {
        self.attribute("delta").parse().ok().filter(|delta| (-10..=10).contains(delta))
    }

    /// The score that it carries, 0 to 10.
    pub fn score(&self) -> Option<u8> {
        self.attribute("score").parse().ok().filter(|score| *score <= 10)
    }
}
