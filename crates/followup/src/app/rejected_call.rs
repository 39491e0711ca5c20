//! What is done about a durable call that does not go through.
//!
//! A message whose own delivery was refused, or given up by an operator, has failed, and its case is told; so it is while
//! the delivery is parked, and while the timer of a plan is, until an operator has dealt with it. A milestone that a sink
//! does not want is lost on that sink alone and goes to the log; so does a timer whose plan does not exist.

use api::followup::{DeliverMessageRequest, RunPlanStepRequest};
use api::method::follow_up_service::{DELIVER_MESSAGE, RUN_PLAN_STEP};
use async_trait::async_trait;
use durable::{RejectionHandler, Tx, TxError, UndeliveredCall, Unparked};
use kernel::{MessageId, PlanId, ResourceId as _, ServiceError};
use prost::Message as _;

use super::milestones::{CALL_PARKED, Milestones};
use crate::domain::{Message, MessageEvent};
use crate::store::{messages, plans};

/// The handler.
pub(crate) struct RejectedCalls {
    pub(super) milestones: Milestones,
}

#[async_trait]
impl RejectionHandler for RejectedCalls {
    async fn rejected(&self, tx: &Tx, call: &UndeliveredCall, error: &ServiceError) -> Result<(), TxError> {
        if call.method != DELIVER_MESSAGE {
            call.log_refusal(error);
            return Ok(());
        }
        self.failed(tx, call, error.reason.clone()).await
    }

    async fn parked(&self, tx: &Tx, call: &UndeliveredCall, _why: &str) -> Result<(), TxError> {
        if let Some(message) = message(tx, call).await? {
            self.milestones.delivery_parked(tx, &call.context(), &message, (call.message_id, call.attempts));
        }
        self.timer_stuck(tx, call, CALL_PARKED).await
    }

    async fn unparked(&self, tx: &Tx, call: &UndeliveredCall, how: Unparked) -> Result<(), TxError> {
        match how {
            Unparked::Retried => self.timer_stuck(tx, call, "CALL_RETRIED").await,
            Unparked::Discarded => {
                self.failed(tx, call, "CALL_DISCARDED".to_owned()).await?;
                self.timer_stuck(tx, call, "CALL_DISCARDED").await
            }
        }
    }
}

impl RejectedCalls {
    /// Has the case of a plan told how it stands with the plan's timer, whatever has become of the plan.
    async fn timer_stuck(&self, tx: &Tx, call: &UndeliveredCall, reason: &'static str) -> Result<(), TxError> {
        if call.method != RUN_PLAN_STEP {
            return Ok(());
        }
        let request = RunPlanStepRequest::decode(call.body.as_slice()).unwrap_or_default();
        let Some(id) = PlanId::parse_name(&request.name) else { return Ok(()) };
        if let Some(plan) = plans::plan_get(tx.conn(), &call.tenant, id).await? {
            let occasion = (call.message_id, call.attempts);
            self.milestones.timer_stuck(tx, &call.context(), &plan, occasion, reason);
        }
        Ok(())
    }

    /// The message of a delivery is never delivered.
    async fn failed(&self, tx: &Tx, call: &UndeliveredCall, reason: String) -> Result<(), TxError> {
        if let Some(mut message) = message(tx, call).await?
            && message.take(MessageEvent::Undeliverable { reason })
        {
            messages::message_update_in_tx(tx, &[&message]).await?;
            self.milestones.message(tx, &call.context(), &message);
        }
        Ok(())
    }
}

/// The message that a call would deliver, locked.
async fn message(tx: &Tx, call: &UndeliveredCall) -> Result<Option<Message>, TxError> {
    if call.method != DELIVER_MESSAGE {
        return Ok(None);
    }
    let request = DeliverMessageRequest::decode(call.body.as_slice()).unwrap_or_default();
    let Some(id) = MessageId::parse_name(&request.name) else { return Ok(None) };
    let wanted = (call.tenant.clone(), id);
    Ok(messages::message_lock_in_tx(tx, std::slice::from_ref(&wanted)).await?.remove(&wanted))
}
