//! Requests about plans.

use std::time::Duration;

use api::followup::{RunPlanStepRequest, StartPlanRequest, StopPlanRequest};
use chassis::wire;
use kernel::{ServiceError, Violations};

use super::fields;
use crate::app::{RunPlanStep, StartPlan, StopPlan};
use crate::domain::{MAX_PAUSES, MIN_PAUSES, pause_is_allowed};

/// Longest topic in characters.
const MAX_TOPIC: usize = 200;
/// Longest reason in characters.
const MAX_REASON: usize = 512;

/// A plan to start.
pub(super) fn start(request: StartPlanRequest) -> Result<(String, StartPlan), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let id = fields::chosen_id("plan_id", &request.plan_id, &mut violations);
    let Some(plan) = request.plan else {
        violations.add("plan", "REQUIRED", "is required");
        return Err(fields::refused(violations));
    };
    let command = violations.within("plan", |violations| StartPlan {
        id,
        case: fields::name("case", &plan.case, violations),
        customer: fields::name("customer", &plan.customer, violations),
        to: fields::contact("to", plan.to.as_ref(), violations),
        language: fields::language("language", &plan.language, violations),
        pauses: pauses(&plan.cadence, violations),
        baseline: plan.baseline_score.map(|score| self::score("baseline_score", score, violations)),
        topic: violations.text("topic", &plan.topic, 0, MAX_TOPIC),
    });
    violations.finish()?;
    Ok((request_id, command))
}

fn pauses(cadence: &[prost_types::Duration], violations: &mut Violations) -> Vec<Duration> {
    if !cadence.is_empty() {
        violations.count("cadence", cadence.len(), MIN_PAUSES, MAX_PAUSES);
    }
    let mut pauses = Vec::new();
    for (index, pause) in cadence.iter().take(MAX_PAUSES).enumerate() {
        let field = format!("cadence[{index}]");
        let Some(pause) = wire::optional_duration(&field, Some(pause), violations) else { continue };
        if !pause_is_allowed(pause) {
            violations.add(&field, "DURATION_RANGE", "must be from one minute to 400 days");
        }
        // Microseconds are what is kept.
        pauses.push(Duration::from_micros(u64::try_from(pause.as_micros()).unwrap_or(u64::MAX)));
    }
    pauses
}

/// A score of 0 to 10.
pub(super) fn score(field: &str, value: i32, violations: &mut Violations) -> u8 {
    match u8::try_from(value) {
        Ok(score) if score <= 10 => score,
        _ => {
            violations.add(field, "SCORE_RANGE", "must be 0 (still wrong) to 10 (right again)");
            0
        }
    }
}

/// A plan to stop.
pub(super) fn stop(request: &StopPlanRequest) -> Result<(String, StopPlan), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let id = fields::name("name", &request.name, &mut violations);
    let reason = violations.text("reason", &request.reason, 1, MAX_REASON);
    violations.finish()?;
    Ok((request_id, StopPlan { id, reason }))
}

/// A step to take.
pub(super) fn step(request: &RunPlanStepRequest) -> Result<(String, RunPlanStep), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let id = fields::name("name", &request.name, &mut violations);
    let step = u32::try_from(request.step).unwrap_or(0);
    if !(1..=MAX_PAUSES).contains(&(step as usize)) {
        violations.add("step", "STEP_RANGE", format!("must be 1 to {MAX_PAUSES}"));
    }
    violations.finish()?;
    Ok((request_id, RunPlanStep { id, step }))
}
