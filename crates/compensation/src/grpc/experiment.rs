//! Requests of the ExperimentService.

use api::compensation as wire;
use kernel::{PageSize, ServiceError, Violations};

use super::names::{done, name};
use crate::app::{ApplyExperiment, RecordOutcome, StopExperiment};
use crate::domain::experiment::outcome::{Outcome, OutcomeResult};

/// ApplyExperiment: request id and command.
pub(super) fn apply(request: wire::ApplyExperimentRequest) -> Result<(String, ApplyExperiment), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let wire::ApplyExperimentRequest { document, applied_by, dry_run, .. } = request;
    if document.trim().is_empty() {
        violations.add("document", "REQUIRED", "is required");
    } else if document.contains('\0') {
        violations.add("document", "NUL_CHARACTER", "must not contain the NUL character");
    }
    let applied_by = violations.text("applied_by", &applied_by, 1, 128);
    violations.finish().map(|()| (request_id, ApplyExperiment { document, applied_by, dry_run }))
}

/// The id in the name of an experiment. `None` after recording the violation.
fn experiment(value: &str, violations: &mut Violations) -> Option<String> {
    let id = value.strip_prefix("experiments/").filter(|id| {
        (1..=60).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    });
    if id.is_none() {
        let reason = if value.is_empty() { "REQUIRED" } else { "RESOURCE_NAME" };
        violations.add("name", reason, "must be experiments/ and the id of an experiment");
    }
    id.map(str::to_owned)
}

/// GetExperiment and GetExperimentReport: which one.
pub(super) fn get(value: &str) -> Result<String, ServiceError> {
    let mut violations = Violations::new();
    let id = experiment(value, &mut violations);
    done(violations, id)
}

/// ListExperiments: the page's size.
pub(super) fn list(request: &wire::ListExperimentsRequest) -> Result<PageSize, ServiceError> {
    let mut violations = Violations::new();
    let size = PageSize::parse(request.page_size, &mut violations);
    violations.finish().map(|()| size)
}

/// StopExperiment: request id and command.
pub(super) fn stop(request: &wire::StopExperimentRequest) -> Result<(String, StopExperiment), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let id = experiment(&request.name, &mut violations);
    let reason = violations.text("reason", &request.reason, 1, 2_000);
    let stopped_by = violations.text("stopped_by", &request.stopped_by, 1, 128);
    let command = id.map(|experiment| StopExperiment { experiment, reason, stopped_by });
    done(violations, command).map(|command| (request_id, command))
}

/// ExpireExperiment: request id and which one.
pub(super) fn expire(request: &wire::ExpireExperimentRequest) -> Result<(String, String), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let id = experiment(&request.name, &mut violations);
    done(violations, id).map(|id| (request_id, id))
}

/// RecordOutcome: request id and command.
pub(super) fn outcome(request: &wire::RecordOutcomeRequest) -> Result<(String, RecordOutcome), ServiceError> {
    use wire::record_outcome_request::Result as WireResult;
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let case = name("case", &request.case, &mut violations);
    let result = match WireResult::try_from(request.result) {
        Ok(WireResult::Recovered) => Some(OutcomeResult::Recovered),
        Ok(WireResult::NotRecovered) => Some(OutcomeResult::NotRecovered),
        Ok(WireResult::Lapsed) => Some(OutcomeResult::Lapsed),
        Ok(WireResult::Reopened) => Some(OutcomeResult::Reopened),
        Ok(WireResult::Unspecified) => None,
        Err(_) => {
            let allowed = "is not allowed; use one of RECOVERED, NOT_RECOVERED, LAPSED, REOPENED";
            violations.add("result", "UNKNOWN_ENUM_VALUE", allowed);
            None
        }
    };
    if request.result == 0 {
        violations.add("result", "REQUIRED", "is required");
    }
    let score = request.score.map(|score| u8::try_from(score).ok().filter(|score| *score <= 10));
    if score == Some(None) {
        violations.add("score", "RANGE", "must be 0 to 10");
    }
    let delta = request.score_delta.map(|delta| i8::try_from(delta).ok().filter(|delta| (-10..=10).contains(delta)));
    if delta == Some(None) {
        violations.add("score_delta", "RANGE", "must be -10 to 10");
    }
    let outcome = result.map(|result| Outcome { result, score: score.flatten(), delta: delta.flatten() });
    let command = case.zip(outcome).map(|(case, outcome)| RecordOutcome { case, outcome });
    done(violations, command).map(|command| (request_id, command))
}
