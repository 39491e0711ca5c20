//! The durable calls that follow-up makes to itself: handing a message over, and the timers of a plan.

use api::followup::{DeliverMessageRequest, RunPlanStepRequest};
use api::method::follow_up_service::{DELIVER_MESSAGE, RUN_PLAN_STEP};
use durable::{OutboundCall, Tx};
use kernel::{RequestContext, ResourceId, message_id_for_step};
use uuid::Uuid;

use crate::NAME;
use crate::domain::{Message, Plan};

/// Has the message handed over as soon as the transaction has committed, in the order of its case.
pub(super) fn enqueue_delivery(tx: &Tx, context: &RequestContext, message: &Message) {
    // Callers choose ids: two tenants may choose the same.
    let call = message_id_for_step(message.id.uuid(), &format!("{}/deliver", message.tenant), 1);
    let request = DeliverMessageRequest { request_id: call.to_string(), name: message.id.to_string() };
    tx.enqueue(OutboundCall::in_lane(context, NAME, DELIVER_MESSAGE, call, message.case.to_string(), &request));
}

/// Sets the timer of the plan's next step; nothing on a final plan.
pub(super) fn set_timer(tx: &Tx, context: &RequestContext, plan: &Plan) {
    let Some((step, due_at)) = plan.state.next_step() else { return };
    let call = timer_id(plan, step);
    let request = RunPlanStepRequest {
        request_id: call.to_string(),
        name: plan.id.to_string(),
        step: i32::try_from(step).unwrap_or(i32::MAX),
    };
    tx.enqueue(OutboundCall::timer(context, NAME, RUN_PLAN_STEP, call, due_at, &request));
}

/// Takes the timer of `step` back.
pub(super) fn cancel_timer(tx: &Tx, plan: &Plan, step: u32) {
    tx.cancel(timer_id(plan, step));
}

fn timer_id(plan: &Plan, step: u32) -> Uuid {
    message_id_for_step(plan.id.uuid(), &format!("{}/step", plan.tenant), step)
}

/// True for a call that this service made to itself.
pub(super) fn is_own(context: &RequestContext) -> bool {
    context.client.strip_prefix("service:") == Some(NAME)
}
