//! The paradox gate: how far to go beyond fair for one failure, and why.
//!
//! Calls the weighing of earlier failures, the advice about apologies and the guidance about amounts. Pure. What always
//! holds: the gate goes by the wariest of its reasons, so that nothing that speaks against delight is ever outweighed;
//! a worse severity, another earlier failure or a reopened case never makes it less wary (row S63: a failure never
//! pays); what is not known never speaks for delight; every reason names its source, and every input is on record.

mod apology;
mod inputs;
mod prior;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

pub use apology::{ApologyAdvice, ApologyKind};
pub use inputs::{GateInputs, Known, Loss, RecoveryContext};
pub use prior::{CountedPrior, PriorFailure, similarity, weight_of};

use super::event::Severity;
use super::fair_amount::{Guidance, guidance};
use std::time::Duration;

/// How far to go; ordered from the boldest to the wariest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// The paradox can work: make it right, and one step further.
    Delight,
    /// Make it right, no more: the paradox does not work here.
    Restore,
    /// The customer is about to be lost for good: somebody with authority makes it right in person.
    Save,
    /// What the law demands, and nothing else, until a person has decided.
    StatutoryOnly,
}

impl Outcome {
    /// All, from the boldest to the wariest.
    pub const ALL: [Outcome; 4] = [Self::Delight, Self::Restore, Self::Save, Self::StatutoryOnly];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delight => "DELIGHT",
            Self::Restore => "RESTORE",
            Self::Save => "SAVE",
            Self::StatutoryOnly => "STATUTORY_ONLY",
        }
    }

    /// The reverse of [`Outcome::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// One thing that the gate looked at, and how far it allows to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What was looked at: the name of an input.
    pub condition: String,
    /// The boldest outcome that this allows.
    pub allows: Outcome,
    /// Why, in words.
    pub text: String,
    /// Where the rule comes from.
    pub source: String,
}

/// What the gate decided about one remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateDecision {
    /// What the gate itself decided.
    pub decided: Outcome,
    /// What holds: the same, unless a person decided otherwise.
    pub outcome: Outcome,
    /// Everything that was looked at, in the order of the rules.
    pub reasons: Vec<Reason>,
    /// The inputs as they were, by name; `unknown` is a value.
    pub inputs: BTreeMap<String, String>,
    /// Earlier failures that weigh something, the heaviest first; at most 10.
    pub priors: Vec<CountedPrior>,
    /// Where the evidence about the cause is, as the caller refers to it.
    pub evidence: String,
    /// True when somebody with authority should own the case.
    pub senior_owner: bool,
    /// Whether another apology still helps.
    pub apology: ApologyAdvice,
    /// What amounts the research speaks for; absent when the price is not known or only the law is followed.
    pub guidance: Option<Guidance>,
    /// What kind of remedy matches the loss; empty when the loss is not known.
    pub matching: String,
    /// Lines that the packs give and the gate holds back, each with its reason.
    pub withheld: Vec<String>,
    /// When it was decided.
    pub decided_at: Timestamp,
}

/// What can be set about the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateRules {
    /// After this time an earlier failure weighs half.
    pub half_life: Duration,
    /// Earlier failures are looked at this far back.
    pub window: Duration,
    /// Apologies that a customer is given within `apology_window` before another one needs another kind.
    pub apology_cap: u32,
    /// How far back apologies are counted.
    pub apology_window: Duration,
}

/// Weight, in thousandths of one equal failure at the same moment, from which earlier failures are felt.
pub const FELT: u64 = 200;
/// Weight from which this is a second failure: a double deviation.
pub const SECOND_FAILURE: u64 = 500;

/// Decides. The price's guidance follows the outcome; see [`GateDecision::overridden`] for what a person decides.
pub fn decide(inputs: &GateInputs<'_>, rules: &GateRules) -> GateDecision {
    let weighed = prior::weigh(inputs, rules);
    let reasons = vec![
        of_abuse(inputs),
        of_reopening(inputs.context.reopened || weighed.same_case),
        of_priors(weighed.total, weighed.counted.len()),
        of_severity(inputs.severity),
        of_intent(inputs.known.deliberate),
        of_control(inputs.known.controllable, &inputs.known.evidence),
        of_foresight(inputs.known.foreseeable),
    ];
    let decided = reasons.iter().map(|reason| reason.allows).max().unwrap_or(Outcome::Restore);
    let mut priors = weighed.counted;
    priors.truncate(10);
    GateDecision {
        decided,
        outcome: decided,
        reasons,
        inputs: inputs.in_words(weighed.total, weighed.same_case),
        priors,
        evidence: inputs.known.evidence.clone(),
        senior_owner: decided == Outcome::Save,
        apology: ApologyAdvice::of(inputs, rules),
        guidance: guidance(decided, inputs.severity, &inputs.known),
        matching: inputs.known.loss.map_or("", Loss::matching).to_owned(),
        withheld: Vec::new(),
        decided_at: inputs.now,
    }
}

impl GateDecision {
    /// The decision as it holds after a person decided otherwise.
    #[must_use]
    pub fn overridden(&self, outcome: Outcome, severity: Severity, known: &Known) -> Self {
        Self {
            outcome,
            senior_owner: outcome == Outcome::Save,
            guidance: guidance(outcome, severity, known),
            ..self.clone()
        }
    }
}

fn reason(condition: &str, allows: Outcome, text: impl Into<String>, source: &str) -> Reason {
    Reason { condition: condition.to_owned(), allows, text: text.into(), source: source.to_owned() }
}

fn of_abuse(inputs: &GateInputs<'_>) -> Reason {
    let source = "S63 and the barnacle type of the research: evidence, no reward for volume";
    match &inputs.context.abuse {
        Some(evidence) => {
            let text =
                format!("Signs of abuse: {evidence}. What the law demands is given; the rest waits for a person.");
            reason("abuse_suspected", Outcome::StatutoryOnly, text, source)
        }
        None => reason("abuse_suspected", Outcome::Delight, "No signs of abuse.", source),
    }
}

fn of_reopening(reopened: bool) -> Reason {
    let source = "S62; Maxham and Netemeyer 2002: no paradox after the second failure";
    if reopened {
        let text =
            "The case came back: the first recovery failed, and a second one decides whether the customer stays.";
        reason("reopened", Outcome::Save, text, source)
    } else {
        reason("reopened", Outcome::Delight, "The case did not come back.", source)
    }
}

fn of_priors(total: u64, count: usize) -> Reason {
    let source = "S58, S62; Maxham and Netemeyer 2002: similarity and recency, not a bare count";
    let weighs = format!("{}.{:03}", total / 1_000, total % 1_000);
    let (allows, text) = match total {
        SECOND_FAILURE.. => (
            Outcome::Save,
            format!(
                "{count} earlier failure(s) weigh {weighs} of an equal one just now: a second failure to this customer."
            ),
        ),
        FELT.. => (
            Outcome::Restore,
            format!("{count} earlier failure(s) weigh {weighs} of an equal one just now: still felt."),
        ),
        1.. => {
            (Outcome::Delight, format!("{count} earlier failure(s) weigh only {weighs}: unlike this one, or long ago."))
        }
        0 => (Outcome::Delight, "No earlier failure is known.".to_owned()),
    };
    reason("prior_failures", allows, text, source)
}

fn of_severity(severity: Severity) -> Reason {
    let source = "S59; Magnini et al. 2007: not after a severe failure";
    let (allows, text) = match severity {
        Severity::Low => (Outcome::Delight, "An annoyance; nothing was lost."),
        Severity::Medium => (Outcome::Delight, "Time or money was lost, and can be made good."),
        Severity::High => (Outcome::Restore, "The purpose of the purchase was missed: too large for the paradox."),
        Severity::Critical => {
            (Outcome::Save, "Safety, health or an event of a lifetime: somebody in charge makes it right in person.")
        }
        Severity::Unspecified => (Outcome::Restore, "How badly the customer was hit is not known."),
    };
    reason("severity", allows, text, source)
}

fn of_intent(deliberate: Option<bool>) -> Reason {
    let source = "Fischbacher and Utikal 2010: an apology for intended harm is punished";
    match deliberate {
        Some(true) => {
            let text =
                "The effect of a policy of ours, meant as it is: explain the policy, and send no templated apology.";
            reason("deliberate", Outcome::Restore, text, source)
        }
        Some(false) => reason("deliberate", Outcome::Delight, "Nobody meant it.", source),
        None => reason("deliberate", Outcome::Delight, "Nothing says that it was meant; taken as an accident.", source),
    }
}

fn of_control(controllable: Option<bool>, evidence: &str) -> Reason {
    let source = "S60; Magnini et al. 2007: little control by the firm";
    match controllable {
        Some(true) => reason("controllable", Outcome::Restore, "We could have prevented it.", source),
        Some(false) if evidence.is_empty() => {
            let text =
                "We could not have prevented it; no evidence is attached that would help the customer believe it.";
            reason("controllable", Outcome::Delight, text, source)
        }
        Some(false) => {
            let text = format!("We could not have prevented it; evidence: {evidence}.");
            reason("controllable", Outcome::Delight, text, source)
        }
        None => {
            let text = "Whether we could have prevented it is not known: the customer may well think so.";
            reason("controllable", Outcome::Restore, text, source)
        }
    }
}

fn of_foresight(foreseeable: Option<bool>) -> Reason {
    let source = "S61; Magnini et al. 2007: an unstable cause";
    match foreseeable {
        Some(true) => reason("foreseeable", Outcome::Restore, "It could be foreseen.", source),
        Some(false) => reason("foreseeable", Outcome::Delight, "Nobody could foresee it.", source),
        None => reason("foreseeable", Outcome::Restore, "Whether it could be foreseen is not known.", source),
    }
}
