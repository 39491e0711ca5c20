//! What a service holds to keep its promises: the database, the clock, the source of ids, and the bounds on all of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kernel::{Clock, ErrorCode, IdSource, ServiceError, Timestamp, reason};
use sea_orm::DatabaseConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::group::MutationQueue;
use crate::measures::Measures;
use crate::relay::RelayStatus;
use crate::space::Space;
use crate::{Backend, Db, EngineConfig};

/// What an engine is made of.
#[derive(Clone, Debug)]
pub struct EngineParts {
    /// The service's name: the sender of its durable calls, the target of its timers.
    pub service: &'static str,
    /// Its database.
    pub db: Db,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn IdSource>,
    /// Bounds.
    pub config: EngineConfig,
}

/// The engine of one service. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    parts: EngineParts,
    relay: RelayStatus,
    tasks: TaskTracker,
    slots: Arc<Semaphore>,
    mutations: Option<MutationQueue>,
    commits: AtomicU64,
    space: Space,
    measures: Measures,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("service", &self.service()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts an engine. Must be called within a tokio runtime.
    pub fn start(parts: EngineParts) -> Self {
        let slots = Arc::new(Semaphore::new(parts.config.max_mutations));
        let tasks = TaskTracker::new();
        // One writer connection: single mutations queue for it in groups, and one fsync serves a whole group.
        let (mutations, queue) = match parts.db.backend() {
            Backend::Sqlite => {
                let (mutations, queue) = MutationQueue::new(parts.config.writer_queue);
                (Some(mutations), Some(queue))
            }
            Backend::Postgres => (None, None),
        };
        let service = parts.service;
        let engine = Self {
            inner: Arc::new(Inner {
                parts,
                relay: RelayStatus::default(),
                tasks,
                slots,
                mutations,
                commits: AtomicU64::new(0),
                space: Space::default(),
                measures: Measures::new(service),
            }),
        };
        if let Some(queue) = queue {
            engine.spawn(queue.run(Arc::downgrade(&engine.inner).into()));
        }
        engine
    }

    /// The service's name.
    pub fn service(&self) -> &'static str {
        self.inner.parts.service
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.inner.parts.db
    }

    /// A connection for reads outside of any transaction.
    pub fn read(&self) -> &DatabaseConnection {
        self.db().read()
    }

    /// The time, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.parts.clock.now()
    }

    /// The clock itself.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.parts.clock
    }

    /// A new id made now.
    pub fn new_id(&self) -> Uuid {
        self.inner.parts.ids.next(self.now())
    }

    /// The bounds.
    pub fn config(&self) -> &EngineConfig {
        &self.inner.parts.config
    }

    /// Runs a task that outlives its caller. [`Engine::drain`] waits for it when it carries a mutation out.
    #[expect(clippy::disallowed_methods, reason = "the owner of detached work: drain waits for mutations")]
    pub fn spawn<F>(&self, task: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        tokio::spawn(self.inner.tasks.track_future(task))
    }

    /// Waits until detached mutations have ended, at most `limit`; true when all have.
    pub async fn drain(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, async {
            let all = u32::try_from(self.inner.parts.config.max_mutations).unwrap_or(u32::MAX);
            // All slots are free exactly when nothing is under way.
            drop(self.inner.slots.acquire_many(all).await);
        })
        .await
        .is_ok()
    }

    /// Says that calls may be due, to whatever target. Who moves a virtual clock says so; a transaction that records a
    /// call does it by itself.
    pub fn wake_relay(&self) {
        self.inner.relay.wake_all();
    }

    pub(crate) fn relay_status(&self) -> &RelayStatus {
        &self.inner.relay
    }

    pub(crate) fn space(&self) -> &Space {
        &self.inner.space
    }

    /// Transactions that this engine has committed since its start: standing still means that nothing happens.
    pub fn commits(&self) -> u64 {
        self.inner.commits.load(Ordering::SeqCst)
    }

    pub(crate) fn count_commit(&self) {
        self.inner.commits.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn take_slot(&self) -> Result<OwnedSemaphorePermit, ServiceError> {
        Arc::clone(&self.inner.slots).try_acquire_owned().map_err(|_| overloaded())
    }

    pub(crate) fn mutations(&self) -> Option<&MutationQueue> {
        self.inner.mutations.as_ref()
    }

    pub(crate) fn measures(&self) -> &Measures {
        &self.inner.measures
    }
}

/// An engine that does not keep itself alive: for its own background tasks.
pub(crate) struct WeakEngine(std::sync::Weak<Inner>);

impl From<std::sync::Weak<Inner>> for WeakEngine {
    fn from(inner: std::sync::Weak<Inner>) -> Self {
        Self(inner)
    }
}

impl WeakEngine {
    pub(crate) fn upgrade(&self) -> Option<Engine> {
        self.0.upgrade().map(|inner| Engine { inner })
    }
}

impl Engine {
    pub(crate) fn downgrade(&self) -> WeakEngine {
        WeakEngine(Arc::downgrade(&self.inner))
    }
}

pub(crate) fn overloaded() -> ServiceError {
    let mut error = ServiceError::new(
        ErrorCode::ResourceExhausted,
        reason::OVERLOADED,
        "the service has as much work as it can take; send the same request again",
    );
    error.retry_after = Some(Duration::from_millis(250));
    error
}
