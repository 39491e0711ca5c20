//! Closed loop: so many callers, each calls again as soon as it has its answer. Finds what the service can do.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::requests::Caller;
use super::tally::Tally;

/// Calls for `warm_up` and then for `window`; counts what ends within the window.
pub async fn run(callers: Vec<Caller>, warm_up: Duration, window: Duration) -> anyhow::Result<Tally> {
    let from = Instant::now() + warm_up;
    let until = from + window;
    let mut tasks = JoinSet::new();
    for caller in callers {
        tasks.spawn(call_until(caller, from, until));
    }
    let mut total = Tally::new()?;
    while let Some(tally) = tasks.join_next().await {
        total.add(&tally??)?;
    }
    Ok(total)
}

async fn call_until(mut caller: Caller, from: Instant, until: Instant) -> anyhow::Result<Tally> {
    let mut tally = Tally::new()?;
    for index in 0.. {
        let began = Instant::now();
        if began >= until {
            break;
        }
        let result = caller.call(index).await;
        let ended = Instant::now();
        if ended >= from && ended < until {
            tally.record(ended - began, result);
        }
    }
    Ok(tally)
}
