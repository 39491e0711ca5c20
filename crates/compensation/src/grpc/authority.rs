//! Requests of the AuthorityService.

use api::compensation as wire;
use chassis::wire::optional_timestamp;
use kernel::{ApprovalId, CaseId, CustomerId, PageSize, RemedyId, ServiceError, Violations};

use super::names::{done, name};
use crate::app::{ApplyPolicy, DecideApproval, Decision};
use crate::domain::approval::ApprovalState;
use crate::domain::policy::PolicyKind;
use crate::store::decisions::Filter;

/// ApplyPolicy: request id and command.
pub(super) fn apply(request: &wire::ApplyPolicyRequest) -> Result<(String, ApplyPolicy), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    if request.document.trim().is_empty() {
        violations.add("document", "REQUIRED", "is required");
    }
    let applied_by = violations.text("applied_by", &request.applied_by, 1, 128);
    let command = ApplyPolicy { document: request.document.clone(), applied_by, dry_run: request.dry_run };
    violations.finish().map(|()| (request_id, command))
}

/// GetPolicy: which one.
pub(super) fn policy(value: &str) -> Result<PolicyKind, ServiceError> {
    let mut violations = Violations::new();
    let kind = value.strip_prefix("policies/").and_then(PolicyKind::from_id);
    if kind.is_none() {
        let reason = if value.is_empty() { "REQUIRED" } else { "RESOURCE_NAME" };
        violations.add(
            "name",
            reason,
            "must be policies/authority, policies/budgets, policies/abuse or policies/catalogue",
        );
    }
    done(violations, kind)
}

/// ListCatalogueItems: the remedy, and the page's size.
pub(super) fn catalogue_items(request: &wire::ListCatalogueItemsRequest) -> Result<(RemedyId, PageSize), ServiceError> {
    let mut violations = Violations::new();
    let remedy = name("remedy", &request.remedy, &mut violations);
    let size = PageSize::parse(request.page_size, &mut violations);
    done(violations, remedy).map(|remedy| (remedy, size))
}

/// ApproveOffer: request id and command.
pub(super) fn approve(request: &wire::ApproveOfferRequest) -> Result<(String, DecideApproval), ServiceError> {
    let wire::ApproveOfferRequest { request_id, name, decided_by, role } = request;
    let mut violations = Violations::new();
    decide((request_id, name, decided_by, role), Decision::Approve, &mut violations).finish(violations)
}

/// RejectOffer: request id and command.
pub(super) fn reject(request: &wire::RejectOfferRequest) -> Result<(String, DecideApproval), ServiceError> {
    let wire::RejectOfferRequest { request_id, name, decided_by, role, reason, alternative } = request;
    let mut violations = Violations::new();
    let reason = violations.text("reason", reason, 1, 2_000);
    let alternative = violations.text("alternative", alternative, 1, 2_000);
    let decision = Decision::Reject { reason, alternative };
    decide((request_id, name, decided_by, role), decision, &mut violations).finish(violations)
}

struct Decided {
    request_id: String,
    command: Option<DecideApproval>,
}

impl Decided {
    fn finish(self, violations: Violations) -> Result<(String, DecideApproval), ServiceError> {
        done(violations, self.command).map(|command| (self.request_id, command))
    }
}

fn decide(
    (request_id, approval, decided_by, role): (&str, &str, &str, &str),
    decision: Decision,
    violations: &mut Violations,
) -> Decided {
    let request_id = violations.request_id(request_id);
    let approval: Option<ApprovalId> = name("name", approval, violations);
    let decided_by = violations.text("decided_by", decided_by, 1, 128);
    let role = violations.text("role", role, 1, 60);
    let command = approval.map(|approval| DecideApproval { approval, decided_by, role, decision });
    Decided { request_id, command }
}

/// ListApprovals: state and case, and the page's size.
pub(super) fn approvals(
    request: &wire::ListApprovalsRequest,
) -> Result<(Option<ApprovalState>, Option<CaseId>, PageSize), ServiceError> {
    use wire::approval::State;
    let mut violations = Violations::new();
    let case = if request.case.is_empty() { None } else { name("case", &request.case, &mut violations) };
    let state = match State::try_from(request.state) {
        // Of a case all are of interest, of the tenant those that wait.
        Ok(State::Unspecified) => request.case.is_empty().then_some(ApprovalState::Pending),
        Ok(State::Pending) => Some(ApprovalState::Pending),
        Ok(State::Approved) => Some(ApprovalState::Approved),
        Ok(State::Rejected) => Some(ApprovalState::Rejected),
        Ok(State::Expired) => Some(ApprovalState::Expired),
        Err(_) => {
            let description = "is not allowed; use one of PENDING, APPROVED, REJECTED, EXPIRED, or none";
            violations.add("state", "UNKNOWN_ENUM_VALUE", description);
            None
        }
    };
    let size = PageSize::parse(request.page_size, &mut violations);
    violations.finish().map(|()| (state, case, size))
}

/// ListAutonomousDecisions: filter and the page's size.
pub(super) fn decisions(request: &wire::ListAutonomousDecisionsRequest) -> Result<(Filter, PageSize), ServiceError> {
    let mut violations = Violations::new();
    let agent = violations.text("agent", &request.agent, 0, 128);
    let from = optional_timestamp("start_time", request.start_time.as_ref(), &mut violations);
    let before = optional_timestamp("end_time", request.end_time.as_ref(), &mut violations);
    if from.zip(before).is_some_and(|(from, before)| before <= from) {
        violations.add("end_time", "TIMESTAMP_RANGE", "must be later than start_time");
    }
    let size = PageSize::parse(request.page_size, &mut violations);
    let agent = (!agent.is_empty()).then_some(agent);
    violations.finish().map(|()| (Filter { agent, from, before }, size))
}

/// ListAbuseSignals: customer and the page's size.
pub(super) fn signals(request: &wire::ListAbuseSignalsRequest) -> Result<(Option<CustomerId>, PageSize), ServiceError> {
    let mut violations = Violations::new();
    let customer =
        if request.customer.is_empty() { None } else { name("customer", &request.customer, &mut violations) };
    let size = PageSize::parse(request.page_size, &mut violations);
    violations.finish().map(|()| (customer, size))
}
