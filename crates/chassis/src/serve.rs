//! The life of a serving process: open the ports, run until told to stop, drain, end by the hard deadline.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::future::BoxFuture;
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::admin::Admin;
use crate::config::{ChassisConfig, Problems, Validate};
use crate::health::Health;
use crate::jobs::Jobs;
use crate::server::accept::accept;
use crate::server::call::Front;
use crate::server::connection::Connections;
use crate::server::methods::Methods;
use crate::server::record::Metrics;
use crate::server::tasks::Tasks;
use crate::server::tls::Tls;
use crate::service::Service;

/// After the hard deadline tasks are ended at their next await; one that never awaits is left behind.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// What [`serve`] serves.
pub struct ServeOptions {
    /// Ports, limits, auth.
    pub config: ChassisConfig,
    /// The services of this process.
    pub services: Vec<Service>,
    /// More routes, e.g. reflection.
    pub extra_routes: Option<Routes>,
    /// Encoded `FileDescriptorSet`s of all methods that are served; other methods are UNIMPLEMENTED. Those of the
    /// suite, of health and of reflection are known.
    pub descriptors: Vec<Vec<u8>>,
    /// Shown at `/metrics`.
    pub registry: Option<Registry>,
    /// Told once the ports are open.
    pub bound: Option<oneshot::Sender<Bound>>,
    /// Run after the last call and job, within the same deadline, e.g. to close what they worked on.
    pub last: Option<BoxFuture<'static, ()>>,
}

/// Where the server listens; the ports are the real ones when 0 was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The API.
    pub api: SocketAddr,
    /// Health and metrics.
    pub admin: Option<SocketAddr>,
}

impl ServeOptions {
    /// These services with this configuration.
    pub fn new(config: ChassisConfig, services: Vec<Service>) -> Self {
        Self { config, services, extra_routes: None, descriptors: Vec::new(), registry: None, bound: None, last: None }
    }
}

impl fmt::Debug for ServeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeOptions")
            .field("config", &self.config)
            .field("services", &self.services)
            .finish_non_exhaustive()
    }
}

/// Serves until `shutdown` is cancelled or a job ends by itself, then drains.
///
/// # Errors
/// When the configuration is wrong, a port cannot be opened, or a job ended before it was told to.
pub fn serve(options: ServeOptions, shutdown: CancellationToken) -> BoxFuture<'static, anyhow::Result<()>> {
    Box::pin(run(options, shutdown))
}

async fn run(options: ServeOptions, shutdown: CancellationToken) -> anyhow::Result<()> {
    let ServeOptions { config, services, extra_routes, descriptors, registry, bound, last } = options;
    let mut problems = Problems::default();
    config.validate(&mut problems);
    problems.scope("auth", |problems| config.auth.validate_served(problems));
    problems.finish()?;
    let descriptors: Vec<&[u8]> = descriptors.iter().map(Vec::as_slice).collect();
    let methods = Methods::from_descriptors(&descriptors)?;

    // Everything that can be wrong is found out before the first port opens.
    let (tasks, admin_tasks) = (Tasks::default(), Tasks::default());
    let _owned = (tasks.end_on_drop(), admin_tasks.end_on_drop());
    let tls = config.server.tls.as_ref().map(|tls| Tls::start(tls, &admin_tasks)).transpose()?;
    let health = Health::new(&services);
    let (jobs, routes) = take_apart(services, &health, extra_routes);
    health.start().await;
    let (stopping, draining) = (CancellationToken::new(), CancellationToken::new());

    let api = listen("server.listen", config.server.listen).await?;
    let admin = match config.server.admin_listen {
        Some(address) => Some(listen("server.admin_listen", address).await?),
        None => None,
    };
    let addresses = Bound { api: api.local_addr()?, admin: admin.as_ref().map(TcpListener::local_addr).transpose()? };

    let metrics = Metrics::new();
    let front = Front::new(&config, methods, metrics.clone(), routes, draining.clone());
    let server = Arc::new(config.server);
    let connections =
        Connections { front, tls, config: server.clone(), tasks: tasks.clone(), draining: draining.clone() };
    tasks.spawn(accept(api, connections, metrics));
    admin_tasks.spawn(health.clone().run(server.readiness_interval, stopping.clone()));
    if let Some(listener) = admin {
        admin_tasks.spawn(Admin::new(health, registry).serve(listener, admin_tasks.clone()));
    }
    let mut jobs = Jobs::start(jobs, &stopping);
    tracing::info!(api = %addresses.api, admin = addresses.admin.map(tracing::field::display), "serving");
    if let Some(bound) = bound {
        // Nobody waits for it any more: that is theirs to know.
        let _ = bound.send(addresses);
    }

    let outcome = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        name = jobs.first_to_end() => Err(anyhow::anyhow!("the job {name} ended although nobody stopped it")),
    };
    if let Err(error) = &outcome {
        tracing::error!(%error, "shutting down");
    }

    // NOT_SERVING first; balancers need a moment to see it, and until then calls still come and are answered.
    tracing::info!(pre_stop = ?server.drain.pre_stop, timeout = ?server.drain.timeout, "draining");
    stopping.cancel();
    sleep(server.drain.pre_stop).await;
    draining.cancel();
    let deadline = Instant::now() + server.drain.timeout;
    let drained = timeout_at(deadline, async { tokio::join!(tasks.finished(), jobs.finished()) }).await;
    if drained.is_err() {
        tracing::warn!("calls or jobs were still running at the end of the drain; they are cut off");
    }
    tasks.end();
    jobs.end();
    if let Some(last) = last
        && timeout_at(deadline, last).await.is_err()
    {
        tracing::warn!("what was to be closed still held work at the end of the drain; it is left as it is");
    }
    admin_tasks.end();
    let ended = async { tokio::join!(tasks.finished(), admin_tasks.finished()) };
    if timeout_at(Instant::now() + LAST_WAIT, ended).await.is_err() {
        tracing::warn!("a task does not yield and is left behind");
    }
    tracing::info!("stopped");
    outcome
}

fn take_apart(services: Vec<Service>, health: &Health, extra: Option<Routes>) -> (Vec<crate::Job>, Routes) {
    let mut router = Routes::new(health.server()).into_axum_router();
    let mut jobs = Vec::new();
    for service in services {
        // Each brings the same fallback (UNIMPLEMENTED); a router takes one.
        router = router.merge(service.routes.into_axum_router().reset_fallback());
        jobs.extend(service.jobs);
    }
    if let Some(extra) = extra {
        router = router.merge(extra.into_axum_router().reset_fallback());
    }
    (jobs, Routes::from(router).prepare())
}

async fn listen(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{key}: cannot listen on {address}"))
}

/// Completes at the next SIGTERM or SIGINT.
///
/// # Errors
/// When the handlers cannot be installed.
pub async fn shutdown_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM"),
        _ = interrupt.recv() => tracing::info!("SIGINT"),
    }
    Ok(())
}
