//! What operators and services do about calls that do not go through: park, retry, discard, skip, reject.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use durable::operations::{
    CallFilter, CallState, SkipRequest, SkippedPlace, discard_in_tx, get_call, list_calls, retry_in_tx, skip_in_tx,
};
use durable::{
    Backend, Engine, Quiescence, RejectionHandler, Tx, TxError, UndeliveredCall, Unparked, audit, quiescence,
};
use kernel::{RequestContext, ServiceError, TenantId};
use prost::Message as _;
use testkit::{TestDatabase, eventually};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tonic::Code;
use uuid::Uuid;

use crate::harness::{count, tenant};
use crate::relay_harness::{Reaction, SKIP, SOON, Suite, config, context, foreign, id, in_lane, loose, run};

async fn retry(engine: &Engine, context: RequestContext, message_id: Uuid) -> Result<CallState, ServiceError> {
    let retried = engine.run_tx("test.retry", |tx| {
        let context = context.clone();
        async move { retry_in_tx(&tx, engine, &context, message_id, "mended").await }
    });
    retried.await.map(|call| call.state)
}

async fn discard(engine: &Engine, context: RequestContext, message_id: Uuid) -> Result<CallState, ServiceError> {
    let discarded = engine.run_tx("test.discard", |tx| {
        let context = context.clone();
        async move {
            discard_in_tx(&tx, engine, &context, message_id, "not needed", |call, _| {
                let (lane, seq) = call.lane.clone().expect("a lane");
                Some(SkipRequest { method: SKIP, body: format!("{lane}/{seq}").encode_to_vec() })
            })
            .await
        }
    });
    discarded.await.map(|call| call.state)
}

async fn actions(engine: &Engine) -> Vec<(String, String, String)> {
    let tenant = TenantId::default_tenant();
    assert!(audit::verify(engine.read(), &tenant).await.expect("the chain can be read"));
    let records = audit::list(engine.read(), &tenant, i64::MAX, 100).await.expect("the chain can be read");
    records.into_iter().rev().map(|record| (record.action, record.subject, record.reason)).collect()
}

/// A relay on a receiver that refuses `bad` for good reason until told otherwise.
async fn with_parked(suite: &Suite) -> Arc<AtomicBool> {
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    suite.receiver.behave(move |received| {
        if received.payload == "bad" && !is_mended.load(Ordering::SeqCst) {
            Reaction::Answer(foreign(Code::DataLoss))
        } else {
            Reaction::Apply
        }
    });
    let calls =
        vec![in_lane("cases/1", "bad"), in_lane("cases/1", "behind"), in_lane("cases/2", "other"), loose("loose")];
    suite.enqueue(calls).await;
    mended
}

testkit::on_both_databases! {
    async fn a_parked_call_blocks_its_lane_only_and_goes_on_when_retried(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        let mended = with_parked(&suite).await;
        let relay = run(suite.relay(config()));
        for (payload, state) in [("bad", "parked"), ("other", "done"), ("loose", "done")] {
            suite.until(id(payload), state).await;
        }
        let sender = std::slice::from_ref(&suite.sender);
        eventually("what is parked does not count as work", SOON, || async {
            (quiescence(sender).await == Ok(Quiescence::Quiet { next_due: None })).then_some(())
        })
        .await;
        let behind = suite.call(id("behind")).await;
        assert_eq!((behind.state, behind.attempts), (CallState::Pending, 0));
        let bad = suite.call(id("bad")).await;
        assert_eq!(bad.last_error.as_deref(), Some("DATA_LOSS: from something in between"));
        mended.store(true, Ordering::SeqCst);
        assert_eq!(retry(&suite.sender, context(), id("bad")).await, Ok(CallState::Pending));
        suite.until_all_final().await;
        assert_eq!(suite.receiver.applied().await["cases/1"], ["bad", "behind"]);
        let subject = format!("services/sender/calls/{}", id("bad"));
        assert_eq!(actions(&suite.sender).await, [("RETRY_CALL".to_owned(), subject, "mended".to_owned())]);
        relay.stop().await;
    }

    async fn a_discarded_call_is_skipped_at_the_receiver(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        with_parked(&suite).await;
        let relay = run(suite.relay(config()));
        suite.until(id("bad"), "parked").await;
        assert_eq!(discard(&suite.sender, context(), id("bad")).await, Ok(CallState::Discarded));
        suite.until_all_final().await;
        assert_eq!(suite.receiver.applied().await["cases/1"], ["behind"]);
        assert_eq!(count(&suite.receiver.engine, "inbound_lanes", "lane = 'cases/1' AND last_seq = 2").await, 1);
        let bad = suite.call(id("bad")).await;
        assert!(bad.finished_at.is_some());
        assert_eq!(actions(&suite.sender).await[0].0, "DISCARD_CALL");
        let skipped = ("SKIP_MESSAGE".to_owned(), "services/receiver/lanes/sender/cases/1/1".to_owned(), "given up".to_owned());
        assert_eq!(actions(&suite.receiver.engine).await, [skipped]);
        relay.stop().await;
    }

    async fn only_what_waits_is_retried_and_only_what_is_parked_is_discarded(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        with_parked(&suite).await;
        let relay = run(suite.relay(config()));
        for (payload, state) in [("bad", "parked"), ("other", "done")] {
            suite.until(id(payload), state).await;
        }
        relay.stop().await;
        let sender = &suite.sender;
        let stranger = RequestContext { tenant: tenant("stranger"), ..context() };
        for (result, reason) in [
            (retry(sender, context(), id("other")).await, "CALL_NOT_WAITING"),
            (retry(sender, context(), id("none")).await, "RESOURCE_NOT_FOUND"),
            (retry(sender, stranger.clone(), id("bad")).await, "RESOURCE_NOT_FOUND"),
            (discard(sender, context(), id("other")).await, "CALL_NOT_PARKED"),
            (discard(sender, context(), id("behind")).await, "CALL_NOT_PARKED"),
            (discard(sender, context(), id("none")).await, "RESOURCE_NOT_FOUND"),
            (discard(sender, stranger.clone(), id("bad")).await, "RESOURCE_NOT_FOUND"),
        ] {
            assert_eq!(result.expect_err("refused").reason, reason);
        }
        assert_eq!(get_call(sender, &stranger.tenant, id("bad")).await.expect_err("hidden").reason, "RESOURCE_NOT_FOUND");
        assert_eq!(retry(sender, context(), id("behind")).await, Ok(CallState::Pending), "a waiting call");
        assert_eq!(actions(sender).await.len(), 1, "what is refused is not on the chain");
    }

    async fn calls_are_listed_page_by_page(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        for n in 0..12 {
            suite.enqueue(vec![in_lane(&format!("cases/{}", n % 2), &n.to_string())]).await;
        }
        let list = async |filter: CallFilter| {
            let (mut pages, mut after) = (Vec::new(), None);
            loop {
                let page = list_calls(&suite.sender, &TenantId::default_tenant(), &filter, after, 5).await.expect("a page");
                let Some(last) = page.last() else { return pages };
                after = Some((last.created_at.micros(), last.message_id));
                pages.extend(page.into_iter().map(|call| call.message_id));
            }
        };
        let all: Vec<Uuid> = (0..12).map(|n| id(&n.to_string())).collect();
        let found = list(CallFilter::default()).await;
        assert_eq!(found.len(), 12);
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), all.iter().copied().collect());
        let of_lane = list(CallFilter { lane: Some("cases/1".to_owned()), state: Some(CallState::Pending) }).await;
        assert_eq!(of_lane.len(), 6);
        assert!(list(CallFilter { lane: None, state: Some(CallState::Parked) }).await.is_empty());
        let strangers = list_calls(&suite.sender, &tenant("stranger"), &CallFilter::default(), None, 5).await;
        assert_eq!(strangers, Ok(vec![]));
    }

    async fn a_lane_is_skipped_in_order(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        let engine = &suite.receiver.engine;
        let skip = async |seq: i64| {
            let skipped = engine.run_tx("test.skip", |tx| async move {
                let place = SkippedPlace { sender: "sender", lane: "cases/1", seq };
                skip_in_tx(&tx, "receiver", &context(), place, "given up").await
            });
            skipped.await
        };
        let gap = skip(2).await.expect_err("place 1 is missing");
        assert_eq!((gap.reason.as_str(), gap.is_definitive(), gap.metadata["expected"].as_str()), ("SEQUENCE_GAP", false, "1"));
        assert_eq!(skip(1).await, Ok(1));
        assert_eq!(skip(1).await, Ok(1), "again");
        assert_eq!(skip(2).await, Ok(2));
        assert_eq!(skip(1).await, Ok(2), "passed long ago");
        assert_eq!(actions(engine).await.len(), 2);
    }

    /// A refusal on record is final, is told to the service in the same transaction, and does not stop the lane.
    async fn a_rejected_call_is_told_to_its_service(database: TestDatabase) {
        let (suite, clock) = Suite::start_virtual(&database).await;
        suite.receiver.behave(|received| match received.payload.as_str() {
            "bad" => Reaction::Reject(ServiceError::precondition("CASE_CLOSED", "the case is closed").with("state", "CLOSED")),
            _ => Reaction::Apply,
        });
        let handler = Arc::new(Handler::default());
        handler.failures.store(1, Ordering::SeqCst);
        let relay = run(suite.relay(config()).on_rejected(Arc::clone(&handler) as Arc<dyn RejectionHandler>));
        suite.enqueue(vec![in_lane("cases/1", "bad"), in_lane("cases/1", "behind")]).await;
        let sender = std::slice::from_ref(&suite.sender);
        // The first time the service cannot react: nothing of it is kept, and the receiver is asked again later.
        let next_due = eventually("it is to be sent again", SOON, || async {
            match quiescence(sender).await.expect("the database answers") {
                Quiescence::Quiet { next_due: Some(next_due) } => Some(next_due),
                Quiescence::Quiet { next_due: None } | Quiescence::Busy => None,
            }
        })
        .await;
        assert_eq!(suite.call(id("bad")).await.state, CallState::Pending);
        assert_eq!(count(&suite.sender, "outbound_calls", "target = 'nobody'").await, 0);
        clock.advance_to(next_due);
        suite.sender.wake_relay();
        suite.until(id("bad"), "rejected").await;
        suite.until(id("behind"), "done").await;
        assert_eq!(suite.receiver.applied().await["cases/1"], ["behind"]);
        let seen = handler.seen.lock().expect("not poisoned").clone();
        assert_eq!(seen.len(), 2);
        for (call, error) in &seen {
            assert_eq!((call.message_id, call.lane.as_deref(), call.target.as_str()), (id("bad"), Some("cases/1"), "receiver"));
            assert_eq!(call.body, "bad".to_owned().encode_to_vec());
            assert_eq!((error.reason.as_str(), error.metadata["state"].as_str()), ("CASE_CLOSED", "CLOSED"));
        }
        // What the reaction enqueued is there, once.
        assert_eq!(count(&suite.sender, "outbound_calls", "target = 'nobody'").await, 1);
        let call = suite.call(id("bad")).await;
        assert_eq!(call.last_error.as_deref(), Some("CASE_CLOSED: the case is closed"));
        relay.stop().await;
    }

    /// The service reacts in the transaction that parks a call, and in the one in which an operator ends that.
    async fn a_parked_call_is_told_to_its_service(database: TestDatabase) {
        let (suite, clock) = Suite::start_virtual(&database).await;
        suite.receiver.behave(|received| match received.payload.as_str() {
            "bad" => Reaction::Answer(foreign(Code::DataLoss)),
            _ => Reaction::Apply,
        });
        let handler = Arc::new(Handler::default());
        handler.failures.store(1, Ordering::SeqCst);
        let relay = run(suite.relay(config()).on_rejected(Arc::clone(&handler) as Arc<dyn RejectionHandler>));
        suite.enqueue(vec![in_lane("cases/1", "bad"), in_lane("cases/1", "behind")]).await;
        let sender = std::slice::from_ref(&suite.sender);
        // A call whose parking cannot be told is not parked.
        let next_due = eventually("it is to be sent again", SOON, || async {
            match quiescence(sender).await.expect("the database answers") {
                Quiescence::Quiet { next_due: Some(next_due) } => Some(next_due),
                Quiescence::Quiet { next_due: None } | Quiescence::Busy => None,
            }
        })
        .await;
        assert_eq!(count(&suite.sender, "outbound_calls", "target = 'nobody'").await, 0);
        clock.advance_to(next_due);
        suite.sender.wake_relay();
        suite.until(id("bad"), "parked").await;
        let parked = (id("bad"), 2, "parked: DATA_LOSS".to_owned());
        assert_eq!(handler.told().last(), Some(&parked));
        assert_eq!(count(&suite.sender, "outbound_calls", "target = 'nobody'").await, 1, "of this reaction, once");

        // A waiting call is nothing to tell; a parked one is, when it is put back and when it is given up.
        let told = handler.told().len();
        assert_eq!(retry(&suite.sender, context(), id("behind")).await, Ok(CallState::Pending));
        assert_eq!(handler.told().len(), told);
        assert_eq!(retry(&suite.sender, context(), id("bad")).await, Ok(CallState::Pending));
        assert_eq!(handler.told()[told], (id("bad"), 2, "Retried".to_owned()));
        suite.until(id("bad"), "parked").await;
        assert_eq!(handler.told()[told + 1], (id("bad"), 3, "parked: DATA_LOSS".to_owned()));
        handler.failures.store(1, Ordering::SeqCst);
        assert!(discard(&suite.sender, context(), id("bad")).await.is_err(), "the service cannot react");
        assert_eq!(suite.call(id("bad")).await.state, CallState::Parked);
        assert_eq!(discard(&suite.sender, context(), id("bad")).await, Ok(CallState::Discarded));
        assert_eq!(handler.told().last(), Some(&(id("bad"), 3, "Discarded".to_owned())));
        eventually("what was behind is done", SOON, || async {
            // It may come before the receiver has skipped the place: then it is tried again, in virtual time.
            clock.advance(Duration::from_secs(1));
            suite.sender.wake_relay();
            (suite.call(id("behind")).await.state == CallState::Done).then_some(())
        })
        .await;
        relay.stop().await;
    }

    /// An operator who retries a call while the relay parks it comes after the relay: the parking is ended, and told.
    async fn a_retry_waits_for_the_parking_of_its_call(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        suite.receiver.behave(|_| Reaction::Answer(foreign(Code::DataLoss)));
        let handler = Arc::new(Holding::default());
        let relay = run(suite.relay(config()).on_rejected(Arc::clone(&handler) as Arc<dyn RejectionHandler>));
        suite.enqueue(vec![loose("bad")]).await;
        handler.parking.notified().await;
        let sender = suite.sender.clone();
        let mut retried = JoinSet::new();
        retried.spawn(async move { retry(&sender, context(), id("bad")).await });
        if suite.sender.db().backend() == Backend::Postgres {
            let waits = "datname = current_database() AND wait_event_type = 'Lock'";
            eventually("the retry waits", SOON, || async {
                (count(&suite.sender, "pg_stat_activity", waits).await > 0).then_some(())
            })
            .await;
        }
        handler.go_on.notify_one();
        assert_eq!(retried.join_next().await.expect("one").expect("no panic"), Ok(CallState::Pending));
        assert!(handler.ended.load(Ordering::SeqCst), "the service knows that its call waits for nobody");
        handler.go_on.notify_one();
        relay.stop().await;
    }

    /// Without a handler the lane goes on all the same.
    async fn a_rejected_call_without_a_handler_is_final_too(database: TestDatabase) {
        let suite = Suite::start(&database).await;
        suite.receiver.behave(|received| match received.payload.as_str() {
            "bad" => Reaction::Reject(ServiceError::not_found("cases/1")),
            _ => Reaction::Apply,
        });
        let relay = run(suite.relay(config()));
        suite.enqueue(vec![in_lane("cases/1", "bad"), in_lane("cases/1", "behind")]).await;
        suite.until_all_final().await;
        assert_eq!(suite.call(id("bad")).await.state, CallState::Rejected);
        assert_eq!(suite.receiver.applied().await["cases/1"], ["behind"]);
        relay.stop().await;
    }
}

/// Waits within each parking until it may go on.
#[derive(Default)]
struct Holding {
    parking: Notify,
    go_on: Notify,
    ended: AtomicBool,
}

#[async_trait]
impl RejectionHandler for Holding {
    async fn rejected(&self, _: &Tx, _: &UndeliveredCall, _: &ServiceError) -> Result<(), TxError> {
        Ok(())
    }

    async fn parked(&self, _: &Tx, _: &UndeliveredCall, _: &str) -> Result<(), TxError> {
        self.parking.notify_one();
        self.go_on.notified().await;
        Ok(())
    }

    async fn unparked(&self, _: &Tx, _: &UndeliveredCall, _: Unparked) -> Result<(), TxError> {
        self.ended.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Fails so often, then enqueues a call to nobody.
#[derive(Default)]
struct Handler {
    failures: AtomicU64,
    seen: std::sync::Mutex<Vec<(UndeliveredCall, ServiceError)>>,
    told: std::sync::Mutex<Vec<(Uuid, i64, String)>>,
}

impl Handler {
    /// Calls, their attempts, and what became of them.
    fn told(&self) -> Vec<(Uuid, i64, String)> {
        self.told.lock().expect("not poisoned").clone()
    }

    fn tell(&self, call: &UndeliveredCall, what: String) {
        self.told.lock().expect("not poisoned").push((call.message_id, call.attempts, what));
    }

    fn react(&self, tx: &Tx) -> Result<(), TxError> {
        let mut reaction = loose("reaction");
        reaction.message_id = Uuid::from_u128(u128::from(self.told().len() as u64) + 1_000);
        reaction.target = "nobody".to_owned();
        reaction.due = durable::Due::At(tx.now().plus(Duration::from_secs(3_600)));
        tx.enqueue(reaction);
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(ServiceError::internal("not now").into());
        }
        Ok(())
    }
}

#[async_trait]
impl RejectionHandler for Handler {
    async fn rejected(&self, tx: &Tx, call: &UndeliveredCall, error: &ServiceError) -> Result<(), TxError> {
        self.seen.lock().expect("not poisoned").push((call.clone(), error.clone()));
        self.react(tx)
    }

    async fn parked(&self, tx: &Tx, call: &UndeliveredCall, why: &str) -> Result<(), TxError> {
        self.tell(call, format!("parked: {why}"));
        self.react(tx)
    }

    async fn unparked(&self, tx: &Tx, call: &UndeliveredCall, how: Unparked) -> Result<(), TxError> {
        self.tell(call, format!("{how:?}"));
        self.react(tx)
    }
}
