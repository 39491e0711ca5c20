//! Virtual time: timers, cancelled timers, back-off, parking, and how a driver finds what comes next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use durable::{Due, Engine, OutboundCall, Quiescence, quiescence};
use kernel::{ErrorCode, ServiceError, Timestamp, VirtualClock};
use testkit::{TestDatabase, eventually};
use tonic::Code;

use crate::relay_harness::{
    APPLY, Reaction, SOON, Suite, config, context, foreign, id, in_lane, loose, run, to_status,
};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn timer(payload: &str, at: Timestamp) -> OutboundCall {
    OutboundCall::timer(&context(), "receiver", APPLY, id(payload), at, &payload.to_owned())
}

/// Waits until nothing is to be done now; when the next call becomes due.
async fn until_quiet(engines: &[Engine]) -> Option<Timestamp> {
    eventually("the suite is quiet", SOON, || async {
        match quiescence(engines).await.expect("the databases answer") {
            Quiescence::Busy => None,
            Quiescence::Quiet { next_due } => Some(next_due),
        }
    })
    .await
}

/// Skips through quiet time until nothing is left to come; the times that were stopped at.
async fn drive(engines: &[Engine], clock: &VirtualClock) -> Vec<Timestamp> {
    let mut stops = Vec::new();
    while let Some(next) = until_quiet(engines).await {
        stops.push(next);
        clock.advance_to(next);
        engines.iter().for_each(Engine::wake_relay);
    }
    stops
}

testkit::on_both_databases! {
    async fn weeks_of_timers_run_in_no_time_and_in_order(database: TestDatabase) {
        let (suite, clock) = Suite::start_virtual(&database).await;
        let relay = run(suite.relay(config()));
        let start = clock.now_for_test();
        suite.enqueue([9, 2, 30, 1].iter().map(|days| timer(&days.to_string(), start.plus(DAY * *days))).collect()).await;
        suite.enqueue(vec![in_lane("cases/1", "now")]).await;
        let engines = [suite.sender.clone(), suite.receiver.engine.clone()];
        let stops = drive(&engines, &clock).await;
        assert_eq!(stops, [1, 2, 9, 30].map(|days| start.plus(DAY * days)));
        let received: Vec<String> = suite.receiver.received().into_iter().map(|received| received.payload).collect();
        assert_eq!(received, ["now", "1", "2", "9", "30"]);
        relay.stop().await;
    }

    async fn a_cancelled_timer_does_not_fire(database: TestDatabase) {
        let (suite, clock) = Suite::start_virtual(&database).await;
        let relay = run(suite.relay(config()));
        let start = clock.now_for_test();
        suite.enqueue(vec![timer("kept", start.plus(DAY)), timer("cancelled", start.plus(DAY)), in_lane("cases/1", "call")]).await;
        suite
            .sender
            .run_tx("test.cancel", |tx| async move {
                tx.cancel(id("cancelled"));
                // Only a timer can be cancelled: what is in a lane has a place there.
                tx.cancel(id("call"));
                Ok(())
            })
            .await
            .expect("timers can be cancelled");
        drive(std::slice::from_ref(&suite.sender), &clock).await;
        let call = suite.call(id("cancelled")).await;
        assert_eq!((call.state.as_str(), call.attempts, call.finished_at), ("cancelled", 0, Some(start)));
        let mut payloads: Vec<String> = suite.receiver.received().into_iter().map(|received| received.payload).collect();
        payloads.sort_unstable();
        assert_eq!(payloads, ["call", "kept"]);
        relay.stop().await;
    }

    /// Back-off lies in virtual time: nothing is sent again before a driver gets there.
    async fn a_failed_call_waits_in_virtual_time(database: TestDatabase) {
        let (suite, clock) = Suite::start_virtual(&database).await;
        let failures = AtomicU64::new(0);
        suite.receiver.behave(move |_| match failures.fetch_add(1, Ordering::SeqCst) {
            0 => Reaction::Answer(to_status(ServiceError::unavailable("OVERLOADED", "later", Duration::from_secs(7)))),
            1 => {
                let mut error = ServiceError::new(ErrorCode::ResourceExhausted, "OVERLOADED", "much later");
                error.retry_after = Some(Duration::from_secs(120));
                Reaction::Answer(to_status(error))
            }
            _ => Reaction::Apply,
        });
        let relay = run(suite.relay(config()));
        let start = clock.now_for_test();
        suite.enqueue(vec![in_lane("cases/1", "x"), in_lane("cases/1", "behind")]).await;
        let engines = std::slice::from_ref(&suite.sender);
        let next = until_quiet(engines).await.expect("it is tried again");
        assert!((7..=9).contains(&next.since(start).as_secs()), "{next}");
        let call = suite.call(id("x")).await;
        assert_eq!((call.state.as_str(), call.attempts, call.due_at), ("pending", 1, next));
        assert_eq!(call.last_error.as_deref(), Some("UNAVAILABLE OVERLOADED: later"));
        let stops = drive(engines, &clock).await;
        assert_eq!(stops.len(), 2);
        assert!((120..=150).contains(&stops[1].since(stops[0]).as_secs()), "{stops:?}");
        assert_eq!(suite.receiver.applied().await["cases/1"], ["x", "behind"]);
        assert_eq!(suite.call(id("x")).await.last_error, None);
        relay.stop().await;
    }

    /// A definitive answer that is not on record leaves the lane standing at the receiver: ten slow tries, then parked.
    async fn a_refusal_that_is_not_on_record_is_parked_after_ten(database: TestDatabase) {
        let (suite, clock) = Suite::start_virtual(&database).await;
        suite.receiver.behave(|received| match received.payload.as_str() {
            "x" => Reaction::Answer(to_status(ServiceError::not_found("cases/1"))),
            "y" => Reaction::Answer(foreign(Code::OutOfRange)),
            _ => Reaction::Apply,
        });
        let relay = run(suite.relay(config()));
        let start = clock.now_for_test();
        suite.enqueue(vec![in_lane("cases/1", "x"), in_lane("cases/1", "behind"), loose("y"), in_lane("cases/2", "z")]).await;
        drive(std::slice::from_ref(&suite.sender), &clock).await;
        for payload in ["x", "y"] {
            let call = suite.call(id(payload)).await;
            assert_eq!((call.state.as_str(), call.attempts), ("parked", 10), "{payload}");
        }
        assert!(clock.now_for_test().since(start) >= Duration::from_secs(9 * 30), "the tries are slow");
        assert_eq!(suite.call(id("behind")).await.state.as_str(), "pending");
        assert_eq!(suite.call(id("z")).await.state.as_str(), "done");
        relay.stop().await;
    }

    /// Other failures in between start the count anew.
    async fn only_the_same_refusal_counts(database: TestDatabase) {
        let (suite, clock) = Suite::start_virtual(&database).await;
        let attempts = AtomicU64::new(0);
        suite.receiver.behave(move |_| match attempts.fetch_add(1, Ordering::SeqCst) {
            0..9 | 10..19 => Reaction::Answer(to_status(ServiceError::not_found("cases/1"))),
            9 => Reaction::Answer(foreign(Code::Unavailable)),
            _ => Reaction::Apply,
        });
        let relay = run(suite.relay(config()));
        suite.enqueue(vec![in_lane("cases/1", "x")]).await;
        drive(std::slice::from_ref(&suite.sender), &clock).await;
        let call = suite.call(id("x")).await;
        assert_eq!((call.state.as_str(), call.attempts), ("done", 20));
        relay.stop().await;
    }

    async fn a_panic_on_a_call_parks_it_after_three(database: TestDatabase) {
        let (suite, clock) = Suite::start_virtual(&database).await;
        suite.receiver.behave(|_| Reaction::Answer(to_status(ServiceError::internal("boom").with("panicked", true))));
        let relay = run(suite.relay(config()));
        suite.enqueue(vec![in_lane("cases/1", "x")]).await;
        drive(std::slice::from_ref(&suite.sender), &clock).await;
        let call = suite.call(id("x")).await;
        assert_eq!((call.state.as_str(), call.attempts), ("parked", 3));
        relay.stop().await;
    }

    /// A call in the service's own name, at a time: due times in the past are due now.
    async fn quiescence_sees_what_is_due_what_is_sent_and_what_comes(database: TestDatabase) {
        let (suite, clock) = Suite::start_virtual(&database).await;
        let start = clock.now_for_test();
        let sender = std::slice::from_ref(&suite.sender);
        assert_eq!(quiescence(sender).await, Ok(Quiescence::Quiet { next_due: None }));
        let mut to_another_target = timer("earlier", start.plus(DAY));
        to_another_target.target = "another".to_owned();
        suite.enqueue(vec![timer("later", start.plus(DAY * 2)), to_another_target]).await;
        assert_eq!(quiescence(sender).await, Ok(Quiescence::Quiet { next_due: Some(start.plus(DAY)) }));
        let mut overdue = loose("overdue");
        overdue.due = Due::At(start.minus(DAY));
        suite.enqueue(vec![overdue]).await;
        assert_eq!(quiescence(sender).await, Ok(Quiescence::Busy));
        let hold = Arc::new(tokio::sync::Semaphore::new(0));
        let held = Arc::clone(&hold);
        suite.receiver.behave(move |_| {
            let held = Arc::clone(&held);
            Reaction::After(Box::pin(async move { drop(held.acquire().await) }), Box::new(Reaction::Apply))
        });
        let relay = run(suite.relay(config()));
        suite.until(id("overdue"), "leased").await;
        assert_eq!(quiescence(sender).await, Ok(Quiescence::Busy), "a call that is being sent");
        hold.add_permits(10);
        assert_eq!(until_quiet(sender).await, Some(start.plus(DAY)));
        relay.stop().await;
    }
}

/// Reads the clock in the words of these tests.
trait NowForTest {
    fn now_for_test(&self) -> Timestamp;
}

impl NowForTest for VirtualClock {
    fn now_for_test(&self) -> Timestamp {
        kernel::Clock::now(self)
    }
}
