//! What keeps the tables in order: gives expired leases back, removes final calls and answers that are old, measures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DbErr, Statement};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::courier::dice;
use super::metrics::Metrics;
use super::{RelayConfig, claim, health};
use crate::{Engine, KeptAnswers, Swept, sql};

/// Between two looks at what waits.
const MEASURE_EVERY: Duration = Duration::from_secs(15);
/// Between two clean-ups.
const PURGE_EVERY: Duration = Duration::from_secs(60);
/// From the start to the first sweep of answers: what could not be sent while this service was down comes first, and
/// finds its answer however long that was.
const SWEEP_AFTER: Duration = Duration::from_secs(600);
/// Calls removed by one statement.
const PURGE_BATCH: i64 = 1_000;
/// Statements of one round at most: between two rounds the upkeep does its other work. A round goes with each poll while
/// there is more, which keeps up with 4,000 calls a second at least.
const PURGES_A_ROUND: u32 = 4;

/// Works until `stop`.
pub(crate) async fn run(
    engine: Engine,
    config: Arc<RelayConfig>,
    kept: KeptAnswers,
    metrics: Metrics,
    stop: CancellationToken,
) {
    let now = Instant::now();
    let (mut measure_at, mut purge_at, mut sweep_at) = (now, now + PURGE_EVERY.mul_f64(dice()), now + SWEEP_AFTER);
    loop {
        if let Err(error) = release(&engine, &metrics).await {
            tracing::warn!(%error, "expired leases cannot be given back");
        }
        if Instant::now() >= measure_at {
            measure_at = Instant::now() + MEASURE_EVERY;
            match health::targets(&engine, None).await {
                Ok(targets) => metrics.waiting(engine.now(), targets),
                Err(error) => tracing::warn!(%error, "waiting calls cannot be counted"),
            }
        }
        if Instant::now() >= purge_at {
            match purge(&engine, &config, &stop).await {
                Ok(Swept { more: true, .. }) => {}
                Ok(Swept { more: false, .. }) => purge_at = Instant::now() + PURGE_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "old calls cannot be removed");
                    purge_at = Instant::now() + PURGE_EVERY;
                }
            }
        }
        if Instant::now() >= sweep_at {
            match engine.sweep_answers(kept, &stop).await {
                Ok(Swept { more: true, .. }) => {}
                Ok(Swept { more: false, .. }) => sweep_at = Instant::now() + PURGE_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "old answers cannot be removed");
                    sweep_at = Instant::now() + PURGE_EVERY;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(config.poll().mul_f64(0.5 + dice() / 2.0)) => {}
        }
    }
}

async fn release(engine: &Engine, metrics: &Metrics) -> Result<(), DbErr> {
    let released = claim::release_expired(engine).await?;
    let mut targets: BTreeMap<String, u64> = BTreeMap::new();
    for target in released {
        *targets.entry(target).or_default() += 1;
    }
    for (target, calls) in &targets {
        tracing::warn!(target, calls, "leases ran out; the calls are sent again");
        metrics.expired(target, *calls);
    }
    engine.relay_status().wake(&targets.into_keys().collect::<BTreeSet<_>>());
    Ok(())
}

/// Removes final calls older than the configuration keeps them, as many as one round may.
pub(crate) async fn purge(engine: &Engine, config: &RelayConfig, stop: &CancellationToken) -> Result<Swept, DbErr> {
    let before = engine.now().minus(Duration::from_secs(config.keep_done_s)).micros();
    let mut round = Swept::default();
    for _ in 0..PURGES_A_ROUND {
        if stop.is_cancelled() {
            break;
        }
        let done = engine.db().write().execute_raw(purge_statement(engine, before)).await?.rows_affected();
        round = Swept { removed: round.removed + done, more: done == PURGE_BATCH.unsigned_abs() };
        if !round.more {
            break;
        }
    }
    Ok(round)
}

pub(super) fn purge_statement(engine: &Engine, before: i64) -> Statement {
    sql::statement(
        engine.db().backend(),
        "DELETE FROM outbound_calls WHERE message_id IN (SELECT message_id FROM outbound_calls \
         WHERE finished_at IS NOT NULL AND finished_at < $1 ORDER BY finished_at LIMIT $2)",
        [before.into(), PURGE_BATCH.into()],
    )
}
