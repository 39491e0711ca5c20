//! The tables of this crate, which every service's database has, and one way to write DDL for both databases.

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// The migrations of this crate; each service puts them before its own.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateDurable), Box::new(Upkeep)]
}

/// Runs DDL written once for both databases: types as in PostgreSQL (`UUID`, `BYTEA`, `BIGINT`, `BOOLEAN`, `TEXT`),
/// tables end in `STRICT`. SQLite gets its own names for the types, PostgreSQL no STRICT.
pub async fn ddl(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    for statement in statements {
        let sql = match connection.get_database_backend() {
            DbBackend::Sqlite => statement
                .replace("UUID", "BLOB")
                .replace("BYTEA", "BLOB")
                .replace("BIGINT", "INTEGER")
                .replace("BOOLEAN", "INTEGER"),
            _ => statement.replace(") STRICT", ")"),
        };
        connection.execute_unprepared(&sql).await?;
    }
    Ok(())
}

struct CreateDurable;

impl MigrationName for CreateDurable {
    fn name(&self) -> &'static str {
        "m20260101_000001_create_durable"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateDurable {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                // Every mutation ever answered: the inbox of durable calls and the idempotency of clients in one.
                "CREATE TABLE inbound_requests (
                    tenant_id TEXT NOT NULL,
                    client TEXT NOT NULL,
                    method TEXT NOT NULL,
                    request_id TEXT NOT NULL CHECK (length(request_id) BETWEEN 1 AND 128),
                    request_hash BYTEA NOT NULL,
                    response BYTEA,
                    rejection TEXT,
                    lane TEXT,
                    lane_seq BIGINT,
                    created_at BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, client, method, request_id),
                    CHECK ((response IS NULL) <> (rejection IS NULL))
                ) STRICT",
                // How far each sender's lane has been applied.
                "CREATE TABLE inbound_lanes (
                    tenant_id TEXT NOT NULL,
                    client TEXT NOT NULL,
                    lane TEXT NOT NULL,
                    last_seq BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, client, lane)
                ) STRICT",
                "CREATE TABLE outbound_lanes (
                    tenant_id TEXT NOT NULL,
                    target TEXT NOT NULL,
                    lane TEXT NOT NULL,
                    last_seq BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, target, lane)
                ) STRICT",
                "CREATE TABLE outbound_calls (
                    message_id UUID NOT NULL PRIMARY KEY,
                    tenant_id TEXT NOT NULL,
                    sender TEXT NOT NULL,
                    target TEXT NOT NULL,
                    method TEXT NOT NULL,
                    lane TEXT,
                    lane_seq BIGINT,
                    body BYTEA NOT NULL,
                    state TEXT NOT NULL CHECK (state IN ('pending', 'leased', 'done', 'rejected', 'parked', 'discarded', 'cancelled')),
                    due_at BIGINT NOT NULL,
                    attempts BIGINT NOT NULL,
                    token BIGINT NOT NULL,
                    owner UUID,
                    lease_until BIGINT,
                    last_error TEXT,
                    failing_as TEXT,
                    failing_count BIGINT,
                    failing_since BIGINT,
                    traceparent TEXT NOT NULL,
                    tracestate TEXT NOT NULL,
                    journey TEXT NOT NULL,
                    created_at BIGINT NOT NULL,
                    finished_at BIGINT,
                    CHECK ((lane IS NULL) = (lane_seq IS NULL))
                ) STRICT",
                // The claim: due calls to a target first come, first served; expired leases; the head of each lane.
                "CREATE INDEX outbound_calls_due ON outbound_calls (target, due_at, message_id) WHERE state = 'pending'",
                "CREATE INDEX outbound_calls_leased ON outbound_calls (lease_until) WHERE state = 'leased'",
                "CREATE UNIQUE INDEX outbound_calls_place ON outbound_calls (tenant_id, lane, target, lane_seq) WHERE lane IS NOT NULL",
                "CREATE INDEX outbound_calls_open_lane ON outbound_calls (tenant_id, target, lane, lane_seq)
                    WHERE lane IS NOT NULL AND state IN ('pending', 'leased', 'parked')",
                "CREATE INDEX outbound_calls_parked ON outbound_calls (created_at, message_id) WHERE state = 'parked'",
                "CREATE INDEX outbound_calls_finished ON outbound_calls (finished_at) WHERE finished_at IS NOT NULL",
                "CREATE TABLE audit_records (
                    tenant_id TEXT NOT NULL,
                    seq BIGINT NOT NULL,
                    happened_at BIGINT NOT NULL,
                    actor TEXT NOT NULL,
                    action TEXT NOT NULL,
                    subject TEXT NOT NULL,
                    reason TEXT NOT NULL,
                    hash BYTEA NOT NULL,
                    PRIMARY KEY (tenant_id, seq)
                ) STRICT",
            ],
        )
        .await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            // State changes touch an indexed column, so each leaves a dead row: vacuum early.
            manager
                .get_connection()
                .execute_unprepared(
                    "ALTER TABLE outbound_calls SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0, fillfactor = 70)",
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                "DROP TABLE audit_records",
                "DROP TABLE outbound_calls",
                "DROP TABLE outbound_lanes",
                "DROP TABLE inbound_lanes",
                "DROP TABLE inbound_requests",
            ],
        )
        .await
    }
}

/// The log of answered requests can be swept by age, and what is removed from it stays counted; calls can be listed by
/// their state; a database that was full can be asked for space.
struct Upkeep;

impl MigrationName for Upkeep {
    fn name(&self) -> &'static str {
        "m20260301_000002_upkeep"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Upkeep {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                "CREATE INDEX inbound_requests_age ON inbound_requests (created_at)",
                // How far the sweep has come: what is as old or older was removed, or stays for ever.
                "CREATE TABLE inbound_sweep (
                    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
                    swept_until BIGINT NOT NULL
                ) STRICT",
                "INSERT INTO inbound_sweep (id, swept_until) VALUES (1, -1)",
                // Durable calls whose receipts are gone from the log.
                "CREATE TABLE inbound_removed (
                    tenant_id TEXT NOT NULL,
                    client TEXT NOT NULL,
                    requests BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, client)
                ) STRICT",
                // Empty but for the moment in which a full database is asked for space.
                "CREATE TABLE space_probes (
                    id UUID NOT NULL PRIMARY KEY,
                    filler BYTEA NOT NULL
                ) STRICT",
                // The few that are leased have an index: a call that is claimed leaves this one alone.
                "CREATE INDEX outbound_calls_listed ON outbound_calls (tenant_id, state, created_at, message_id)
                    WHERE state <> 'leased'",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                "DROP INDEX outbound_calls_listed",
                "DROP TABLE space_probes",
                "DROP TABLE inbound_removed",
                "DROP TABLE inbound_sweep",
                "DROP INDEX inbound_requests_age",
            ],
        )
        .await
    }
}
