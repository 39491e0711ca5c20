//! Requests about agents.

use std::collections::BTreeSet;

use api::routing as wire;
use api::routing::agent::Presence as WirePresence;
use kernel::{AgentId, ServiceError, Violations};

use super::names::{finish, number, queue, resource, skills};
use crate::app::{CreateAgent, SetPresence};
use crate::domain::{MAX_LEVEL, Presence};

/// Work items that an agent holds when nothing is said.
const DEFAULT_CAPACITY: u32 = 3;

/// A request to make an agent known.
pub(super) fn create(request: wire::CreateAgentRequest) -> Result<(String, CreateAgent), ServiceError> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request_id = v.request_id(&request.request_id);
    if request.agent.is_none() {
        v.add("agent", "REQUIRED", "is required");
    }
    let agent = request.agent.unwrap_or_default();
    let command = v.within("agent", |v| {
        let display_name = v.text("display_name", &agent.display_name, 1, 200);
        let skills = skills("skills", &agent.skills, 32, v);
        v.count("queues", agent.queues.len(), 1, 32);
        let served = agent.queues.iter().take(32).enumerate();
        let queues: BTreeSet<_> =
            served.filter_map(|(index, name)| queue(&format!("queues[{index}]"), name, v)).collect();
        let capacity = number("capacity", agent.capacity, DEFAULT_CAPACITY, 100, v);
        let level = number("level", agent.level, 1, MAX_LEVEL, v);
        CreateAgent { display_name, skills, queues, capacity, level }
    });
    Ok((request_id, finish(violations, Some(command))?))
}

/// A request that names an agent in `field`.
pub(super) fn name(field: &str, name: &str) -> Result<AgentId, ServiceError> {
    let mut violations = Violations::new();
    let id = resource(field, name, &mut violations);
    finish(violations, id)
}

/// A request to say whether an agent takes work.
pub(super) fn set_presence(request: &wire::SetPresenceRequest) -> Result<(String, SetPresence), ServiceError> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request_id = v.request_id(&request.request_id);
    let name = resource("name", &request.name, v);
    let choices = "PRESENCE_AVAILABLE, PRESENCE_BUSY, PRESENCE_OFFLINE";
    let presence = v.known_enum::<WirePresence>("presence", request.presence, choices).and_then(presence);
    let command = name.zip(presence).map(|(name, presence)| SetPresence { name, presence });
    Ok((request_id, finish(violations, command)?))
}

const fn presence(presence: WirePresence) -> Option<Presence> {
    match presence {
        WirePresence::Unspecified => None,
        WirePresence::Available => Some(Presence::Available),
        WirePresence::Busy => Some(Presence::Busy),
        WirePresence::Offline => Some(Presence::Offline),
    }
}
