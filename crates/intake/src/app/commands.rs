//! Commands of the domain as durable calls: which service, which method, which request. All leave in the lane of the
//! case, so that each service gets what concerns a case in order.

use api::{compensation, followup, method, routing};
use durable::OutboundCall;
use kernel::{RequestContext, WorkItemId};
use uuid::Uuid;

use crate::domain::case::Case;
use crate::domain::command::{Ask, Command, OutcomeResult, Progress};
use crate::domain::customer::Customer;
use crate::view;

/// Names of the targets.
const ROUTING: &str = "routing";
const COMPENSATION: &str = "compensation";
const FOLLOWUP: &str = "followup";

/// The call of a command of `case`, as the case is after the reaction that asked for it.
pub(super) fn call(context: &RequestContext, case: &Case, customer: &Customer, command: &Command) -> OutboundCall {
    let id = command.message_id;
    let request_id = id.to_string();
    let mut call = match &command.ask {
        Ask::SendMessage { template, values } => {
            let message = view::message(case, customer, template.as_str(), values.clone());
            let message_id = id.to_string();
            let request = followup::SendMessageRequest { request_id, message_id, message: Some(message) };
            in_lane(context, case, FOLLOWUP, method::follow_up_service::SEND_MESSAGE, id, &request)
        }
        Ask::OpenWork { title, handover, unattended } => {
            let work_item = routing::WorkItem {
                case: case.id.to_string(),
                title: title.clone(),
                handover: handover.clone(),
                severity: view::severity(case.severity).into(),
                ..Default::default()
            };
            let request = routing::OpenWorkRequest {
                request_id,
                work_item_id: id.to_string(),
                work_item: Some(work_item),
                unattended: *unattended,
            };
            in_lane(context, case, ROUTING, method::routing_service::OPEN_WORK, id, &request)
        }
        Ask::PostProgress { work_item, progress, text } => {
            let progress =
                routing::Progress { kind: progress_kind(*progress).into(), text: text.clone(), ..Default::default() };
            let name = work_item_name(*work_item);
            let request = routing::PostProgressRequest { request_id, name, progress: Some(progress) };
            in_lane(context, case, ROUTING, method::routing_service::POST_PROGRESS, id, &request)
        }
        Ask::EscalateWork { work_item, reason } => {
            let name = work_item_name(*work_item);
            let request = routing::EscalateWorkRequest { request_id, name, reason: reason.clone() };
            in_lane(context, case, ROUTING, method::routing_service::ESCALATE_WORK, id, &request)
        }
        Ask::CompleteWork { work_item, resolution } => {
            let name = work_item_name(*work_item);
            let request = routing::CompleteWorkRequest { request_id, name, resolution: resolution.clone() };
            in_lane(context, case, ROUTING, method::routing_service::COMPLETE_WORK, id, &request)
        }
        Ask::OpenRemedy => {
            let remedy = compensation::Remedy {
                case: case.id.to_string(),
                customer: case.customer.to_string(),
                event: Some(view::event(&case.event)),
                severity: view::severity(case.severity).into(),
                // What went wrong is worked out only once the customer has our apology, in every round.
                recovery: Some(compensation::RecoveryContext {
                    apologised: case.state.is_acknowledged(),
                    reopened: case.reopen_count > 0,
                    ..Default::default()
                }),
                ..Default::default()
            };
            let request =
                compensation::OpenRemedyRequest { request_id, remedy_id: id.to_string(), remedy: Some(remedy) };
            in_lane(context, case, COMPENSATION, method::compensation_service::OPEN_REMEDY, id, &request)
        }
        Ask::RecordOutcome { result, score, delta } => {
            let request = compensation::RecordOutcomeRequest {
                request_id,
                case: case.id.to_string(),
                result: outcome_result(*result).into(),
                score: score.map(i32::from),
                score_delta: delta.map(i32::from),
            };
            in_lane(context, case, COMPENSATION, method::experiment_service::RECORD_OUTCOME, id, &request)
        }
        Ask::StartPlan { topic } => {
            let plan = followup::Plan {
                case: case.id.to_string(),
                customer: case.customer.to_string(),
                to: customer.reached_at().map(view::contact_point),
                language: customer.language.clone(),
                topic: topic.clone(),
                ..Default::default()
            };
            let request = followup::StartPlanRequest { request_id, plan_id: id.to_string(), plan: Some(plan) };
            in_lane(context, case, FOLLOWUP, method::follow_up_service::START_PLAN, id, &request)
        }
    };
    // Whoever caused it, the call belongs to the story that opened the case.
    if !case.trace_parent.is_empty() {
        case.trace_parent.clone_into(&mut call.journey);
    }
    call
}

fn in_lane(
    context: &RequestContext,
    case: &Case,
    target: &str,
    method: &'static str,
    message_id: Uuid,
    request: &impl prost::Message,
) -> OutboundCall {
    OutboundCall::in_lane(context, target, method, message_id, case.id.to_string(), request)
}

fn work_item_name(id: Uuid) -> String {
    WorkItemId::from(id).to_string()
}

fn outcome_result(result: OutcomeResult) -> compensation::record_outcome_request::Result {
    use compensation::record_outcome_request::Result;
    match result {
        OutcomeResult::Recovered => Result::Recovered,
        OutcomeResult::NotRecovered => Result::NotRecovered,
        OutcomeResult::Lapsed => Result::Lapsed,
        OutcomeResult::Reopened => Result::Reopened,
    }
}

fn progress_kind(progress: Progress) -> routing::progress::Kind {
    match progress {
        Progress::Acknowledgement => routing::progress::Kind::Acknowledgement,
        Progress::WaitingForCustomer => routing::progress::Kind::WaitingForCustomer,
        Progress::CustomerAnswered => routing::progress::Kind::CustomerAnswered,
    }
}
