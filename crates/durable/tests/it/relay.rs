//! The relay and a receiver: order, one effect, faults of either side, replicas, leases.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use durable::{OutboundCall, Relay, RelayConfig, Targets, sql};
use kernel::{RequestContext, TenantId, TraceContext};
use testkit::{TestDatabase, eventually};
use tokio::sync::{Notify, Semaphore};
use tonic::Code;

use crate::harness::count;
use crate::relay_harness::{
    APPLY, Reaction, Receiver, SOON, Suite, config, context, engine, foreign, id, in_lane, loose, run, twin,
};

/// Opens when the test says so.
fn gate() -> (Arc<Semaphore>, impl Fn() -> futures::future::BoxFuture<'static, ()> + Send + Sync + 'static) {
    let gate = Arc::new(Semaphore::new(0));
    let waits = Arc::clone(&gate);
    let wait = move || -> futures::future::BoxFuture<'static, ()> {
        let waits = Arc::clone(&waits);
        Box::pin(async move {
            let _passed = waits.acquire().await;
        })
    };
    (gate, wait)
}

fn always_open(gate: &Semaphore) {
    gate.add_permits(1_000);
}

testkit::on_both_databases! {
    /// Two relays, 20 lanes of 10, a receiver that fails in every way before and after it has done its work.
    async fn every_call_has_one_effect_and_lanes_keep_their_order(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        let attempts = AtomicU64::new(0);
        suite.receiver.behave(move |_| match attempts.fetch_add(1, Ordering::SeqCst) % 7 {
            0 => Reaction::Answer(foreign(Code::Unavailable)),
            1 => Reaction::ApplyAndAnswer(foreign(Code::Unknown)),
            2 => Reaction::ApplyAndAnswer(foreign(Code::Cancelled)),
            3 => Reaction::Answer(foreign(Code::Aborted)),
            _ => Reaction::Apply,
        });
        let first = run(suite.relay(config()));
        let second = run(Relay::new(&twin(&suite.sender), config(), suite.targets()));
        for seq in 0..10 {
            suite.enqueue((0..20).map(|lane| in_lane(&format!("cases/{lane}"), &format!("{lane}.{seq}"))).collect()).await;
        }
        suite.until_all_final().await;
        let applied = suite.receiver.applied().await;
        assert_eq!(applied.len(), 20);
        for lane in 0..20 {
            let expected: Vec<String> = (0..10).map(|seq| format!("{lane}.{seq}")).collect();
            assert_eq!(applied[&format!("cases/{lane}")], expected);
        }
        assert_eq!(count(&suite.sender, "outbound_calls", "state = 'done' AND finished_at IS NOT NULL").await, 200);
        assert!(suite.receiver.received().len() > 200, "the faults made duplicates");
        first.stop().await;
        second.stop().await;
    }

    async fn a_call_carries_who_sends_it_and_what_caused_it(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        let context = RequestContext {
            trace: TraceContext {
                traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
                tracestate: "vendor=1".to_owned(),
            },
            journey: "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
            ..context()
        };
        let call = OutboundCall::in_lane(&context, "receiver", APPLY, id("x"), "cases/1".to_owned(), &"x".to_owned());
        suite.enqueue(vec![call, loose("y")]).await;
        let targets = Targets::new().with_token("receiver", suite.receiver.channel(), "secret").expect("a token");
        let relay = run(Relay::new(&suite.sender, config(), targets));
        suite.until_all_final().await;
        let received = suite.receiver.received();
        let x = received.iter().find(|received| received.payload == "x").expect("x came");
        for (header, value) in [
            ("x-amends-tenant", "default"),
            ("x-amends-sender", "sender"),
            ("x-amends-message-id", id("x").to_string().as_str()),
            ("x-amends-lane", "cases/1"),
            ("x-amends-lane-seq", "1"),
            ("x-amends-attempt", "1"),
            ("x-amends-lease-token", "1"),
            ("x-amends-journey", context.journey.as_str()),
            ("traceparent", context.trace.traceparent.as_str()),
            ("tracestate", "vendor=1"),
            ("authorization", "Bearer secret"),
            ("grpc-timeout", "2000000u"),
        ] {
            assert_eq!(x.header(header), value, "{header}");
        }
        let y = received.iter().find(|received| received.payload == "y").expect("y came");
        for header in ["x-amends-lane", "x-amends-lane-seq", "x-amends-journey", "traceparent", "tracestate"] {
            assert_eq!(y.header(header), "", "{header}");
        }
        relay.stop().await;
    }

    async fn a_killed_relay_is_replaced_when_its_leases_have_run_out(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        suite.receiver.behave(|_| Reaction::ApplyAndHang);
        suite.enqueue((0..40).map(|n| in_lane(&format!("cases/{n}"), &n.to_string())).collect()).await;
        let short = RelayConfig { call_timeout_ms: 500, lease_ms: 2_000, ..config() };
        let first = run(suite.relay(RelayConfig { call_timeout_ms: 1_500, ..short.clone() }));
        eventually("all are applied, none is answered", SOON, || async {
            (suite.receiver.applied_count().await == 40).then_some(())
        })
        .await;
        assert_eq!(count(&suite.sender, "outbound_calls", "state = 'done'").await, 0);
        first.kill().await;
        suite.receiver.behave(|_| Reaction::Apply);
        let second = run(Relay::new(&twin(&suite.sender), short, suite.targets()));
        suite.until_all_final().await;
        assert_eq!(suite.receiver.applied_count().await, 40, "the request log suppressed the duplicates");
        assert_eq!(count(&suite.sender, "outbound_calls", "attempts > 1 AND token > 1 AND state = 'done'").await, 40);
        second.stop().await;
    }

    /// A result that comes after somebody else has claimed the call is dropped.
    async fn a_zombies_result_is_fenced(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        let (first, wait_first) = gate();
        let (second, wait_second) = gate();
        suite.receiver.behave(move |received| match (received.payload.as_str(), received.header("x-amends-attempt")) {
            ("x", "1") => Reaction::After(wait_first(), Box::new(Reaction::Answer(foreign(Code::Unavailable)))),
            ("x", _) => Reaction::After(wait_second(), Box::new(Reaction::Apply)),
            _ => Reaction::Apply,
        });
        // Long deadlines: only the test decides when an attempt ends.
        let relay = run(suite.relay(RelayConfig { call_timeout_ms: 60_000, lease_ms: 240_000, ..config() }));
        suite.enqueue(vec![in_lane("cases/1", "x"), in_lane("cases/1", "next")]).await;
        let seen = |attempts: usize| {
            let receiver = &suite.receiver;
            move || async move { (receiver.received().len() == attempts).then_some(()) }
        };
        eventually("the first attempt", SOON, seen(1)).await;
        expire_leases(&suite).await;
        eventually("the second attempt", SOON, seen(2)).await;
        always_open(&first);
        // What ends later in the same relay is written later: when it is, the zombie's result has been.
        suite.enqueue(vec![loose("barrier")]).await;
        suite.until(id("barrier"), "done").await;
        let call = suite.call(id("x")).await;
        assert_eq!((call.state.as_str(), call.attempts, call.last_error), ("leased", 2, None));
        always_open(&second);
        suite.until_all_final().await;
        assert_eq!(suite.receiver.applied().await["cases/1"], ["x", "next"]);
        assert_eq!(suite.call(id("x")).await.attempts, 2);
        relay.stop().await;
    }

    async fn a_hanging_target_delays_no_other(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        let other_database = testkit::database(database.backend(), "other").await;
        let other = Receiver::start(engine(&other_database, "other", Arc::clone(suite.sender.clock())).await).await;
        suite.receiver.behave(|_| Reaction::Hang);
        let targets = suite.targets().with("other", other.channel());
        let relay = run(Relay::new(&suite.sender, RelayConfig { concurrency: 4, stop_timeout_ms: 0, ..config() }, targets));
        suite.enqueue((0..50).map(|n| in_lane(&format!("cases/{n}"), &n.to_string())).collect()).await;
        let to_other: Vec<OutboundCall> = (50..100)
            .map(|n| {
                let mut call = in_lane(&format!("cases/{n}"), &n.to_string());
                call.target = "other".to_owned();
                call
            })
            .collect();
        suite.enqueue(to_other).await;
        eventually("the other target has all of its calls", SOON, || async {
            (other.applied_count().await == 50).then_some(())
        })
        .await;
        assert!(suite.receiver.received().len() <= 4, "as many as may be under way");
        relay.stop().await;
    }

    async fn calls_to_a_target_that_nobody_knows_stay(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        let mut stranger = loose("stranger");
        stranger.target = "elsewhere".to_owned();
        suite.enqueue(vec![stranger, loose("x")]).await;
        let relay = run(suite.relay(config()));
        suite.until(id("x"), "done").await;
        let call = suite.call(id("stranger")).await;
        assert_eq!((call.state.as_str(), call.attempts), ("pending", 0));
        let health = durable::operations::relay_health(&suite.sender, &TenantId::default_tenant()).await.expect("health");
        assert_eq!(health.len(), 1);
        assert_eq!((health[0].target.as_str(), health[0].due, health[0].oldest_due), ("elsewhere", 1, Some(call.due_at)));
        relay.stop().await;
    }

    /// While a target is down it gets a probe now and then, whatever waits for it; then everything.
    async fn an_outage_opens_the_circuit_and_parks_nothing(database: TestDatabase) {
        let receiver_database = testkit::database(database.backend(), "receiver").await;
        let clock: Arc<dyn kernel::Clock> = Arc::new(kernel::SystemClock);
        let sender = engine(&database, "sender", Arc::clone(&clock)).await;
        let mut receiver = Receiver::new(engine(&receiver_database, "receiver", clock).await);
        let targets = Targets::new().with("receiver", receiver.channel());
        crate::relay_harness::enqueue(&sender, (0..300).map(|n| in_lane(&format!("cases/{n}"), &n.to_string())).collect()).await;
        let relay = run(Relay::new(&sender, RelayConfig { concurrency: 8, ..config() }, targets));
        eventually("the circuit is open", SOON, || async {
            let health = durable::operations::relay_health(&sender, &TenantId::default_tenant()).await.expect("health");
            health.iter().any(|target| target.circuit_open).then_some(())
        })
        .await;
        assert!(count(&sender, "outbound_calls", "attempts > 0").await < 100, "most calls have not been tried in vain");
        receiver.serve().await;
        eventually("all are done", SOON, || async {
            (count(&sender, "outbound_calls", "state = 'done'").await == 300).then_some(())
        })
        .await;
        assert_eq!(receiver.applied_count().await, 300);
        let health = durable::operations::relay_health(&sender, &TenantId::default_tenant()).await.expect("health");
        assert_eq!(health, vec![]);
        relay.stop().await;
    }

    async fn a_stopping_relay_finishes_what_is_under_way(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        let (open, wait) = gate();
        suite.receiver.behave(move |_| Reaction::After(wait(), Box::new(Reaction::Apply)));
        let relay = run(suite.relay(RelayConfig { concurrency: 3, ..config() }));
        suite.enqueue((0..10).map(|n| in_lane(&format!("cases/{n}"), &n.to_string())).collect()).await;
        eventually("three are under way", SOON, || async { (suite.receiver.received().len() == 3).then_some(()) }).await;
        let stopping = relay.stop();
        always_open(&open);
        stopping.await;
        assert_eq!(count(&suite.sender, "outbound_calls", "state = 'done'").await, 3);
        assert_eq!(count(&suite.sender, "outbound_calls", "state = 'pending' AND attempts = 0").await, 7);
    }

    async fn a_stopping_relay_gives_back_what_does_not_end(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        suite.receiver.behave(|_| Reaction::Hang);
        let patient = RelayConfig { call_timeout_ms: 60_000, lease_ms: 240_000, ..config() };
        let relay = run(suite.relay(RelayConfig { stop_timeout_ms: 50, ..patient.clone() }));
        suite.enqueue((0..10).map(|n| in_lane(&format!("cases/{n}"), &n.to_string())).collect()).await;
        eventually("all are under way", SOON, || async { (suite.receiver.received().len() == 10).then_some(()) }).await;
        relay.stop().await;
        assert_eq!(count(&suite.sender, "outbound_calls", "state = 'pending' AND attempts = 0").await, 10);
        // No lease has to run out before others send them.
        suite.receiver.behave(|_| Reaction::Apply);
        let next = run(Relay::new(&twin(&suite.sender), patient, suite.targets()));
        suite.until_all_final().await;
        next.stop().await;
    }

    /// A transaction wakes the relay; nothing waits for a poll.
    async fn a_commit_wakes_the_relay(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        // No poll within the test: a call that nothing wakes is not sent.
        let relay = run(suite.relay(RelayConfig { poll_ms: 3_600_000, ..config() }));
        let lane_of_three = (0..3).map(|n| in_lane("cases/1", &n.to_string())).collect();
        suite.enqueue(lane_of_three).await;
        suite.until_all_final().await;
        suite.enqueue(vec![loose("later")]).await;
        suite.until_all_final().await;
        relay.stop().await;
    }

    /// A call that is due soon is sent when it is due, not at the next poll.
    async fn a_timer_fires_at_its_time(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        let at = suite.sender.now().plus(Duration::from_millis(150));
        let mut timer = loose("timer");
        timer.due = durable::Due::At(at);
        suite.enqueue(vec![timer]).await;
        let fired = Arc::new(Notify::new());
        let fires = Arc::clone(&fired);
        suite.receiver.behave(move |_| {
            fires.notify_one();
            Reaction::Apply
        });
        let relay = run(suite.relay(RelayConfig { poll_ms: 3_600_000, ..config() }));
        tokio::time::timeout(SOON, fired.notified()).await.expect("the timer fires");
        assert!(suite.sender.now() >= at, "not before its time");
        suite.until_all_final().await;
        relay.stop().await;
    }
}

/// As if the holder had been paused for longer than its lease.
async fn expire_leases(suite: &Suite) {
    suite
        .sender
        .run_tx("test.expire", |tx| async move {
            tx.execute(sql::statement(
                tx.backend(),
                "UPDATE outbound_calls SET lease_until = 0 WHERE state = 'leased'",
                [],
            ))
            .await?;
            Ok(())
        })
        .await
        .expect("leases can be set");
}
