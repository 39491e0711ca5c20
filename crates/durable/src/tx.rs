//! One named, retried transaction per use case.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kernel::{ServiceError, Timestamp};
use rand::Rng as _;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Statement, TransactionOptions, TransactionTrait as _,
};
use uuid::Uuid;

use crate::deferred::{self, Write};
use crate::error::{DbFailure, TxError, classify, lost_race, to_service_error};
use crate::outbound::{self, OutboundCall};
use crate::{Backend, Engine};

/// Attempts at a transaction before its conflict is passed on.
const MAX_ATTEMPTS: u32 = 6;

/// A transaction as a use case sees it: a connection, the time, and the durable calls that it causes. Cheap to clone;
/// no clone may outlive the use case's closure.
#[derive(Clone, Debug)]
pub struct Tx {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    transaction: DatabaseTransaction,
    backend: Backend,
    now: Timestamp,
    effects: Mutex<Effects>,
}

/// What a transaction wants done besides its own statements; written in bulk before COMMIT.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) writes: Vec<Write>,
    pub(crate) calls: Vec<OutboundCall>,
    pub(crate) cancelled: Vec<Uuid>,
    /// Targets that have a call due now.
    pub(crate) due: BTreeSet<String>,
}

impl Tx {
    /// Begins in a task of its own, which ends even when the caller leaves. A `BEGIN` that is cancelled on the wire would
    /// give its connection back inside a transaction that nobody knows of: what is written on it later is acknowledged
    /// and never durable (sqlx 0.9.0, issue 4394).
    async fn begin(engine: &Engine) -> Result<Self, DbErr> {
        let (connection, backend, now) = (engine.db().write().clone(), engine.db().backend(), engine.now());
        let options = TransactionOptions {
            isolation_level: None,
            access_mode: None,
            sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
        };
        #[expect(clippy::disallowed_methods, reason = "the one place where transactions begin")]
        let begun = engine.spawn(async move { connection.begin_with_options(options).await });
        let transaction = begun.await.map_err(|error| DbErr::Custom(format!("BEGIN: {error}")))??;
        Ok(Self { inner: Arc::new(Inner { transaction, backend, now, effects: Mutex::default() }) })
    }

    /// The connection, for sea-orm.
    pub fn conn(&self) -> &DatabaseTransaction {
        &self.inner.transaction
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        self.inner.backend
    }

    /// When the transaction began, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.now
    }

    /// Runs a statement; the number of rows affected.
    pub async fn execute(&self, statement: Statement) -> Result<u64, DbErr> {
        self.conn().execute_raw(statement).await.map(|done| done.rows_affected())
    }

    /// Runs statements (of a [`crate::Bulk`]); the number of rows affected by all of them.
    pub async fn execute_all(&self, statements: Vec<Statement>) -> Result<u64, DbErr> {
        let mut affected = 0;
        for statement in statements {
            affected += self.execute(statement).await?;
        }
        Ok(affected)
    }

    /// Rows of a query.
    pub async fn query(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.conn().query_all_raw(statement).await
    }

    /// Rows of queries (of a [`crate::Bulk`]).
    pub async fn query_all(&self, statements: Vec<Statement>) -> Result<Vec<QueryResult>, DbErr> {
        let mut rows = Vec::new();
        for statement in statements {
            rows.extend(self.query(statement).await?);
        }
        Ok(rows)
    }

    /// Leaves a write to the end of the transaction, where all of them cost one round trip together. An input without
    /// rows is left out. See [`Write`] for what must hold.
    pub fn write_at_end(&self, write: Write) {
        if !write.is_empty() {
            self.effects().writes.push(write);
        }
    }

    /// Carries out now what has been left to the end: before a read of what was written.
    ///
    /// # Errors
    /// When the database fails; a lost race, which undoes the transaction and runs it again.
    pub async fn write_now(&self) -> Result<(), TxError> {
        let writes = std::mem::take(&mut self.effects().writes);
        if deferred::carry_out(self, &writes).await? { Err(TxError::lost_race()) } else { Ok(()) }
    }

    /// Records a durable call; it is written with the commit, in the order of recording within its lane.
    pub fn enqueue(&self, call: OutboundCall) {
        self.effects().calls.push(call);
    }

    /// Cancels a timer that has not been sent. A call that is being sent goes through: its receiver must find
    /// nothing to do.
    pub fn cancel(&self, message_id: Uuid) {
        self.effects().cancelled.push(message_id);
    }

    /// Says that a call to `target` is due as soon as this has committed.
    pub(crate) fn wake(&self, target: String) {
        self.effects().due.insert(target);
    }

    fn effects(&self) -> std::sync::MutexGuard<'_, Effects> {
        self.inner.effects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the effects and commits; the targets that have a call due now.
    async fn commit(self, service: &str) -> Result<BTreeSet<String>, CommitError> {
        let effects = std::mem::take(&mut *self.effects());
        let flushed = outbound::flush(&self, service, effects).await.map_err(CommitError::Before)?;
        let Some(due) = flushed else {
            self.roll_back().await;
            return Err(CommitError::LostRace);
        };
        let inner = Arc::try_unwrap(self.inner).map_err(|_| {
            CommitError::Before(DbErr::Custom("a clone of the transaction outlived its closure".to_owned()))
        })?;
        inner.transaction.commit().await.map_err(CommitError::At)?;
        Ok(due)
    }

    async fn roll_back(self) {
        if let Ok(inner) = Arc::try_unwrap(self.inner) {
            // A failed rollback leaves a broken connection, which the pool finds out by itself.
            let _ = inner.transaction.rollback().await;
        }
    }
}

enum CommitError {
    /// Nothing is durable.
    Before(DbErr),
    /// Nothing is durable: another transaction wrote first.
    LostRace,
    /// Unknown: the commit may have gone through.
    At(DbErr),
}

/// How a transaction that failed for good ended.
#[derive(Debug)]
pub(crate) enum TxFailure {
    /// The use case said no.
    Rejected(ServiceError),
    /// The database said no; nothing is durable.
    Db(DbErr),
    /// COMMIT failed: it may or may not be durable.
    Unknown(DbErr),
}

impl TxFailure {
    pub(crate) fn into_service_error(self) -> ServiceError {
        match self {
            Self::Rejected(error) => error,
            Self::Db(error) | Self::Unknown(error) => to_service_error(&error),
        }
    }
}

impl Engine {
    /// Runs `body` in one transaction and commits it; runs it again when another transaction was in the way. `body`
    /// may run several times and does nothing but SQL. For changes without a request key; mutations of callers go
    /// through [`Engine::mutate`] or a [`crate::Writer`].
    ///
    /// # Errors
    /// What `body` rejects with; UNAVAILABLE, RESOURCE_EXHAUSTED or INTERNAL when the database fails.
    pub async fn run_tx<T, F, Fut>(&self, name: &'static str, body: F) -> Result<T, ServiceError>
    where
        F: Fn(Tx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, TxError>> + Send,
        T: Send,
    {
        self.attempt_tx(name, body).await.map_err(TxFailure::into_service_error)
    }

    pub(crate) async fn attempt_tx<T, F, Fut>(&self, name: &'static str, body: F) -> Result<T, TxFailure>
    where
        F: Fn(Tx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, TxError>> + Send,
        T: Send,
    {
        let start = Instant::now();
        let result = self.attempts(name, body).await;
        self.measures().ended(name, &result, start.elapsed());
        result
    }

    async fn attempts<T, F, Fut>(&self, name: &'static str, body: F) -> Result<T, TxFailure>
    where
        F: Fn(Tx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, TxError>> + Send,
        T: Send,
    {
        let mut attempt = 1;
        loop {
            let cause = match self.one_tx(&body).await {
                Ok(value) => return Ok(value),
                Err(TxFailure::Db(error)) if attempt < attempts_after(&error) => error,
                Err(failure) => {
                    if let TxFailure::Db(error) | TxFailure::Unknown(error) = &failure {
                        self.space().note(error);
                    }
                    return Err(failure);
                }
            };
            self.measures().retried(name);
            tracing::debug!(tx = name, attempt, error = %cause, "transaction is run again");
            pause(attempt).await;
            attempt += 1;
        }
    }

    async fn one_tx<T, F, Fut>(&self, body: &F) -> Result<T, TxFailure>
    where
        F: Fn(Tx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, TxError>> + Send,
        T: Send,
    {
        let start = Instant::now();
        let begun = Tx::begin(self).await;
        self.measures().begun(begun.as_ref().err(), start.elapsed());
        let tx = begun.map_err(TxFailure::Db)?;
        match body(tx.clone()).await {
            Ok(value) => match tx.commit(self.service()).await {
                Ok(due) => {
                    self.count_commit();
                    self.relay_status().wake(&due);
                    Ok(value)
                }
                Err(CommitError::Before(error)) => Err(TxFailure::Db(error)),
                Err(CommitError::LostRace) => Err(TxFailure::Rejected(lost_race())),
                // PostgreSQL reports a serialisation failure at COMMIT as a clean abort: nothing is durable.
                Err(CommitError::At(error)) if classify(&error) == DbFailure::Conflict => Err(TxFailure::Db(error)),
                Err(CommitError::At(error)) => Err(TxFailure::Unknown(error)),
            },
            Err(error) => {
                tx.roll_back().await;
                Err(match error {
                    TxError::Rejected(error) => TxFailure::Rejected(error),
                    TxError::Db(error) => TxFailure::Db(error),
                })
            }
        }
    }
}

/// How many attempts a failure that left nothing durable is worth. A connection that broke in the pool is worth another
/// one; a pool that has none to give is not.
fn attempts_after(error: &DbErr) -> u32 {
    match classify(error) {
        DbFailure::Conflict => MAX_ATTEMPTS,
        DbFailure::Unavailable if !matches!(error, DbErr::ConnectionAcquire(_)) => 3,
        DbFailure::Unavailable | DbFailure::Constraint | DbFailure::Full | DbFailure::Defect => 1,
    }
}

/// Full jitter: 0 to 5 ms, doubling with each attempt.
#[expect(clippy::disallowed_methods, reason = "jitter decides nothing that a test could want to repeat")]
pub(crate) async fn pause(attempt: u32) {
    let ceiling = 5_000_u64 << attempt.min(6);
    let micros = rand::rng().random_range(0..ceiling);
    tokio::time::sleep(Duration::from_micros(micros)).await;
}
