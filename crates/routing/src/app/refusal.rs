//! What the domain refuses, as the errors that callers get.

use api::reason;
use kernel::{AgentId, ErrorCode, FieldViolation, ServiceError, WorkItemId};

use crate::domain::{Misfit, Presence, Refusal};

/// An operation on work is not possible.
pub(super) fn refused(id: WorkItemId, refusal: Refusal) -> ServiceError {
    match refusal {
        Refusal::Transition(invalid) => {
            let (state, verb) = (invalid.state.as_str(), invalid.event.verb());
            ServiceError::precondition(reason::INVALID_TRANSITION, format!("{id} is {state} and cannot be {verb}"))
                .with("state", state)
        }
        Refusal::Final(state) => {
            let state = state.as_str();
            let text = format!("{id} is {state}: nothing can be posted to it any more");
            ServiceError::precondition(reason::INVALID_TRANSITION, text).with("state", state)
        }
        Refusal::PromiseInThePast => ServiceError::invalid(vec![promise_in_the_past()]),
        Refusal::TooManyPromises { most } => {
            let text = format!("{id} has carried {most} promises of news; escalate it or open new work");
            ServiceError::precondition(reason::INVALID_TRANSITION, text).with("most_promises", most)
        }
        Refusal::HighestLevel => {
            let text = format!("{id} is at the highest level already");
            ServiceError::precondition(reason::INVALID_TRANSITION, text)
                .with("escalation_level", crate::domain::MAX_LEVEL)
        }
    }
}

/// News cannot be promised for a time that has passed.
pub(crate) fn promise_in_the_past() -> FieldViolation {
    FieldViolation {
        field: "progress.next_update_by".to_owned(),
        reason: "NOT_IN_FUTURE".to_owned(),
        description: "must lie in the future".to_owned(),
    }
}

/// An agent does not get a work item.
pub(super) fn misfit(agent: AgentId, misfit: Misfit) -> ServiceError {
    match misfit {
        Misfit::Offline => ServiceError::precondition(
            reason::routing::AGENT_OFFLINE,
            format!("{agent} is offline; set the presence to AVAILABLE first"),
        ),
        Misfit::Busy => ServiceError::precondition(
            reason::routing::NO_CAPACITY,
            format!("{agent} is busy and takes nothing new; set the presence to AVAILABLE first"),
        )
        .with("presence", Presence::Busy.as_str()),
        Misfit::Full { capacity } => ServiceError::precondition(
            reason::routing::NO_CAPACITY,
            format!("{agent} holds {capacity} work items already, which is all that is allowed"),
        )
        .with("capacity", capacity),
        Misfit::SkillsMissing(missing) => {
            let missing = missing.into_iter().collect::<Vec<_>>().join(",");
            let text = format!("{agent} lacks skills: {missing}");
            ServiceError::precondition(reason::routing::SKILLS_MISSING, text).with("missing", missing)
        }
        Misfit::LevelTooLow { required } => ServiceError::precondition(
            reason::routing::SKILLS_MISSING,
            format!("{agent} lacks the authority: the work needs level {required}"),
        )
        .with("required_level", required),
    }
}

/// Nothing fits the agent now.
pub(super) fn no_work(agent: AgentId) -> ServiceError {
    let text = format!("no waiting work fits {agent}");
    ServiceError::new(ErrorCode::NotFound, reason::routing::NO_WORK, text)
}
