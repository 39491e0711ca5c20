//! Places in lanes: of one transaction's calls to many lanes, each lane's in the order of recording.

use std::collections::BTreeMap;

use durable::{OutboundCall, sql};
use kernel::RequestContext;
use prost_types::Duration as Response;
use sea_orm::ConnectionTrait as _;
use testkit::TestDatabase;
use uuid::Uuid;

use crate::harness::{self, count};

const METHOD: &str = "test.v1.Test/Do";

testkit::on_both_databases! {
    // The names sort differently by bytes and by the rules of a language, which a database may sort by.
    async fn the_calls_of_a_transaction_take_the_places_of_their_own_lanes(database: TestDatabase) {
        let engine = harness::start(&database).await.engine;
        let recorded = [
            ("a", "one", "cases/a"), ("a", "one", "cases/B"), ("a", "two", "cases/a"), ("b", "one", "cases/a"),
            ("a", "one", "cases/É"), ("a", "one", "cases/_"), ("a", "one", "cases/a"), ("a", "one", "cases/-"),
            ("a", "one", "cases/Z"), ("a-b", "one", "cases/a"), ("a", "one", "cases/a"), ("a", "one", "cases/B"),
        ];
        let mut places: BTreeMap<(&str, &str, &str), i64> = BTreeMap::new();
        let mut expected = BTreeMap::new();
        for round in 0..2_u128 {
            let mut calls = Vec::new();
            for (index, (tenant, target, lane)) in (1..).zip(recorded) {
                let message = Uuid::from_u128(round * 100 + index);
                let context = RequestContext::for_client(harness::tenant(tenant), "tester");
                calls.push(OutboundCall::in_lane(&context, target, METHOD, message, lane.to_owned(), &Response::default()));
                let place = places.entry((tenant, target, lane)).or_default();
                *place += 1;
                expected.insert(message, *place);
            }
            engine.run_tx("test.enqueue", |tx| {
                let calls = calls.clone();
                async move { calls.into_iter().for_each(|call| tx.enqueue(call)); Ok(()) }
            }).await.expect("recorded");
        }
        let select = "SELECT message_id, lane_seq FROM outbound_calls";
        let rows = engine.read().query_all_raw(sql::statement(engine.db().backend(), select, [])).await.expect("calls");
        let found: BTreeMap<Uuid, i64> = rows
            .iter()
            .map(|row| (sql::column(row, "message_id").expect("id"), sql::column(row, "lane_seq").expect("place")))
            .collect();
        assert_eq!(found, expected);
    }

    async fn a_timer_that_its_own_transaction_cancels_never_fires(database: TestDatabase) {
        let engine = harness::start(&database).await.engine;
        let context = RequestContext::for_client(harness::tenant("a"), "tester");
        let timer = |id| OutboundCall::timer(&context, "tested", METHOD, Uuid::from_u128(id), harness::START, &Response::default());
        let (kept, cancelled) = (timer(1), timer(2));
        engine.run_tx("test.arm", |tx| {
            let (kept, cancelled) = (kept.clone(), cancelled.clone());
            async move {
                tx.enqueue(kept);
                tx.cancel(cancelled.message_id);
                tx.enqueue(cancelled);
                Ok(())
            }
        }).await.expect("armed");
        assert_eq!(count(&engine, "outbound_calls", "state = 'pending'").await, 1);
    }
}
