//! What a case asks of the other services. Plain values; `app::commands` makes durable calls of them.

use std::collections::BTreeMap;

use uuid::Uuid;

/// Templates of follow-up that intake uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// We are sorry, and we are at it.
    Apology,
    /// A diagnostic question.
    Question,
    /// A choice that waits for an answer.
    Offer,
    /// A voucher.
    Voucher,
    /// Money is on the customer's account.
    Payout,
}

impl Template {
    /// Its name at follow-up.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apology => "apology",
            Self::Question => "question",
            Self::Offer => "offer",
            Self::Voucher => "voucher",
            Self::Payout => "payout",
        }
    }
}

/// What routing is told about the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// The customer has our acknowledgement.
    Acknowledgement,
    /// The customer has the word.
    WaitingForCustomer,
    /// The customer answered.
    CustomerAnswered,
}

/// What came of a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutcomeResult {
    /// It is right again.
    Recovered,
    /// It is not, and the recovery has ended.
    NotRecovered,
    /// Nobody answered.
    Lapsed,
    /// The case came back.
    Reopened,
}

impl OutcomeResult {
    /// Its name, as a part of the step that tells of it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::NotRecovered => "not_recovered",
            Self::Lapsed => "lapsed",
            Self::Reopened => "reopened",
        }
    }
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its message id.
    pub message_id: Uuid,
    /// What is asked.
    pub ask: Ask,
}

/// What a command asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Follow-up sends the customer a message.
    SendMessage {
        /// Which template.
        template: Template,
        /// Its values.
        values: BTreeMap<String, String>,
    },
    /// Routing opens a work item with the command's id.
    OpenWork {
        /// What is to be done.
        title: String,
        /// What the agent must know.
        handover: String,
        /// Only the clocks are wanted until one breaches.
        unattended: bool,
    },
    /// Routing records progress on the round's work item.
    PostProgress {
        /// The work item.
        work_item: Uuid,
        /// What kind.
        progress: Progress,
        /// What was said.
        text: String,
    },
    /// Routing hands the round's work item to a higher level of authority.
    EscalateWork {
        /// The work item.
        work_item: Uuid,
        /// Why, in words that the customer may read.
        reason: String,
    },
    /// Routing completes the round's work item.
    CompleteWork {
        /// The work item.
        work_item: Uuid,
        /// What was done.
        resolution: String,
    },
    /// Compensation opens a remedy with the command's id.
    OpenRemedy,
    /// Compensation is told what came of the recovery.
    RecordOutcome {
        /// What came of it.
        result: OutcomeResult,
        /// The customer's score, 0 to 10.
        score: Option<u8>,
        /// The score less the one before the recovery.
        delta: Option<i8>,
    },
    /// Follow-up starts a plan with the command's id.
    StartPlan {
        /// What the matter is called.
        topic: String,
    },
}
