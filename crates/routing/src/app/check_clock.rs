//! Checks one clock against the time: what a clock's timer calls.

use api::method::routing_service::CHECK_CLOCK;
use kernel::{Answer, RequestContext, RequestKey, ServiceError, Timestamp, WorkItemId};
use serde::Serialize;

use super::App;
use super::change_work::{Change, WorkCommand};
use crate::domain::{ClockKind, Fact, Work};

/// The validated request.
#[derive(Debug, Serialize)]
pub(crate) struct CheckClock {
    /// Which work.
    pub(crate) name: WorkItemId,
    /// Which of its clocks.
    pub(crate) clock: ClockKind,
}

impl App {
    /// Records a breach and escalates when the clock has run out; does nothing otherwise.
    ///
    /// # Errors
    /// NOT_FOUND.
    #[tracing::instrument(skip_all, name = "routing.check_clock", fields(amends.work_item = %request.name))]
    pub(crate) async fn check_clock(
        &self,
        context: RequestContext,
        request_id: String,
        request: CheckClock,
    ) -> Result<Answer<api::routing::WorkItem>, ServiceError> {
        let key = context.key(CHECK_CLOCK, &request_id, RequestKey::hash_of(&request));
        let change = Change::Check(request);
        let answer = self.work.submit(key, WorkCommand { context, request_id, change }).await?;
        self.wake_desk_for(&answer.message);
        Ok(answer)
    }
}

impl CheckClock {
    pub(super) fn apply(&self, request_id: &str, mut work: Work, now: Timestamp) -> (Work, Vec<Fact>) {
        let facts = work.check(self.clock, request_id, now);
        (work, facts)
    }
}
