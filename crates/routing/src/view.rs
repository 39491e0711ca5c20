//! Domain values as the resources that callers see. What is stored as the answer of a mutation is made here too.

use api::common::Severity as WireSeverity;
use api::routing as wire;
use api::routing::{agent, work_clock, work_item};
use chassis::wire::{to_duration, to_timestamp};

use crate::domain::{Agent, Clock, ClockKind, ClockState, Presence, Queue, Severity, Work, WorkState};

/// A queue.
pub(crate) fn queue(queue: &Queue) -> wire::Queue {
    wire::Queue {
        name: queue.id.to_string(),
        display_name: queue.display_name.clone(),
        required_skills: queue.required_skills.iter().cloned().collect(),
        acknowledge_within: queue.acknowledge_within.map(to_duration),
        resolve_within: queue.resolve_within.map(to_duration),
        create_time: queue.created_at.map(to_timestamp),
    }
}

/// An agent who holds `held` work items.
pub(crate) fn agent(agent: &Agent, held: u32) -> wire::Agent {
    wire::Agent {
        name: agent.id.to_string(),
        display_name: agent.display_name.clone(),
        skills: agent.skills.iter().cloned().collect(),
        queues: agent.queues.iter().map(ToString::to_string).collect(),
        capacity: agent.capacity.cast_signed(),
        presence: presence(agent.presence).into(),
        held: held.cast_signed(),
        level: agent.level.cast_signed(),
    }
}

/// A work item.
pub(crate) fn work_item(work: &Work) -> wire::WorkItem {
    wire::WorkItem {
        name: work.id.to_string(),
        case: work.case.to_string(),
        state: work_state(work.state).into(),
        title: work.title.clone(),
        handover: work.handover.clone(),
        severity: severity(work.severity).into(),
        queue: work.queue.to_string(),
        skills: work.skills.iter().cloned().collect(),
        agent: work.agent.map(|agent| agent.to_string()).unwrap_or_default(),
        escalation_level: work.escalation_level.cast_signed(),
        clocks: work.clocks.iter().map(clock).collect(),
        resolution: work.resolution.clone().unwrap_or_default(),
        create_time: Some(to_timestamp(work.created_at)),
        update_time: Some(to_timestamp(work.updated_at)),
        etag: work.version.to_string(),
    }
}

fn clock(clock: &Clock) -> wire::WorkClock {
    wire::WorkClock {
        kind: clock_kind(clock.kind).into(),
        state: clock_state(clock.state).into(),
        start_time: Some(to_timestamp(clock.started_at)),
        due_time: clock.due_at().map(to_timestamp),
        end_time: clock.ended_at.map(to_timestamp),
    }
}

const fn severity(severity: Severity) -> WireSeverity {
    match severity {
        Severity::Low => WireSeverity::Low,
        Severity::Medium => WireSeverity::Medium,
        Severity::High => WireSeverity::High,
        Severity::Critical => WireSeverity::Critical,
    }
}

const fn presence(presence: Presence) -> agent::Presence {
    match presence {
        Presence::Available => agent::Presence::Available,
        Presence::Busy => agent::Presence::Busy,
        Presence::Offline => agent::Presence::Offline,
    }
}

const fn work_state(state: WorkState) -> work_item::State {
    match state {
        WorkState::Unattended => work_item::State::Unattended,
        WorkState::Waiting => work_item::State::Waiting,
        WorkState::Claimed => work_item::State::Claimed,
        WorkState::Completed => work_item::State::Completed,
        WorkState::Cancelled => work_item::State::Cancelled,
    }
}

pub(crate) const fn clock_kind(kind: ClockKind) -> work_clock::Kind {
    match kind {
        ClockKind::Acknowledge => work_clock::Kind::Acknowledge,
        ClockKind::Resolve => work_clock::Kind::Resolve,
        ClockKind::NextUpdate => work_clock::Kind::NextUpdate,
    }
}

const fn clock_state(state: ClockState) -> work_clock::State {
    match state {
        ClockState::Running => work_clock::State::Running,
        ClockState::Met => work_clock::State::Met,
        ClockState::Breached => work_clock::State::Breached,
        ClockState::Cancelled => work_clock::State::Cancelled,
        ClockState::Paused => work_clock::State::Paused,
    }
}
