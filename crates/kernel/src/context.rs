//! Who asks, for which tenant, and under which request key.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::TraceContext;

/// The tenant that a row belongs to. In every key; taken from the credentials, never from a request's body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(String);

impl TenantId {
    /// 1 to 63 characters of `a-z`, `0-9` and `-`, starting with a letter.
    pub fn parse(value: &str) -> Option<Self> {
        let bytes = value.as_bytes();
        let ok = (1..=63).contains(&bytes.len())
            && bytes[0].is_ascii_lowercase()
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-');
        ok.then(|| Self(value.to_owned()))
    }

    /// The tenant of a development suite.
    pub fn default_tenant() -> Self {
        Self("default".to_owned())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The place of a durable call in its lane, as its sender states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneDelivery {
    /// What the lane orders, e.g. `cases/…`. Unique together with sender and tenant.
    pub lane: String,
    /// Position in the lane, from 1, without gaps.
    pub seq: i64,
}

/// What the front layers found out about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContext {
    /// The tenant.
    pub tenant: TenantId,
    /// The authenticated caller: a backend's client id, or the sending service of a durable call.
    pub client: String,
    /// Set on a durable call that belongs to a lane.
    pub lane: Option<LaneDelivery>,
    /// The trace of this call; stored with every durable call that it causes.
    pub trace: TraceContext,
    /// `traceparent` of the first request of the story that this call belongs to; its own when it starts one.
    pub journey: String,
}

impl RequestContext {
    /// A context for tests and tools.
    pub fn for_client(tenant: TenantId, client: &str) -> Self {
        Self { tenant, client: client.to_owned(), lane: None, trace: TraceContext::default(), journey: String::new() }
    }

    /// The key of one mutation of this caller.
    pub fn key(&self, method: &'static str, request_id: &str, request_hash: [u8; 32]) -> RequestKey {
        RequestKey {
            tenant: self.tenant.clone(),
            client: self.client.clone(),
            method,
            request_id: request_id.to_owned(),
            request_hash,
            lane: self.lane.clone(),
        }
    }
}

/// What makes a mutation the same mutation: unique per tenant, client, method and request id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The caller.
    pub client: String,
    /// Full gRPC method, `amends.intake.v1.IntakeService/OpenCase`.
    pub method: &'static str,
    /// The caller's id for this mutation; for a durable call its message id.
    pub request_id: String,
    /// SHA-256 of the validated command in a canonical encoding; see [`RequestKey::hash_of`].
    pub request_hash: [u8; 32],
    /// Set on a durable call that belongs to a lane.
    pub lane: Option<LaneDelivery>,
}

impl RequestKey {
    /// The canonical hash of a validated command: SHA-256 over its JSON, whose field order is that of the struct.
    /// Never over raw protobuf, whose field order and unknown fields are not canonical. Maps must be `BTreeMap`s.
    pub fn hash_of(command: &impl Serialize) -> [u8; 32] {
        use sha2::{Digest, Sha256};
        let json = serde_json::to_vec(command).unwrap_or_default();
        let mut hasher = Sha256::new();
        hasher.update(b"v1\0");
        hasher.update(&json);
        hasher.finalize().into()
    }
}

/// A mutation's response, and whether it is the stored one of an earlier identical request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<M> {
    /// The response.
    pub message: M,
    /// True when nothing was done now because the same request had been answered before.
    pub replayed: bool,
}

impl<M> Answer<M> {
    /// A first answer.
    pub fn fresh(message: M) -> Self {
        Self { message, replayed: false }
    }
}
