//! Single mutations: one effect, one answer, whatever happens around them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use durable::{Bulk, ColumnType, Due, Engine, OutboundCall, TxError, Write, sql};
use futures::future::join_all;
use kernel::{Answer, ErrorCode, RequestContext, RequestKey, ServiceError, reason};
use prost_types::Timestamp as Response;
use testkit::{Fault, FaultProxy, TestDatabase};
use uuid::Uuid;

use crate::harness::{self, count, effects, in_lane, key};

/// Inserts an effect and answers with it; `seconds` is the effect's id, `nanos` its value.
async fn insert(engine: &Engine, key: RequestKey, id: i64, value: i64) -> Result<Answer<Response>, ServiceError> {
    let tenant = key.tenant.to_string();
    engine
        .mutate("test.insert", key, move |tx| {
            let tenant = tenant.clone();
            async move {
                harness::insert_effect(&tx, &tenant, id, value).await?;
                Ok(Response { seconds: id, nanos: i32::try_from(value).unwrap_or(0) })
            }
        })
        .await
}

async fn reject(engine: &Engine, key: RequestKey, error: ServiceError) -> Result<Answer<Response>, ServiceError> {
    let tenant = key.tenant.to_string();
    engine
        .mutate("test.reject", key, move |tx| {
            let (tenant, error) = (tenant.clone(), error.clone());
            async move {
                harness::insert_effect(&tx, &tenant, 999, 1).await?;
                Err(TxError::Rejected(error))
            }
        })
        .await
}

testkit::on_both_databases! {
    async fn the_same_request_has_one_effect_and_one_answer(database: TestDatabase) {
        let engine = harness::start(&database).await.engine;
        let first = insert(&engine, key("a", "r1", "x"), 1, 10).await.expect("the first request is carried out");
        assert!(!first.replayed);
        let second = insert(&engine, key("a", "r1", "x"), 2, 20).await.expect("the repetition is answered");
        assert!(second.replayed);
        assert_eq!(second.message, first.message);
        assert_eq!(effects(&engine, "a").await, [(1, 10)]);

        let other = insert(&engine, key("a", "r1", "other body"), 3, 30).await.expect_err("another request under the same id");
        assert_eq!((other.code, other.reason.as_str()), (ErrorCode::InvalidArgument, reason::IDEMPOTENCY_KEY_REUSED));
        assert_eq!(effects(&engine, "a").await, [(1, 10)]);

        insert(&engine, key("b", "r1", "x"), 1, 11).await.expect("another tenant's id is another request");
        let mut method = key("a", "r1", "x");
        method.method = "test.v1.Test/DoOther";
        insert(&engine, method, 4, 40).await.expect("another method's id is another request");
        assert_eq!(effects(&engine, "a").await, [(1, 10), (4, 40)]);
        assert_eq!(effects(&engine, "b").await, [(1, 11)]);
    }

    async fn a_hundred_at_once_have_one_effect(database: TestDatabase) {
        let engine = harness::start(&database).await.engine;
        let answers = join_all((0..100).map(|_| insert(&engine, key("a", "r1", "x"), 1, 10))).await;
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("every caller is answered")).collect();
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1, "one of them did the work");
        assert!(answers.iter().all(|answer| answer.message == answers[0].message));
        assert_eq!(effects(&engine, "a").await, [(1, 10)]);
    }

    async fn a_definitive_no_is_an_answer_too(database: TestDatabase) {
        let engine = harness::start(&database).await.engine;
        let no = ServiceError::precondition("CLOSED", "it is closed");
        let first = reject(&engine, key("a", "r1", "x"), no.clone()).await.expect_err("rejected");
        assert_eq!(first.reason, "CLOSED");
        assert_eq!(effects(&engine, "a").await, [], "what the rejected body wrote is undone");
        let again = insert(&engine, key("a", "r1", "x"), 1, 10).await.expect_err("the stored answer");
        assert_eq!(again, first);

        let later = reject(&engine, key("a", "r2", "x"), no.transient()).await.expect_err("rejected for now");
        assert_eq!(later.reason, "CLOSED");
        insert(&engine, key("a", "r2", "x"), 2, 20).await.expect("a no for now is not stored");
        assert_eq!(effects(&engine, "a").await, [(2, 20)]);
    }

    async fn a_rejection_fails_no_neighbour(database: TestDatabase) {
        let engine = harness::start(&database).await.engine;
        let no = ServiceError::precondition("CLOSED", "it is closed");
        let inserts = (0..20).map(|n| insert(&engine, key("a", &format!("i{n}"), "x"), n, n));
        let rejects = (0..20).map(|n| reject(&engine, key("a", &format!("r{n}"), "x"), no.clone()));
        let (inserted, rejected) = tokio::join!(join_all(inserts), join_all(rejects));
        assert!(inserted.iter().all(Result::is_ok), "{inserted:?}");
        assert!(rejected.iter().all(|answer| answer.as_ref().is_err_and(|error| error.reason == "CLOSED")));
        assert_eq!(effects(&engine, "a").await, (0..20).map(|n| (n, n)).collect::<Vec<_>>());
    }

    async fn a_lane_is_applied_in_order_without_gaps(database: TestDatabase) {
        let engine = harness::start(&database).await.engine;
        let gap = insert(&engine, in_lane("a", "m2", "cases/1", 2), 2, 2).await.expect_err("the first call is missing");
        assert_eq!((gap.reason.as_str(), gap.transient), (reason::SEQUENCE_GAP, true));
        insert(&engine, in_lane("a", "m1", "cases/1", 1), 1, 1).await.expect("the first call");
        insert(&engine, in_lane("a", "m2", "cases/1", 2), 2, 2).await.expect("its turn has come");
        insert(&engine, in_lane("a", "n1", "cases/2", 1), 10, 1).await.expect("another lane does not wait");
        assert!(insert(&engine, in_lane("a", "m1", "cases/1", 1), 1, 1).await.expect("a late duplicate").replayed);
        let reused = insert(&engine, in_lane("a", "foreign", "cases/1", 1), 5, 5).await.expect_err("the place is taken");
        assert_eq!((reused.code, reused.reason.as_str()), (ErrorCode::Internal, reason::LANE_REUSED));

        let no = ServiceError::precondition("CLOSED", "it is closed");
        let refused = reject(&engine, in_lane("a", "m3", "cases/1", 3), no.clone()).await.expect_err("refused");
        assert_eq!(refused.metadata.get("recorded").map(String::as_str), Some("true"), "the sender may go on");
        let later = reject(&engine, in_lane("a", "m4", "cases/1", 4), no.transient()).await.expect_err("refused for now");
        assert!(!later.metadata.contains_key("recorded"));
        insert(&engine, in_lane("a", "m4", "cases/1", 4), 4, 4).await.expect("a refused call took its place, one refused for now did not");
        assert_eq!(effects(&engine, "a").await, [(1, 1), (2, 2), (4, 4), (10, 1)]);
    }

    /// A slow call is sent again while its first delivery is still under way: both are the same call, not two that want
    /// one place.
    async fn twins_in_a_lane_never_take_each_other_for_strangers(database: TestDatabase) {
        let engine = harness::start(&database).await.engine;
        let mut replayed = 0;
        for seq in 1..=100 {
            let message = format!("m{seq}");
            let twins = (0..4).map(|_| insert(&engine, in_lane("a", &message, "cases/1", seq), seq, 1));
            for twin in join_all(twins).await {
                replayed += usize::from(twin.expect("an answer").replayed);
            }
        }
        assert_eq!((replayed, effects(&engine, "a").await.len()), (300, 100));
    }

    async fn a_mutation_goes_on_when_its_caller_leaves(database: TestDatabase) {
        let engine = harness::start(&database).await.engine;
        let mut request = Box::pin(insert(&engine, key("a", "r1", "x"), 1, 10));
        assert!(futures::poll!(&mut request).is_pending(), "it is under way");
        drop(request);
        assert!(engine.drain(Duration::from_secs(10)).await);
        assert_eq!(effects(&engine, "a").await, [(1, 10)]);
    }

    async fn durable_calls_commit_with_their_cause(database: TestDatabase) {
        let engine = harness::start(&database).await.engine;
        let context = RequestContext::for_client(harness::tenant("a"), "tester");
        let call = move |number: u128| {
            let message = Uuid::from_u128(number);
            OutboundCall::in_lane(&context, "routing", "test.v1.Test/Do", message, "cases/1".to_owned(), &Response::default())
        };
        let enqueue = |id: &'static str, numbers: Vec<u128>, fail: bool| {
            let (engine, call) = (engine.clone(), call.clone());
            async move {
                engine
                    .mutate("test.enqueue", key("a", id, "x"), move |tx| {
                        for number in &numbers {
                            tx.enqueue(call(*number));
                        }
                        async move {
                            if fail { Err(TxError::Rejected(ServiceError::precondition("CLOSED", ""))) } else { Ok(Response::default()) }
                        }
                    })
                    .await
            }
        };
        enqueue("r1", vec![1, 2], false).await.expect("two calls");
        enqueue("r2", vec![3], true).await.expect_err("rejected");
        enqueue("r3", vec![4], false).await.expect("one call");
        assert_eq!(count(&engine, "outbound_calls", "state = 'pending'").await, 3);
        // 1, 2, 4 have the places 1, 2, 3: a rollback leaves no gap.
        assert_eq!(count(&engine, "outbound_calls", "lane_seq <= 3").await, 3);
        assert_eq!(count(&engine, "outbound_lanes", "last_seq = 3").await, 1);
    }

    async fn what_is_left_to_the_end_is_there_for_the_next_one(database: TestDatabase) {
        let harness = harness::start(&database).await;
        let engine = harness.engine;
        insert(&engine, key("a", "first", ""), 1, 0).await.expect("the counter");
        // On SQLite these share transactions, each reading what the one before it has left to the end.
        let add_one = |n: usize| engine.mutate("test.add_one", key("a", &format!("add-{n}"), ""), |tx| async move {
            let read = format!("SELECT value FROM effects WHERE tenant_id = 'a' AND id = 1{}", sql::for_update(tx.backend()));
            let rows = tx.query(sql::statement(tx.backend(), read, [])).await?;
            let value: i64 = sql::column(&rows[0], "value")?;
            let mut input = Bulk::new(&[("id", ColumnType::Integer), ("value", ColumnType::Integer)]);
            input.push([1_i64.into(), (value + 1).into()]);
            let body = "UPDATE effects SET value = input.value FROM input WHERE effects.tenant_id = 'a' AND effects.id = input.id";
            tx.write_at_end(Write::new("effects", input, body).all_or_lost_race());
            Ok(Response { seconds: value + 1, nanos: 0 })
        });
        let mut answers: Vec<i64> = join_all((0..40).map(add_one)).await.into_iter().map(|a| a.expect("added").message.seconds).collect();
        answers.sort_unstable();
        assert_eq!(answers, (1..=40).collect::<Vec<_>>());
        assert_eq!(effects(&engine, "a").await, [(1, 40)]);
    }

    async fn a_write_that_comes_too_late_undoes_its_transaction_and_runs_it_again(database: TestDatabase) {
        let harness = harness::start(&database).await;
        let engine = harness.engine;
        let runs = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&runs);
        let answer: Result<Answer<Response>, ServiceError> = engine
            .mutate("test.late", key("a", "late", ""), move |tx| {
                let run = seen.fetch_add(1, Ordering::SeqCst);
                async move {
                    harness::insert_effect(&tx, "a", 7, 7).await?;
                    let mut input = Bulk::new(&[("id", ColumnType::Integer)]);
                    // The first run finds nothing to update, as if another transaction had taken the row.
                    input.push([if run == 0 { 1_000_i64 } else { 7 }.into()]);
                    let body = "UPDATE effects SET value = 8 FROM input WHERE effects.tenant_id = 'a' AND effects.id = input.id";
                    tx.write_at_end(Write::new("effects", input, body).all_or_lost_race());
                    Ok(Response::default())
                }
            })
            .await;
        answer.expect("the second run");
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        assert_eq!(count(&engine, "effects", "id = 7").await, 1);
    }

    async fn a_timer_can_be_cancelled_until_it_is_sent(database: TestDatabase) {
        let harness = harness::start(&database).await;
        let engine = harness.engine;
        let context = RequestContext::for_client(harness::tenant("a"), "tester");
        let timer = Uuid::from_u128(7);
        engine
            .run_tx("test.arm", |tx| {
                let call = OutboundCall::timer(&context, "tested", "test.v1.Test/Do", timer, harness::START.plus(Duration::from_secs(60)), &Response::default());
                assert_eq!(call.due, Due::At(harness::START.plus(Duration::from_secs(60))));
                async move { tx.enqueue(call); Ok(()) }
            })
            .await
            .expect("the timer is armed");
        engine.run_tx("test.cancel", |tx| async move { tx.cancel(timer); Ok(()) }).await.expect("cancelled");
        assert_eq!(count(&engine, "outbound_calls", "state = 'cancelled' AND finished_at IS NOT NULL").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_anywhere_before_the_answer_gives_one_effect() {
    let database = testkit::postgres::database("lost_commit").await;
    let url = url_parts::parse(&database.url);
    let proxy = Arc::new(FaultProxy::start(url.address.parse().expect("an address")).await);
    let engine = harness::start_at(&url.with_address(proxy.address())).await.engine;
    let mut answered_from_the_log = 0;
    let cuts = (1..200).step_by(9);
    for (number, cut) in (0..).zip(cuts.clone()) {
        // Connections at the moment of the fault; 0 before it.
        let at_fault = Arc::new(AtomicU64::new(0));
        let (faulty, heal) = (Arc::clone(&proxy), Arc::clone(&proxy));
        let first_run = Arc::clone(&at_fault);
        let request = engine.mutate("test.insert", key("a", &format!("r{number}"), "x"), move |tx| {
            let (first_run, faulty) = (Arc::clone(&first_run), Arc::clone(&faulty));
            async move {
                harness::insert_effect(&tx, "a", number, 10).await?;
                // From here on the server goes on, and only so many bytes of its answers arrive.
                if first_run.swap(faulty.connections(), Ordering::SeqCst) == 0 {
                    faulty.set(Fault::CutReplies(cut));
                }
                Ok(Response { seconds: number, nanos: 10 })
            }
        });
        let healing = testkit::eventually("a new connection or the answer", Duration::from_secs(10), || {
            let again = (1..heal.connections()).contains(&at_fault.load(Ordering::SeqCst));
            let heal = Arc::clone(&heal);
            async move { again.then(|| heal.set(Fault::None)) }
        });
        tokio::pin!(request, healing);
        let answer: Answer<Response> = tokio::select! {
            answer = &mut request => answer,
            () = &mut healing => request.await,
        }
        .expect("the caller gets its answer");
        proxy.set(Fault::None);
        assert_eq!(answer.message, Response { seconds: number, nanos: 10 });
        answered_from_the_log += u32::from(answer.replayed);
    }
    let expected: Vec<_> = (0..).zip(cuts).map(|(number, _)| (number, 10)).collect();
    assert_eq!(effects(&engine, "a").await, expected, "one effect each, whether the first COMMIT was durable or not");
    assert!(answered_from_the_log > 0, "some COMMIT was durable and its answer lost");
}

mod url_parts {
    //! Just enough of a URL to put a proxy into it.

    pub struct Url {
        before: String,
        pub address: String,
        after: String,
    }

    pub fn parse(url: &str) -> Url {
        let (before, rest) = url.split_once('@').unwrap_or_else(|| panic!("no user in {url}"));
        let (address, after) = rest.split_once('/').unwrap_or_else(|| panic!("no database in {url}"));
        Url { before: before.to_owned(), address: address.replace("localhost", "127.0.0.1"), after: after.to_owned() }
    }

    impl Url {
        pub fn with_address(&self, address: std::net::SocketAddr) -> String {
            format!("{}@{address}/{}", self.before, self.after)
        }
    }
}
