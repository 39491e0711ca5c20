//! The relay: sends what is due in `outbound_calls` until each call has been answered for good.
//!
//! What always holds, however many relays run and whenever they die:
//!
//! - A call is sent at least once, and again until its receiver has taken it or has put a refusal on record; what no
//!   retry can help is parked for an operator, and blocks its lane only.
//! - Of a lane only the earliest open call is sent.
//! - Results are written by the holder of the call's token only. Leases and tokens save work and keep the books; that
//!   a call has one effect is the doing of its receiver's request log.
//! - Leases run by the database's clock. Due times are compared with it too, or with the engine's clock when that is
//!   virtual: back-off lies in virtual time then, and whoever moves the clock finds the next due time with
//!   [`crate::quiescence`] and says [`Engine::wake_relay`].
//!
//! One courier for each target claims, delivers and finalises at the same time, so that a target that hangs delays no
//! other; a target that no configuration knows is left to relays that know it.

mod claim;
mod codec;
mod config;
mod courier;
mod deliver;
mod finalise;
mod gate;
pub(crate) mod health;
mod metrics;
#[cfg(test)]
mod plans;
mod policy;
mod rejection;
mod span;
mod status;
mod targets;
mod upkeep;
mod verdict;

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Engine, KeptAnswers};
use courier::Courier;
use deliver::Delivery;
use metrics::Metrics;

pub use codec::RawCodec;
pub use config::RelayConfig;
pub use health::{Quiescence, TargetHealth, quiescence};
pub use rejection::{RejectionHandler, UndeliveredCall, Unparked};
pub(crate) use status::RelayStatus;
pub use targets::Targets;

/// Sends the durable calls of one service. Any number of relays may run on one PostgreSQL database.
pub struct Relay {
    engine: Engine,
    config: RelayConfig,
    targets: Targets,
    rejections: Option<Arc<dyn RejectionHandler>>,
    kept: KeptAnswers,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("engine", &self.engine).field("targets", &self.targets).finish_non_exhaustive()
    }
}

impl Relay {
    /// A relay for the calls that `engine` records to `targets`.
    pub fn new(engine: &Engine, config: RelayConfig, targets: Targets) -> Self {
        Self { engine: engine.clone(), config, targets, rejections: None, kept: KeptAnswers::default() }
    }

    /// Sets what is done about a call that its receiver refused for good, or that is parked, by this relay and by what an
    /// operator does on its engine. Without it, a line is logged.
    #[must_use]
    pub fn on_rejected(mut self, handler: Arc<dyn RejectionHandler>) -> Self {
        self.engine.relay_status().set_handler(Arc::clone(&handler));
        self.rejections = Some(handler);
        self
    }

    /// Sets which answers the sweep of the log must leave. Without it, all that clients were given.
    #[must_use]
    pub fn keep_answers(mut self, kept: KeptAnswers) -> Self {
        self.kept = kept;
        self
    }

    /// Sends until `stop`; then claims nothing more, finishes what is under way or gives it back, and completes.
    /// Dropping the future is like a crash: what was under way is sent again when its lease has run out.
    pub fn run(self, stop: CancellationToken) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Self { engine, config, targets, rejections, kept } = self;
            let config = Arc::new(config);
            let metrics = Metrics::new(engine.service());
            let owner = engine.new_id();
            let mut tasks = JoinSet::new();
            for (name, target) in targets.into_entries() {
                let courier = Courier {
                    engine: engine.clone(),
                    config: Arc::clone(&config),
                    delivery: Delivery {
                        sender: engine.service(),
                        name: name.into(),
                        target,
                        deadline: config.call_timeout(),
                        metrics: metrics.clone(),
                    },
                    rejections: rejections.clone(),
                    owner,
                    metrics: metrics.clone(),
                };
                tasks.spawn(courier.run(stop.clone()));
            }
            tasks.spawn(upkeep::run(engine, config, kept, metrics, stop));
            // A courier that panicked would leave its target unserved: the panic goes on to whoever runs the relay.
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended
                    && let Ok(panic) = error.try_into_panic()
                {
                    std::panic::resume_unwind(panic);
                }
            }
        })
    }
}
