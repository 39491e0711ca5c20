//! The hot changes of work, which share transactions: opening, progress, completion, clocks that ran out.
//!
//! A group locks all its work in key order, folds its commands over it in memory, one after the other, and writes each
//! table once. Several commands may concern the same work.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use durable::{GroupCommand, Tx, TxError};
use kernel::{RequestContext, ServiceError, TenantId, WorkItemId};

use super::check_clock::CheckClock;
use super::complete_work::CompleteWork;
use super::open_work::Opening;
use super::post_progress::PostProgress;
use super::report::Reporter;
use crate::domain::{Fact, Queue, QueueId, Sla, Work};
use crate::store::{self, Entry, WorkKey};
use crate::view;

/// A change that somebody asked for.
#[derive(Debug)]
pub(crate) struct WorkCommand {
    /// Who asked.
    pub(super) context: RequestContext,
    /// The request's id.
    pub(super) request_id: String,
    /// What is wanted.
    pub(super) change: Change,
}

/// What is wanted.
#[derive(Debug)]
pub(super) enum Change {
    Open(Opening),
    Post(PostProgress),
    Complete(CompleteWork),
    Check(CheckClock),
}

/// Carries out groups of [`WorkCommand`]s.
pub(crate) struct ChangeWork {
    reporter: Reporter,
    sla: Sla,
}

/// Work of a group: as it was (`None`: it did not exist) and as it is now.
struct Changed {
    before: Option<Work>,
    now: Work,
}

type Group = BTreeMap<WorkKey, Changed>;
type Queues = BTreeMap<(TenantId, QueueId), Queue>;

impl ChangeWork {
    pub(super) fn new(reporter: Reporter, sla: Sla) -> Self {
        Self { reporter, sla }
    }

    /// What one command does to the group's work: the facts, in the work that it leaves behind.
    fn fold(
        &self,
        tx: &Tx,
        command: &WorkCommand,
        group: &Group,
        queues: &Queues,
    ) -> Result<(Work, Vec<Fact>), ServiceError> {
        let key = command.key();
        let known = group.get(&key).map(|changed| &changed.now);
        match &command.change {
            Change::Open(opening) => opening.apply(&command.context, known, queues, &self.sla, tx.now()),
            Change::Post(post) => post.apply(&command.context, found(known, key.1)?, tx.now()),
            Change::Complete(complete) => complete.apply(&command.context, found(known, key.1)?, tx.now()),
            Change::Check(check) => Ok(check.apply(&command.request_id, found(known, key.1)?, tx.now())),
        }
    }
}

/// A copy of known work, to be changed.
fn found(known: Option<&Work>, id: WorkItemId) -> Result<Work, ServiceError> {
    known.cloned().ok_or_else(|| ServiceError::not_found(id))
}

impl WorkCommand {
    fn key(&self) -> WorkKey {
        let id = match &self.change {
            Change::Open(opening) => opening.id,
            Change::Post(post) => post.name,
            Change::Complete(complete) => complete.name,
            Change::Check(check) => check.name,
        };
        (self.context.tenant.clone(), id)
    }

    fn queue(&self) -> Option<(TenantId, QueueId)> {
        match &self.change {
            Change::Open(opening) => Some((self.context.tenant.clone(), opening.queue())),
            Change::Post(_) | Change::Complete(_) | Change::Check(_) => None,
        }
    }
}

#[async_trait]
impl GroupCommand for ChangeWork {
    const NAME: &'static str = "routing.change_work";
    type Command = WorkCommand;
    type Response = api::routing::WorkItem;

    async fn apply(
        &self,
        tx: &Tx,
        commands: &[&WorkCommand],
    ) -> Result<Vec<Result<Self::Response, ServiceError>>, TxError> {
        let keys: BTreeSet<WorkKey> = commands.iter().map(|command| command.key()).collect();
        let mut group: Group = store::lock_work(tx, &keys)
            .await?
            .into_iter()
            .map(|(key, work)| (key, Changed { before: Some(work.clone()), now: work }))
            .collect();
        let queues = commands.iter().filter_map(|command| command.queue()).collect();
        let queues = store::find_queues(tx.conn(), tx.backend(), &queues).await?;

        let mut results = Vec::with_capacity(commands.len());
        let mut entries = Vec::new();
        for command in commands {
            let (mut work, facts) = match self.fold(tx, command, &group, &queues) {
                Ok(done) => done,
                Err(refusal) => {
                    results.push(Err(refusal));
                    continue;
                }
            };
            self.reporter.report(tx, &command.context, &mut work, &facts);
            entries.extend(facts.into_iter().filter_map(|fact| entry_of(fact, command, &work)));
            results.push(Ok(view::work_item(&work)));
            match group.get_mut(&command.key()) {
                Some(changed) => changed.now = work,
                None => drop(group.insert(command.key(), Changed { before: None, now: work })),
            }
        }

        let opened: Vec<_> =
            group.iter().filter(|(_, w)| w.before.is_none()).map(|(key, work)| (key, &work.now)).collect();
        store::insert_work(tx, &opened);
        let changed = group.iter().filter_map(|(key, w)| Some((key, w.before.as_ref()?, &w.now)));
        let changed: Vec<_> = changed.filter(|(_, before, now)| before != now).collect();
        store::update_work(tx, &changed);
        store::insert_progress(tx, &entries);
        Ok(results)
    }
}

fn entry_of(fact: Fact, command: &WorkCommand, work: &Work) -> Option<Entry> {
    match fact {
        Fact::Posted(progress) => Some(Entry {
            work: command.key(),
            version: work.version,
            progress,
            posted_by: command.context.client.clone(),
            posted_at: work.updated_at,
        }),
        Fact::Opened { .. }
        | Fact::Claimed(_)
        | Fact::Breached { .. }
        | Fact::Escalated { .. }
        | Fact::Completed { .. }
        | Fact::ClockStarted { .. }
        | Fact::ClockStopped { .. } => None,
    }
}
