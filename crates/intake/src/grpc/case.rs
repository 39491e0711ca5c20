//! OpenCase and the custom methods of a case.

use api::intake;
use kernel::{ServiceError, Timestamp, Violations};

use super::{customer, event, fields};
use crate::app::{CaseRequest, Finding, OpenCaseDraft};
use crate::domain::case::CaseDraft;
use crate::domain::event::Severity;

/// OpenCase: the request id and the complaint.
pub(super) fn open(request: &intake::OpenCaseRequest, now: Timestamp) -> Result<(String, OpenCaseDraft), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let customer = customer::draft(&request.customer, &mut violations);
    let case = fields::required("case", &request.case, &mut violations)
        .and_then(|case| violations.within("case", |violations| draft(case, now, violations)));
    let draft = customer.zip(case).map(|(customer, case)| (request_id, OpenCaseDraft { customer, case }));
    fields::finish(draft, violations)
}

fn draft(case: &intake::Case, now: Timestamp, violations: &mut Violations) -> Option<CaseDraft> {
    let expected = violations.text("expected", &case.expected, 0, fields::MAX_TEXT);
    let delivered = violations.text("delivered", &case.delivered, 0, fields::MAX_TEXT);
    let event = event::event("event", &case.event, now, violations);
    let severity = event::severity(case.severity, Some(Severity::Medium), violations);
    let requested_remedy = violations.text("requested_remedy", &case.requested_remedy, 0, fields::MAX_TEXT);
    Some(CaseDraft { expected, delivered, event: event?, severity, requested_remedy })
}

/// AskQuestion.
pub(super) fn question(request: &intake::AskQuestionRequest) -> Result<(String, CaseRequest<String>), ServiceError> {
    custom(&request.request_id, &request.name, &request.etag, |violations| {
        violations.text("question", &request.question, 1, fields::MAX_TEXT)
    })
}

/// SetRequestedRemedy.
pub(super) fn requested_remedy(
    request: &intake::SetRequestedRemedyRequest,
) -> Result<(String, CaseRequest<String>), ServiceError> {
    custom(&request.request_id, &request.name, &request.etag, |violations| {
        violations.text("requested_remedy", &request.requested_remedy, 1, fields::MAX_TEXT)
    })
}

/// ReopenCase.
pub(super) fn reopen(request: &intake::ReopenCaseRequest) -> Result<(String, CaseRequest<String>), ServiceError> {
    custom(&request.request_id, &request.name, &request.etag, |violations| {
        violations.text("reason", &request.reason, 1, fields::MAX_TEXT)
    })
}

/// RecordFinding.
pub(super) fn finding(request: &intake::RecordFindingRequest) -> Result<(String, CaseRequest<Finding>), ServiceError> {
    custom(&request.request_id, &request.name, &request.etag, |violations| Finding {
        text: violations.text("finding", &request.finding, 1, fields::MAX_TEXT),
        facts: event::facts(&request.facts, event::MAX_MORE_FACTS, violations),
    })
}

fn custom<T>(
    request_id: &str,
    name: &str,
    etag: &str,
    input: impl FnOnce(&mut Violations) -> T,
) -> Result<(String, CaseRequest<T>), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(request_id);
    let case = fields::name("name", name, &mut violations);
    let input = input(&mut violations);
    let etag = violations.text("etag", etag, 0, 63);
    violations.finish()?;
    Ok((request_id, CaseRequest { case, input, etag }))
}
