//! Takes work for an agent: the given one, or the most urgent that fits.
//!
//! The agent is locked first, so that an agent's claims come one after the other and capacity is never exceeded;
//! different agents do not wait for each other.

use std::collections::BTreeSet;

use api::method::routing_service::CLAIM_WORK;
use durable::{Backend, Tx, TxError};
use kernel::{AgentId, Answer, RequestContext, RequestKey, ServiceError, TenantId, WorkItemId};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::App;
use super::refusal::{misfit, no_work, refused};
use super::report::Reporter;
use crate::domain::{Agent, QueueId, Work};
use crate::store::{self, Found, Reach};
use crate::view;

/// The validated request.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ClaimWork {
    /// For whom.
    pub(crate) agent: AgentId,
    /// Which work; the most urgent that fits when none is given.
    pub(crate) work_item: Option<WorkItemId>,
}

impl App {
    /// Claims work.
    ///
    /// # Errors
    /// NOT_FOUND for the agent or the work, `NO_WORK`; FAILED_PRECONDITION `AGENT_OFFLINE`, `NO_CAPACITY`,
    /// `SKILLS_MISSING`, `INVALID_TRANSITION`.
    #[tracing::instrument(skip_all, name = "routing.claim_work", fields(amends.agent = %request.agent))]
    pub(crate) async fn claim_work(
        &self,
        context: RequestContext,
        request_id: &str,
        request: ClaimWork,
    ) -> Result<Answer<api::routing::WorkItem>, ServiceError> {
        let key = context.key(CLAIM_WORK, request_id, RequestKey::hash_of(&request));
        let reporter = self.reporter.clone();
        let body = move |tx: Tx| {
            let (context, reporter) = (context.clone(), reporter.clone());
            async move { Ok(view::work_item(&claim(&tx, &context, &reporter, request).await?)) }
        };
        let answer = self.engine.mutate("routing.claim_work", key, body).await?;
        self.wake_desk();
        Ok(answer)
    }
}

/// Claims work within a transaction.
pub(super) async fn claim(
    tx: &Tx,
    context: &RequestContext,
    reporter: &Reporter,
    request: ClaimWork,
) -> Result<Work, TxError> {
    let (tenant, id) = (&context.tenant, request.agent);
    let agent = store::lock_agent(tx, tenant, id).await?.ok_or_else(|| ServiceError::not_found(id))?;
    let held = store::count_held(tx, tenant, id).await?;
    agent.may_take(held).map_err(|no| misfit(id, no))?;
    let work_item = match request.work_item {
        Some(work_item) => work_item,
        None => {
            let reach = reach(tx.conn(), tx.backend(), tenant, &agent).await?;
            match store::lock_most_urgent(tx, &reach).await? {
                Found::Locked(work_item) => work_item,
                Found::Nothing => return Err(no_work(id).into()),
                // Others may be about to take it, or only to note something on it: not an answer for ever.
                Found::AllLocked => return Err(no_work(id).transient().into()),
            }
        }
    };
    let key = (tenant.clone(), work_item);
    let before = store::lock_work(tx, &[key.clone()].into())
        .await?
        .remove(&key)
        .ok_or_else(|| ServiceError::not_found(work_item))?;
    let mut work = before.clone();
    let facts = work.claim(id, tx.now()).map_err(|no| refused(work_item, no))?;
    let queue = (tenant.clone(), work.queue.clone());
    let queues = store::find_queues(tx.conn(), tx.backend(), &[queue.clone()].into()).await?;
    let none = BTreeSet::new();
    let queue_skills = queues.get(&queue).map_or(&none, |queue| &queue.required_skills);
    agent.can_do(&work.skills, queue_skills, work.escalation_level).map_err(|no| misfit(id, no))?;
    reporter.report(tx, context, &mut work, &facts);
    store::update_work(tx, &[(&key, &before, &work)]);
    Ok(work)
}

/// What the agent can take: of the queues that it serves, those that it has the skills for.
pub(super) async fn reach(
    connection: &impl ConnectionTrait,
    backend: Backend,
    tenant: &TenantId,
    agent: &Agent,
) -> Result<Reach, DbErr> {
    let ids: BTreeSet<(TenantId, QueueId)> = agent.queues.iter().map(|id| (tenant.clone(), id.clone())).collect();
    let queues = store::find_queues(connection, backend, &ids).await?;
    Ok(Reach {
        tenant: tenant.clone(),
        queues: queues
            .into_values()
            .filter(|queue| queue.required_skills.is_subset(&agent.skills))
            .map(|queue| queue.id)
            .collect(),
        skills: agent.skills.clone(),
        highest_escalation: agent.highest_escalation(),
    })
}
