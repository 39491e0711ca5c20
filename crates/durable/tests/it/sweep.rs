//! Old answers go, what protects from a second effect stays, and what was removed stays counted.

use std::time::Duration;

use durable::{Engine, EngineConfig, EngineParts, KeptAnswers, Migrations, StoreConfig, Swept, migrate, sql};
use kernel::{RandomIds, RequestContext, RequestKey, ServiceError, VirtualClock};
use testkit::TestDatabase;
use tokio_util::sync::CancellationToken;

use crate::harness::{connect, count, effects, in_lane, insert_effect, start, tenant};

const KEPT: KeptAnswers = KeptAnswers::OfMethods(&["test.v1.Test/Pay"]);
/// Longer than the default keeps answers.
const LATER: Duration = Duration::from_secs(31 * 24 * 3_600);

/// An engine whose clock the test moves, and the table of effects.
async fn swept(database: &TestDatabase) -> (Engine, VirtualClock) {
    start(database).await.engine.db().close().await;
    let clock = testkit::virtual_clock();
    let db = connect(&database.url).await;
    migrate(&db, Migrations(durable::durable_migrations)).await.expect("migrations apply");
    let parts = EngineParts {
        service: "tested",
        db,
        clock: std::sync::Arc::new(clock.clone()),
        ids: std::sync::Arc::new(RandomIds),
        config: EngineConfig::default(),
    };
    (Engine::start(parts), clock)
}

fn request(client: &str, method: &'static str, id: &str) -> RequestKey {
    RequestContext::for_client(tenant("t"), client).key(method, id, RequestKey::hash_of(&id))
}

/// Has an effect under this key; true when the answer came from the log.
async fn apply(engine: &Engine, key: RequestKey, effect: i64) -> Result<bool, ServiceError> {
    let answer = engine
        .mutate("test.apply", key, move |tx| async move {
            insert_effect(&tx, "t", effect, 1).await?;
            Ok(String::new())
        })
        .await;
    answer.map(|answer| answer.replayed)
}

/// One round; how many answers it removed.
async fn sweep(engine: &Engine) -> u64 {
    round(engine).await.removed
}

async fn round(engine: &Engine) -> Swept {
    engine.sweep_answers(KEPT, &CancellationToken::new()).await.expect("the log can be swept")
}

testkit::on_both_databases! {
    async fn old_answers_go_and_nothing_happens_twice(database: TestDatabase) {
        let (engine, clock) = swept(&database).await;
        let place = |seq: i64| in_lane("t", &format!("message-{seq}"), "cases/1", seq);
        for seq in 1..=3 {
            assert_eq!(apply(&engine, place(seq), seq).await, Ok(false));
        }
        let timer = request("service:tested", "test.v1.Test/Tick", "timer");
        let paid = request("shop", "test.v1.Test/Pay", "paid");
        let told = request("shop", "test.v1.Test/Tell", "told");
        for (effect, key) in (10..).zip([&timer, &paid, &told]) {
            assert_eq!(apply(&engine, key.clone(), effect).await, Ok(false));
        }
        let received = engine.calls_received().await.expect("a count");
        assert_eq!((received["service:sender"], received["service:tested"]), (3, 1));

        assert_eq!(sweep(&engine).await, 0, "nothing is old");
        clock.advance(LATER);
        assert_eq!(apply(&engine, place(4), 4).await, Ok(false));
        assert_eq!(sweep(&engine).await, 5, "three of the lane, the timer, what was told");
        assert_eq!(sweep(&engine).await, 0);
        assert_eq!(count(&engine, "inbound_requests", "true").await, 2);

        // The place of a lane outlives the answer.
        for seq in 1..=3 {
            let refused = apply(&engine, place(seq), 100 + seq).await.expect_err("long past");
            assert_eq!(refused.reason, "LANE_REUSED");
        }
        assert_eq!(apply(&engine, place(4), 104).await, Ok(true), "young enough");
        assert_eq!(apply(&engine, place(5), 5).await, Ok(false), "the lane goes on");
        assert_eq!(apply(&engine, paid, 111).await, Ok(true), "kept for ever");
        let values: Vec<i64> = effects(&engine, "t").await.into_iter().map(|(id, _)| id).collect();
        assert_eq!(values, [1, 2, 3, 4, 5, 10, 11, 12]);

        let received = engine.calls_received().await.expect("a count");
        assert_eq!((received["service:sender"], received["service:tested"]), (5, 1), "what is gone stays counted");
        // What is neither in a lane nor kept is a new request after so long.
        assert_eq!(apply(&engine, told, 13).await, Ok(false));
    }

    async fn a_service_that_says_nothing_keeps_what_clients_were_given(database: TestDatabase) {
        let (engine, clock) = swept(&database).await;
        let key = request("shop", "test.v1.Test/Tell", "told");
        assert_eq!(apply(&engine, key.clone(), 1).await, Ok(false));
        assert_eq!(apply(&engine, in_lane("t", "message-1", "cases/1", 1), 2).await, Ok(false));
        clock.advance(LATER);
        let removed = engine.sweep_answers(KeptAnswers::default(), &CancellationToken::new()).await;
        assert_eq!(removed, Ok(Swept { removed: 1, more: false }));
        assert_eq!(apply(&engine, key, 3).await, Ok(true));
    }

    /// Steps end between two ages; several replicas share the work, and count nothing twice.
    async fn many_answers_go_in_steps_whoever_sweeps(database: TestDatabase) {
        let (engine, clock) = swept(&database).await;
        let now = engine.now().micros();
        // Ages of 1, of 700 (more than a step) and of 7 answers.
        let age = "CASE WHEN n <= 900 THEN n WHEN n <= 1600 THEN 1000 ELSE 2000 + n / 7 END";
        let insert = format!(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000) \
             INSERT INTO inbound_requests (tenant_id, client, method, request_id, request_hash, response, lane, lane_seq, created_at) \
             SELECT 't', CASE WHEN n % 3 = 0 THEN 'service:a' WHEN n % 3 = 1 THEN 'service:b' ELSE 'shop' END, \
             CASE WHEN n % 2 = 0 THEN 'test.v1.Test/Pay' ELSE 'test.v1.Test/Tell' END, 'request-' || n, $2, $2, \
             NULL, NULL, $1 + {age} FROM numbers"
        );
        engine
            .run_tx("test.fill", |tx| {
                let insert = insert.clone();
                async move { Ok(tx.execute(sql::statement(tx.backend(), insert, [now.into(), vec![1_u8].into()])).await?) }
            })
            .await
            .expect("rows");
        clock.advance(LATER);
        let twin = crate::relay_harness::twin(&engine);
        // Four steps of 500, one of which has more to look at than that.
        let first = round(&engine).await;
        assert!(first.more && (1_200..1_400).contains(&first.removed), "{first:?}");
        let mut removed = first.removed;
        loop {
            let (one, other) = futures::future::join(round(&engine), round(&twin)).await;
            removed += one.removed + other.removed;
            if !one.more && !other.more {
                break;
            }
        }
        assert_eq!(removed, 1_500);
        assert_eq!(count(&engine, "inbound_requests", "method = 'test.v1.Test/Pay'").await, 1_500);
        assert_eq!(count(&engine, "inbound_removed", "requests = 500").await, 2, "half of each sender's thousand");
        let received = engine.calls_received().await.expect("a count");
        assert_eq!((received["service:a"], received["service:b"]), (1_000, 1_000));
    }
}

#[test]
fn answers_are_kept_longer_than_a_sender_goes_on() {
    let mut config = StoreConfig::default();
    let problem = |config: &StoreConfig| {
        config.problems().into_iter().find(|(key, _)| key == "engine.keep_answers_s").map(|(_, problem)| problem)
    };
    assert_eq!(problem(&config), None);
    config.engine.keep_answers_s = 8 * 24 * 3_600;
    let text = "must be more than relay.park_after_s and relay.keep_done_s together, that is 691200";
    assert_eq!(problem(&config).as_deref(), Some(text));
    config.engine.keep_answers_s += 1;
    assert_eq!(problem(&config), None);
}
