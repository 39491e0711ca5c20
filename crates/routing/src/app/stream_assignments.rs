//! Streams to an agent's desk what is assigned to the agent, and takes waiting work for the agent while it is open.
//!
//! Each look takes what fits as long as there is room, then sends what the agent holds and was not sent yet. A look
//! follows each commit in this process that may have brought work or made room, and a pause, for commits elsewhere.
//! The state of the stream is the database's: when a stream breaks, the next one sends what is held.

use std::collections::{BTreeSet, VecDeque};

use durable::TxError;
use futures::Stream;
use futures::stream::unfold;
use kernel::{AgentId, RequestContext, ServiceError, WorkItemId};
use tokio::sync::watch;

use super::App;
use super::claim_work::{ClaimWork, claim, reach};
use crate::domain::Agent;
use crate::store;
use crate::view;

type Item = Result<api::routing::WorkItem, ServiceError>;

/// One open stream.
struct Desk {
    app: App,
    context: RequestContext,
    agent: AgentId,
    woken: watch::Receiver<()>,
    /// What the agent holds and was sent.
    sent: BTreeSet<WorkItemId>,
    waiting: VecDeque<api::routing::WorkItem>,
    failed: bool,
}

impl App {
    /// Opens a stream of assignments. It ends with the first error.
    ///
    /// # Errors
    /// NOT_FOUND for the agent.
    #[tracing::instrument(skip_all, name = "routing.stream_assignments", fields(amends.agent = %agent))]
    pub(crate) async fn stream_assignments(
        &self,
        context: RequestContext,
        agent: AgentId,
    ) -> Result<impl Stream<Item = Item> + Send + use<>, ServiceError> {
        self.get_agent(&context, agent).await?;
        let desk = Desk {
            app: self.clone(),
            context,
            agent,
            woken: self.desk.subscribe(),
            sent: BTreeSet::new(),
            waiting: VecDeque::new(),
            failed: false,
        };
        Ok(unfold(desk, |mut desk| async move { Some((desk.next().await?, desk)) }))
    }
}

impl Desk {
    async fn next(&mut self) -> Option<Item> {
        if self.failed {
            return None;
        }
        loop {
            if let Some(work) = self.waiting.pop_front() {
                return Some(Ok(work));
            }
            // Before the look: what is committed during it wakes us again.
            self.woken.mark_unchanged();
            if let Err(error) = self.look().await {
                self.failed = true;
                return Some(Err(error.into()));
            }
            if self.waiting.is_empty() {
                // The outcome does not matter: woken or not, it is time to look.
                let _ = tokio::time::timeout(self.app.assignment_poll, self.woken.changed()).await;
            }
        }
    }

    /// Takes what fits, and lines up what was not sent yet.
    async fn look(&mut self) -> Result<(), TxError> {
        let backend = self.app.engine.db().backend();
        loop {
            let read = self.app.engine.read();
            let found = store::find_agent(read, backend, &self.context.tenant, self.agent).await?;
            let (agent, held) = found.ok_or_else(|| ServiceError::not_found(self.agent))?;
            if agent.may_take(held).is_err() || !self.take_one(&agent).await? {
                break;
            }
        }
        let read = self.app.engine.read();
        let held = store::held_work(read, backend, &self.context.tenant, self.agent).await?;
        // Work that left the agent is sent again when it comes back.
        self.sent.retain(|id| held.contains(id));
        for id in held {
            if self.sent.contains(&id) {
                continue;
            }
            let work = store::find_work(read, backend, &self.context.tenant, id).await?;
            if let Some(work) = work.filter(|work| work.agent == Some(self.agent)) {
                self.sent.insert(id);
                self.waiting.push_back(view::work_item(&work));
            }
        }
        Ok(())
    }

    /// Claims the most urgent work that fits; false when there is none.
    async fn take_one(&self, agent: &Agent) -> Result<bool, TxError> {
        let (read, backend) = (self.app.engine.read(), self.app.engine.db().backend());
        // A cheap look first: most looks find nothing.
        let reach = reach(read, backend, &self.context.tenant, agent).await?;
        if !store::something_fits(read, backend, &reach).await? {
            return Ok(false);
        }
        let (engine, reporter) = (self.app.engine.clone(), self.app.reporter.clone());
        let (context, request) = (self.context.clone(), ClaimWork { agent: self.agent, work_item: None });
        // Detached: the transaction is not cut off when the caller leaves.
        let claimed = self.app.engine.spawn(async move {
            let body = |tx| {
                let (context, reporter) = (context.clone(), reporter.clone());
                async move { claim(&tx, &context, &reporter, request).await.map(drop) }
            };
            engine.run_tx("routing.assign_work", body).await
        });
        match claimed.await {
            Ok(Ok(())) => Ok(true),
            // Somebody else took it, or the agent's presence changed meanwhile.
            Ok(Err(error)) if is_no(&error) => Ok(false),
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(ServiceError::internal(error).into()),
        }
    }
}

fn is_no(error: &ServiceError) -> bool {
    matches!(error.code, kernel::ErrorCode::FailedPrecondition | kernel::ErrorCode::NotFound)
}
