//! Routing: gets work to the right person in time, and says who when time runs out.
//!
//! Owns queues, agents with their skills and presence, work items, and the clocks that watch them. Serves
//! `amends.routing.v1.RoutingService`; calls itself later (each running clock has a timer), and tells the configured
//! milestone sinks what happened to work. Knows no other service. What always holds:
//!
//! - a work item has at most one agent, and no agent holds more than its capacity, however many claim at once;
//! - clocks of different kinds never touch each other, time in which the customer has the word counts for none of
//!   them, and nothing runs on work that has ended;
//! - a running clock has exactly one timer, and a timer that comes late, early or twice does no harm;
//! - a change of work, its timers and its milestones commit together.

mod app;
mod config;
mod domain;
mod grpc;
mod store;
mod totals;
mod view;

use std::sync::Arc;

use anyhow::ensure;
use api::routing::routing_service_server::{RoutingServiceServer, SERVICE_NAME};
use chassis::{Check, Job, Service};
use durable::{Engine, EngineParts, KeptAnswers, Migrations, PageTokens, Relay, Targets};
use tonic::service::Routes;

use crate::app::{App, ParkedCalls, Reporter};
pub use crate::config::{Config, ResolveWithin};
use crate::grpc::RoutingApi;
pub use crate::totals::{Totals, totals};

/// The service's name: as a target, as a sender, as a section of the configuration.
pub const NAME: &str = "routing";

/// The migrations of routing's database.
pub fn migrations() -> Migrations {
    Migrations(|| {
        let mut all = durable::durable_migrations();
        all.push(Box::new(store::CreateRouting));
        all
    })
}

/// Builds the service on its engine's parts. `targets` must know routing itself and every sink. Must be called within a
/// tokio runtime.
///
/// # Errors
/// When a target is missing: the calls to it would wait for ever.
pub fn build(config: Config, parts: EngineParts, targets: Targets) -> anyhow::Result<(Service, Engine)> {
    for needed in config.sinks.iter().map(String::as_str).chain([NAME]) {
        ensure!(targets.names().any(|name| name == needed), "targets.{needed}: is required by routing");
    }
    let engine = Engine::start(parts);
    let tokens = PageTokens::new(config.store.page_token_key.clone());
    let reporter = Reporter::new(config.sinks.clone());
    let parked = ParkedCalls::new(reporter.clone());
    let app = App::start(&engine, reporter, config.sla(), tokens, config.assignment_poll);
    let server =
        RoutingServiceServer::new(RoutingApi::new(app)).max_decoding_message_size(chassis::limits::MESSAGE_BYTES);
    let relay = Relay::new(&engine, config.store.relay, targets)
        .on_rejected(Arc::new(parked))
        .keep_answers(KeptAnswers::OfMethods(&[]));
    let checked = engine.clone();
    let service = Service {
        name: NAME,
        grpc_names: vec![SERVICE_NAME],
        routes: Routes::new(server),
        jobs: vec![Job::new("relay", move |stop| relay.run(stop))],
        readiness: vec![Check::new("database", move || {
            let engine = checked.clone();
            async move { engine.ready().await }
        })],
    };
    Ok((service, engine))
}
