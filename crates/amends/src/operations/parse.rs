//! From the messages of the OperationsService to what the handlers work with: every violation at once, no I/O.

use api::operations::{ListAuditRecordsRequest, ListCallsRequest, SkipMessageRequest};
use durable::operations::CallState;
use kernel::{PageSize, RequestContext, RequestKey, ServiceError, Violations};
use serde::Serialize;
use uuid::Uuid;

use super::convert;
use crate::role::Role;

/// Longest lane name, in characters: what the front layer takes in `x-amends-lane`.
const LANE: usize = 200;

/// The value of a request without violations.
fn finish<T>(violations: Violations, value: Option<T>) -> Result<T, ServiceError> {
    violations.finish()?;
    value.ok_or_else(|| ServiceError::internal("a value is missing and no violation says why"))
}

/// The role of `services/{service}`.
fn service(field: &str, name: &str, violations: &mut Violations) -> Option<Role> {
    let role = name.strip_prefix("services/").and_then(|name| Role::ALL.into_iter().find(|role| role.name() == name));
    if role.is_none() {
        violations.add(
            field,
            "RESOURCE_NAME",
            "must be services/intake, services/routing, services/compensation or services/followup",
        );
    }
    role
}

/// A call's name, parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallName {
    pub role: Role,
    pub message_id: Uuid,
}

impl CallName {
    fn read(name: &str, violations: &mut Violations) -> Option<Self> {
        let parsed = name.split_once("/calls/").and_then(|(parent, id)| {
            let role = service("name", parent, &mut Violations::new())?;
            Some(Self { role, message_id: convert::uuid(id)? })
        });
        if parsed.is_none() {
            violations.add("name", "RESOURCE_NAME", "must be services/{service}/calls/{uuid} in lower case");
        }
        parsed
    }

    /// Of a request that carries nothing else.
    pub fn parse(name: &str) -> Result<Self, ServiceError> {
        let mut violations = Violations::new();
        let name = Self::read(name, &mut violations);
        finish(violations, name)
    }
}

/// The service whose relay `services/{service}/relayHealth` speaks of.
pub fn relay_health(name: &str) -> Result<Role, ServiceError> {
    let mut violations = Violations::new();
    let role = name.strip_suffix("/relayHealth").and_then(|parent| service("name", parent, &mut Violations::new()));
    if role.is_none() {
        violations.add("name", "RESOURCE_NAME", "must be services/{service}/relayHealth");
    }
    finish(violations, role)
}

/// A validated RetryCall or DiscardCall.
#[derive(Clone, Debug)]
pub struct Change {
    pub call: CallName,
    pub reason: String,
    request_id: String,
    name: String,
}

/// What the hash of a change is taken of.
#[derive(Serialize)]
struct Hashed<'a> {
    name: &'a str,
    reason: &'a str,
}

impl Change {
    pub fn parse(request_id: &str, name: String, reason: &str) -> Result<Self, ServiceError> {
        let mut violations = Violations::new();
        let call = CallName::read(&name, &mut violations);
        let request_id = violations.request_id(request_id);
        let reason = violations.text("reason", reason, 1, 512);
        let call = finish(violations, call)?;
        Ok(Self { call, reason, request_id, name })
    }

    /// What makes the change safe to repeat.
    pub fn key(&self, context: &RequestContext, method: &'static str) -> RequestKey {
        let hashed = Hashed { name: &self.name, reason: &self.reason };
        context.key(method, &self.request_id, RequestKey::hash_of(&hashed))
    }
}

/// A validated SkipMessage; its JSON is what the request's hash is taken of.
#[derive(Clone, Debug, Serialize)]
pub struct Skip {
    #[serde(skip)]
    pub request_id: String,
    #[serde(skip)]
    pub receiver: Role,
    pub sender: String,
    pub lane: String,
    pub lane_seq: i64,
    pub reason: String,
}

impl Skip {
    pub fn parse(request: SkipMessageRequest) -> Result<Self, ServiceError> {
        let mut violations = Violations::new();
        let receiver = service("parent", &request.parent, &mut violations);
        let request_id = violations.request_id(&request.request_id);
        let sender = violations.text("sender", &request.sender, 1, 63);
        let lane = violations.text("lane", &request.lane, 1, LANE);
        let reason = violations.text("reason", &request.reason, 1, 512);
        let lane_seq = request.lane_seq;
        if lane_seq < 1 {
            violations.add("lane_seq", "RANGE", "must be 1 or more");
        }
        let receiver = finish(violations, receiver)?;
        Ok(Self { request_id, receiver, sender, lane, lane_seq, reason })
    }
}

/// A validated ListCalls, but for its page token.
#[derive(Clone, Debug)]
pub struct CallsPage {
    pub role: Role,
    pub size: PageSize,
    pub state: Option<CallState>,
    pub lane: String,
}

impl CallsPage {
    pub fn parse(request: &ListCallsRequest) -> Result<Self, ServiceError> {
        let mut violations = Violations::new();
        let role = service("parent", &request.parent, &mut violations);
        let size = PageSize::parse(request.page_size, &mut violations);
        let state = convert::state_filter(request.state, &mut violations);
        let lane = violations.text("lane", &request.lane, 0, LANE);
        let role = finish(violations, role)?;
        Ok(Self { role, size, state, lane })
    }
}

/// A validated ListAuditRecords, but for its page token.
#[derive(Clone, Copy, Debug)]
pub struct AuditPage {
    pub role: Role,
    pub size: PageSize,
}

impl AuditPage {
    pub fn parse(request: &ListAuditRecordsRequest) -> Result<Self, ServiceError> {
        let mut violations = Violations::new();
        let role = service("parent", &request.parent, &mut violations);
        let size = PageSize::parse(request.page_size, &mut violations);
        let role = finish(violations, role)?;
        Ok(Self { role, size })
    }
}
