//! Records what was told to the customer, or a note.

use api::method::routing_service::POST_PROGRESS;
use kernel::{Answer, RequestContext, RequestKey, ServiceError, Timestamp, WorkItemId};
use serde::Serialize;

use super::App;
use super::change_work::{Change, WorkCommand};
use super::refusal::refused;
use crate::domain::{Fact, Progress, Refusal, Work};

/// The validated request.
#[derive(Debug, Serialize)]
pub(crate) struct PostProgress {
    /// On which work.
    pub(crate) name: WorkItemId,
    /// What to record.
    pub(crate) progress: Progress,
}

impl App {
    /// Records progress.
    ///
    /// # Errors
    /// NOT_FOUND; INVALID_ARGUMENT for a promise in the past; FAILED_PRECONDITION `INVALID_TRANSITION` on final work,
    /// except for a service of the suite: its word is late, not wrong, and nothing happens.
    #[tracing::instrument(skip_all, name = "routing.post_progress", fields(amends.work_item = %request.name))]
    pub(crate) async fn post_progress(
        &self,
        context: RequestContext,
        request_id: String,
        request: PostProgress,
    ) -> Result<Answer<api::routing::WorkItem>, ServiceError> {
        let key = context.key(POST_PROGRESS, &request_id, RequestKey::hash_of(&request));
        let change = Change::Post(request);
        let answer = self.work.submit(key, WorkCommand { context, request_id, change }).await?;
        self.wake_desk_for(&answer.message);
        Ok(answer)
    }
}

impl PostProgress {
    pub(super) fn apply(
        &self,
        context: &RequestContext,
        mut work: Work,
        now: Timestamp,
    ) -> Result<(Work, Vec<Fact>), ServiceError> {
        match work.post(self.progress.clone(), now) {
            Ok(facts) => Ok((work, facts)),
            Err(Refusal::Final(_)) if is_service(context) => Ok((work, Vec::new())),
            Err(refusal) => Err(refused(self.name, refusal)),
        }
    }
}

/// True when a service of the suite asks, by a durable call: what it says is true, and may be late.
pub(super) fn is_service(context: &RequestContext) -> bool {
    context.client.starts_with("service:")
}
