//! What an arm does with what was assessed: gestures are left out, or the offer comes later.
//!
//! Always holds: only lines of kind GESTURE are ever left out, and only a choice of nothing but time and gestures is
//! ever put off. What the law demands and what gives back a loss is untouched by construction.

use std::time::Duration;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Arm, Gestures};
use crate::domain::assessment::Assessment;
use crate::domain::gate::ApologyKind;
use crate::domain::line::{Basis, RemedyLine};
use crate::domain::policy::gestures::is_gesture;
use crate::domain::records::Remedy;

/// What an experiment does with a remedy, on record with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Treatment {
    /// Id of the experiment.
    pub experiment: String,
    /// Id of the arm.
    pub arm: String,
    /// What kind of apology the arm asks for.
    pub apology: ApologyKind,
    /// How long after the apology the offer comes, in seconds.
    pub offer_after_s: u64,
    /// Lines that were left out, in words.
    pub withheld: Vec<String>,
}

/// The assessment as an arm has it, and what is on record about it. `to_approve` are gestures that the gate has left to a
/// person: an arm without gestures has none of them either.
pub fn treat(
    experiment: &str,
    arm: &Arm,
    mut assessment: Assessment,
    to_approve: &mut Vec<RemedyLine>,
) -> (Assessment, Treatment) {
    let withheld = match arm.gestures {
        Gestures::AsJudged => Vec::new(),
        Gestures::None => {
            let asked = std::mem::take(to_approve);
            leave_out(&mut assessment).into_iter().chain(asked.iter().map(RemedyLine::in_words)).collect()
        }
    };
    if !withheld.is_empty() {
        let summary = assessment.sum_up();
        assessment.summary =
            format!("{summary} Left out by experiments/{experiment}, arm {}: {}.", arm.id, withheld.join("; "));
    }
    let treatment = Treatment {
        experiment: experiment.to_owned(),
        arm: arm.id.clone(),
        apology: arm.apology,
        offer_after_s: arm.offer_after.as_secs(),
        withheld,
    };
    (assessment, treatment)
}

/// Takes gestures out. An option that is left with nothing goes, unless the choice would go with it and take along
/// what is no gesture.
fn leave_out(assessment: &mut Assessment) -> Vec<String> {
    let mut withheld = Vec::new();
    let mut keep = |lines: &mut Vec<RemedyLine>| {
        lines.retain(|line| {
            if is_gesture(line) {
                withheld.push(line.in_words());
            }
            !is_gesture(line)
        });
    };
    keep(&mut assessment.automatic);
    keep(&mut assessment.plus);
    for option in &mut assessment.choice_of {
        let had_lines = !option.lines.is_empty();
        keep(&mut option.lines);
        if had_lines && option.lines.is_empty() && assessment.plus.is_empty() {
            option.id.clear();
        }
    }
    // An id is never empty: those were marked above.
    assessment.choice_of.retain(|option| !option.id.is_empty());
    withheld
}

impl Remedy {
    /// When the offer comes, where an experiment puts it off: some time after our apology. A choice with a line that the
    /// law demands, or that gives back a loss, is never put off.
    pub fn offer_at(&self) -> Option<Timestamp> {
        let after = Duration::from_secs(self.experiment.as_ref()?.offer_after_s);
        let Assessment { choice_of, plus, .. } = &self.assessment;
        if choice_of.is_empty() {
            return None;
        }
        let mut lines = choice_of.iter().flat_map(|option| &option.lines).chain(plus);
        let may_wait = lines.all(|line| line.basis == Basis::Time || line.basis.is_gesture());
        (may_wait && !after.is_zero()).then(|| self.apology_at.unwrap_or(self.created_at).plus(after))
    }
}

#[cfg(test)]
#[path = "treatment_tests.rs"]
mod tests;
