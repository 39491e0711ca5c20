//! Requests about work items.

use api::common::Severity as WireSeverity;
use api::routing as wire;
use api::routing::progress::Kind as WireProgressKind;
use api::routing::work_clock::Kind as WireClockKind;
use api::routing::work_item::State as WireState;
use chassis::wire::optional_timestamp;
use kernel::{FieldViolation, PageSize, ResourceId as _, ServiceError, Timestamp, Violations, WorkItemId};

use super::names::{finish, optional_queue, optional_resource, resource, skills};
use crate::app::{CheckClock, ClaimWork, CompleteWork, EscalateWork, OpenWork, PostProgress, promise_in_the_past};
use crate::domain::{ClockKind, Progress, ProgressKind, Severity, WorkState};
use crate::store::WorkFilter;

/// A request to open work.
pub(super) fn open(request: wire::OpenWorkRequest) -> Result<(String, OpenWork), ServiceError> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request_id = v.request_id(&request.request_id);
    let id = (!request.work_item_id.is_empty()).then(|| chosen_id(&request.work_item_id, v));
    if request.work_item.is_none() {
        v.add("work_item", "REQUIRED", "is required");
    }
    let item = request.work_item.unwrap_or_default();
    let command = v.within("work_item", |v| {
        let case = resource("case", &item.case, v);
        let title = v.text("title", &item.title, 1, 512);
        let handover = v.text("handover", &item.handover, 0, 4_000);
        let choices = "SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL";
        let severity = v.known_enum::<WireSeverity>("severity", item.severity, choices).and_then(severity);
        let queue = optional_queue("queue", &item.queue, v);
        let skills = skills("skills", &item.skills, 8, v);
        let unattended = request.unattended;
        let (case, severity, id) = (case?, severity?, id.flatten());
        Some(OpenWork { id, case, title, handover, severity, queue, skills, unattended })
    });
    Ok((request_id, finish(violations, command)?))
}

fn chosen_id(text: &str, violations: &mut Violations) -> Option<WorkItemId> {
    let id = WorkItemId::parse_name(&format!("{}/{text}", WorkItemId::COLLECTION));
    if id.is_none() {
        violations.add("work_item_id", "UUID", "must be a UUID in lower case, or empty");
    }
    id
}

/// A request for a work item.
pub(super) fn get(request: &wire::GetWorkItemRequest) -> Result<WorkItemId, ServiceError> {
    let mut violations = Violations::new();
    let id = resource("name", &request.name, &mut violations);
    finish(violations, id)
}

/// A request for a page of work items.
pub(super) fn list(request: &wire::ListWorkItemsRequest) -> Result<(PageSize, WorkFilter), ServiceError> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let size = PageSize::parse(request.page_size, v);
    let state = match WireState::try_from(request.state) {
        Ok(known) => state(known),
        Err(_) => {
            let choices = "use one of STATE_UNATTENDED, STATE_WAITING, STATE_CLAIMED, STATE_COMPLETED, STATE_CANCELLED";
            v.add("state", "UNKNOWN_ENUM_VALUE", format!("{} is not allowed; {choices}", request.state));
            None
        }
    };
    let queue = optional_queue("queue", &request.queue, v);
    let case = optional_resource("case", &request.case, v);
    finish(violations, Some((size, WorkFilter { state, queue, case })))
}

/// A request to claim work.
pub(super) fn claim(request: &wire::ClaimWorkRequest) -> Result<(String, ClaimWork), ServiceError> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request_id = v.request_id(&request.request_id);
    let agent = resource("agent", &request.agent, v);
    let work_item = optional_resource("work_item", &request.work_item, v);
    let command = agent.map(|agent| ClaimWork { agent, work_item });
    Ok((request_id, finish(violations, command)?))
}

/// A request to record progress, as judged at `now`. A promise in the past is the transaction's to refuse, so that a
/// request which is sent again later gets its first answer; here it only joins other violations.
pub(super) fn post(request: wire::PostProgressRequest, now: Timestamp) -> Result<(String, PostProgress), ServiceError> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request_id = v.request_id(&request.request_id);
    let name = resource("name", &request.name, v);
    if request.progress.is_none() {
        v.add("progress", "REQUIRED", "is required");
    }
    let progress = request.progress.unwrap_or_default();
    let by_when = progress.next_update_by.as_ref();
    let progress = v.within("progress", |v| {
        let choices = "KIND_ACKNOWLEDGEMENT, KIND_SUBSTANTIVE_UPDATE, KIND_INTERNAL_NOTE, KIND_WAITING_FOR_CUSTOMER, \
                       KIND_CUSTOMER_ANSWERED";
        let kind = v.known_enum::<WireProgressKind>("kind", progress.kind, choices).and_then(progress_kind);
        let text = v.text("text", &progress.text, 1, 2_000);
        let next_update_by = optional_timestamp("next_update_by", by_when, v);
        if kind == Some(ProgressKind::InternalNote) && by_when.is_some() {
            v.add("next_update_by", "NOT_ON_NOTE", "must be absent on a note: the customer never sees it");
        }
        Some(Progress { kind: kind?, text, next_update_by })
    });
    if !violations.is_empty() && past(by_when, now) {
        let FieldViolation { field, reason, description } = promise_in_the_past();
        violations.add(&field, &reason, description);
    }
    let command = name.zip(progress).map(|(name, progress)| PostProgress { name, progress });
    Ok((request_id, finish(violations, command)?))
}

fn past(time: Option<&prost_types::Timestamp>, now: Timestamp) -> bool {
    optional_timestamp("", time, &mut Violations::new()).is_some_and(|time| time <= now)
}

/// A request to escalate work.
pub(super) fn escalate(request: &wire::EscalateWorkRequest) -> Result<(String, EscalateWork), ServiceError> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request_id = v.request_id(&request.request_id);
    let name = resource("name", &request.name, v);
    let reason = v.text("reason", &request.reason, 1, 512);
    Ok((request_id, finish(violations, name.map(|name| EscalateWork { name, reason }))?))
}

/// A request to complete work.
pub(super) fn complete(request: &wire::CompleteWorkRequest) -> Result<(String, CompleteWork), ServiceError> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request_id = v.request_id(&request.request_id);
    let name = resource("name", &request.name, v);
    let resolution = v.text("resolution", &request.resolution, 1, 2_000);
    Ok((request_id, finish(violations, name.map(|name| CompleteWork { name, resolution }))?))
}

/// A request to check a clock.
pub(super) fn check(request: &wire::CheckClockRequest) -> Result<(String, CheckClock), ServiceError> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request_id = v.request_id(&request.request_id);
    let name = resource("name", &request.name, v);
    let choices = "KIND_ACKNOWLEDGE, KIND_RESOLVE, KIND_NEXT_UPDATE";
    let clock = v.known_enum::<WireClockKind>("clock", request.clock, choices).and_then(clock_kind);
    let command = name.zip(clock).map(|(name, clock)| CheckClock { name, clock });
    Ok((request_id, finish(violations, command)?))
}

const fn severity(severity: WireSeverity) -> Option<Severity> {
    match severity {
        WireSeverity::Unspecified => None,
        WireSeverity::Low => Some(Severity::Low),
        WireSeverity::Medium => Some(Severity::Medium),
        WireSeverity::High => Some(Severity::High),
        WireSeverity::Critical => Some(Severity::Critical),
    }
}

const fn state(state: WireState) -> Option<WorkState> {
    match state {
        WireState::Unspecified => None,
        WireState::Unattended => Some(WorkState::Unattended),
        WireState::Waiting => Some(WorkState::Waiting),
        WireState::Claimed => Some(WorkState::Claimed),
        WireState::Completed => Some(WorkState::Completed),
        WireState::Cancelled => Some(WorkState::Cancelled),
    }
}

const fn progress_kind(kind: WireProgressKind) -> Option<ProgressKind> {
    match kind {
        WireProgressKind::Unspecified => None,
        WireProgressKind::Acknowledgement => Some(ProgressKind::Acknowledgement),
        WireProgressKind::SubstantiveUpdate => Some(ProgressKind::SubstantiveUpdate),
        WireProgressKind::InternalNote => Some(ProgressKind::InternalNote),
        WireProgressKind::WaitingForCustomer => Some(ProgressKind::WaitingForCustomer),
        WireProgressKind::CustomerAnswered => Some(ProgressKind::CustomerAnswered),
    }
}

const fn clock_kind(kind: WireClockKind) -> Option<ClockKind> {
    match kind {
        WireClockKind::Unspecified => None,
        WireClockKind::Acknowledge => Some(ClockKind::Acknowledge),
        WireClockKind::Resolve => Some(ClockKind::Resolve),
        WireClockKind::NextUpdate => Some(ClockKind::NextUpdate),
    }
}
