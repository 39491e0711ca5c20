//! A full database: said as it is, remembered, and over as soon as there is space.

use durable::{Engine, sql};
use kernel::{ErrorCode, ServiceError};
use sea_orm::ConnectionTrait as _;
use testkit::TestDatabase;

use crate::harness::{count, effects, insert_effect, key, start};

/// Has the writer stop at this many pages; no limit below what is used.
async fn limit_pages(engine: &Engine, pages: u32) {
    let limited = engine.run_tx("test.limit", |tx| async move {
        tx.conn().execute_unprepared(&format!("PRAGMA max_page_count = {pages}")).await?;
        Ok(())
    });
    limited.await.expect("the limit is set");
}

/// A mutation that leaves a large row, its effect and its answer.
async fn store(engine: &Engine, request_id: &str, effect: i64) -> Result<bool, ServiceError> {
    let answer = engine
        .mutate("test.store", key("t", request_id, request_id), move |tx| async move {
            insert_effect(&tx, "t", effect, 1).await?;
            let large = vec![7_u8; 200_000];
            let insert = "INSERT INTO large (id, content) VALUES ($1, $2)";
            tx.execute(sql::statement(tx.backend(), insert, [effect.into(), large.into()])).await?;
            Ok(String::new())
        })
        .await;
    answer.map(|answer| answer.replayed)
}

/// Fails with an SQLSTATE, as the server does.
async fn raise(engine: &Engine, code: &str) -> ServiceError {
    let text = format!("DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '{code}'; END $$");
    let raised = engine.run_tx("test.raise", |tx| {
        let text = text.clone();
        async move {
            tx.conn().execute_unprepared(&text).await?;
            Ok(())
        }
    });
    raised.await.expect_err("it fails")
}

#[tokio::test]
async fn an_embedded_database_without_space_is_not_ready_and_loses_nothing() {
    let database: TestDatabase = testkit::sqlite::database("full").await;
    let engine = start(&database).await.engine;
    let made = engine.run_tx("test.large", |tx| async move {
        tx.conn().execute_unprepared("CREATE TABLE large (id INTEGER PRIMARY KEY, content BLOB NOT NULL)").await?;
        Ok(())
    });
    made.await.expect("a table");
    assert_eq!(store(&engine, "before", 1).await, Ok(false));
    assert_eq!((engine.is_full(), engine.ready().await), (false, Ok(())));

    limit_pages(&engine, 1).await;
    let full = store(&engine, "during", 2).await.expect_err("no space is left");
    assert_eq!((full.code, full.reason.as_str()), (ErrorCode::ResourceExhausted, "STORAGE_FULL"));
    assert!(!full.is_definitive() && full.retry_after.is_some(), "{full:?}");
    let not_ready = Err("the database has no space left".to_owned());
    assert_eq!((engine.is_full(), engine.ready().await), (true, not_ready.clone()));
    assert_eq!(engine.ready().await, not_ready, "as long as it is");
    // What is small may still find room; what was acknowledged is there, and is answered.
    assert_eq!(store(&engine, "before", 1).await, Ok(true));
    assert_eq!(effects(&engine, "t").await, [(1, 1)]);
    assert_eq!(count(&engine, "inbound_requests", "request_id = 'during'").await, 0, "nothing was put on record");

    limit_pages(&engine, 1_000_000).await;
    assert_eq!((engine.ready().await, engine.is_full()), (Ok(()), false));
    assert_eq!(count(&engine, "space_probes", "true").await, 0);
    assert_eq!(store(&engine, "during", 2).await, Ok(false), "the same request now has its effect");
    assert_eq!(effects(&engine, "t").await, [(1, 1), (2, 1)]);
}

/// The server ends itself when its log has no space, and is unavailable then; what a table space that is full says, and
/// what only looks like it.
#[tokio::test]
async fn a_server_without_space_is_told_from_one_without_memory() {
    let database = testkit::postgres::database("full").await;
    let engine = start(&database).await.engine;
    let memory = raise(&engine, "53200").await;
    assert_eq!((memory.code, memory.reason.as_str()), (ErrorCode::Unavailable, "STORAGE_UNAVAILABLE"));
    assert!(!engine.is_full());
    let disk = raise(&engine, "53100").await;
    assert_eq!((disk.code, disk.reason.as_str()), (ErrorCode::ResourceExhausted, "STORAGE_FULL"));
    assert!(engine.is_full());
    // A write works: it was over before anybody asked.
    assert_eq!((engine.ready().await, engine.is_full()), (Ok(()), false));
}
