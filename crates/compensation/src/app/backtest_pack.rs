//! Backtests: batches of events that happened are judged on all cores, and their tallies added up.
//!
//! What always holds: judging never runs on a thread that serves calls; at most as many batches are judged at a time, over
//! all backtests, as there are workers, and whoever brings more waits; when a backtest is dropped, so is what of it has
//! not begun.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use kernel::{ErrorCode, ServiceError};
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

/// The places of backtests, and the workers that they share.
pub(crate) struct Backtests {
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
}

impl Backtests {
    /// As configured.
    pub(crate) fn new(config: &BacktestConfig) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let workers = if config.workers == 0 { cores() } else { config.workers };
        Self { places: Arc::new(Semaphore::new(config.at_once)), workers: Arc::new(Semaphore::new(workers)) }
    }

    /// A place among those that may run, until it is dropped.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED while as many run as may.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, ServiceError> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let reason = api::reason::compensation::TOO_MANY_BACKTESTS;
            let mut error = ServiceError::new(
                ErrorCode::ResourceExhausted,
                reason,
                "as many backtests run as this server takes; come again",
            );
            error.retry_after = Some(COME_AGAIN);
            error.transient()
        })
    }

    /// Begins a backtest.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED while as many run as may.
    pub(crate) fn begin(&self, trial: Trial) -> Result<Backtest, ServiceError> {
        let place = self.place()?;
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
    _place: OwnedSemaphorePermit,
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
    pub(crate) fn begin_backtest(&self, trial: Trial) -> Result<Backtest, ServiceError> {
        self.backtests.begin(trial)
    }
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
        let first = backtests.begin(trial()).expect("there is a place");
        let refused = backtests.begin(trial()).err().expect("there is none");
        assert_eq!(refused.reason, "TOO_MANY_BACKTESTS");
        assert!(refused.retry_after.is_some() && !refused.is_definitive());
        drop(first);
        assert!(backtests.begin(trial()).is_ok());
    }
}
