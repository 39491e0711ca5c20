//! What a service hands to the chassis: its routes, its jobs and its readiness checks.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// One of the suite's services, ready to be served.
pub struct Service {
    /// Short name, e.g. `intake`.
    pub name: &'static str,
    /// Full names of the gRPC services in `routes`; each gets its own health status.
    pub grpc_names: Vec<&'static str>,
    /// The tonic servers.
    pub routes: tonic::service::Routes,
    /// Background work; started once the ports are open.
    pub jobs: Vec<Job>,
    /// What must be well before this service is SERVING.
    pub readiness: Vec<Check>,
}

/// Background work that runs until it is told to stop. One that ends or panics earlier takes the process down: what
/// it looks after (deliveries, timers) would otherwise stand still behind a healthy face.
pub struct Job {
    /// Name for logs.
    pub name: &'static str,
    /// Runs until the token is cancelled, then finishes what it holds.
    pub run: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>,
}

/// One readiness check.
#[derive(Clone)]
pub struct Check {
    /// Name in `/readyz`.
    pub name: &'static str,
    /// `Err` with a text for the operator when not ready.
    pub check: Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
}

impl Job {
    /// A job from an async function.
    pub fn new<F, Fut>(name: &'static str, run: F) -> Self
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self { name, run: Box::new(move |stop| Box::pin(run(stop))) }
    }
}

impl Check {
    /// A check from an async function.
    pub fn new<F, Fut>(name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name, check: Arc::new(move || Box::pin(check())) }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("grpc_names", &self.grpc_names)
            .field("jobs", &self.jobs)
            .field("readiness", &self.readiness)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({})", self.name)
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({})", self.name)
    }
}
