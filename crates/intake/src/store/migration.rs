//! The schema of intake.

use durable::{Migrations, ddl, durable_migrations};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Durable's migrations and then intake's own, oldest first.
pub fn migrations() -> Migrations {
    Migrations(|| {
        let mut all = durable_migrations();
        all.push(Box::new(CreateIntake));
        all.push(Box::new(IdentitiesOfCustomer));
        all
    })
}

struct CreateIntake;

impl MigrationName for CreateIntake {
    fn name(&self) -> &'static str {
        "m20260101_000002_create_intake"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateIntake {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                "CREATE TABLE customers (
                    tenant_id TEXT NOT NULL,
                    id UUID NOT NULL,
                    display_name TEXT NOT NULL,
                    tier TEXT NOT NULL,
                    language TEXT NOT NULL,
                    contact_points TEXT NOT NULL,
                    identity_count BIGINT NOT NULL CHECK (identity_count BETWEEN 1 AND 64),
                    version BIGINT NOT NULL,
                    created_at BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, id)
                ) STRICT",
                // Each identity belongs to one customer of a tenant; concurrent makers of a customer meet here.
                "CREATE TABLE customer_identities (
                    tenant_id TEXT NOT NULL,
                    source TEXT NOT NULL,
                    value TEXT NOT NULL,
                    customer_id UUID NOT NULL,
                    PRIMARY KEY (tenant_id, source, value),
                    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
                ) STRICT",
                "CREATE INDEX customer_identities_by_customer ON customer_identities (tenant_id, customer_id)",
                "CREATE TABLE disruptions (
                    tenant_id TEXT NOT NULL,
                    id UUID NOT NULL,
                    external_id TEXT NOT NULL,
                    event_kind TEXT NOT NULL,
                    occurred_at BIGINT NOT NULL,
                    reference TEXT NOT NULL,
                    facts TEXT NOT NULL,
                    expected TEXT NOT NULL,
                    delivered TEXT NOT NULL,
                    severity TEXT NOT NULL CHECK (severity IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
                    affected_count BIGINT NOT NULL CHECK (affected_count >= 0),
                    created_at BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, id)
                ) STRICT",
                "CREATE UNIQUE INDEX disruptions_by_external_id ON disruptions (tenant_id, external_id)",
            ],
        )
        .await?;
        prefer_primary_key(manager, "disruptions", "tenant_id, id").await?;
        ddl(
            manager,
            &[
                "CREATE TABLE cases (
                    tenant_id TEXT NOT NULL,
                    id UUID NOT NULL,
                    customer_id UUID NOT NULL,
                    disruption_id UUID,
                    origin TEXT NOT NULL CHECK (origin IN ('COMPLAINT', 'DISRUPTION')),
                    state TEXT NOT NULL CHECK (state IN ('RECEIVED', 'ACKNOWLEDGED', 'UNDERSTOOD', 'REMEDIED',
                        'FOLLOWING_UP', 'RECOVERED', 'NOT_RECOVERED', 'LAPSED', 'REOPENED')),
                    expected TEXT NOT NULL,
                    delivered TEXT NOT NULL,
                    event_kind TEXT NOT NULL,
                    occurred_at BIGINT NOT NULL,
                    reference TEXT NOT NULL,
                    facts TEXT NOT NULL,
                    severity TEXT NOT NULL CHECK (severity IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
                    requested_remedy TEXT NOT NULL,
                    finding TEXT NOT NULL,
                    reopen_count BIGINT NOT NULL CHECK (reopen_count >= 0),
                    needs_attention BOOLEAN NOT NULL,
                    attention TEXT NOT NULL,
                    last_score BIGINT CHECK (last_score BETWEEN 0 AND 10),
                    steps TEXT NOT NULL,
                    entry_count BIGINT NOT NULL,
                    trace_parent TEXT NOT NULL,
                    created_at BIGINT NOT NULL,
                    updated_at BIGINT NOT NULL,
                    version BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, id),
                    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
                    FOREIGN KEY (tenant_id, disruption_id) REFERENCES disruptions (tenant_id, id),
                    CHECK ((origin = 'DISRUPTION') = (disruption_id IS NOT NULL))
                ) STRICT",
                "CREATE INDEX cases_by_time ON cases (tenant_id, created_at, id)",
                "CREATE INDEX cases_by_state ON cases (tenant_id, state, created_at, id)",
                "CREATE INDEX cases_by_customer ON cases (tenant_id, customer_id, created_at, id)",
                // A customer is hit once by a disruption, however often it is reported.
                "CREATE UNIQUE INDEX cases_by_disruption ON cases (tenant_id, disruption_id, customer_id)
                    WHERE disruption_id IS NOT NULL",
                "CREATE INDEX cases_needing_attention ON cases (tenant_id, created_at, id) WHERE needs_attention",
                // Without a foreign key: entries are written together with their case or under its row's lock.
                "CREATE TABLE timeline_entries (
                    tenant_id TEXT NOT NULL,
                    case_id UUID NOT NULL,
                    seq BIGINT NOT NULL CHECK (seq > 0),
                    customer_id UUID NOT NULL,
                    happened_at BIGINT NOT NULL,
                    source TEXT NOT NULL,
                    kind TEXT NOT NULL,
                    summary TEXT NOT NULL,
                    subject TEXT NOT NULL,
                    state TEXT NOT NULL,
                    attributes TEXT NOT NULL,
                    trace_id TEXT NOT NULL,
                    PRIMARY KEY (tenant_id, case_id, seq)
                ) STRICT",
                "CREATE INDEX timeline_entries_by_customer
                    ON timeline_entries (tenant_id, customer_id, happened_at, case_id, seq)",
            ],
        )
        .await?;
        prefer_primary_key(manager, "cases", "tenant_id, id").await?;
        prefer_primary_key(manager, "timeline_entries", "tenant_id, case_id, seq").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                "DROP TABLE timeline_entries",
                "DROP TABLE cases",
                "DROP TABLE disruptions",
                "DROP TABLE customer_identities",
                "DROP TABLE customers",
            ],
        )
        .await
    }
}

/// Makes the primary key's index the youngest of its table. While a table is small all indexes that have the columns of
/// a lookup cost PostgreSQL the same, and it takes the youngest; a prepared statement keeps that plan while the table
/// grows, and would read all of a tenant's entries in an index that has the looked-up column last.
async fn prefer_primary_key(manager: &SchemaManager<'_>, table: &str, columns: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if connection.get_database_backend() == DbBackend::Postgres {
        let again = format!("ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY ({columns})");
        connection.execute_unprepared(&again).await?;
    }
    Ok(())
}

/// The identities of a customer are found by an index that a search for an identity cannot be led through: one that began
/// with the tenant had the planner read all identities of a tenant while it believed that there are none.
struct IdentitiesOfCustomer;

impl MigrationName for IdentitiesOfCustomer {
    fn name(&self) -> &'static str {
        "m20261127_000003_identities_of_customer"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for IdentitiesOfCustomer {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                "CREATE INDEX customer_identities_of_customer ON customer_identities (customer_id)",
                "DROP INDEX customer_identities_by_customer",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                "CREATE INDEX customer_identities_by_customer ON customer_identities (tenant_id, customer_id)",
                "DROP INDEX customer_identities_of_customer",
            ],
        )
        .await
    }
}
