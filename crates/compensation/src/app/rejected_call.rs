//! What is done when the receiver of a durable call said no for good: it is logged.
//!
//! A milestone that a sink does not want is lost on that sink alone. Calls to ourselves are only refused when their
//! subject does not exist, which nothing can bring about but a defect.

use async_trait::async_trait;
use durable::{RejectedCall, RejectionHandler, Tx, TxError};
use kernel::ServiceError;

use crate::NAME;

/// The handler.
#[derive(Debug)]
pub(crate) struct RejectedCalls;

#[async_trait]
impl RejectionHandler for RejectedCalls {
    async fn rejected(&self, _tx: &Tx, call: &RejectedCall, error: &ServiceError) -> Result<(), TxError> {
        let (target, method, lane) = (call.target.as_str(), call.method.as_str(), call.lane.as_deref());
        if target == NAME {
            tracing::error!(target_name = target, method, %error, "a call to ourselves was refused");
        } else {
            tracing::warn!(target_name = target, method, lane, %error, "a milestone was refused");
        }
        Ok(())
    }
}
