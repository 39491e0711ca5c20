//! Intake: the door and the hub of the suite. Who was let down, by what, and how the recovery goes on.
//!
//! Owns customers and their identities, disruptions, cases and the one history of each customer, in a database of its
//! own. Commands routing, compensation and follow-up by durable calls, and is told by them what happened. What always
//! holds:
//!
//! - an identity belongs to one customer of a tenant, and a customer is hit once by a disruption;
//! - a case changes under its row's lock, together with its story and the commands that leave;
//! - which command follows which milestone is decided in one place, `domain::recovery`, by pure functions;
//! - a command has one message id for ever, so that nothing leaves twice.

mod app;
mod config;
mod domain;
mod grpc;
mod store;
mod totals;
mod view;

use std::sync::Arc;

use api::extension::milestone_sink_server::{MilestoneSinkServer, SERVICE_NAME as SINK_NAME};
use api::intake::intake_service_server::{IntakeServiceServer, SERVICE_NAME};
use api::method::intake_service::{OPEN_CASE, RECORD_FINDING, REOPEN_CASE, SET_REQUESTED_REMEDY};
use chassis::{Check, Job, limits};
use durable::{Engine, EngineParts, KeptAnswers, PageTokens, Relay, Targets};
use tonic::service::Routes;

use app::{App, UndeliveredCalls};
pub use config::{Config, StoryConfig, WatchConfig};
use domain::story_limit::StoryLimit;
pub use store::migrations;
pub use totals::{Totals, totals};

/// The service's name: the sender of its durable calls.
pub const NAME: &str = "intake";

/// What brings a customer a recovery, and so money: done once, however late it is asked for again. Two other ways to the
/// same end need no answer kept: a disruption and its affected customers are known by their own names.
const KEPT_ANSWERS: KeptAnswers =
    KeptAnswers::OfMethods(&[OPEN_CASE, REOPEN_CASE, RECORD_FINDING, SET_REQUESTED_REMEDY]);

/// Whom it commands.
const TARGETS: [&str; 3] = ["routing", "compensation", "followup"];

/// The service on a connected and migrated database. Must be called within a tokio runtime.
///
/// # Errors
/// When `targets` lacks one of the services that intake commands.
pub fn build(config: Config, parts: EngineParts, targets: Targets) -> anyhow::Result<(chassis::Service, Engine)> {
    for name in TARGETS {
        anyhow::ensure!(targets.names().any(|target| target == name), "there is no target named `{name}` to call");
    }
    let engine = Engine::start(parts);
    let tokens = PageTokens::new(config.store.page_token_key.as_bytes());
    let story = StoryLimit::new(config.story.max_entries);
    let app = App::start(&engine, tokens, &config.watch, story);
    let relay = Relay::new(&engine, config.store.relay, targets)
        .on_rejected(Arc::new(UndeliveredCalls { story }))
        .keep_answers(KEPT_ANSWERS);
    let intake = IntakeServiceServer::new(grpc::Intake::new(Arc::clone(&app)));
    let sink = MilestoneSinkServer::new(grpc::Sink::new(app));
    let checked = engine.clone();
    let service = chassis::Service {
        name: NAME,
        grpc_names: vec![SERVICE_NAME, SINK_NAME],
        // Both have a method that takes batches.
        routes: Routes::new(intake.max_decoding_message_size(limits::BATCH_BYTES))
            .add_service(sink.max_decoding_message_size(limits::BATCH_BYTES)),
        jobs: vec![Job::new("relay", move |stop| relay.run(stop))],
        readiness: vec![Check::new("database", move || {
            let engine = checked.clone();
            async move { engine.ready().await }
        })],
    };
    Ok((service, engine))
}
