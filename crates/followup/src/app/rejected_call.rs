//! What is done when the receiver of a durable call said no for good.
//!
//! A message whose own delivery was refused has failed, and its case is told. A milestone that a sink does not want is
//! lost on that sink alone and goes to the log; so does a timer whose plan does not exist.

use api::followup::DeliverMessageRequest;
use api::method::follow_up_service::DELIVER_MESSAGE;
use async_trait::async_trait;
use durable::{RejectedCall, RejectionHandler, Tx, TxError};
use kernel::{MessageId, ResourceId as _, ServiceError};
use prost::Message as _;

use super::milestones::Milestones;
use crate::domain::MessageEvent;
use crate::store::messages;

/// The handler.
pub(crate) struct RejectedCalls {
    pub(super) milestones: Milestones,
}

#[async_trait]
impl RejectionHandler for RejectedCalls {
    async fn rejected(&self, tx: &Tx, call: &RejectedCall, error: &ServiceError) -> Result<(), TxError> {
        if call.method != DELIVER_MESSAGE {
            tracing::warn!(target_name = %call.target, method = %call.method, %error, "a durable call was refused");
            return Ok(());
        }
        let request = DeliverMessageRequest::decode(call.body.as_slice()).unwrap_or_default();
        let Some(id) = MessageId::parse_name(&request.name) else { return Ok(()) };
        let wanted = (call.tenant.clone(), id);
        let mut found = messages::message_lock_in_tx(tx, std::slice::from_ref(&wanted)).await?;
        if let Some(message) = found.get_mut(&wanted)
            && message.take(MessageEvent::Undeliverable { reason: error.reason.clone() })
        {
            messages::message_update_in_tx(tx, &[message]).await?;
            self.milestones.message(tx, &call.context(), message);
        }
        Ok(())
    }
}
