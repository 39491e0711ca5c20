//! What the gate knows: facts of the event, what the caller says about the case, and the customer's earlier failures.

use std::collections::BTreeMap;

use kernel::{CaseId, Money, Timestamp};
use serde::{Deserialize, Serialize};

use super::prior::PriorFailure;
use crate::domain::event::{Fact, FailureEvent, Severity};

/// What the caller says about the recovery so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryContext {
    /// The customer has our apology for this failure.
    pub apologised: bool,
    /// The case was closed and came back.
    pub reopened: bool,
    /// Signs of abuse, in words; none when absent.
    pub abuse: Option<String>,
}

/// What a loss consists of: resources should match the type of the failure (Smith, Bolton and Wagner 1999).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Money is gone.
    Money,
    /// Time was wasted.
    Time,
    /// What was bought was not delivered.
    Service,
    /// The customer was treated badly.
    Respect,
}

impl Loss {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "money" => Some(Self::Money),
            "time" => Some(Self::Time),
            "service" => Some(Self::Service),
            "respect" => Some(Self::Respect),
            _ => None,
        }
    }

    /// What makes it good, in words.
    pub const fn matching(self) -> &'static str {
        match self {
            Self::Money => "Money was lost: give money back, in the way that it was paid.",
            Self::Time => "Time was lost: act fast, give news before being asked, and pay for the time.",
            Self::Service => "The service was not delivered: deliver it or its equal; money only where that cannot be.",
            Self::Respect => {
                "The customer was treated badly: a personal apology by whoever answers for it; money first would insult."
            }
        }
    }
}

/// What the event's facts say about its cause and its price; a fact that is absent or of another type is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Fact `controllable`: we could have prevented it.
    pub controllable: Option<bool>,
    /// Fact `foreseeable`: it could be foreseen.
    pub foreseeable: Option<bool>,
    /// Fact `deliberate`: the effect of a policy, meant as it is.
    pub deliberate: Option<bool>,
    /// Fact `service_accepted`: the customer took the service in spite of the failure.
    pub service_accepted: Option<bool>,
    /// What the customer paid: fact `price`, or `ticket_price`, which is one passenger's, times `passengers`.
    pub price: Option<Money>,
    /// Fact `evidence_ref`: where the evidence about the cause is.
    pub evidence: String,
    /// Fact `loss`: `money`, `time`, `service` or `respect`.
    pub loss: Option<Loss>,
}

impl Known {
    /// What the facts of an event say.
    pub fn of(event: &FailureEvent) -> Self {
        let yes_no = |key: &str| match event.facts.get(key) {
            Some(Fact::Boolean(value)) => Some(*value),
            _ => None,
        };
        let text = |key: &str| match event.facts.get(key) {
            Some(Fact::Text(value)) => Some(value.as_str()),
            _ => None,
        };
        let price = |key: &str| match event.facts.get(key) {
            Some(Fact::Money(value)) if value.minor > 0 => Some(*value),
            _ => None,
        };
        let passengers = match event.facts.get("passengers") {
            Some(Fact::Integer(count)) if *count > 1 => *count,
            _ => 1,
        };
        let of_all = |ticket: Money, passengers: i64| {
            ticket.minor.checked_mul(passengers).map(|minor| Money::new(ticket.currency, minor))
        };
        Self {
            controllable: yes_no("controllable"),
            foreseeable: yes_no("foreseeable"),
            deliberate: yes_no("deliberate"),
            service_accepted: yes_no("service_accepted"),
            price: price("price").or_else(|| of_all(price("ticket_price")?, passengers)),
            evidence: text("evidence_ref").unwrap_or_default().to_owned(),
            loss: text("loss").and_then(Loss::parse),
        }
    }
}

/// Everything that the gate decides by.
#[derive(Clone, Debug)]
pub struct GateInputs<'a> {
    /// The failure.
    pub event: &'a FailureEvent,
    /// How badly the customer was hit.
    pub severity: Severity,
    /// The case.
    pub case: CaseId,
    /// What the facts say.
    pub known: Known,
    /// What the caller says.
    pub context: &'a RecoveryContext,
    /// The customer's earlier failures, newest first.
    pub priors: &'a [PriorFailure],
    /// The time.
    pub now: Timestamp,
}

impl GateInputs<'_> {
    /// The inputs by name, for the record.
    pub(super) fn in_words(&self, weight: u64, same_case: bool) -> BTreeMap<String, String> {
        let yes_no = |value: Option<bool>| match value {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        let known = &self.known;
        let words = [
            ("severity", self.severity.as_str().to_owned()),
            ("prior_failures", self.priors.len().to_string()),
            ("prior_weight_thousandths", weight.to_string()),
            ("reopened", yes_no(Some(self.context.reopened || same_case)).to_owned()),
            ("controllable", yes_no(known.controllable).to_owned()),
            ("foreseeable", yes_no(known.foreseeable).to_owned()),
            ("deliberate", yes_no(known.deliberate).to_owned()),
            ("service_accepted", yes_no(known.service_accepted).to_owned()),
            ("price", known.price.map_or_else(|| "unknown".to_owned(), |price| price.to_string())),
            ("abuse_suspected", yes_no(Some(self.context.abuse.is_some())).to_owned()),
            ("apologised", yes_no(Some(self.context.apologised)).to_owned()),
        ];
        words.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

#[cfg(test)]
#[path = "edges_tests.rs"]
mod tests;
