//! Readiness: runs every service's checks, publishes `grpc.health.v1` per gRPC service name and overall, and the
//! text of `/readyz`. Peers are not checked: their outage delays a recovery and makes nobody unready.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};

use crate::service::{Check, Service};

/// A check that takes longer has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// What is known of the readiness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// All checks passed.
    Ready,
    /// These did not: `service/check: text`.
    NotReady(Vec<String>),
    /// The server is going away.
    Draining,
}

#[derive(Clone)]
struct Watched {
    name: &'static str,
    grpc_names: Vec<&'static str>,
    checks: Vec<Check>,
}

/// The health of the process; clones are the same.
#[derive(Clone)]
pub(crate) struct Health {
    reporter: HealthReporter,
    services: Arc<Vec<Watched>>,
    state: watch::Sender<Readiness>,
}

impl Health {
    /// NOT_SERVING until the first checks have passed.
    pub(crate) fn new(services: &[Service]) -> Self {
        let services: Vec<_> = services
            .iter()
            .map(|service| Watched {
                name: service.name,
                grpc_names: service.grpc_names.clone(),
                checks: service.readiness.clone(),
            })
            .collect();
        let (state, _) = watch::channel(Readiness::NotReady(vec!["starting".to_owned()]));
        Self { reporter: HealthReporter::new(), services: Arc::new(services), state }
    }

    /// Makes every name known.
    pub(crate) async fn start(&self) {
        self.set_all(ServingStatus::NotServing).await;
    }

    /// The `grpc.health.v1` server.
    pub(crate) fn server(&self) -> tonic_health::pb::health_server::HealthServer<HealthService> {
        tonic_health::pb::health_server::HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// What is known now.
    pub(crate) fn readiness(&self) -> Readiness {
        self.state.borrow().clone()
    }

    /// Checks again and again until `draining`, then says NOT_SERVING for good.
    pub(crate) async fn run(self, every: Duration, draining: CancellationToken) {
        let mut told = HashMap::new();
        loop {
            tokio::select! {
                biased;
                () = draining.cancelled() => break,
                () = self.check(&mut told) => {}
            }
            tokio::select! {
                () = draining.cancelled() => break,
                () = tokio::time::sleep(every) => {}
            }
        }
        self.state.send_replace(Readiness::Draining);
        self.set_all(ServingStatus::NotServing).await;
    }

    async fn check(&self, told: &mut HashMap<&'static str, ServingStatus>) {
        let failing = join_all(self.services.iter().map(failing)).await;
        for (service, failing) in self.services.iter().zip(&failing) {
            for name in &service.grpc_names {
                self.tell(name, failing, told).await;
            }
        }
        let failing = failing.concat();
        self.tell("", &failing, told).await;
        let now = if failing.is_empty() { Readiness::Ready } else { Readiness::NotReady(failing) };
        self.state.send_if_modified(|before| {
            if *before == now {
                return false;
            }
            match &now {
                Readiness::NotReady(failing) => tracing::warn!(failing = failing.join("; "), "not ready"),
                Readiness::Ready | Readiness::Draining => tracing::info!("ready"),
            }
            *before = now;
            true
        });
    }

    /// Tells a change only: each telling is a message to everybody who watches.
    async fn tell(&self, name: &'static str, failing: &[String], told: &mut HashMap<&'static str, ServingStatus>) {
        let status = if failing.is_empty() { ServingStatus::Serving } else { ServingStatus::NotServing };
        if told.insert(name, status) != Some(status) {
            self.reporter.set_service_status(name, status).await;
        }
    }

    async fn set_all(&self, status: ServingStatus) {
        for name in self.services.iter().flat_map(|service| &service.grpc_names).chain([&""]) {
            self.reporter.set_service_status(*name, status).await;
        }
    }
}

async fn failing(service: &Watched) -> Vec<String> {
    let results = join_all(service.checks.iter().map(|check| async move {
        match tokio::time::timeout(CHECK_TIMEOUT, (check.check)()).await {
            Ok(Ok(())) => None,
            Ok(Err(text)) => Some(format!("{}/{}: {text}", service.name, check.name)),
            Err(_) => Some(format!("{}/{}: no answer within {CHECK_TIMEOUT:?}", service.name, check.name)),
        }
    }));
    results.await.into_iter().flatten().collect()
}
