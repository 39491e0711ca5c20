//! Composes the services of a process: opens each role's database, checks its migrations, builds it, serves all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chassis::{Bound, ChassisConfig, ServeOptions};
use durable::{Db, Engine, EngineParts};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kernel::{Clock, IdSource};
use prometheus::Registry;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::config::SuiteConfig;
use crate::operations::Operations;
use crate::role::Role;
use crate::targets;

/// What a process does about migrations that have not been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// Refuses to start, with the command to run.
    Refuse,
    /// Applies them.
    Apply,
}

/// The services of a process, built and not yet served.
pub struct Suite {
    config: SuiteConfig,
    services: Vec<chassis::Service>,
    engines: BTreeMap<Role, Engine>,
}

impl Suite {
    /// Opens the databases of `roles` and builds their services.
    ///
    /// # Errors
    /// When a database cannot be opened, has pending migrations that may not be applied, or a service cannot be built.
    pub fn build(
        config: SuiteConfig,
        roles: BTreeSet<Role>,
        pending: Pending,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> BoxFuture<'static, anyhow::Result<Self>> {
        async move {
            let mut services = Vec::new();
            let mut engines = BTreeMap::new();
            for role in roles {
                let db = Db::connect(&config.store(role).database).await.with_context(|| format!("{role}"))?;
                settle_migrations(role, &db, pending).await?;
                let parts = EngineParts {
                    service: role.name(),
                    db,
                    clock: Arc::clone(&clock),
                    ids: Arc::clone(&ids),
                    config: config.store(role).engine.clone(),
                };
                let targets = targets::connect(&config, role)?;
                let (service, engine) = match role {
                    Role::Intake => intake::build(config.intake.clone(), parts, targets),
                    Role::Routing => routing::build(config.routing.clone(), parts, targets),
                    Role::Compensation => compensation::build(config.compensation.clone(), parts, targets),
                    Role::Followup => followup::build(config.followup.clone(), parts, targets),
                }
                .with_context(|| format!("{role} cannot be built"))?;
                services.push(service);
                engines.insert(role, engine);
            }
            Ok(Self { config, services, engines })
        }
        .boxed()
    }

    /// The engines, for clock drivers and reports.
    pub fn engines(&self) -> &BTreeMap<Role, Engine> {
        &self.engines
    }

    /// Serves until `shutdown`, then drains; `bound` is told the real ports.
    pub fn serve(
        self,
        registry: Option<Registry>,
        reflection: bool,
        bound: Option<oneshot::Sender<Bound>>,
        shutdown: CancellationToken,
    ) -> BoxFuture<'static, anyhow::Result<()>> {
        async move {
            let Self { config, mut services, engines } = self;
            let page_tokens = config.store(*engines.keys().next().context("no role was given")?).page_token_key.clone();
            services.push(Operations::service(&engines, &page_tokens));
            let drain = config.server.drain.timeout;
            let chassis = ChassisConfig { server: config.server, auth: config.auth, telemetry: config.telemetry };
            let mut options = ServeOptions::new(chassis, services);
            options.extra_routes = reflection.then(reflection_routes).transpose()?;
            options.registry = registry;
            options.bound = bound;
            options.last = Some(put_away(engines, drain).boxed());
            chassis::serve(options, shutdown).await
        }
        .boxed()
    }
}

/// Waits for the mutations that outlive their calls and closes the databases, all at once. The server's deadline is
/// theirs too: what it cuts off is undone by the database.
async fn put_away(engines: BTreeMap<Role, Engine>, limit: Duration) {
    let each = engines.into_iter().map(|(role, engine)| async move {
        if !engine.drain(limit).await {
            tracing::warn!(%role, "mutations were still under way at the end");
        }
        engine.db().close().await;
    });
    futures::future::join_all(each).await;
}

async fn settle_migrations(role: Role, db: &Db, pending: Pending) -> anyhow::Result<()> {
    let names = durable::pending_migrations(db, role.migrations()).await.with_context(|| format!("{role}"))?;
    if names.is_empty() {
        return Ok(());
    }
    match pending {
        Pending::Apply => {
            durable::migrate(db, role.migrations()).await.with_context(|| format!("{role}: migrations failed"))
        }
        Pending::Refuse => bail!(
            "the database of {role} lacks {} migration(s): {}. Run `amends migrate {role}` with the same configuration, then start again.",
            names.len(),
            names.join(", ")
        ),
    }
}

fn reflection_routes() -> anyhow::Result<tonic::service::Routes> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(api::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    Ok(tonic::service::Routes::new(reflection))
}
