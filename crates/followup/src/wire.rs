//! Resources as they go over the wire: from the domain's values to the generated messages. Decides nothing.

use api::common::contact_point::Kind;
use api::followup as pb;
use chassis::wire::{to_duration, to_timestamp};
use kernel::Timestamp;

use crate::domain::{
    ContactKind, ContactPoint, Message, MessageState, Outcome, OutcomeResult, Plan, PlanState, Survey, SurveyState,
};

/// A contact point.
pub(crate) fn contact(to: &ContactPoint) -> api::common::ContactPoint {
    let kind = match to.kind {
        ContactKind::Email => Kind::Email,
        ContactKind::Phone => Kind::Phone,
        ContactKind::App => Kind::App,
    };
    api::common::ContactPoint { kind: kind.into(), address: to.address.clone() }
}

/// A message.
pub(crate) fn message(message: &Message) -> pb::Message {
    let (state, sent_time, failure_reason) = match &message.state {
        MessageState::Queued => (pb::message::State::Queued, None, ""),
        MessageState::Sent { at } => (pb::message::State::Sent, Some(to_timestamp(*at)), ""),
        MessageState::Failed { reason } => (pb::message::State::Failed, None, reason.as_str()),
    };
    pb::Message {
        name: message.id.to_string(),
        case: message.case.to_string(),
        customer: message.customer.to_string(),
        state: state.into(),
        to: message.to.as_ref().map(contact),
        template: message.template.clone(),
        language: message.language.clone(),
        values: message.values.clone(),
        subject: message.subject.clone(),
        body: message.body.clone(),
        attempts: i32::try_from(message.attempts).unwrap_or(i32::MAX),
        failure_reason: failure_reason.to_owned(),
        create_time: Some(to_timestamp(message.created_at)),
        sent_time,
    }
}

/// A plan.
pub(crate) fn plan(plan: &Plan) -> pb::Plan {
    let state = match &plan.state {
        PlanState::Running { .. } => pb::plan::State::Running,
        PlanState::Recovered { .. } => pb::plan::State::Recovered,
        PlanState::StillWrong { .. } => pb::plan::State::StillWrong,
        PlanState::Lapsed { .. } => pb::plan::State::Lapsed,
        PlanState::Stopped { .. } => pb::plan::State::Stopped,
    };
    pb::Plan {
        name: plan.id.to_string(),
        case: plan.case.to_string(),
        customer: plan.customer.to_string(),
        state: state.into(),
        to: plan.to.as_ref().map(contact),
        language: plan.language.clone(),
        cadence: plan.pauses.iter().copied().map(to_duration).collect(),
        baseline_score: plan.baseline.map(i32::from),
        check_ins_sent: i32::try_from(plan.check_ins_sent).unwrap_or(i32::MAX),
        next_step_time: plan.state.next_step().map(|(_, due_at)| to_timestamp(due_at)),
        topic: plan.topic.clone(),
        create_time: Some(to_timestamp(plan.created_at)),
        update_time: Some(to_timestamp(plan.updated_at)),
    }
}

/// A survey.
pub(crate) fn survey(survey: &Survey) -> pb::Survey {
    let (state, score, answered_at): (_, _, Option<Timestamp>) = match survey.state {
        SurveyState::Open => (pb::survey::State::Open, None, None),
        SurveyState::Answered { score, at } => (pb::survey::State::Answered, Some(i32::from(score)), Some(at)),
        SurveyState::Closed => (pb::survey::State::Closed, None, None),
    };
    pb::Survey {
        name: survey.id.to_string(),
        plan: survey.plan.to_string(),
        case: survey.case.to_string(),
        state: state.into(),
        check_in: i32::try_from(survey.check_in).unwrap_or(i32::MAX),
        score,
        comment: survey.comment.clone(),
        create_time: Some(to_timestamp(survey.created_at)),
        answer_time: answered_at.map(to_timestamp),
    }
}

/// An outcome.
pub(crate) fn outcome(outcome: &Outcome) -> pb::Outcome {
    let result = match outcome.result {
        OutcomeResult::Open => pb::outcome::Result::Unspecified,
        OutcomeResult::Recovered => pb::outcome::Result::Recovered,
        OutcomeResult::StillWrong => pb::outcome::Result::StillWrong,
        OutcomeResult::Lapsed => pb::outcome::Result::Lapsed,
    };
    pb::Outcome {
        case: outcome.case.to_string(),
        result: result.into(),
        score: outcome.score.map(i32::from),
        delta: outcome.delta,
        check_ins_sent: i32::try_from(outcome.check_ins_sent).unwrap_or(i32::MAX),
        decide_time: outcome.decided_at.map(to_timestamp),
    }
}
