//! Hands work to a higher level of authority.

use api::method::routing_service::ESCALATE_WORK;
use kernel::{Answer, RequestContext, RequestKey, ServiceError, WorkItemId};
use serde::Serialize;

use super::App;
use super::refusal::refused;
use crate::store;
use crate::view;

/// The validated request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EscalateWork {
    /// Which work.
    pub(crate) name: WorkItemId,
    /// Why, in words that the customer may read.
    pub(crate) reason: String,
}

impl App {
    /// Escalates work: it waits for somebody with more authority, whoever held it.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `INVALID_TRANSITION` on final work and at the highest level.
    #[tracing::instrument(skip_all, name = "routing.escalate_work", fields(amends.work_item = %request.name))]
    pub(crate) async fn escalate_work(
        &self,
        context: RequestContext,
        request_id: &str,
        request: EscalateWork,
    ) -> Result<Answer<api::routing::WorkItem>, ServiceError> {
        let key = context.key(ESCALATE_WORK, request_id, RequestKey::hash_of(&request));
        let reporter = self.reporter.clone();
        let body = move |tx: durable::Tx| {
            let (context, request, reporter) = (context.clone(), request.clone(), reporter.clone());
            async move {
                let key = (context.tenant.clone(), request.name);
                let mut works = store::lock_work(&tx, &[key.clone()].into()).await?;
                let before = works.remove(&key).ok_or_else(|| ServiceError::not_found(request.name))?;
                let mut work = before.clone();
                let facts = work.escalate(request.reason, tx.now()).map_err(|no| refused(request.name, no))?;
                reporter.report(&tx, &context, &mut work, &facts);
                store::update_work(&tx, &[(&key, &before, &work)]);
                Ok(view::work_item(&work))
            }
        };
        let answer = self.engine.mutate("routing.escalate_work", key, body).await?;
        self.wake_desk_for(&answer.message);
        Ok(answer)
    }
}
