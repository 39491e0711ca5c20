//! What a service does about a durable call that does not go through: its receiver said no for good, or it is parked.

use async_trait::async_trait;
use kernel::{RequestContext, ServiceError, TenantId, TraceContext};
use uuid::Uuid;

use crate::{Tx, TxError};

/// A durable call that its receiver refused, with the refusal on record, or that waits for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndeliveredCall {
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
    /// Attempts so far: tells two occasions of one call apart.
    pub attempts: i64,
    /// The encoded request.
    pub body: Vec<u8>,
    /// The trace that caused it.
    pub trace: TraceContext,
    /// `traceparent` of the first request of the story.
    pub journey: String,
}

impl UndeliveredCall {
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

    /// Logs that it was refused: as an error when the service refused itself, which only a defect can bring about.
    pub fn log_refusal(&self, error: &ServiceError) {
        let (target, method, lane) = (self.target.as_str(), self.method.as_str(), self.lane.as_deref());
        if self.target == self.sender {
            tracing::error!(target_name = target, method, %error, "a call to ourselves was refused");
        } else {
            tracing::warn!(target_name = target, method, lane, %error, "a durable call was refused");
        }
    }
}

/// How an operator ended the parking of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unparked {
    /// It is sent again; it may be parked again.
    Retried,
    /// It was given up.
    Discarded,
}

/// Reacts to calls that do not go through. What it does is nothing but SQL in the transaction that it gets; it may run
/// several times, and takes effect once, when that transaction commits. What it enqueues leaves with the commit.
#[async_trait]
pub trait RejectionHandler: Send + Sync + 'static {
    /// Called in the transaction that makes a refused call final. The refusal goes to the log unless a service does more.
    ///
    /// # Errors
    /// When the reaction cannot be recorded: nothing is, and the call is sent again later, to get the same answer.
    async fn rejected(&self, tx: &Tx, call: &UndeliveredCall, error: &ServiceError) -> Result<(), TxError> {
        let _ = tx;
        call.log_refusal(error);
        Ok(())
    }

    /// Called in the transaction that parks a call; `why` is the code and the reason that it failed with last.
    ///
    /// # Errors
    /// When the reaction cannot be recorded: nothing is, and the call is sent again later.
    async fn parked(&self, tx: &Tx, call: &UndeliveredCall, why: &str) -> Result<(), TxError> {
        let _ = (tx, call, why);
        Ok(())
    }

    /// Called in the transaction in which an operator puts a parked call back to be sent, or gives it up.
    ///
    /// # Errors
    /// When the reaction cannot be recorded: the call stays parked.
    async fn unparked(&self, tx: &Tx, call: &UndeliveredCall, how: Unparked) -> Result<(), TxError> {
        let _ = (tx, call, how);
        Ok(())
    }
}
