//! The domain as it goes over the wire. Answers are stored encoded, so use cases make them too.

use std::collections::BTreeMap;

use api::{common, followup, intake};
use chassis::wire::{to_money, to_timestamp};
use kernel::{EntryId, ResourceId as _, WorkItemId, message_id_for_step};
use kernel::{PlanId, RemedyId};
use uuid::Uuid;

use crate::domain::case::{Case, Origin};
use crate::domain::case_state::State;
use crate::domain::customer::{ContactKind, ContactPoint, Customer, Identity};
use crate::domain::disruption::Disruption;
use crate::domain::entry::Recorded;
use crate::domain::event::{Fact, FailureEvent, Severity};

/// A case.
pub fn case(case: &Case) -> intake::Case {
    intake::Case {
        name: case.id.to_string(),
        customer: case.customer.to_string(),
        state: state(case.state).into(),
        origin: match case.origin {
            Origin::Complaint => intake::case::Origin::Complaint,
            Origin::Disruption => intake::case::Origin::Disruption,
        }
        .into(),
        expected: case.expected.clone(),
        delivered: case.delivered.clone(),
        event: Some(event(&case.event)),
        severity: severity(case.severity).into(),
        disruption: case.disruption.map(|id| id.to_string()).unwrap_or_default(),
        requested_remedy: case.requested_remedy.clone(),
        finding: case.finding.clone(),
        reopen_count: i32::try_from(case.reopen_count).unwrap_or(i32::MAX),
        needs_attention: case.attention.is_needed(),
        attention_reason: case.attention.text(),
        work_item: name::<WorkItemId>(case.work_item()),
        remedy: name::<RemedyId>(case.remedy()),
        plan: name::<PlanId>(case.plan()),
        last_score: case.last_score.map(i32::from),
        trace_parent: case.trace_parent.clone(),
        create_time: Some(to_timestamp(case.created_at)),
        update_time: Some(to_timestamp(case.updated_at)),
        etag: case.version.to_string(),
    }
}

fn name<I: kernel::ResourceId>(id: Option<Uuid>) -> String {
    id.map(|id| I::from(id).to_string()).unwrap_or_default()
}

/// A state.
pub fn state(state: State) -> intake::case::State {
    match state {
        State::Received => intake::case::State::Received,
        State::Acknowledged => intake::case::State::Acknowledged,
        State::Understood => intake::case::State::Understood,
        State::Remedied => intake::case::State::Remedied,
        State::FollowingUp => intake::case::State::FollowingUp,
        State::Recovered => intake::case::State::Recovered,
        State::NotRecovered => intake::case::State::NotRecovered,
        State::Lapsed => intake::case::State::Lapsed,
        State::Reopened => intake::case::State::Reopened,
    }
}

/// A severity.
pub fn severity(severity: Severity) -> common::Severity {
    match severity {
        Severity::Low => common::Severity::Low,
        Severity::Medium => common::Severity::Medium,
        Severity::High => common::Severity::High,
        Severity::Critical => common::Severity::Critical,
    }
}

/// An event.
pub fn event(event: &FailureEvent) -> common::FailureEvent {
    common::FailureEvent {
        kind: event.kind.clone(),
        occurred_at: Some(to_timestamp(event.occurred_at)),
        reference: event.reference.clone(),
        facts: event.facts.iter().map(|(key, value)| (key.clone(), fact(value))).collect(),
    }
}

fn fact(fact: &Fact) -> common::Fact {
    use common::fact::Value;
    let value = match fact {
        Fact::Integer(number) => Value::Integer(*number),
        Fact::Boolean(yes) => Value::Boolean(*yes),
        Fact::Text(text) => Value::Text(text.clone()),
        Fact::Money(amount) => Value::Money(to_money(*amount)),
        Fact::Time(time) => Value::Time(to_timestamp(*time)),
    };
    common::Fact { value: Some(value) }
}

/// A contact point.
pub fn contact_point(point: &ContactPoint) -> common::ContactPoint {
    let kind = match point.kind {
        ContactKind::Email => common::contact_point::Kind::Email,
        ContactKind::Phone => common::contact_point::Kind::Phone,
        ContactKind::App => common::contact_point::Kind::App,
    };
    common::ContactPoint { kind: kind.into(), address: point.address.clone() }
}

/// A customer.
pub fn customer(customer: &Customer, identities: &[Identity]) -> intake::Customer {
    let identity =
        |identity: &Identity| intake::Identity { source: identity.source.clone(), value: identity.value.clone() };
    intake::Customer {
        name: customer.id.to_string(),
        display_name: customer.display_name.clone(),
        identities: identities.iter().map(identity).collect(),
        contact_points: customer.contact_points.iter().map(contact_point).collect(),
        tier: customer.tier.clone(),
        language: customer.language.clone(),
        create_time: Some(to_timestamp(customer.created_at)),
    }
}

/// A disruption.
pub fn disruption(disruption: &Disruption) -> intake::Disruption {
    intake::Disruption {
        name: disruption.id.to_string(),
        external_id: disruption.content.external_id.clone(),
        event: Some(event(&disruption.content.event)),
        expected: disruption.content.expected.clone(),
        delivered: disruption.content.delivered.clone(),
        severity: severity(disruption.content.severity).into(),
        affected_count: disruption.affected_count,
        create_time: Some(to_timestamp(disruption.created_at)),
    }
}

/// An entry. Its id follows from its place, so that it needs no column of its own.
pub fn entry(recorded: &Recorded) -> intake::TimelineEntry {
    let Recorded { case, entry, trace_id, .. } = recorded;
    let place = u32::try_from(entry.seq).unwrap_or(u32::MAX);
    intake::TimelineEntry {
        name: EntryId::from(message_id_for_step(case.uuid(), "entry", place)).to_string(),
        case: case.to_string(),
        happened_at: Some(to_timestamp(entry.happened_at)),
        source: entry.source.to_string(),
        kind: entry.kind.to_string(),
        summary: entry.summary.clone(),
        subject: entry.subject.clone(),
        state: state(entry.state).into(),
        attributes: entry.attributes.clone(),
        trace_id: trace_id.clone(),
    }
}

/// A message that follow-up is asked to send.
pub fn message(
    case: &Case,
    customer: &Customer,
    template: &str,
    mut values: BTreeMap<String, String>,
) -> followup::Message {
    if !customer.display_name.trim().is_empty() {
        values.insert("name".to_owned(), customer.display_name.clone());
    }
    followup::Message {
        case: case.id.to_string(),
        customer: case.customer.to_string(),
        to: customer.reached_at().map(contact_point),
        template: template.to_owned(),
        language: customer.language.clone(),
        values,
        ..Default::default()
    }
}
