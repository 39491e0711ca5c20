//! The one way in which mutations commit: a group of one or many, each with its own key, its own answer and its own
//! place in its lane, in one transaction.
//!
//! The log is read before and written after the work. When another process answered one of the requests in between,
//! the insert finds its row: the group is undone and run again, and then finds the answer.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use kernel::{RequestKey, ServiceError, reason};
use sea_orm::DbErr;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::engine::{WeakEngine, overloaded};
use crate::error::{DbFailure, LOST_RACE, TxError, classify, to_service_error};
use crate::inbound::{self, Lanes, LogKey, Outcome, log_key};
use crate::tx::{TxFailure, pause};
use crate::{Engine, Tx};

/// Requests that share one transaction at most.
pub(crate) const MAX_GROUP: usize = 64;
/// How often a group is run again because others were faster, or because COMMIT's answer was lost.
const MAX_ROUNDS: u32 = 8;

/// An answer, and whether it comes from the log.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) outcome: Result<Vec<u8>, ServiceError>,
    pub(crate) replayed: bool,
}

/// What the work of a group gives back: one result for each of its fresh requests.
pub(crate) type Results = Vec<Result<Vec<u8>, ServiceError>>;

/// Does the work of the requests at these indices of the group.
pub(crate) type Work<'a> = dyn Fn(Tx, Vec<usize>) -> BoxFuture<'a, Result<Results, TxError>> + Send + Sync + 'a;

/// Why a group has no answers.
pub(crate) enum GroupFailure {
    /// A request's work was undone by its own rejection or by a constraint: run the requests one by one.
    Isolate(TxFailure),
    /// Nothing can be said about any of them.
    All(ServiceError),
}

enum Round {
    Answers(Vec<Answered>),
    Lost,
}

/// Commits a group.
pub(crate) async fn commit<'a>(
    engine: &Engine,
    name: &'static str,
    keys: &[RequestKey],
    work: &'a Work<'a>,
) -> Result<Vec<Answered>, GroupFailure> {
    let mut round = 1;
    loop {
        let attempt = engine.attempt_tx(name, |tx| one_round(tx, keys, work));
        // A panic undoes the transaction like a failure, and must not take the worker or the neighbours with it.
        let result =
            AssertUnwindSafe(attempt).catch_unwind().await.unwrap_or_else(|_| Err(TxFailure::Rejected(panicked(name))));
        let last = match result {
            Ok(Round::Answers(answers)) => {
                for (key, answer) in keys.iter().zip(&answers) {
                    if answer.replayed {
                        engine.measures().replayed(key.method);
                    } else if matches!(&answer.outcome, Err(error) if error.reason == reason::IDEMPOTENCY_KEY_REUSED) {
                        engine.measures().mismatched(key.method);
                    }
                }
                return Ok(answers);
            }
            Ok(Round::Lost) => unknown("another request with the same key was answered meanwhile"),
            // The answer to COMMIT was lost. The log knows: found there, it was durable; not found, it is done again.
            Err(TxFailure::Unknown(error)) => unknown(error),
            Err(TxFailure::Rejected(error)) if error.reason == LOST_RACE => unknown("lost a race"),
            // A twin in another process may have been faster and have written the same rows: then the log has it now.
            Err(TxFailure::Db(error)) if keys.len() == 1 && round < 3 && classify(&error) == DbFailure::Constraint => {
                ServiceError::internal(error)
            }
            // Nothing of it is durable, and the next connection may lead to a database that is up again.
            Err(TxFailure::Db(error))
                if classify(&error) == DbFailure::Unavailable && !matches!(error, DbErr::ConnectionAcquire(_)) =>
            {
                to_service_error(&error)
            }
            Err(failure) => return Err(GroupFailure::Isolate(failure)),
        };
        if round == MAX_ROUNDS {
            return Err(GroupFailure::All(last));
        }
        tracing::debug!(tx = name, round, "group is run again");
        pause(round).await;
        round += 1;
    }
}

async fn one_round<'a>(tx: Tx, keys: &[RequestKey], work: &'a Work<'a>) -> Result<Round, TxError> {
    // The lanes first: a twin that commits between the two statements is found in the log. The other way round its place
    // would be seen as taken and its answer not, as if a stranger had taken the place.
    let mut lanes = Lanes::load(&tx, keys).await?;
    let logged = inbound::find(&tx, keys).await?;
    let mut answers: Vec<Option<Answered>> = vec![None; keys.len()];
    let mut first: BTreeMap<LogKey, usize> = BTreeMap::new();
    let mut twins: Vec<(usize, usize)> = Vec::new();
    let mut fresh: Vec<usize> = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let log_key = log_key(key);
        if let Some(found) = logged.get(&log_key) {
            answers[index] = Some(replay(key, &found.request_hash, &found.outcome));
        } else if let Some(&twin) = first.get(&log_key) {
            twins.push((index, twin));
        } else {
            first.insert(log_key, index);
            fresh.push(index);
        }
    }

    fresh.sort_by_key(|&index| keys[index].lane.as_ref().map_or(0, |lane| lane.seq));
    let mut admitted = Vec::with_capacity(fresh.len());
    for index in fresh {
        match lanes.advance(&keys[index]) {
            Ok(()) => admitted.push(index),
            Err(error) => answers[index] = Some(Answered { outcome: Err(error), replayed: false }),
        }
    }

    if !admitted.is_empty() {
        let results = work(tx.clone(), admitted.clone()).await?;
        if results.len() != admitted.len() {
            return Err(DbErr::Custom("a group command must answer every request".to_owned()).into());
        }
        // A call in a lane that is refused for now must not take its place.
        if admitted.iter().zip(&results).any(|(&index, result)| {
            keys[index].lane.is_some() && matches!(result, Err(error) if !error.is_definitive())
        }) && admitted.len() > 1
        {
            return Err(DbErr::Custom("a call in a lane was refused for now".to_owned()).into());
        }
        let mut outcomes: Vec<(usize, Outcome)> = Vec::new();
        for (&index, result) in admitted.iter().zip(results) {
            match &result {
                Ok(bytes) => outcomes.push((index, Outcome::Response(bytes.clone()))),
                Err(error) if error.is_definitive() => {
                    outcomes.push((index, Outcome::Rejection(recorded(error.clone()))));
                }
                Err(error) if keys[index].lane.is_some() => return Err(TxError::Rejected(error.clone())),
                Err(_) => {}
            }
            let outcome = result.map_err(|error| if error.is_definitive() { recorded(error) } else { error });
            answers[index] = Some(Answered { outcome, replayed: false });
        }
        let rows: Vec<(&RequestKey, &Outcome)> =
            outcomes.iter().map(|(index, outcome)| (&keys[*index], outcome)).collect();
        inbound::record(&tx, &rows)?;
        lanes.store(&tx);
    }
    for (index, twin) in twins {
        answers[index] = match &answers[twin] {
            // The first one is not on record: its twin is a request of its own.
            Some(Answered { outcome: Err(error), .. }) if !error.is_definitive() => {
                return Err(
                    DbErr::Custom("a request was refused for now, and another one has its key".to_owned()).into()
                );
            }
            _ if keys[index].request_hash != keys[twin].request_hash => {
                Some(Answered { outcome: Err(key_reused()), replayed: false })
            }
            answer => answer.clone().map(|answer| Answered { replayed: true, ..answer }),
        };
    }
    let answers: Option<Vec<Answered>> = answers.into_iter().collect();
    Ok(answers.map_or(Round::Lost, Round::Answers))
}

/// The stored answer of a request, unless another request came with its key.
pub(crate) fn replay(key: &RequestKey, stored_hash: &[u8], outcome: &Outcome) -> Answered {
    if stored_hash != key.request_hash {
        return Answered { outcome: Err(key_reused()), replayed: false };
    }
    let outcome = match outcome {
        Outcome::Response(bytes) => Ok(bytes.clone()),
        Outcome::Rejection(error) => Err(error.clone()),
    };
    Answered { outcome, replayed: true }
}

/// Says to a sender of durable calls that the no is on record, so that its lane may go on.
pub(crate) fn recorded(error: ServiceError) -> ServiceError {
    error.with("recorded", "true")
}

fn key_reused() -> ServiceError {
    ServiceError::new(
        kernel::ErrorCode::InvalidArgument,
        reason::IDEMPOTENCY_KEY_REUSED,
        "this request_id was used for another request; use a new one for a new request",
    )
    // Not stored: the key belongs to the first request.
    .transient()
}

/// A sender of durable calls parks what makes its receiver panic again and again.
fn panicked(name: &str) -> ServiceError {
    ServiceError::internal(format!("{name} panicked")).with("panicked", true)
}

fn unknown(cause: impl std::fmt::Display) -> ServiceError {
    ServiceError::unavailable(
        reason::STORAGE_UNAVAILABLE,
        "whether the request was carried out is not known yet; send it again with the same request_id",
        std::time::Duration::from_millis(500),
    )
    .caused_by(cause)
}

/// The work of one single mutation.
pub(crate) type Body = Arc<dyn Fn(Tx) -> BoxFuture<'static, Result<Vec<u8>, TxError>> + Send + Sync>;

/// A mutation that waits for its turn.
pub(crate) struct Mutation {
    pub(crate) name: &'static str,
    pub(crate) key: RequestKey,
    pub(crate) body: Body,
    pub(crate) answer: oneshot::Sender<Answered>,
    /// Held until the answer is given.
    pub(crate) slot: OwnedSemaphorePermit,
}

/// The queue in which single mutations wait for the one writer of SQLite.
pub(crate) struct MutationQueue(mpsc::Sender<Mutation>);

/// The other end of the queue.
pub(crate) struct MutationWorker(mpsc::Receiver<Mutation>);

impl MutationQueue {
    pub(crate) fn new(capacity: usize) -> (Self, MutationWorker) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self(sender), MutationWorker(receiver))
    }

    pub(crate) fn submit(&self, mutation: Mutation) -> Result<(), ServiceError> {
        self.0.try_send(mutation).map_err(|_| overloaded())
    }
}

impl MutationWorker {
    /// Takes what waits, commits it as one group, and goes on until the engine is gone.
    pub(crate) async fn run(mut self, engine: WeakEngine) {
        let mut waiting = Vec::with_capacity(MAX_GROUP);
        while self.0.recv_many(&mut waiting, MAX_GROUP).await > 0 {
            let Some(engine) = engine.upgrade() else { return };
            run_mutations(&engine, std::mem::take(&mut waiting)).await;
        }
    }
}

/// Runs mutations as one group, or one by one when one of them would fail the others.
pub(crate) async fn run_mutations(engine: &Engine, mutations: Vec<Mutation>) {
    let keys: Vec<RequestKey> = mutations.iter().map(|mutation| mutation.key.clone()).collect();
    let bodies: Vec<Body> = mutations.iter().map(|mutation| Arc::clone(&mutation.body)).collect();
    let name = if mutations.len() == 1 { mutations[0].name } else { "durable.group" };
    let work = |tx: Tx, indices: Vec<usize>| -> BoxFuture<'_, Result<Results, TxError>> {
        let bodies = &bodies;
        Box::pin(async move {
            let mut results = Vec::with_capacity(indices.len());
            for index in indices {
                results.push(Ok(bodies[index](tx.clone()).await?));
                // The next one may read what this one has written.
                tx.write_now().await?;
            }
            Ok(results)
        })
    };
    match commit(engine, name, &keys, &work).await {
        Ok(answers) => {
            for (mutation, answer) in mutations.into_iter().zip(answers) {
                give(mutation, answer);
            }
        }
        Err(GroupFailure::All(error)) => {
            for mutation in mutations {
                give(mutation, Answered { outcome: Err(error.clone()), replayed: false });
            }
        }
        Err(GroupFailure::Isolate(failure)) => {
            let alone = mutations.len() == 1;
            let mut failure = Some(failure);
            for mutation in mutations {
                match failure.take().filter(|_| alone) {
                    Some(failure) => {
                        let answer = settle_failure(engine, mutation.name, &mutation.key, failure).await;
                        give(mutation, answer);
                    }
                    None => Box::pin(run_mutations(engine, vec![mutation])).await,
                }
            }
        }
    }
}

/// The answer of a single request whose transaction was undone. A definitive no is put on record in a transaction of
/// its own, with the request's place in its lane.
pub(crate) async fn settle_failure(
    engine: &Engine,
    name: &'static str,
    key: &RequestKey,
    failure: TxFailure,
) -> Answered {
    let rejection = match failure {
        TxFailure::Rejected(error) if error.is_definitive() => error,
        failure => return Answered { outcome: Err(failure.into_service_error()), replayed: false },
    };
    let keys = [key.clone()];
    let work = |_tx: Tx, indices: Vec<usize>| -> BoxFuture<'_, Result<Results, TxError>> {
        let results = indices.iter().map(|_| Err(rejection.clone())).collect();
        Box::pin(async move { Ok(results) })
    };
    match commit(engine, name, &keys, &work).await {
        Ok(mut answers) => answers.pop().unwrap_or(Answered { outcome: Err(rejection.clone()), replayed: false }),
        Err(GroupFailure::All(error)) => Answered { outcome: Err(error), replayed: false },
        Err(GroupFailure::Isolate(failure)) => Answered { outcome: Err(failure.into_service_error()), replayed: false },
    }
}

fn give(mutation: Mutation, answer: Answered) {
    // A caller that has left gets its answer from the log when it comes again.
    let _ = mutation.answer.send(answer);
    drop(mutation.slot);
}
