//! Open loop: calls begin at a constant rate, whatever the answers do. Shows what callers wait at that rate.
//!
//! Always holds: a latency counts from the moment at which the call should have begun, so that a service which stands
//! still is charged with everybody who would have called meanwhile (no coordinated omission).

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::requests::Caller;
use super::tally::Tally;

/// Callers that the calls are spread over: as many as there are connections.
pub const CONNECTIONS: usize = 4;

/// Calls `per_second` for `warm_up` and then for `window`; counts what should have begun within the window.
pub async fn run(callers: &[Caller], per_second: f64, warm_up: Duration, window: Duration) -> anyhow::Result<Tally> {
    anyhow::ensure!(per_second > 0.0, "an open loop needs a rate");
    let (due, mut arrivals) = mpsc::unbounded_channel();
    let schedule = Schedule { began: Instant::now(), per_second, length: warm_up + window };
    let from = schedule.began + warm_up;
    // Timers of the runtime wake at whole milliseconds; a thread wakes on time.
    let pacer = std::thread::spawn(move || schedule.follow(&due));
    let mut total = Tally::new()?;
    let mut under_way = JoinSet::new();
    let mut count = |(intended, ended, result): (Instant, Instant, Result<(), tonic::Status>)| {
        if intended >= from {
            total.record(ended - intended, result);
        }
    };
    loop {
        tokio::select! {
            arrival = arrivals.recv() => {
                let Some((index, intended)) = arrival else { break };
                let mut caller = callers[index as usize % callers.len()].clone();
                under_way.spawn(async move {
                    let result = caller.call(index).await;
                    (intended, Instant::now(), result)
                });
            }
            Some(call) = under_way.join_next() => count(call?),
        }
    }
    while let Some(call) = under_way.join_next().await {
        count(call?);
    }
    pacer.join().map_err(|_panic| anyhow::anyhow!("the pacer panicked"))?;
    Ok(total)
}

/// When calls begin.
struct Schedule {
    began: Instant,
    per_second: f64,
    length: Duration,
}

impl Schedule {
    fn follow(&self, due: &mpsc::UnboundedSender<(u64, Instant)>) {
        for index in 0.. {
            let offset = self.offset(index);
            if offset >= self.length {
                return;
            }
            let intended = self.began + offset;
            std::thread::sleep(intended.saturating_duration_since(Instant::now()));
            if due.send((index, intended)).is_err() {
                return;
            }
        }
    }

    fn offset(&self, index: u64) -> Duration {
        Duration::from_secs_f64(index as f64 / self.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_of_the_schedule_has_its_own_time_however_late_the_thread_is() {
        let began = Instant::now().checked_sub(Duration::from_secs(60)).expect("the machine is up for a minute");
        let schedule = Schedule { began, per_second: 250.0, length: Duration::from_secs(2) };
        let (due, mut arrivals) = mpsc::unbounded_channel();
        schedule.follow(&due);
        drop(due);
        for index in 0..500_u32 {
            let (number, intended) = arrivals.try_recv().expect("a call is due");
            assert_eq!((number, intended), (u64::from(index), began + index * Duration::from_millis(4)));
        }
        assert!(arrivals.try_recv().is_err());
    }
}
