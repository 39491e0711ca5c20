//! Gets and lists, which change nothing.

use api::routing as wire;
use durable::TxError;
use kernel::{AgentId, PageSize, RequestContext, ResourceId as _, ServiceError, WorkItemId};
use uuid::Uuid;

use super::App;
use crate::domain::{Queue, QueueId};
use crate::store::{self, AgentPage, WorkCursor, WorkFilter};
use crate::view;

impl App {
    /// A queue.
    ///
    /// # Errors
    /// NOT_FOUND.
    pub(crate) async fn get_queue(&self, context: &RequestContext, id: &QueueId) -> Result<wire::Queue, ServiceError> {
        let key = (context.tenant.clone(), id.clone());
        let found = store::find_queues(self.engine.read(), self.engine.db().backend(), &[key.clone()].into()).await;
        let queue: Option<Queue> = found.map_err(storage)?.remove(&key);
        queue.map(|queue| view::queue(&queue)).ok_or_else(|| ServiceError::not_found(id))
    }

    /// Queues by name.
    ///
    /// # Errors
    /// INVALID_ARGUMENT `BAD_PAGE_TOKEN`.
    pub(crate) async fn list_queues(
        &self,
        context: &RequestContext,
        size: PageSize,
        token: &str,
    ) -> Result<wire::ListQueuesResponse, ServiceError> {
        let query = "ListQueues";
        let after: Option<QueueId> = self.tokens.open(&context.tenant, &query, token)?;
        let mut queues = store::list_queues(self.engine.read(), &context.tenant, after.as_ref(), size.get() + 1)
            .await
            .map_err(storage)?;
        let last = cut(&mut queues, size);
        Ok(wire::ListQueuesResponse {
            next_page_token: last.map_or_else(String::new, |q| self.tokens.seal(&context.tenant, &query, &q.id)),
            queues: queues.iter().map(view::queue).collect(),
        })
    }

    /// An agent.
    ///
    /// # Errors
    /// NOT_FOUND.
    pub(crate) async fn get_agent(&self, context: &RequestContext, id: AgentId) -> Result<wire::Agent, ServiceError> {
        let found = store::find_agent(self.engine.read(), self.engine.db().backend(), &context.tenant, id).await;
        let (agent, held) = found.map_err(storage)?.ok_or_else(|| ServiceError::not_found(id))?;
        Ok(view::agent(&agent, held))
    }

    /// Agents, the oldest first.
    ///
    /// # Errors
    /// INVALID_ARGUMENT `BAD_PAGE_TOKEN`.
    pub(crate) async fn list_agents(
        &self,
        context: &RequestContext,
        size: PageSize,
        token: &str,
    ) -> Result<wire::ListAgentsResponse, ServiceError> {
        let query = "ListAgents";
        let after: Option<(i64, Uuid)> = self.tokens.open(&context.tenant, &query, token)?;
        let page = AgentPage { after, limit: size.get() + 1 };
        let backend = self.engine.db().backend();
        let mut agents =
            store::list_agents(self.engine.read(), backend, &context.tenant, &page).await.map_err(storage)?;
        let last = cut(&mut agents, size).map(|(agent, _)| (agent.created_at.micros(), agent.id.uuid()));
        Ok(wire::ListAgentsResponse {
            next_page_token: last.map_or_else(String::new, |last| self.tokens.seal(&context.tenant, &query, &last)),
            agents: agents.iter().map(|(agent, held)| view::agent(agent, *held)).collect(),
        })
    }

    /// A work item.
    ///
    /// # Errors
    /// NOT_FOUND.
    pub(crate) async fn get_work_item(
        &self,
        context: &RequestContext,
        id: WorkItemId,
    ) -> Result<wire::WorkItem, ServiceError> {
        let found = store::find_work(self.engine.read(), self.engine.db().backend(), &context.tenant, id).await;
        found.map_err(storage)?.map(|work| view::work_item(&work)).ok_or_else(|| ServiceError::not_found(id))
    }

    /// Work items, the most urgent first.
    ///
    /// # Errors
    /// INVALID_ARGUMENT `BAD_PAGE_TOKEN`.
    pub(crate) async fn list_work_items(
        &self,
        context: &RequestContext,
        filter: &WorkFilter,
        size: PageSize,
        token: &str,
    ) -> Result<wire::ListWorkItemsResponse, ServiceError> {
        let query = ("ListWorkItems", filter);
        let after: Option<WorkCursor> = self.tokens.open(&context.tenant, &query, token)?;
        let (read, backend) = (self.engine.read(), self.engine.db().backend());
        let mut works =
            store::list_work(read, backend, &context.tenant, filter, after, size.get() + 1).await.map_err(storage)?;
        let last = cut(&mut works, size).map(WorkCursor::after);
        Ok(wire::ListWorkItemsResponse {
            next_page_token: last.map_or_else(String::new, |last| self.tokens.seal(&context.tenant, &query, &last)),
            work_items: works.iter().map(view::work_item).collect(),
        })
    }
}

/// Cuts off the row beyond the page, and gives the last one of the page when there was one: the page has a next.
fn cut<T>(rows: &mut Vec<T>, size: PageSize) -> Option<&T> {
    let size = usize::try_from(size.get()).unwrap_or(usize::MAX);
    if rows.len() <= size {
        return None;
    }
    rows.truncate(size);
    rows.last()
}

/// A failed read.
pub(super) fn storage(error: sea_orm::DbErr) -> ServiceError {
    ServiceError::from(TxError::from(error))
}
