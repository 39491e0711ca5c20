//! Cases and milestones to test with.

use std::collections::BTreeMap;

use kernel::{CaseId, Timestamp};
use uuid::Uuid;

use crate::domain::case::{Case, CaseDraft};
use crate::domain::case_state::State;
use crate::domain::command::Ask;
use crate::domain::disruption::{Disruption, DisruptionContent};
use crate::domain::event::{FailureEvent, Severity};
use crate::domain::milestone::{Kind, Milestone};
use crate::domain::reaction::Reaction;
use crate::domain::recovery::{on_finding, on_milestone, on_opened};

pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_360_368_000);

pub(super) fn id() -> CaseId {
    Uuid::from_u128(7).into()
}

fn event() -> FailureEvent {
    FailureEvent {
        kind: "flight.cancelled".to_owned(),
        occurred_at: NOW,
        reference: "UA1545".to_owned(),
        facts: BTreeMap::new(),
    }
}

pub(super) fn complaint() -> Case {
    let draft = CaseDraft {
        expected: "a flight".to_owned(),
        delivered: "none".to_owned(),
        event: event(),
        severity: Severity::High,
        requested_remedy: String::new(),
    };
    on_opened(Case::of_complaint(id(), Uuid::from_u128(8).into(), &draft, "", NOW), NOW).case
}

pub(super) fn silent() -> Case {
    let disruption = Disruption {
        id: Uuid::from_u128(9).into(),
        content: DisruptionContent {
            external_id: "UA1545-2013-02-09".to_owned(),
            event: event(),
            expected: "a flight".to_owned(),
            delivered: "none".to_owned(),
            severity: Severity::High,
        },
        affected_count: 0,
        created_at: NOW,
    };
    on_opened(Case::of_disruption(id(), Uuid::from_u128(8).into(), &disruption, event(), "", NOW), NOW).case
}

pub(super) fn milestone(kind: Kind, subject: &str, attributes: &[(&str, &str)]) -> Milestone {
    Milestone {
        kind,
        case: id(),
        subject: subject.to_owned(),
        happened_at: NOW,
        summary: String::new(),
        attributes: attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    }
}

pub(super) fn apology_sent() -> Milestone {
    milestone(Kind::MessageSent, "messages/1", &[("template", "apology")])
}

/// A complaint's case in its first round that has come to `state` (REOPENED: at the start of its second).
pub(super) fn case_in(state: State) -> Case {
    let then = |case: Case, kind: Kind| on_milestone(case, &milestone(kind, "subject", &[]), NOW).case;
    match state {
        State::Received => complaint(),
        State::Acknowledged => on_milestone(complaint(), &apology_sent(), NOW).case,
        State::Understood => {
            on_finding(case_in(State::Acknowledged), "snow", &BTreeMap::new(), NOW)
                .expect("a finding is allowed once acknowledged")
                .case
        }
        State::Remedied => then(case_in(State::Understood), Kind::RemedySettled),
        State::FollowingUp => then(case_in(State::Remedied), Kind::PlanStarted),
        State::Recovered => then(case_in(State::FollowingUp), Kind::Recovered),
        State::Lapsed => then(case_in(State::FollowingUp), Kind::Lapsed),
        State::Reopened => then(case_in(State::FollowingUp), Kind::StillWrong),
        State::NotRecovered => {
            let acknowledged = on_milestone(case_in(State::Reopened), &apology_sent(), NOW).case;
            let understood = on_finding(acknowledged, "ice", &BTreeMap::new(), NOW).expect("acknowledged").case;
            then(then(then(understood, Kind::NothingOwed), Kind::PlanStarted), Kind::StillWrong)
        }
    }
}

/// The commands of a reaction, short.
pub(super) fn asked(reaction: &Reaction) -> Vec<String> {
    let short = |ask: &Ask| match ask {
        Ask::SendMessage { template, .. } => template.as_str().to_owned(),
        Ask::OpenWork { unattended, .. } => if *unattended { "unattended work" } else { "work" }.to_owned(),
        Ask::EscalateWork { .. } => "EscalateWork".to_owned(),
        Ask::PostProgress { progress, .. } => format!("{progress:?}"),
        Ask::CompleteWork { .. } => "complete".to_owned(),
        Ask::OpenRemedy => "remedy".to_owned(),
        Ask::StartPlan { .. } => "plan".to_owned(),
        Ask::RecordOutcome { result, .. } => format!("outcome {}", result.as_str()),
    };
    reaction.commands.iter().map(|command| short(&command.ask)).collect()
}
