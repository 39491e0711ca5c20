//! Group commit: any mix of requests in one group answers exactly as if each had come alone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use durable::{Bulk, ColumnType, Engine, EngineConfig, GroupCommand, Tx, TxError, Writer};
use futures::future::join_all;
use kernel::ServiceError;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use prost_types::Timestamp as Response;
use testkit::TestDatabase;
use tokio::sync::RwLock;

use crate::harness::{self, effects, key};

/// Inserts one effect per command, all in one statement. A negative value breaks a CHECK, an id that is there breaks
/// the primary key, a value of 13 is rejected before anything is written.
#[derive(Clone, Default)]
struct Insert {
    /// Closed by whoever holds it for writing.
    gate: Arc<RwLock<()>>,
    /// Commands of the largest group so far.
    largest: Arc<AtomicUsize>,
}

#[derive(Clone, Debug)]
struct Effect {
    tenant: String,
    id: i64,
    value: i64,
}

#[async_trait]
impl GroupCommand for Insert {
    const NAME: &'static str = "test.group_insert";
    type Command = Effect;
    type Response = Response;

    async fn apply(&self, tx: &Tx, commands: &[&Effect]) -> Result<Vec<Result<Response, ServiceError>>, TxError> {
        self.largest.fetch_max(commands.len(), Ordering::Relaxed);
        let _open = self.gate.read().await;
        let mut rows =
            Bulk::new(&[("tenant_id", ColumnType::Text), ("id", ColumnType::Integer), ("value", ColumnType::Integer)]);
        let mut results = Vec::new();
        for effect in commands {
            if effect.value == 13 {
                results.push(Err(ServiceError::precondition("UNLUCKY", "13 is refused")));
                continue;
            }
            rows.push([effect.tenant.as_str().into(), effect.id.into(), effect.value.into()]);
            results.push(Ok(Response { seconds: effect.id, nanos: i32::try_from(effect.value).unwrap_or(0) }));
        }
        if !rows.is_empty() {
            let body = "INSERT INTO effects (tenant_id, id, value) SELECT tenant_id, id, value FROM input";
            tx.execute_all(rows.statements(tx.backend(), body, &[])).await?;
        }
        Ok(results)
    }
}

/// A request of a mix: few keys and ids, so that replays, conflicts and collisions are common.
#[derive(Clone, Debug)]
struct Request {
    request_id: u8,
    id: i64,
    value: i64,
}

fn request() -> impl Strategy<Value = Request> {
    let value = prop_oneof![6 => 0..5_i64, 1 => Just(-1_i64), 1 => Just(13_i64)];
    (0..12_u8, 0..12_i64, value).prop_map(|(request_id, id, value)| Request { request_id, id, value })
}

type Outcome = Result<(i64, i32), (String, String)>;

async fn submit(writer: &Writer<Insert>, tenant: &str, request: &Request) -> Outcome {
    let body = format!("{}/{}", request.id, request.value);
    let command = Effect { tenant: tenant.to_owned(), id: request.id, value: request.value };
    let answer = writer.submit(key(tenant, &format!("r{}", request.request_id), &body), command).await;
    answer
        .map(|answer| (answer.message.seconds, answer.message.nanos))
        .map_err(|error| (format!("{:?}", error.code), error.reason))
}

async fn compare(engine: &Engine, case: u32, earlier: &[Request], group: &[Request]) {
    let (together, alone) = (format!("together-{case}"), format!("alone-{case}"));
    let insert = Insert::default();
    let writer = Writer::start(engine, insert.clone());
    for request in earlier {
        assert_eq!(submit(&writer, &together, request).await, submit(&writer, &alone, request).await);
    }
    // All are queued while the gate is closed: what the workers have not taken by then is one group.
    insert.largest.store(0, Ordering::Relaxed);
    let closed = insert.gate.write().await;
    let mut all = join_all(group.iter().map(|request| submit(&writer, &together, request)));
    let early = futures::poll!(&mut all);
    drop(closed);
    let grouped: Vec<Outcome> = match early {
        Poll::Ready(answers) => answers,
        Poll::Pending => all.await,
    };
    let known: BTreeSet<u8> = earlier.iter().map(|request| request.request_id).collect();
    let fresh: BTreeSet<u8> = group.iter().map(|request| request.request_id).filter(|id| !known.contains(id)).collect();
    let groups = EngineConfig::default().writer_workers + 1;
    let largest = insert.largest.load(Ordering::Relaxed);
    assert!(largest * groups >= fresh.len(), "{} new requests in groups of {largest} at most", fresh.len());
    let mut one_by_one = Vec::new();
    for request in group {
        one_by_one.push(submit(&writer, &alone, request).await);
    }
    assert_eq!(grouped, one_by_one, "{group:?} after {earlier:?}");
    assert_eq!(effects(engine, &together).await, effects(engine, &alone).await);
}

testkit::on_both_databases! {
    async fn a_group_answers_as_if_each_had_come_alone(database: TestDatabase) {
        let engine = harness::start(&database).await.engine;
        let mut runner = TestRunner::deterministic();
        let mix = (prop::collection::vec(request(), 0..6), prop::collection::vec(request(), 1..30));
        for case in 0..60 {
            let (earlier, group) = mix.new_tree(&mut runner).expect("a mix").current();
            // One thread of control: the queue fills in the order of the mix.
            compare(&engine, case, &earlier, &group).await;
        }
    }

    async fn many_callers_share_few_transactions(database: TestDatabase) {
        let engine = harness::start(&database).await.engine;
        let writer = Writer::start(&engine, Insert::default());
        let before = engine.commits();
        let requests: Vec<Request> = (0..200).map(|n| Request { request_id: 0, id: n, value: 1 }).collect();
        let answers = join_all(requests.iter().map(|request| {
            let command = Effect { tenant: "a".to_owned(), id: request.id, value: 1 };
            writer.submit(key("a", &format!("r{}", request.id), "x"), command)
        }))
        .await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(effects(&engine, "a").await.len(), 200);
        let commits = engine.commits() - before;
        assert!(commits <= 10, "200 requests took {commits} transactions");
    }
}
