//! What a service does when the receiver of one of its durable calls said no for good.

use async_trait::async_trait;
use kernel::{RequestContext, ServiceError, TenantId, TraceContext};
use uuid::Uuid;

use crate::{Tx, TxError};

/// A durable call that its receiver refused, and put the refusal on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedCall {
    /// The tenant in whose name it was made.
    pub tenant: TenantId,
    /// Its id.
    pub message_id: Uuid,
    /// The service that made it: this one.
    pub sender: String,
    /// Where it went.
    pub target: String,
    /// Full gRPC method.
    pub method: String,
    /// Its lane, e.g. `cases/…`.
    pub lane: Option<String>,
    /// The encoded request.
    pub body: Vec<u8>,
    /// The trace that caused it.
    pub trace: TraceContext,
    /// `traceparent` of the first request of the story.
    pub journey: String,
}

impl RejectedCall {
    /// The context for what the handler causes: the same tenant, trace and story, in the name of this service.
    pub fn context(&self) -> RequestContext {
        RequestContext {
            tenant: self.tenant.clone(),
            client: format!("service:{}", self.sender),
            lane: None,
            trace: self.trace.clone(),
            journey: self.journey.clone(),
        }
    }
}

/// Reacts to rejected calls.
#[async_trait]
pub trait RejectionHandler: Send + Sync + 'static {
    /// Called in the transaction that makes the call final, once for each rejected call whose transaction commits. May
    /// run several times, and does nothing but SQL; what it enqueues leaves with the commit.
    ///
    /// # Errors
    /// When the reaction cannot be recorded: nothing is, and the call is sent again later, to get the same answer.
    async fn rejected(&self, tx: &Tx, call: &RejectedCall, error: &ServiceError) -> Result<(), TxError>;
}
