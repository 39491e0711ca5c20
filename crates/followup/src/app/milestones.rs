//! What happened, told to every configured sink: one durable call per milestone and sink, in the lane of the case.

use std::sync::Arc;

use api::extension::{Milestone, ReportMilestonesRequest, milestone};
use chassis::wire::to_timestamp;
use durable::{OutboundCall, Tx};
use kernel::{CaseId, RequestContext, ResourceId, message_id_for_step};
use uuid::Uuid;

use crate::domain::{Message, MessageState, Plan, Survey, cut};

/// Longest summary and attribute value that a sink takes, in characters.
const MAX_TEXT: usize = 512;

/// Reason of what stands still until an operator has dealt with its call.
pub(super) const CALL_PARKED: &str = "CALL_PARKED";

/// The sinks. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Milestones {
    sinks: Arc<[String]>,
}

/// A fact of a milestone.
type Attribute<'a> = (&'static str, &'a dyn std::fmt::Display);

impl Milestones {
    /// Reports to these targets.
    pub(crate) fn new(sinks: &[String]) -> Self {
        Self { sinks: sinks.into() }
    }

    /// A message has become final.
    pub(crate) fn message(&self, tx: &Tx, context: &RequestContext, message: &Message) {
        let channel = message.channel();
        let common: [Attribute<'_>; 3] =
            [("message", &message.id), ("template", &message.template), ("channel", &channel)];
        match &message.state {
            MessageState::Queued => {}
            MessageState::Sent { .. } => {
                let summary = format!("Sent to the customer: {}", message.subject);
                self.report(tx, context, message.case, message.id, milestone::Kind::MessageSent, summary, &common);
            }
            MessageState::Failed { reason } => {
                let summary = format!("The message \"{}\" could not be delivered: {reason}", message.subject);
                let mut attributes = common.to_vec();
                attributes.push(("reason", reason));
                self.report(
                    tx,
                    context,
                    message.case,
                    message.id,
                    milestone::Kind::MessageFailed,
                    summary,
                    &attributes,
                );
            }
        }
    }

    /// The delivery of a message waits for an operator. `(call, attempts)` tells two occasions apart.
    pub(crate) fn delivery_parked(
        &self,
        tx: &Tx,
        context: &RequestContext,
        message: &Message,
        (call, attempts): (Uuid, i64),
    ) {
        let channel = message.channel();
        let summary = format!("The message \"{}\" waits for an operator: it cannot be delivered", message.subject);
        let attributes: [Attribute<'_>; 4] = [
            ("message", &message.id),
            ("template", &message.template),
            ("channel", &channel),
            ("reason", &CALL_PARKED),
        ];
        let told = told(tx, message.case, message.id, milestone::Kind::MessageFailed, &summary, &attributes);
        let step = format!("{}/{CALL_PARKED}/{attempts}", context.tenant);
        self.send(tx, context, &told, |sink| message_id_for_step(call, &format!("{step}@{sink}"), 1));
    }

    /// How it stands with the timer of a plan. `(call, attempts)` tells two occasions apart.
    pub(crate) fn timer_stuck(
        &self,
        tx: &Tx,
        context: &RequestContext,
        plan: &Plan,
        (call, attempts): (Uuid, i64),
        reason: &'static str,
    ) {
        let summary = match reason {
            CALL_PARKED => "The check-ins stand still: their timer waits for an operator",
            "CALL_DISCARDED" => "The check-ins stand still: an operator gave their timer up",
            _ => "The check-ins go on: an operator has their timer sent",
        };
        let attributes: [Attribute<'_>; 2] = [("call", &call), ("reason", &reason)];
        let told = told(tx, plan.case, plan.id, milestone::Kind::PlanNeedsAttention, summary, &attributes);
        let step = format!("{}/{reason}/{attempts}", context.tenant);
        self.send(tx, context, &told, |sink| message_id_for_step(call, &format!("{step}@{sink}"), 1));
    }

    /// A plan of check-ins runs.
    pub(crate) fn plan_started(&self, tx: &Tx, context: &RequestContext, plan: &Plan) {
        let summary = format!("Follow-up runs: {} check-ins", plan.pauses.len().saturating_sub(1));
        self.report(tx, context, plan.case, plan.id, milestone::Kind::PlanStarted, summary, &[]);
    }

    /// Nobody answered.
    pub(crate) fn lapsed(&self, tx: &Tx, context: &RequestContext, plan: &Plan) {
        let summary = match plan.check_ins_sent {
            0 => "The follow-up ended; there was nowhere to send a check-in to".to_owned(),
            sent => format!("Nobody answered {sent} check-ins"),
        };
        let attributes: [Attribute<'_>; 1] = [("check_ins", &plan.check_ins_sent)];
        self.report(tx, context, plan.case, plan.id, milestone::Kind::Lapsed, summary, &attributes);
    }

    /// The customer answered.
    pub(crate) fn answered(&self, tx: &Tx, context: &RequestContext, plan: &Plan, survey: &Survey, score: u8) {
        let delta = plan.delta(score);
        let mut attributes: Vec<Attribute<'_>> = vec![("survey", &survey.id), ("score", &score)];
        attributes.extend(delta.iter().map(|delta| -> Attribute<'_> { ("delta", delta) }));
        let summary = format!("The customer gave {score} of 10 at check-in {}", survey.check_in);
        self.report(tx, context, survey.case, survey.id, milestone::Kind::SurveyAnswered, summary, &attributes);
    }

    /// The customer says that it is right again.
    pub(crate) fn recovered(&self, tx: &Tx, context: &RequestContext, plan: &Plan, score: u8) {
        let delta = plan.delta(score);
        let mut attributes: Vec<Attribute<'_>> = vec![("score", &score)];
        attributes.extend(delta.iter().map(|delta| -> Attribute<'_> { ("delta", delta) }));
        let summary = format!("The customer says that it is right again: {score} of 10");
        self.report(tx, context, plan.case, plan.id, milestone::Kind::Recovered, summary, &attributes);
    }

    /// The customer says that it is still wrong.
    pub(crate) fn still_wrong(&self, tx: &Tx, context: &RequestContext, plan: &Plan, score: u8, comment: &str) {
        let attributes: [Attribute<'_>; 2] = [("score", &score), ("comment", &comment)];
        let summary = format!("The customer says that it is still wrong: {score} of 10");
        self.report(tx, context, plan.case, plan.id, milestone::Kind::StillWrong, summary, &attributes);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a milestone, named once in this file")]
    fn report(
        &self,
        tx: &Tx,
        context: &RequestContext,
        case: CaseId,
        subject: impl ResourceId,
        kind: milestone::Kind,
        summary: String,
        attributes: &[Attribute<'_>],
    ) {
        let told = told(tx, case, subject, kind, &summary, attributes);
        let step = kind.as_str_name().trim_start_matches("KIND_");
        // Each of these happens to its subject once in its life. Callers choose ids: two tenants may choose the same.
        self.send(tx, context, &told, |sink| {
            message_id_for_step(subject.uuid(), &format!("{}/{step}@{sink}", context.tenant), 1)
        });
    }

    /// Has every sink told, under an id for each.
    fn send(&self, tx: &Tx, context: &RequestContext, told: &Milestone, id: impl Fn(&str) -> Uuid) {
        for sink in &*self.sinks {
            let message_id = id(sink);
            let request =
                ReportMilestonesRequest { request_id: message_id.to_string(), milestones: vec![told.clone()] };
            let method = api::method::milestone_sink::REPORT_MILESTONES;
            tx.enqueue(OutboundCall::in_lane(context, sink, method, message_id, told.case.clone(), &request));
        }
    }
}

fn told(
    tx: &Tx,
    case: CaseId,
    subject: impl ResourceId,
    kind: milestone::Kind,
    summary: &str,
    attributes: &[Attribute<'_>],
) -> Milestone {
    let attributes =
        attributes.iter().map(|(key, value)| ((*key).to_owned(), cut(&value.to_string(), MAX_TEXT))).collect();
    Milestone {
        kind: kind.into(),
        case: case.to_string(),
        subject: subject.to_string(),
        happened_at: Some(to_timestamp(tx.now())),
        summary: cut(summary, MAX_TEXT),
        attributes,
    }
}
