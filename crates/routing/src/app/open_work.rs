//! Opens work for a case and starts its clocks.

use std::collections::{BTreeMap, BTreeSet};

use api::method::routing_service::OPEN_WORK;
use api::reason;
use kernel::{Answer, CaseId, ErrorCode, RequestContext, RequestKey, ServiceError, TenantId, Timestamp, WorkItemId};
use serde::Serialize;

use super::App;
use super::change_work::{Change, WorkCommand};
use crate::domain::{Fact, NewWork, Queue, QueueId, Severity, Sla, Work};

/// The validated request.
#[derive(Debug, Serialize)]
pub(crate) struct OpenWork {
    /// The caller's choice of the id, when there is one.
    pub(crate) id: Option<WorkItemId>,
    /// The case that it serves.
    pub(crate) case: CaseId,
    /// What is to be done.
    pub(crate) title: String,
    /// What the agent must know.
    pub(crate) handover: String,
    /// How badly the customer was hit.
    pub(crate) severity: Severity,
    /// The queue; the one for the severity when none is given.
    pub(crate) queue: Option<QueueId>,
    /// What the agent must be able to do.
    pub(crate) skills: BTreeSet<String>,
    /// The recovery runs by itself.
    pub(crate) unattended: bool,
}

/// The request with the id that the work gets.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) id: WorkItemId,
    request: OpenWork,
}

impl App {
    /// Opens work.
    ///
    /// # Errors
    /// ALREADY_EXISTS `WORK_ITEM_EXISTS`; NOT_FOUND for the queue.
    #[tracing::instrument(skip_all, name = "routing.open_work", fields(amends.case = %request.case))]
    pub(crate) async fn open_work(
        &self,
        context: RequestContext,
        request_id: String,
        request: OpenWork,
    ) -> Result<Answer<api::routing::WorkItem>, ServiceError> {
        let key = context.key(OPEN_WORK, &request_id, RequestKey::hash_of(&request));
        let id = request.id.unwrap_or_else(|| self.engine.new_id().into());
        let change = Change::Open(Opening { id, request });
        let answer = self.work.submit(key, WorkCommand { context, request_id, change }).await?;
        self.wake_desk_for(&answer.message);
        Ok(answer)
    }
}

impl Opening {
    /// The queue that the work goes to.
    pub(super) fn queue(&self) -> QueueId {
        self.request.queue.clone().unwrap_or_else(|| QueueId::for_severity(self.request.severity))
    }

    pub(super) fn apply(
        &self,
        context: &RequestContext,
        known: Option<&Work>,
        queues: &BTreeMap<(TenantId, QueueId), Queue>,
        sla: &Sla,
        now: Timestamp,
    ) -> Result<(Work, Vec<Fact>), ServiceError> {
        if known.is_some() {
            let text = format!("{} exists already", self.id);
            let exists = ServiceError::new(ErrorCode::AlreadyExists, reason::routing::WORK_ITEM_EXISTS, text);
            return Err(exists.with("resource", self.id));
        }
        let id = self.queue();
        let queue = queues.get(&(context.tenant.clone(), id.clone())).ok_or_else(|| ServiceError::not_found(&id))?;
        let (acknowledge_within, resolve_within) = sla.allowed(queue, self.request.severity);
        let new = NewWork {
            tenant: context.tenant.clone(),
            id: self.id,
            case: self.request.case,
            title: self.request.title.clone(),
            handover: self.request.handover.clone(),
            severity: self.request.severity,
            queue: id,
            skills: self.request.skills.clone(),
            unattended: self.request.unattended,
            acknowledge_within,
            resolve_within,
            journey: context.journey.clone(),
        };
        Ok(Work::open(new, now))
    }
}
