//! Says whether an agent takes work. An agent who leaves gives back what is claimed.

use std::collections::BTreeSet;

use api::method::routing_service::SET_PRESENCE;
use durable::{Tx, TxError};
use kernel::{AgentId, Answer, RequestContext, RequestKey, ServiceError};
use serde::Serialize;

use super::App;
use super::refusal::refused;
use crate::domain::{Presence, Work};
use crate::store::{self, WorkKey};
use crate::view;

/// The validated request.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct SetPresence {
    /// Whose.
    pub(crate) name: AgentId,
    /// The new one.
    pub(crate) presence: Presence,
}

impl App {
    /// Sets the presence.
    ///
    /// # Errors
    /// NOT_FOUND.
    #[tracing::instrument(skip_all, name = "routing.set_presence", fields(amends.agent = %request.name))]
    pub(crate) async fn set_presence(
        &self,
        context: RequestContext,
        request_id: &str,
        request: SetPresence,
    ) -> Result<Answer<api::routing::Agent>, ServiceError> {
        let key = context.key(SET_PRESENCE, request_id, RequestKey::hash_of(&request));
        let body = move |tx: Tx| {
            let context = context.clone();
            async move {
                let (tenant, id) = (&context.tenant, request.name);
                let mut agent = store::lock_agent(&tx, tenant, id).await?.ok_or_else(|| ServiceError::not_found(id))?;
                agent.presence = request.presence;
                store::set_presence(&tx, tenant, id, request.presence).await?;
                match request.presence {
                    Presence::Offline => give_back(&tx, &context, id).await?,
                    Presence::Available | Presence::Busy => {}
                }
                let held = store::count_held(&tx, tenant, id).await?;
                Ok(view::agent(&agent, held))
            }
        };
        let answer = self.engine.mutate("routing.set_presence", key, body).await?;
        self.wake_desk();
        Ok(answer)
    }
}

/// Releases all that the agent holds.
async fn give_back(tx: &Tx, context: &RequestContext, agent: AgentId) -> Result<(), TxError> {
    let held = store::held_work(tx.conn(), tx.backend(), &context.tenant, agent).await?;
    let keys: BTreeSet<WorkKey> = held.into_iter().map(|id| (context.tenant.clone(), id)).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let before = store::lock_work(tx, &keys).await?;
    let mut released: Vec<(&WorkKey, &Work, Work)> = Vec::new();
    // What was completed or escalated while we waited for its lock is not the agent's any more.
    for (key, work) in before.iter().filter(|(_, work)| work.agent == Some(agent)) {
        let mut now = work.clone();
        now.release(tx.now()).map_err(|no| refused(key.1, no))?;
        released.push((key, work, now));
    }
    let released: Vec<_> = released.iter().map(|(key, before, now)| (*key, *before, now)).collect();
    store::update_work(tx, &released);
    // What the agent holds is counted next.
    tx.write_now().await
}
