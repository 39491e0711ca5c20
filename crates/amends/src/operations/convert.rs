//! Between the values of `durable::operations` and the messages of the OperationsService.

use api::operations::{self as wire, SkipMessageRequest};
use chassis::wire::to_timestamp;
use durable::TargetHealth;
use durable::audit::AuditRecord;
use durable::operations::{Call, CallState};
use kernel::Violations;
use serde::Serialize;
use uuid::Uuid;

/// A UUID in lower case with hyphens, not nil.
pub fn uuid(text: &str) -> Option<Uuid> {
    let canonical = text.len() == 36 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    Uuid::try_parse(text).ok().filter(|uuid| canonical && !uuid.is_nil())
}

/// A call of a service.
pub fn call(service: &str, call: Call) -> wire::Call {
    let (lane, lane_seq) = call.lane.unwrap_or_default();
    wire::Call {
        name: format!("services/{service}/calls/{}", call.message_id),
        tenant: call.tenant.to_string(),
        state: state(call.state).into(),
        target: call.target,
        method: call.method,
        lane,
        lane_seq,
        due_time: Some(to_timestamp(call.due_at)),
        attempts: i32::try_from(call.attempts).unwrap_or(i32::MAX),
        last_error: call.last_error.unwrap_or_default(),
        request: call.body.into(),
        trace_parent: call.traceparent,
        create_time: Some(to_timestamp(call.created_at)),
        finish_time: call.finished_at.map(to_timestamp),
    }
}

fn state(state: CallState) -> wire::call::State {
    match state {
        CallState::Pending => wire::call::State::Pending,
        CallState::Leased => wire::call::State::Leased,
        CallState::Done => wire::call::State::Done,
        CallState::Rejected => wire::call::State::Rejected,
        CallState::Parked => wire::call::State::Parked,
        CallState::Discarded => wire::call::State::Discarded,
        CallState::Cancelled => wire::call::State::Cancelled,
    }
}

/// The state to filter by; `None` for UNSPECIFIED, which filters nothing.
pub fn state_filter(value: i32, violations: &mut Violations) -> Option<CallState> {
    if value == 0 {
        return None;
    }
    let known = CallState::ALL.into_iter().find(|known| i32::from(state(*known)) == value);
    if known.is_none() {
        violations.add(
            "state",
            "UNKNOWN_ENUM_VALUE",
            format!("{value} is not a state of a call; leave it out for all states"),
        );
    }
    known
}

/// A validated SkipMessage; its JSON is what the request's hash is taken of.
#[derive(Clone, Debug, Serialize)]
pub struct Skip {
    #[serde(skip)]
    pub request_id: String,
    pub sender: String,
    pub lane: String,
    pub lane_seq: i64,
    pub reason: String,
}

impl Skip {
    /// All that is wrong is recorded.
    pub fn parse(request: SkipMessageRequest, violations: &mut Violations) -> Self {
        let skip = Self {
            request_id: violations.request_id(&request.request_id),
            sender: violations.text("sender", &request.sender, 1, 63),
            lane: violations.text("lane", &request.lane, 1, 128),
            lane_seq: request.lane_seq,
            reason: violations.text("reason", &request.reason, 1, 512),
        };
        if request.lane_seq < 1 {
            violations.add("lane_seq", "RANGE", "must be 1 or more");
        }
        skip
    }
}

/// Health of a service's relay.
pub fn relay_health(service: &str, targets: Vec<TargetHealth>) -> wire::RelayHealth {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let targets = targets
        .into_iter()
        .map(|target| wire::relay_health::Target {
            target: target.target,
            due: count(target.due),
            scheduled: count(target.scheduled),
            leased: count(target.leased),
            parked: count(target.parked),
            oldest_due_time: target.oldest_due.map(to_timestamp),
            circuit_open: target.circuit_open,
        })
        .collect();
    wire::RelayHealth { name: format!("services/{service}/relayHealth"), targets }
}

/// A record of the audit chain.
pub fn audit_record(record: AuditRecord) -> wire::AuditRecord {
    wire::AuditRecord {
        seq: record.seq,
        happened_at: Some(to_timestamp(record.happened_at)),
        actor: record.actor,
        action: record.action,
        subject: record.subject,
        reason: record.reason,
        hash: record.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
