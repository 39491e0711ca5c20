//! The service is ready as long as its database takes writes.

use amends_followup::NAME;
use durable::Targets;
use kernel::ErrorCode;
use sea_orm::ConnectionTrait as _;
use testkit::{Backend, database_from};

use crate::harness::{FollowUp, SCHEMA, apology};

async fn limit_pages(follow_up: &FollowUp, pages: u32) {
    let limited = follow_up.engine.run_tx("test.limit", |tx| async move {
        tx.conn().execute_unprepared(&format!("PRAGMA max_page_count = {pages}")).await?;
        Ok(())
    });
    limited.await.unwrap();
}

#[tokio::test]
async fn a_service_whose_database_is_full_is_not_ready() {
    let database = database_from(Backend::Sqlite, &SCHEMA, "full").await;
    let nowhere = chassis::channel("http://127.0.0.1:1", &chassis::ClientConfig::default()).unwrap();
    let targets = Targets::new().with(NAME, nowhere.clone()).with("intake", nowhere);
    let (follow_up, service) = FollowUp::build(database, |_| {}, targets).await;
    let ready = async || (service.readiness[0].check)().await;
    assert_eq!(ready().await, Ok(()));

    limit_pages(&follow_up, 1).await;
    let mut refused = None;
    // The first ones may find room in pages that are there.
    for number in 0..200 {
        if let Err(error) = follow_up.send(apology(&format!("r{number}"))).await {
            refused = Some((format!("r{number}"), error));
            break;
        }
    }
    let (request_id, error) = refused.unwrap();
    assert_eq!((error.code, error.reason.as_str()), (ErrorCode::ResourceExhausted, "STORAGE_FULL"));
    assert_eq!(ready().await, Err("the database has no space left".to_owned()));

    limit_pages(&follow_up, 1_000_000).await;
    assert_eq!(ready().await, Ok(()));
    follow_up.send(apology(&request_id)).await.unwrap();
}
