//! Makes an agent known.

use std::collections::BTreeSet;

use api::method::routing_service::CREATE_AGENT;
use kernel::{AgentId, Answer, RequestContext, RequestKey, ServiceError};
use serde::Serialize;

use super::App;
use crate::domain::{Agent, Presence, QueueId};
use crate::store;
use crate::view;

/// The validated request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CreateAgent {
    /// What the agent is called.
    pub(crate) display_name: String,
    /// What the agent can do.
    pub(crate) skills: BTreeSet<String>,
    /// The queues that the agent serves.
    pub(crate) queues: BTreeSet<QueueId>,
    /// How many work items the agent holds at most.
    pub(crate) capacity: u32,
    /// Level of authority.
    pub(crate) level: u32,
}

impl App {
    /// Makes an agent known, offline at first.
    ///
    /// # Errors
    /// NOT_FOUND for a queue.
    #[tracing::instrument(skip_all, name = "routing.create_agent")]
    pub(crate) async fn create_agent(
        &self,
        context: RequestContext,
        request_id: &str,
        request: CreateAgent,
    ) -> Result<Answer<api::routing::Agent>, ServiceError> {
        let key = context.key(CREATE_AGENT, request_id, RequestKey::hash_of(&request));
        let id = AgentId::from(self.engine.new_id());
        let body = move |tx: durable::Tx| {
            let (tenant, request) = (context.tenant.clone(), request.clone());
            async move {
                let queues = request.queues.iter().map(|queue| (tenant.clone(), queue.clone())).collect();
                let known = store::find_queues(tx.conn(), tx.backend(), &queues).await?;
                if let Some((_, unknown)) = queues.iter().find(|queue| !known.contains_key(*queue)) {
                    return Err(ServiceError::not_found(unknown).into());
                }
                let agent = Agent {
                    id,
                    display_name: request.display_name,
                    skills: request.skills,
                    queues: request.queues,
                    capacity: request.capacity,
                    level: request.level,
                    presence: Presence::Offline,
                    created_at: tx.now(),
                };
                store::insert_agent(&tx, &tenant, &agent).await?;
                Ok(view::agent(&agent, 0))
            }
        };
        self.engine.mutate("routing.create_agent", key, body).await
    }
}
