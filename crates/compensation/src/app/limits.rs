//! What an offer must not do: come before our apology, pass by the gate, or give more than anybody may.

use api::reason::compensation::{APOLOGY_FIRST, GATE_HOLDS_BACK};
use kernel::{ServiceError, Violations};

use crate::domain::fair_amount::excess;
use crate::domain::gate::Outcome;
use crate::domain::history::History;
use crate::domain::line::{Basis, OfferOption, RemedyLine};
use crate::domain::records::Remedy;

/// An offer comes after our apology.
///
/// # Errors
/// FAILED_PRECONDITION `APOLOGY_FIRST`.
pub(super) fn apology_first(remedy: &Remedy) -> Result<(), ServiceError> {
    if !remedy.needs_apology() {
        return Ok(());
    }
    let message = format!(
        "the customer has no apology of ours for {}; apologise, record it with RecordApology, then offer",
        remedy.id
    );
    Err(ServiceError::precondition(APOLOGY_FIRST, message).with("state", remedy.state.as_str()))
}

/// Gestures that are given without a choice, within what the gate and the research allow together with what was given.
///
/// # Errors
/// FAILED_PRECONDITION `GATE_HOLDS_BACK`; INVALID_ARGUMENT when it is above the ceiling.
pub(super) fn grant_within_limits(
    (remedy, history): (&Remedy, &History),
    lines: &[RemedyLine],
) -> Result<(), ServiceError> {
    within_limits((remedy, history), "", &[], lines)?;
    let Some(guidance) = remedy.gate.as_ref().and_then(|gate| gate.guidance.as_ref()) else { return Ok(()) };
    let given = history.given(remedy);
    let all = given.iter().chain(lines);
    let mut violations = Violations::new();
    if let Some(above) = excess(guidance.ceiling, all) {
        let text = format!(
            "with what was given it is {above} above {}, 150 % of the price of {}; reject it with what is done instead",
            guidance.ceiling, guidance.price
        );
        violations.add("name", "ABOVE_CEILING", text);
    }
    violations.finish()
}

/// An offer within what the gate and the research allow. `path` is where its options are in the request.
///
/// # Errors
/// FAILED_PRECONDITION `GATE_HOLDS_BACK`; INVALID_ARGUMENT with every option that is above the ceiling.
pub(super) fn within_limits(
    (remedy, history): (&Remedy, &History),
    path: &str,
    options: &[OfferOption],
    plus: &[RemedyLine],
) -> Result<(), ServiceError> {
    let Some(gate) = &remedy.gate else { return Ok(()) };
    let lines = || options.iter().flat_map(|option| &option.lines).chain(plus);
    if gate.outcome == Outcome::StatutoryOnly && lines().any(|line| line.basis != Basis::Statutory) {
        let message =
            "the gate allows no more than what the law demands; decide otherwise with OverrideGate and a reason";
        return Err(ServiceError::precondition(GATE_HOLDS_BACK, message).with("outcome", gate.outcome.as_str()));
    }
    let Some(guidance) = &gate.guidance else { return Ok(()) };
    let given = history.given(remedy);
    let mut violations = Violations::new();
    for (index, option) in options.iter().enumerate() {
        let all = given.iter().chain(&option.lines).chain(plus);
        if let Some(above) = excess(guidance.ceiling, all) {
            let text = format!(
                "with all that comes with it and was given before, it is {above} above {}, 150 % of the price of {}; what \
                 the law demands and what gives back a loss is apart",
                guidance.ceiling, guidance.price
            );
            violations.add(&format!("{path}options[{index}]"), "ABOVE_CEILING", text);
        }
    }
    violations.finish()
}
