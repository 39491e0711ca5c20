//! Why a case needs a person, until what settles it has happened.

use serde::{Deserialize, Serialize};

/// Reasons that one case keeps at most; the first ones stay.
const MAX: usize = 16;

/// What a person is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Cause {
    /// The apology cannot be delivered. Settled by an acknowledgement.
    Unreachable,
    /// The customer declined, or did not make a choice that the law leaves to nobody else. Settled by another offer or by
    /// the remedy.
    OfferDeclined,
    /// A payout is of unknown fate. Settled by its confirmation or by the remedy.
    PayoutStuck,
    /// A second recovery failed. Settled by reopening.
    NotRecovered,
    /// A service refused what the recovery asked of it. Settled by reopening, which brings a person.
    CallRefused,
    /// What the recovery asks of a service does not go through: the call waits for an operator. Settled when it is sent
    /// again or given up.
    CallParked,
    /// More happened than a recovery takes by itself, or than its story holds. Settled by reopening.
    TooMuch,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What a person is needed for.
    pub cause: Cause,
    /// The resource that it is about.
    pub subject: String,
    /// For the person.
    pub text: String,
}

/// All reasons of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attention(Vec<Reason>);

impl Attention {
    /// Raises a reason; the same cause about the same subject counts once.
    pub fn raise(&mut self, cause: Cause, subject: &str, text: String) {
        if !self.is_raised(cause, subject) && self.0.len() < MAX {
            self.0.push(Reason { cause, subject: subject.to_owned(), text });
        }
    }

    /// Settles a cause, whatever its subject.
    pub fn settle(&mut self, cause: Cause) {
        self.0.retain(|reason| reason.cause != cause);
    }

    /// A person has taken the case over, which settles everything but money of unknown fate and a call that waits for
    /// an operator.
    pub fn taken_over(&mut self) {
        self.0.retain(|reason| matches!(reason.cause, Cause::PayoutStuck | Cause::CallParked));
    }

    /// True when a cause about one subject is not settled.
    pub fn is_raised(&self, cause: Cause, subject: &str) -> bool {
        self.0.iter().any(|reason| reason.cause == cause && reason.subject == subject)
    }

    /// Settles a cause about one subject.
    pub fn settle_about(&mut self, cause: Cause, subject: &str) {
        self.0.retain(|reason| reason.cause != cause || reason.subject != subject);
    }

    /// True when a person is needed.
    pub fn is_needed(&self) -> bool {
        !self.0.is_empty()
    }

    /// The reasons for a person to read.
    pub fn text(&self) -> String {
        self.0.iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; ")
    }
}
