//! Backtests: batches of events that happened are judged on all cores, and their tallies added up.
//!
//! What always holds: judging never runs on a thread that serves calls; at most as many batches are judged at a time, over
//! all backtests, as there are workers, and whoever brings more waits; when a backtest is dropped, so is what of it has
//! not begun.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{ErrorCode, ServiceError, TenantId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};

use super::App;
use crate::config::BacktestConfig;
use crate::domain::backtest::difference::Difference;
use crate::domain::backtest::tally::Tally;
use crate::domain::backtest::{HistoricEvent, Trial};
use crate::domain::pack::set::PackSet;
use crate::domain::pack::{Pack, document};

/// When to come again while as many run as may.
const COME_AGAIN: Duration = Duration::from_secs(10);

/// The places of backtests, and the workers that they share. No tenant holds more than half of the places, so that a stream
/// that says nothing stops nobody else.
pub(crate) struct Backtests {
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    per_tenant: usize,
    taken: Arc<Mutex<BTreeMap<TenantId, usize>>>,
}

/// A place among those that may run, until it is dropped.
pub(crate) struct Place {
    tenant: TenantId,
    taken: Arc<Mutex<BTreeMap<TenantId, usize>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.tenant) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.tenant)),
        }
    }
}

impl Backtests {
    /// As configured.
    pub(crate) fn new(config: &BacktestConfig) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let workers = if config.workers == 0 { cores() } else { config.workers };
        Self {
            places: Arc::new(Semaphore::new(config.at_once)),
            workers: Arc::new(Semaphore::new(workers)),
            per_tenant: config.at_once.div_ceil(2),
            taken: Arc::default(),
        }
    }

    /// A place for a tenant.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED while as many run as may, in all or of the tenant.
    pub(crate) fn place(&self, tenant: &TenantId) -> Result<Place, ServiceError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = taken.get(tenant).copied().unwrap_or(0);
        if of_tenant >= self.per_tenant {
            return Err(full("as many backtests of yours run as this server takes of one tenant; come again"));
        }
        let permit = Arc::clone(&self.places).try_acquire_owned();
        let permit = permit.map_err(|_| full("as many backtests run as this server takes; come again"))?;
        taken.insert(tenant.clone(), of_tenant + 1);
        drop(taken);
        Ok(Place { tenant: tenant.clone(), taken: Arc::clone(&self.taken), _permit: permit })
    }

    /// Begins a backtest.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED while as many run as may.
    pub(crate) fn begin(&self, tenant: &TenantId, trial: Trial) -> Result<Backtest, ServiceError> {
        let place = self.place(tenant)?;
        let workers = Arc::clone(&self.workers);
        let tally = trial.tally();
        Ok(Backtest { trial: Arc::new(trial), tally, running: JoinSet::new(), workers, _place: place })
    }
}

/// A backtest under way.
pub(crate) struct Backtest {
    trial: Arc<Trial>,
    tally: Tally,
    running: JoinSet<Result<Tally, ServiceError>>,
    workers: Arc<Semaphore>,
    _place: Place,
}

impl Backtest {
    /// The versions.
    pub(crate) fn trial(&self) -> &Trial {
        &self.trial
    }

    /// What came of the batches that are through.
    pub(crate) fn so_far(&self) -> &Tally {
        &self.tally
    }

    /// Takes a batch as soon as a worker is free; `read` makes events of it there.
    ///
    /// # Errors
    /// What `read` found wrong with an earlier batch.
    pub(crate) async fn take(
        &mut self,
        read: impl FnOnce() -> Result<Vec<HistoricEvent>, ServiceError> + Send + 'static,
    ) -> Result<(), ServiceError> {
        while let Some(ended) = self.running.try_join_next() {
            self.add(ended)?;
        }
        let permit = Arc::clone(&self.workers).acquire_owned().await.map_err(ServiceError::internal)?;
        let trial = Arc::clone(&self.trial);
        self.running.spawn_blocking(move || {
            let judged = read().map(|events| trial.judge(&events));
            drop(permit);
            judged
        });
        Ok(())
    }

    /// The examples of differing events, when all batches are through.
    pub(crate) fn into_examples(self) -> Vec<Difference> {
        self.tally.differences.examples
    }

    /// Waits for all batches.
    ///
    /// # Errors
    /// What was found wrong with one of them.
    pub(crate) async fn finish(&mut self) -> Result<(), ServiceError> {
        while let Some(ended) = self.running.join_next().await {
            self.add(ended)?;
        }
        Ok(())
    }

    fn add(&mut self, ended: Result<Result<Tally, ServiceError>, JoinError>) -> Result<(), ServiceError> {
        self.tally.merge(ended.map_err(ServiceError::internal)??);
        Ok(())
    }
}

impl App {
    /// Begins a backtest.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED while as many run as may.
    pub(crate) fn begin_backtest(&self, tenant: &TenantId, trial: Trial) -> Result<Backtest, ServiceError> {
        self.backtests.begin(tenant, trial)
    }
}

fn full(message: &str) -> ServiceError {
    let reason = api::reason::compensation::TOO_MANY_BACKTESTS;
    let mut error = ServiceError::new(ErrorCode::ResourceExhausted, reason, message);
    error.retry_after = Some(COME_AGAIN);
    error.transient()
}

/// The version of a pack that is known by `id` and `version`.
pub(crate) fn known_version(packs: &PackSet, id: &str, version: &str) -> Result<Pack, ServiceError> {
    let name = format!("{}@{version}", crate::wire::pack_name(id));
    let known = packs.version(id, version).ok_or_else(|| ServiceError::not_found(name))?;
    document::parse(&known.document).map_err(|problems| ServiceError::internal(problems.join("; ")))
}

/// A sum that its type cannot hold.
pub(crate) fn too_large() -> ServiceError {
    ServiceError::precondition(
        api::reason::compensation::AMOUNTS_TOO_LARGE,
        "a sum of the report is too large for its type; send fewer events, or check the amounts among their facts",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::catalogue::Catalogue;

    #[test]
    fn a_place_is_free_again_when_its_backtest_has_gone() {
        let backtests = Backtests::new(&BacktestConfig { workers: 1, at_once: 1 });
        let trial = || {
            let (_, text, _) = crate::domain::pack::set::SHIPPED[0];
            let pack = document::parse(text).expect("a shipped pack");
            Trial::new(
                pack,
                None,
                Catalogue::shipped(),
                crate::domain::backtest::Options { ignore_dates: false, examples: 1 },
            )
        };
        let (a, b) = (TenantId::parse("a").expect("a tenant"), TenantId::parse("b").expect("a tenant"));
        let first = backtests.begin(&a, trial()).expect("there is a place");
        for tenant in [&a, &b] {
            let refused = backtests.begin(tenant, trial()).err().expect("there is none");
            assert_eq!(refused.reason, "TOO_MANY_BACKTESTS");
            assert!(refused.retry_after.is_some() && !refused.is_definitive());
        }
        drop(first);
        assert!(backtests.begin(&b, trial()).is_ok());
    }

    #[test]
    fn a_tenant_leaves_half_of_the_places_to_others() {
        let backtests = Backtests::new(&BacktestConfig { workers: 1, at_once: 4 });
        let (a, b) = (TenantId::parse("a").expect("a tenant"), TenantId::parse("b").expect("a tenant"));
        let mut of_a: Vec<_> = (0..2).map(|_| backtests.place(&a).expect("half")).collect();
        let refused = backtests.place(&a).err().expect("more than half");
        assert!(refused.message.contains("of one tenant"), "{}", refused.message);
        let _of_b: Vec<_> = (0..2).map(|_| backtests.place(&b).expect("the other half")).collect();
        of_a.pop();
        assert!(backtests.place(&a).is_ok(), "a place that is left is free");
    }
}
