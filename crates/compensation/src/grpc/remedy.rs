//! Requests about remedies.

use api::compensation as wire;
use chassis::wire::optional_timestamp;
use kernel::{RemedyId, ResourceId, ServiceError, Timestamp, Violations};

use super::event::{event, historic_event, severity};
use super::names::{done, name};
use super::recovery::recovery;
use crate::app::OpenRemedy;
use crate::domain::event::{FailureEvent, Severity};

/// Assess.
pub(super) fn assess(
    request: wire::AssessRequest,
    now: Option<Timestamp>,
) -> Result<(FailureEvent, Severity, Option<Timestamp>), ServiceError> {
    let mut violations = Violations::new();
    let event = historic_event(request.event, now, &mut violations);
    let severity = severity(request.severity, &mut violations);
    let as_of = optional_timestamp("as_of_time", request.as_of_time.as_ref(), &mut violations);
    if as_of.zip(now).is_some_and(|(as_of, now)| as_of > now) {
        violations.add(
            "as_of_time",
            "TIMESTAMP_RANGE",
            "must not be later than now: what will be applied is not known",
        );
    }
    done(violations, event).map(|event| (event, severity, as_of))
}

/// OpenRemedy: request id and command.
pub(super) fn open(
    request: wire::OpenRemedyRequest,
    now: Option<Timestamp>,
) -> Result<(String, OpenRemedy), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let id = remedy_id(&request.remedy_id, &mut violations);
    let Some(remedy) = request.remedy else {
        violations.add("remedy", "REQUIRED", "is required");
        return done(violations, None);
    };
    let command = violations.within("remedy", |violations| {
        let case = name("case", &remedy.case, violations);
        let customer = name("customer", &remedy.customer, violations);
        let event = event(remedy.event, now, violations);
        let severity = severity(remedy.severity, violations);
        let payee = violations.text("payee", &remedy.payee, 0, 254);
        let recovery = recovery(remedy.recovery.unwrap_or_default(), violations);
        Some(OpenRemedy { id, case: case?, customer: customer?, event: event?, severity, payee, recovery })
    });
    done(violations, command).map(|command| (request_id, command))
}

fn remedy_id(value: &str, violations: &mut Violations) -> Option<RemedyId> {
    if value.is_empty() {
        return None;
    }
    let id = RemedyId::parse_name(&format!("{}/{value}", RemedyId::COLLECTION));
    if id.is_none() {
        violations.add("remedy_id", "UUID", "must be a UUID in lower case, or empty");
    }
    id
}
