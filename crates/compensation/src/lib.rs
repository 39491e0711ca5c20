//! Compensation: works out what is owed and why, puts choices to customers, and gives exactly once what was owed or
//! chosen.
//!
//! Owns packs, remedies, offers, vouchers, payouts and the ledger. Serves `amends.compensation.v1.CompensationService`
//! and `SettlementService`;
//! and `RecoveryService`;
//! calls itself later (offers and vouchers end, payouts go on), tells the configured milestone sinks what happened,
//! and moves money through an `amends.extension.v1.PayoutProvider`, of which it brings a sandbox. Knows no other
//! service. What always holds:
//!
//! - the same event is judged the same way by the same packs, and every rule says why;
//! - a line is given at most once, an offer is answered at most once, and an offer is open alone;
//! - ledger transactions balance in every currency and are never changed; each fact about money is booked once;
//! - a payout's intent is durable before a byte leaves, every attempt carries the same key and the same bytes, nothing is
//!   sent after the key's time, and a payout whose fate is not known is never voided;
//! - money is announced only once the provider has confirmed it, or two people have found out that it did;
//! - what the provider tells by itself has a payout looked up and is never believed; a line of its settlement belongs to
//!   one payout, and what does not fit is listed;
//! - a change, its bookings, its timers and its milestones commit together.
//!
//! Lines of kind SERVICE are carried out by people: the milestone that the remedy is settled says what is to be done, and
//! the work item of the case is where it is done.

mod app;
mod authority_wire;
mod config;
pub mod domain;
mod experiment_wire;
mod grpc;
mod ledger_wire;
mod packs;
mod provider;
pub mod sandbox;
mod store;
#[cfg(test)]
mod testing;
mod totals;
mod wire;
mod wire_gate;

use std::sync::Arc;

use anyhow::{anyhow, ensure};
use api::compensation::authority_service_server::{self, AuthorityServiceServer};
use api::compensation::compensation_service_server::{CompensationServiceServer, SERVICE_NAME};
use api::compensation::experiment_service_server::{self, ExperimentServiceServer};
use api::compensation::ledger_service_server::{self, LedgerServiceServer};
use api::compensation::pack_service_server::{self, PackServiceServer};
use api::compensation::recovery_service_server::{self, RecoveryServiceServer};
use api::compensation::settlement_service_server::{self, SettlementServiceServer};
use chassis::{Check, Job, Service};
use durable::{Engine, EngineParts, KeptAnswers, Relay, Targets};
use tonic::service::Routes;

use crate::app::ports::PayoutProvider;
use crate::app::{App, money_gauges, upkeep};
pub use crate::config::{BacktestConfig, CanaryConfig, Config, GuessConfig, PacksConfig, ProviderConfig};
use crate::grpc::{AuthorityApi, CompensationApi, ExperimentApi, LedgerApi, PackApi, RecoveryApi, SettlementApi};
use crate::provider::{GrpcProvider, InProcessSandbox, LoopBack};
use crate::sandbox::{Sandbox, WebhookEndpoint};
pub use crate::store::migrations;
pub use totals::{GivenByLine, Totals, given_by_line, totals};

/// The service's name: as a target, as a sender, as a section of the configuration.
pub const NAME: &str = "compensation";

/// Builds the service on its engine's parts. `targets` must know compensation itself and every sink. Must be called
/// within a tokio runtime.
///
/// # Errors
/// When a target is missing (the calls to it would wait for ever), a pack is wrong, or the provider's address is.
pub fn build(config: Config, parts: EngineParts, targets: Targets) -> anyhow::Result<(Service, Engine)> {
    for needed in config.sinks.iter().map(String::as_str).chain([NAME]) {
        ensure!(targets.names().any(|name| name == needed), "targets.{needed}: is required by compensation");
    }
    let packs = packs::load(&config.packs).map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(|(key, problem)| format!("packs.{key}: {problem}")).collect();
        anyhow!("{}", problems.join("\n").replace("packs.: ", "packs: "))
    })?;
    let engine = Engine::start(parts);
    let told = Arc::new(LoopBack::default());
    let provider = provider(&config, &engine, &told)?;
    let app = App::start(&engine, &config, packs, provider);
    let packs =
        PackServiceServer::new(PackApi::new(app.clone())).max_decoding_message_size(chassis::limits::BATCH_BYTES);
    told.connect(app.parts());
    let rejected = app.rejected_calls();
    let settlements = SettlementServiceServer::new(SettlementApi::new(app.clone()))
        .max_decoding_message_size(chassis::limits::BATCH_BYTES);
    let recovery = RecoveryServiceServer::new(RecoveryApi::new(app.clone()))
        .max_decoding_message_size(chassis::limits::MESSAGE_BYTES);
    let server = CompensationServiceServer::new(CompensationApi::new(app.clone()))
        .max_decoding_message_size(chassis::limits::MESSAGE_BYTES);
    let ledger =
        LedgerServiceServer::new(LedgerApi::new(app.clone())).max_decoding_message_size(chassis::limits::MESSAGE_BYTES);
    let experiments = ExperimentServiceServer::new(ExperimentApi::new(app.clone()))
        .max_decoding_message_size(chassis::limits::MESSAGE_BYTES);
    let authority =
        AuthorityServiceServer::new(AuthorityApi::new(app)).max_decoding_message_size(chassis::limits::MESSAGE_BYTES);
    let relay = Relay::new(&engine, config.store.relay, targets)
        .on_rejected(Arc::new(rejected))
        .keep_answers(KeptAnswers::OfEveryMethod);
    let (checked, measured, kept_up) = (engine.clone(), engine.clone(), engine.clone());
    let (frozen_since, kept) = (config.payouts_frozen_since, upkeep::Kept { guesses: config.guesses.window });
    let service = Service {
        name: NAME,
        grpc_names: vec![
            SERVICE_NAME,
            ledger_service_server::SERVICE_NAME,
            pack_service_server::SERVICE_NAME,
            settlement_service_server::SERVICE_NAME,
            recovery_service_server::SERVICE_NAME,
            authority_service_server::SERVICE_NAME,
            experiment_service_server::SERVICE_NAME,
        ],
        routes: Routes::new(server)
            .add_service(ledger)
            .add_service(packs)
            .add_service(settlements)
            .add_service(recovery)
            .add_service(authority)
            .add_service(experiments),
        jobs: vec![
            Job::new("relay", move |stop| relay.run(stop)),
            Job::new("money gauges", move |stop| Box::pin(money_gauges::run(measured, frozen_since, stop))),
            Job::new("upkeep", move |stop| Box::pin(upkeep::run(kept_up, kept, stop))),
        ],
        readiness: vec![Check::new("database", move || {
            let engine = checked.clone();
            async move { engine.ready().await }
        })],
    };
    Ok((service, engine))
}

/// The provider at the configured address, or the sandbox in this process.
fn provider(config: &Config, engine: &Engine, told: &Arc<LoopBack>) -> anyhow::Result<Arc<dyn PayoutProvider>> {
    Ok(match &config.provider.address {
        Some(address) => Arc::new(GrpcProvider::new(address, &config.provider)?),
        None => {
            let mut sandbox = Sandbox::new(engine, config.sandbox.clone());
            if let Some(secret) = config.provider.webhooks().signing_secret() {
                sandbox = sandbox.with_webhooks(Arc::clone(told) as Arc<dyn WebhookEndpoint>, secret);
            }
            Arc::new(InProcessSandbox::new(engine, sandbox, config.provider.timeout))
        }
    })
}
