//! Follow-up: every word to the customer, and the proof that it is right again.
//!
//! Owns messages and their delivery, plans of check-ins, surveys and outcomes, in a database of its own. Calls the
//! transports that carry messages, the sinks that are told what happened, and itself by durable calls and timers; it
//! knows no other service. What always holds:
//!
//! - a message is rendered once, when it is asked for, and what was rendered is what is sent, on every attempt;
//! - a message leaves at least once, always under the same id, and is then final; its case is told of it once;
//! - a running plan has exactly one timer; a final plan has none that could still do something;
//! - an answer is never lost and never replaced.

mod app;
mod config;
mod domain;
mod grpc;
mod store;
mod totals;
mod transport;
mod wire;

use std::sync::Arc;

use anyhow::Context as _;
use api::followup::follow_up_service_server::{FollowUpServiceServer, SERVICE_NAME};
use chassis::{Check, Job, limits};
use durable::{Engine, EngineParts, KeptAnswers, Migrations, PageTokens, Relay, Targets};
use tonic::service::Routes;

use app::{App, Settings};
pub use config::{ChannelsConfig, Config, GrpcConfig, MailboxConfig, SmtpConfig, SmtpSecurity, TransportKind};
pub use totals::{Totals, totals};

/// The service's name: the sender of its durable calls, the target of its timers.
pub const NAME: &str = "followup";

/// The migrations of its database.
pub fn migrations() -> Migrations {
    Migrations(|| {
        let mut all = durable::durable_migrations();
        all.push(Box::new(store::CreateFollowUp));
        all
    })
}

/// The service on a connected and migrated database. Must be called within a tokio runtime. `targets` must have the
/// service itself and every configured sink.
///
/// # Errors
/// When a target is missing, or a transport cannot be made.
pub fn build(config: Config, parts: EngineParts, targets: Targets) -> anyhow::Result<(chassis::Service, Engine)> {
    for name in config.sinks.iter().map(String::as_str).chain([NAME]) {
        anyhow::ensure!(targets.names().any(|target| target == name), "there is no target named `{name}` to call");
    }
    let engine = Engine::start(parts);
    let templates = domain::Templates::shipped().context("the templates that ship")?;
    let transports = transport::from_config(&config, &engine)?;
    let tokens = PageTokens::new(config.store.page_token_key.as_bytes());
    let settings = Settings { default_pauses: config.cadence, survey_link: config.survey_link, sinks: config.sinks };
    let app = App::start(&engine, templates, tokens, transports, settings);
    let relay = Relay::new(&engine, config.store.relay, targets)
        .on_rejected(Arc::new(app.rejected_calls()))
        .keep_answers(KeptAnswers::OfMethods(&[]));
    let server = FollowUpServiceServer::new(grpc::Service::new(app)).max_decoding_message_size(limits::MESSAGE_BYTES);
    let checked = engine.clone();
    let service = chassis::Service {
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
