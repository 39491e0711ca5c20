//! The whole suite in the test's process, on a virtual clock: as `amends dev`, with the test as the driver of time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use amends::clock_driver::ClockDriver;
use amends::config::SuiteConfig;
use amends::dev;
use amends::role::Role;
use amends::suite::{Pending, Suite};
use chassis::ClientConfig;
use durable::Engine;
use kernel::{RandomIds, VirtualClock};
use testkit::{Backend, Scratch};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::databases::Databases;

/// A running suite.
pub struct InProcess {
    /// Address of all four services.
    pub address: String,
    /// The suite's time.
    pub clock: VirtualClock,
    /// Lets time pass.
    pub driver: ClockDriver,
    /// The services' engines, to look into their databases.
    pub engines: BTreeMap<Role, Engine>,
    /// Where the mailbox is.
    pub data: Scratch,
    shutdown: CancellationToken,
    serving: JoinSet<anyhow::Result<()>>,
    databases: Databases,
}

impl InProcess {
    /// Starts a suite on fresh databases.
    pub async fn start(backend: Backend, name_hint: &str) -> Self {
        Self::start_with(backend, name_hint, |_| {}).await
    }

    /// The same, with a changed configuration.
    pub async fn start_with(backend: Backend, name_hint: &str, change: impl FnOnce(&mut SuiteConfig)) -> Self {
        Self::start_roles(backend, name_hint, BTreeSet::from(Role::ALL), change).await
    }

    /// Some of the services only.
    pub async fn start_roles(
        backend: Backend,
        name_hint: &str,
        roles: BTreeSet<Role>,
        change: impl FnOnce(&mut SuiteConfig),
    ) -> Self {
        let databases = Databases::create(backend, name_hint).await;
        let data = Scratch::new(name_hint);
        let listen = std::net::SocketAddr::from(([127, 0, 0, 1], testkit::free_port()));
        let mut config = dev::configure(SuiteConfig::default(), data.path(), listen);
        for role in Role::ALL {
            let store = config.store_mut(role);
            store.database.url = databases.url(role).to_owned();
            // The checker compares what was sent with what was received, weeks of virtual time later too.
            store.relay.keep_done_s = 10 * 365 * 86_400;
        }
        change(&mut config);
        let clock = testkit::virtual_clock();
        let suite = Suite::build(config, roles, Pending::Apply, Arc::new(clock.clone()), Arc::new(RandomIds))
            .await
            .expect("the suite can be built");
        let engines = suite.engines().clone();
        let driver = ClockDriver::new(clock.clone(), engines.values().cloned().collect(), Duration::from_secs(1));
        let shutdown = CancellationToken::new();
        let (bound, is_bound) = oneshot::channel();
        let mut serving = JoinSet::new();
        serving.spawn(suite.serve(None, true, Some(bound), shutdown.clone()));
        is_bound.await.expect("the suite opens its port");
        let address = format!("http://{listen}");
        Self { address, clock, driver, engines, data, shutdown, serving, databases }
    }

    /// A channel to the suite.
    pub fn channel(&self) -> Channel {
        chassis::channel(&self.address, &ClientConfig::default()).expect("the address is right")
    }

    /// Waits until nothing is under way at the current time.
    pub async fn quiet(&self) {
        self.driver.quiet().await.expect("the databases answer");
    }

    /// Lets time pass, with everything that is due in it.
    pub async fn pass(&self, duration: Duration) {
        let until = kernel::Clock::now(&self.clock).plus(duration);
        self.driver.run_until(until).await.expect("the databases answer");
        self.quiet().await;
    }

    /// Stops serving, waits for the end and hands over the databases, in which nothing moves any more.
    pub async fn stop(mut self) -> Databases {
        self.shutdown.cancel();
        self.serving.join_next().await.expect("it serves").expect("no panic").expect("a clean end");
        self.databases
    }
}
