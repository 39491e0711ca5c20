//! What the tests inside of this crate share: an engine on a migrated database, with a clock that they move.

use std::sync::Arc;

use api::extension::ExecutePayoutRequest;
use durable::{Backend, Db, Engine, EngineParts, Tx, sql};
use kernel::{RandomIds, VirtualClock};
use prost::Message as _;
use sea_orm::ConnectionTrait as _;
use testkit::{Template, TestDatabase};

use crate::domain::safeguards::{Safeguard, Safeguards};

/// A migrated database.
pub(crate) static TEMPLATE: Template = Template::new("compensation-inside", |url| {
    Box::pin(async move {
        let config = durable::DatabaseConfig { url, ..durable::DatabaseConfig::default() };
        let db = Db::connect(&config).await.expect("the template can be opened");
        durable::migrate(&db, crate::migrations()).await.expect("the template can be migrated");
        db.close().await;
    })
});

/// An engine and its clock.
pub(crate) async fn engine(database: &TestDatabase) -> (Engine, VirtualClock) {
    let clock = testkit::virtual_clock();
    let config = durable::DatabaseConfig {
        url: database.url.clone(),
        max_connections: 24,
        ..durable::DatabaseConfig::default()
    };
    let parts = EngineParts {
        service: crate::NAME,
        db: Db::connect(&config).await.expect("the database can be opened"),
        clock: Arc::new(clock.clone()),
        ids: Arc::new(RandomIds),
        config: durable::EngineConfig::default(),
    };
    (Engine::start(parts), clock)
}

/// The request of an attempt: as it was stored, or under a key of the attempt when that protection is taken away.
pub(crate) fn request_of_attempt(safeguards: Safeguards, request: Vec<u8>, step: u32) -> Vec<u8> {
    if safeguards.hold(Safeguard::ConstantKey) {
        return request;
    }
    let mut decoded = ExecutePayoutRequest::decode(request.as_slice()).expect("a stored request");
    decoded.payout_key = format!("{}-{step}", decoded.payout_key);
    decoded.encode_to_vec()
}

/// How the database would carry out a query, as it says; PostgreSQL reads whole tables only where it has to.
pub(crate) async fn plan(engine: &Engine, text: &str) -> String {
    let backend = engine.db().backend();
    let (prefix, column) = match backend {
        Backend::Postgres => ("EXPLAIN ", "QUERY PLAN"),
        Backend::Sqlite => ("EXPLAIN QUERY PLAN ", "detail"),
    };
    let work = |tx: Tx| {
        let text = format!("{prefix}{text}");
        async move {
            if backend == Backend::Postgres {
                tx.execute(sql::statement(backend, "SET LOCAL enable_seqscan = off", [])).await?;
            }
            Ok(tx.query(sql::statement(backend, text, [])).await?)
        }
    };
    let rows = engine.run_tx("test", work).await.expect("a plan");
    let lines: Vec<String> = rows.iter().map(|row| sql::column(row, column).expect("a line")).collect();
    lines.join("\n")
}

/// The one number `n` that a query gives.
pub(crate) async fn count(engine: &Engine, text: &str) -> i64 {
    let rows = engine.read().query_all_raw(sql::statement(engine.db().backend(), text, [])).await.expect("a query");
    sql::column(&rows[0], "n").expect("a number")
}
