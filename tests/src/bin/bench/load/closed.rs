//! Closed loop: so many callers, each calls again as soon as it has its answer. Finds what the service can do.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::requests::Caller;
use super::tally::Tally;

/// Calls for `warm_up` and then for `window`; what ended within the window, and how long that was. A caller that got
/// no answer within the window waits for its first, and the window is as long as that.
pub async fn run(callers: Vec<Caller>, warm_up: Duration, window: Duration) -> anyhow::Result<(Tally, Duration)> {
    let from = Instant::now() + warm_up;
    let mut tasks = JoinSet::new();
    for caller in callers {
        tasks.spawn(call_until(caller, from, from + window));
    }
    let mut total = Tally::new()?;
    let mut end = from + window;
    while let Some(caller) = tasks.join_next().await {
        let (tally, ended) = caller??;
        total.add(&tally)?;
        end = end.max(ended);
    }
    Ok((total, end - from))
}

/// What a caller counted, and when that was complete.
async fn call_until(mut caller: Caller, from: Instant, until: Instant) -> anyhow::Result<(Tally, Instant)> {
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
        } else if ended >= until && tally.is_empty() {
            tally.record(ended - began, result);
            return Ok((tally, ended));
        }
    }
    Ok((tally, until))
}
