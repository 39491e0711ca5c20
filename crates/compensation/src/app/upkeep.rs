//! What keeps the tables small and their sums cheap: folds the tail of the ledger, and removes what is old.
//!
//! Each step is a transaction of bounded size, which any number of replicas may run at once; a round ends when there is
//! nothing more to do or the service stops.

use std::time::Duration;

use durable::{Engine, Tx};
use kernel::ServiceError;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::domain::policy::window;
use crate::store::ledger::{self, FOLD_STEP};
use crate::store::old_rows::{self, SWEEP_STEP, Swept};

/// Between two looks at the tail: what a balance has to add up is what was posted in this time.
const FOLD_EVERY: Duration = Duration::from_secs(5);
/// Between two rounds of removal.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(86_400);

/// How long rows are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    /// The window of guesses, of the configuration.
    pub(crate) guesses: Duration,
}

impl Kept {
    fn of(self, what: Swept) -> Duration {
        match what {
            // A window that is made longer finds what was in it.
            Swept::VoucherMisses => self.guesses.max(30 * DAY),
            Swept::ProviderEvents => 90 * DAY,
            // A day more than the longest window: it begins with the day, and a row's age with its time.
            Swept::GoodwillClaims | Swept::SpendingDays => (window::MAX_DAYS + 1) * DAY,
        }
    }
}

/// Folds all of the ledger's tail; how many rows.
///
/// # Errors
/// UNAVAILABLE when the database does not answer: what was folded before stays so.
pub(crate) async fn fold(engine: &Engine, stop: &CancellationToken) -> Result<u64, ServiceError> {
    let mut folded = 0;
    while !stop.is_cancelled() {
        let step =
            engine.run_tx("compensation.fold_ledger", |tx: Tx| async move { Ok(ledger::fold_in_tx(&tx).await?) });
        let step = step.await?;
        folded += step;
        if step < FOLD_STEP {
            break;
        }
    }
    Ok(folded)
}

/// Removes all rows that are old; how many.
///
/// # Errors
/// UNAVAILABLE when the database does not answer: what was removed before is gone.
pub(crate) async fn sweep(engine: &Engine, kept: Kept, stop: &CancellationToken) -> Result<u64, ServiceError> {
    let mut removed = 0;
    for what in Swept::ALL {
        let before = engine.now().minus(kept.of(what));
        while !stop.is_cancelled() {
            let work = |tx: Tx| async move { Ok(old_rows::sweep_in_tx(&tx, what, before).await?) };
            let step = engine.run_tx("compensation.sweep", work).await?;
            removed += step;
            if step < SWEEP_STEP {
                break;
            }
        }
    }
    Ok(removed)
}

/// Works until `stop`.
pub(crate) async fn run(engine: Engine, kept: Kept, stop: CancellationToken) {
    let mut sweep_at = Instant::now() + FOLD_EVERY;
    while !stop.is_cancelled() {
        if let Err(error) = fold(&engine, &stop).await {
            tracing::warn!(%error, "the tail of the ledger cannot be folded");
        }
        if Instant::now() >= sweep_at {
            sweep_at = Instant::now() + SWEEP_EVERY;
            match sweep(&engine, kept, &stop).await {
                Ok(0) => {}
                Ok(rows) => tracing::debug!(rows, "old rows were removed"),
                Err(error) => tracing::warn!(%error, "old rows cannot be removed"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(FOLD_EVERY) => {}
        }
    }
}
