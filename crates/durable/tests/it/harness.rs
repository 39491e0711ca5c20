//! An engine on a test database, and a table to see effects in.

use std::sync::Arc;

use durable::{DatabaseConfig, Db, Engine, EngineConfig, EngineParts, Migrations, Tx, TxError, migrate, sql};
use kernel::{LaneDelivery, RandomIds, RequestContext, RequestKey, TenantId, Timestamp};
use sea_orm::ConnectionTrait as _;
use testkit::TestDatabase;

/// Microseconds of the engines' clock at start.
pub const START: Timestamp = testkit::TEST_EPOCH;

pub struct Harness {
    pub engine: Engine,
}

pub async fn connect(url: &str) -> Db {
    let config = DatabaseConfig { url: url.to_owned(), ..DatabaseConfig::default() };
    Db::connect(&config).await.expect("the test database can be connected to")
}

pub async fn start(database: &TestDatabase) -> Harness {
    start_at(&database.url).await
}

pub fn engine_on(db: Db) -> Engine {
    Engine::start(EngineParts {
        service: "tested",
        db,
        clock: Arc::new(testkit::virtual_clock()),
        ids: Arc::new(RandomIds),
        // One worker: the order in which rivals commit is the order in which they came.
        config: EngineConfig { writer_workers: 1, ..EngineConfig::default() },
    })
}

pub async fn start_at(url: &str) -> Harness {
    let db = connect(url).await;
    migrate(&db, Migrations(durable::durable_migrations)).await.expect("migrations apply");
    let engine = engine_on(db);
    engine
        .run_tx("test.create_effects", |tx| async move {
            tx.conn()
                .execute_unprepared(
                    "CREATE TABLE IF NOT EXISTS effects (tenant_id TEXT NOT NULL, id BIGINT NOT NULL, value BIGINT NOT NULL \
                     CHECK (value >= 0), PRIMARY KEY (tenant_id, id))",
                )
                .await?;
            Ok(())
        })
        .await
        .expect("the effects table can be made");
    Harness { engine }
}

pub fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a valid tenant")
}

pub fn key(tenant_name: &str, request_id: &str, body: &str) -> RequestKey {
    RequestContext::for_client(tenant(tenant_name), "tester").key(
        "test.v1.Test/Do",
        request_id,
        RequestKey::hash_of(&body),
    )
}

pub fn in_lane(tenant_name: &str, message: &str, lane: &str, seq: i64) -> RequestKey {
    let mut key = key(tenant_name, message, message);
    key.client = "service:sender".to_owned();
    key.lane = Some(LaneDelivery { lane: lane.to_owned(), seq });
    key
}

pub async fn insert_effect(tx: &Tx, tenant: &str, id: i64, value: i64) -> Result<(), TxError> {
    tx.execute(sql::statement(
        tx.backend(),
        "INSERT INTO effects (tenant_id, id, value) VALUES ($1, $2, $3)",
        [tenant.into(), id.into(), value.into()],
    ))
    .await?;
    Ok(())
}

/// `(id, value)` of all effects of a tenant, by id.
pub async fn effects(engine: &Engine, tenant: &str) -> Vec<(i64, i64)> {
    let rows = engine
        .read()
        .query_all_raw(sql::statement(
            engine.db().backend(),
            "SELECT id, value FROM effects WHERE tenant_id = $1 ORDER BY id",
            [tenant.into()],
        ))
        .await
        .expect("effects can be read");
    rows.iter().map(|row| (sql::column(row, "id").expect("id"), sql::column(row, "value").expect("value"))).collect()
}

/// Rows of `table` that fulfil `condition`.
pub async fn count(engine: &Engine, table: &str, condition: &str) -> i64 {
    let row = engine
        .read()
        .query_one_raw(sql::statement(
            engine.db().backend(),
            format!("SELECT count(*) AS n FROM {table} WHERE {condition}"),
            [],
        ))
        .await
        .expect("rows can be counted")
        .expect("count gives a row");
    sql::column(&row, "n").expect("n")
}
