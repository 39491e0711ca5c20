//! Every statement that the relay runs often reads a range of an index, whatever else is in the table.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kernel::{Clock, RandomIds, RequestContext, SystemClock, TenantId, Timestamp};
use sea_orm::{ConnectionTrait as _, Statement};
use testkit::TestDatabase;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::claim::{self, Claimed};
use super::finalise::{self, Ended, Outcome};
use super::{RelayConfig, health, upkeep};
use crate::operations::{CallFilter, CallState, list_statement};
use crate::{
    Backend, DatabaseConfig, Db, Due, Engine, EngineConfig, EngineParts, KeptAnswers, Migrations, OutboundCall, Swept,
    durable_migrations, migrate, sweep,
};

async fn engine(database: &TestDatabase, clock: Arc<dyn Clock>) -> Engine {
    let config = DatabaseConfig { url: database.url.clone(), ..DatabaseConfig::default() };
    let db = Db::connect(&config).await.expect("the test database can be connected to");
    migrate(&db, Migrations(durable_migrations)).await.expect("migrations apply");
    Engine::start(EngineParts {
        service: "tested",
        db,
        clock,
        ids: Arc::new(RandomIds),
        config: EngineConfig::default(),
    })
}

/// The plan as text; PostgreSQL is kept from scanning what is small.
async fn plan(engine: &Engine, statement: Statement) -> String {
    engine
        .run_tx("test.plan", |tx| {
            let mut statement = statement.clone();
            async move {
                let explain = match tx.backend() {
                    Backend::Postgres => {
                        tx.conn().execute_unprepared("SET LOCAL enable_seqscan = off").await?;
                        "EXPLAIN"
                    }
                    Backend::Sqlite => "EXPLAIN QUERY PLAN",
                };
                statement.sql = format!("{explain} {}", statement.sql);
                let column = if tx.backend() == Backend::Postgres { "QUERY PLAN" } else { "detail" };
                let rows = tx.query(statement).await?;
                let lines: Vec<String> =
                    rows.iter().map(|row| row.try_get("", column)).collect::<Result<_, sea_orm::DbErr>>()?;
                Ok(lines.join("\n"))
            }
        })
        .await
        .expect("the statement can be explained")
}

fn ended() -> Ended {
    let call = Claimed {
        message_id: Uuid::from_u128(1),
        tenant: TenantId::default_tenant(),
        method: "test.v1.Test/Do".to_owned(),
        lane: None,
        body: Bytes::new(),
        attempts: 1,
        token: 1,
        failing: None,
        traceparent: String::new(),
        tracestate: String::new(),
        journey: String::new(),
        claimed_at: Timestamp::EPOCH,
    };
    Ended { call, outcome: Outcome::Done }
}

testkit::on_both_databases! {
    async fn hot_statements_read_ranges_of_indexes(database: TestDatabase) {
        let engine = engine(&database, Arc::new(SystemClock)).await;
        let tenant = TenantId::default_tenant();
        let request = claim::Request { owner: Uuid::from_u128(7), limit: 10, retries: true };
        let claim = claim::claim_statement(&engine, &RelayConfig::default(), "target", request);
        let of_lane = CallFilter { state: None, lane: Some("cases/1".to_owned()) };
        let parked = CallFilter { state: Some(CallState::Parked), lane: None };
        let done = CallFilter { state: Some(CallState::Done), lane: None };
        let leased = CallFilter { state: Some(CallState::Leased), lane: None };
        let expected: Vec<(Statement, &[&str])> = vec![
            (claim, &["outbound_calls_due", "outbound_calls_open_lane"]),
            (claim::next_due_statement(&engine, "target"), &["outbound_calls_due"]),
            (claim::release_statement(&engine), &["outbound_calls_leased"]),
            (finalise::statements(&engine, &[&ended()]).remove(0), &["outbound_lanes"]),
            (upkeep::purge_statement(&engine, 1), &["outbound_calls_finished"]),
            (health::quiescence_statement(&engine), &["outbound_calls_due", "outbound_calls_open_lane", "outbound_calls_leased"]),
            (list_statement(&engine, &tenant, &of_lane, None, 10), &["outbound_calls_place"]),
            (list_statement(&engine, &tenant, &parked, None, 10), &["outbound_calls_"]),
            (list_statement(&engine, &tenant, &leased, None, 10), &["outbound_calls_leased"]),
            (list_statement(&engine, &tenant, &done, None, 10), &["outbound_calls_listed"]),
            (list_statement(&engine, &tenant, &done, Some((1, Uuid::from_u128(1))), 10), &["outbound_calls_listed"]),
            (list_statement(&engine, &tenant, &CallFilter::default(), None, 10), &["outbound_calls_listed"]),
            (list_statement(&engine, &tenant, &CallFilter::default(), Some((1, Uuid::from_u128(1))), 10), &["outbound_calls_listed"]),
            (health::targets_statement(&engine, None), &["outbound_calls_due", "outbound_calls_leased", "outbound_calls_parked"]),
            (sweep::end_statement(engine.db().backend(), 0, Timestamp::EPOCH), &["inbound_requests_age"]),
            (sweep::delete_statement(engine.db().backend(), "tested", KeptAnswers::OfEveryMethod, 0, 1), &["inbound_requests_age"]),
            (sweep::delete_statement(engine.db().backend(), "tested", KeptAnswers::OfMethods(&["m"]), 0, 1), &["inbound_requests_age"]),
        ];
        for (statement, indexes) in expected {
            let sql = statement.sql.clone();
            let plan = plan(&engine, statement).await;
            for index in indexes {
                assert!(plan.contains(index), "{index} is not used\n{sql}\n{plan}");
            }
            let scans = |line: &&str| {
                line.contains("Seq Scan on") || line.contains("SCAN") && line.contains("bound_") && !line.contains("USING")
            };
            assert_eq!(plan.lines().find(scans), None, "{sql}\n{plan}");
        }
    }

    /// The due time bounds the range that a claim reads: timers of years to come are not looked at.
    async fn the_claim_stops_at_what_is_due(database: TestDatabase) {
        for clock in [Arc::new(SystemClock) as Arc<dyn Clock>, Arc::new(testkit::virtual_clock())] {
            let database = testkit::database(database.backend(), "claim").await;
            let engine = engine(&database, clock).await;
            let request = claim::Request { owner: Uuid::from_u128(7), limit: 10, retries: true };
            let statement = claim::claim_statement(&engine, &RelayConfig::default(), "target", request);
            let plan = plan(&engine, statement).await;
            let bounded = match engine.db().backend() {
                Backend::Postgres => plan.lines().any(|line| line.contains("Index Cond") && line.contains("due_at <=")),
                Backend::Sqlite => plan.contains("outbound_calls_due (target=? AND due_at<?)"),
            };
            assert!(bounded, "{plan}");
        }
    }

    /// What is due is counted, however much that is; what waits for its time only so far.
    async fn health_does_not_count_every_timer(database: TestDatabase) {
        let engine = engine(&database, Arc::new(testkit::virtual_clock())).await;
        let context = RequestContext::for_client(TenantId::default_tenant(), "tester");
        let (now, later) = (engine.now(), engine.now().plus(Duration::from_secs(60)));
        let timer = |number: u32, at: Timestamp| {
            let target = if number.is_multiple_of(2) { "even" } else { "odd" };
            OutboundCall::timer(&context, target, "test.v1.Test/Do", Uuid::from_u128(number.into()), at, &())
        };
        let due = (0..25).map(|number| timer(number, now));
        let calls: Vec<OutboundCall> = due.chain((25..20_100).map(|number| timer(number, later))).collect();
        let recorded = engine.run_tx("test.record", |tx| {
            let calls = calls.clone();
            async move {
                calls.into_iter().for_each(|call| tx.enqueue(call));
                Ok(())
            }
        });
        recorded.await.expect("calls can be recorded");
        let targets = health::targets(&engine, None).await.expect("health");
        let found: Vec<_> =
            targets.iter().map(|t| (t.target.as_str(), t.due, t.scheduled, t.oldest_due == Some(now))).collect();
        assert_eq!(found, [("even", 13, 10_000, true), ("odd", 12, 10_000, true)]);
        assert_eq!(engine.calls_waiting().await, Ok(20_075));
    }

    /// Final calls go after their time, so many in a round, waiting and parked ones never.
    async fn old_final_calls_are_removed(database: TestDatabase) {
        let clock = testkit::virtual_clock();
        let engine = engine(&database, Arc::new(clock.clone())).await;
        let context = RequestContext::for_client(TenantId::default_tenant(), "tester");
        let calls: Vec<OutboundCall> = (1..=4_600)
            .map(|number| OutboundCall {
                due: Due::At(Timestamp::EPOCH),
                ..OutboundCall::timer(&context, "target", "test.v1.Test/Do", Uuid::from_u128(number), Timestamp::EPOCH, &())
            })
            .collect();
        let recorded = engine.run_tx("test.record", |tx| {
            let calls = calls.clone();
            async move {
                calls.into_iter().for_each(|call| tx.enqueue(call));
                Ok(())
            }
        });
        recorded.await.expect("calls can be recorded");
        let cancelled = engine.run_tx("test.cancel", |tx| async move {
            (1..=4_500).for_each(|number| tx.cancel(Uuid::from_u128(number)));
            Ok(())
        });
        cancelled.await.expect("calls can be cancelled");
        let config = RelayConfig { keep_done_s: 3_600, ..RelayConfig::default() };
        let stop = CancellationToken::new();
        let purge = || upkeep::purge(&engine, &config, &stop);
        assert_eq!(purge().await, Ok(Swept { removed: 0, more: false }));
        clock.advance(Duration::from_secs(3_601));
        assert_eq!(purge().await, Ok(Swept { removed: 4_000, more: true }));
        assert_eq!(purge().await, Ok(Swept { removed: 500, more: false }));
        clock.advance(Duration::from_secs(1_000_000));
        assert_eq!(purge().await, Ok(Swept { removed: 0, more: false }));
    }
}
