//! Group commit for hot commands: whoever waits shares the next transaction, and one statement per table serves all.
//!
//! A bounded queue, workers that take what is there without waiting for more, and isolation: when one command breaks a
//! constraint the group is undone and its commands are run one by one, so that none fails for its neighbour.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use kernel::{Answer, RequestKey, ServiceError};
use prost::Message;
use tokio::sync::{Mutex, OwnedSemaphorePermit, mpsc, oneshot};

use crate::engine::{WeakEngine, overloaded};
use crate::error::TxError;
use crate::group::{self, Answered, GroupFailure, MAX_GROUP, Results, settle_failure};
use crate::mutate::decode;
use crate::{Backend, Engine, Tx};

/// Items (see [`GroupCommand::weight`]) that share one transaction at most.
const MAX_WEIGHT: usize = 512;

/// A command that is carried out for a whole group at once.
#[async_trait]
pub trait GroupCommand: Send + Sync + 'static {
    /// Name of the transaction, `<service>.<use_case>`.
    const NAME: &'static str;
    /// One caller's validated command.
    type Command: Send + Sync + 'static;
    /// One caller's response.
    type Response: Message + Default;

    /// How many items a command carries; bounds the size of a transaction.
    fn weight(_command: &Self::Command) -> usize {
        1
    }

    /// Carries out the commands, one statement per table for all of them; may be run several times. One result per
    /// command, in order. A command that is rejected writes nothing and enqueues nothing.
    ///
    /// # Errors
    /// When the database fails; the whole group is undone.
    async fn apply(
        &self,
        tx: &Tx,
        commands: &[&Self::Command],
    ) -> Result<Vec<Result<Self::Response, ServiceError>>, TxError>;
}

struct Job<C> {
    key: RequestKey,
    command: C,
    answer: oneshot::Sender<Answered>,
    slot: OwnedSemaphorePermit,
}

/// The queue and the workers of one hot command. Cheap to clone.
pub struct Writer<G: GroupCommand> {
    engine: Engine,
    queue: mpsc::Sender<Job<G::Command>>,
}

impl<G: GroupCommand> Clone for Writer<G> {
    fn clone(&self) -> Self {
        Self { engine: self.engine.clone(), queue: self.queue.clone() }
    }
}

impl<G: GroupCommand> fmt::Debug for Writer<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("name", &G::NAME).finish_non_exhaustive()
    }
}

impl<G: GroupCommand> Writer<G> {
    /// Starts the workers.
    pub fn start(engine: &Engine, command: G) -> Self {
        let (queue, jobs) = mpsc::channel(engine.config().writer_queue);
        let jobs = Arc::new(Mutex::new(jobs));
        let command = Arc::new(command);
        let workers = match engine.db().backend() {
            Backend::Postgres => engine.config().writer_workers.max(1),
            Backend::Sqlite => 1,
        };
        for _ in 0..workers {
            engine.spawn(work(engine.downgrade(), Arc::clone(&command), Arc::clone(&jobs)));
        }
        Self { engine: engine.clone(), queue }
    }

    /// Carries out a command once, in the next group. As [`Engine::mutate`] otherwise.
    ///
    /// # Errors
    /// As [`Engine::mutate`].
    pub async fn submit(&self, key: RequestKey, command: G::Command) -> Result<Answer<G::Response>, ServiceError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { key, command, answer, slot: self.engine.take_slot()? };
        self.queue.try_send(job).map_err(|_| overloaded())?;
        decode(answered.await.map_err(|_| ServiceError::internal(format!("{} ended without an answer", G::NAME)))?)
    }
}

type Jobs<C> = Arc<Mutex<mpsc::Receiver<Job<C>>>>;

async fn work<G: GroupCommand>(engine: WeakEngine, command: Arc<G>, jobs: Jobs<G::Command>) {
    loop {
        let mut waiting = Vec::with_capacity(MAX_GROUP);
        if jobs.lock().await.recv_many(&mut waiting, MAX_GROUP).await == 0 {
            return;
        }
        let Some(engine) = engine.upgrade() else { return };
        for group in by_weight::<G>(waiting) {
            run_group(&engine, &command, group).await;
        }
    }
}

/// Splits what waits so that no transaction carries more than [`MAX_WEIGHT`] items, but at least one command.
fn by_weight<G: GroupCommand>(waiting: Vec<Job<G::Command>>) -> Vec<Vec<Job<G::Command>>> {
    let mut groups: Vec<Vec<Job<G::Command>>> = Vec::new();
    let mut weight = 0;
    for job in waiting {
        let added = G::weight(&job.command).max(1);
        match groups.last_mut() {
            Some(group) if weight + added <= MAX_WEIGHT => {
                weight += added;
                group.push(job);
            }
            _ => {
                weight = added;
                groups.push(vec![job]);
            }
        }
    }
    groups
}

async fn run_group<G: GroupCommand>(engine: &Engine, command: &Arc<G>, jobs: Vec<Job<G::Command>>) {
    let keys: Vec<RequestKey> = jobs.iter().map(|job| job.key.clone()).collect();
    let result = {
        let jobs = &jobs;
        let work = move |tx: Tx, indices: Vec<usize>| -> BoxFuture<'_, Result<Results, TxError>> {
            Box::pin(async move {
                let commands: Vec<&G::Command> = indices.iter().map(|&index| &jobs[index].command).collect();
                let responses = command.apply(&tx, &commands).await?;
                Ok(responses.into_iter().map(|response| response.map(|message| message.encode_to_vec())).collect())
            })
        };
        group::commit(engine, G::NAME, &keys, &work).await
    };
    match result {
        Ok(answers) => {
            for (job, answer) in jobs.into_iter().zip(answers) {
                give(job, answer);
            }
        }
        Err(GroupFailure::All(error)) => {
            for job in jobs {
                give(job, Answered { outcome: Err(error.clone()), replayed: false });
            }
        }
        Err(GroupFailure::Isolate(failure)) => {
            let alone = jobs.len() == 1;
            let mut failure = Some(failure);
            for job in jobs {
                match failure.take().filter(|_| alone) {
                    Some(failure) => {
                        let answer = settle_failure(engine, G::NAME, &job.key, failure).await;
                        give(job, answer);
                    }
                    None => Box::pin(run_group(engine, command, vec![job])).await,
                }
            }
        }
    }
}

fn give<C>(job: Job<C>, answer: Answered) {
    // A caller that has left gets its answer from the log when it comes again.
    let _ = job.answer.send(answer);
    drop(job.slot);
}
