//! Says that the work is done and stops its clocks.

use api::method::routing_service::COMPLETE_WORK;
use kernel::{Answer, RequestContext, RequestKey, ServiceError, Timestamp, WorkItemId};
use serde::Serialize;

use super::App;
use super::change_work::{Change, WorkCommand};
use super::post_progress::is_service;
use super::refusal::refused;
use crate::domain::{Fact, Refusal, Work};

/// The validated request.
#[derive(Debug, Serialize)]
pub(crate) struct CompleteWork {
    /// Which work.
    pub(crate) name: WorkItemId,
    /// What was done.
    pub(crate) resolution: String,
}

impl App {
    /// Completes work; completed work stays as it is.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `INVALID_TRANSITION` on cancelled work, except for a service of the suite.
    #[tracing::instrument(skip_all, name = "routing.complete_work", fields(amends.work_item = %request.name))]
    pub(crate) async fn complete_work(
        &self,
        context: RequestContext,
        request_id: String,
        request: CompleteWork,
    ) -> Result<Answer<api::routing::WorkItem>, ServiceError> {
        let key = context.key(COMPLETE_WORK, &request_id, RequestKey::hash_of(&request));
        let change = Change::Complete(request);
        let answer = self.work.submit(key, WorkCommand { context, request_id, change }).await?;
        self.wake_desk_for(&answer.message);
        Ok(answer)
    }
}

impl CompleteWork {
    pub(super) fn apply(
        &self,
        context: &RequestContext,
        mut work: Work,
        now: Timestamp,
    ) -> Result<(Work, Vec<Fact>), ServiceError> {
        match work.complete(self.resolution.clone(), now) {
            Ok(facts) => Ok((work, facts)),
            Err(Refusal::Transition(_)) if is_service(context) => Ok((work, Vec::new())),
            Err(refusal) => Err(refused(self.name, refusal)),
        }
    }
}
