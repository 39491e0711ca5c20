//! The tables of what providers and people say about payouts: events, settlement files, discrepancies, decisions.

use durable::ddl;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub struct CreateSettlement;

impl MigrationName for CreateSettlement {
    fn name(&self) -> &'static str {
        "m20261122_000060_create_settlement"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateSettlement {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, DOWN).await
    }
}

const UP: &[&str] = &[
    // What the provider has told by itself. The same event counts once.
    "CREATE TABLE provider_events (
        tenant_id TEXT NOT NULL,
        event TEXT NOT NULL CHECK (length(event) BETWEEN 1 AND 128),
        kind TEXT NOT NULL,
        payout_id UUID,
        looks_up BIGINT NOT NULL CHECK (looks_up IN (0, 1)),
        received_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, event)
    ) STRICT",
    "CREATE TABLE settlement_files (
        tenant_id TEXT NOT NULL,
        file TEXT NOT NULL CHECK (length(file) BETWEEN 1 AND 128),
        day TEXT NOT NULL,
        completed_at BIGINT,
        closed_at BIGINT,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, file),
        CHECK (closed_at IS NULL OR completed_at IS NOT NULL)
    ) STRICT",
    "CREATE TABLE settlement_lines (
        tenant_id TEXT NOT NULL,
        file TEXT NOT NULL,
        number BIGINT NOT NULL CHECK (number > 0),
        payout_key TEXT NOT NULL,
        provider_reference TEXT NOT NULL,
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        executed_at BIGINT NOT NULL,
        payout_id UUID,
        PRIMARY KEY (tenant_id, file, number),
        FOREIGN KEY (tenant_id, file) REFERENCES settlement_files (tenant_id, file)
    ) STRICT",
    // A payout belongs to one line, whatever the file.
    "CREATE UNIQUE INDEX settlement_lines_payout ON settlement_lines (tenant_id, payout_id)
        WHERE payout_id IS NOT NULL",
    "CREATE TABLE settlement_discrepancies (
        tenant_id TEXT NOT NULL,
        id UUID NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('UNKNOWN_PAYOUT', 'DUPLICATE', 'WRONG_AMOUNT', 'WRONG_REFERENCE',
            'NOT_EXPECTED', 'NOT_IN_SETTLEMENT')),
        state TEXT NOT NULL CHECK (state IN ('OPEN', 'RESOLVED')),
        payout_id UUID,
        file TEXT NOT NULL,
        line BIGINT NOT NULL CHECK (line >= 0),
        payout_key TEXT NOT NULL,
        amount_minor BIGINT CHECK (amount_minor > 0),
        currency TEXT,
        explanation TEXT NOT NULL,
        resolution TEXT NOT NULL,
        resolved_by TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        resolved_at BIGINT,
        PRIMARY KEY (tenant_id, id),
        CHECK ((amount_minor IS NULL) = (currency IS NULL)),
        CHECK ((line = 0) = (kind = 'NOT_IN_SETTLEMENT')),
        CHECK ((state = 'RESOLVED') = (resolved_at IS NOT NULL)),
        CHECK ((state = 'RESOLVED') = (resolved_by <> ''))
    ) STRICT",
    "CREATE UNIQUE INDEX settlement_discrepancies_line ON settlement_discrepancies (tenant_id, file, line)
        WHERE line > 0",
    "CREATE UNIQUE INDEX settlement_discrepancies_missing ON settlement_discrepancies (tenant_id, payout_id)
        WHERE kind = 'NOT_IN_SETTLEMENT'",
    "CREATE INDEX settlement_discrepancies_by_time ON settlement_discrepancies (tenant_id, created_at, id)",
    "CREATE INDEX settlement_discrepancies_open ON settlement_discrepancies (tenant_id, created_at, id)
        WHERE state = 'OPEN'",
    "CREATE INDEX settlement_discrepancies_open_kind ON settlement_discrepancies (kind) WHERE state = 'OPEN'",
    "CREATE TABLE payout_settlements (
        tenant_id TEXT NOT NULL,
        id UUID NOT NULL,
        payout_id UUID NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('PROPOSED', 'APPROVED', 'REJECTED')),
        outcome TEXT NOT NULL CHECK (outcome IN ('EXECUTED', 'NOT_EXECUTED')),
        provider_reference TEXT NOT NULL,
        evidence TEXT NOT NULL CHECK (length(evidence) > 0),
        proposed_by TEXT NOT NULL CHECK (length(proposed_by) > 0),
        decided_by TEXT NOT NULL,
        decision_reason TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        decided_at BIGINT,
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, payout_id) REFERENCES payouts (tenant_id, id),
        CHECK ((outcome = 'EXECUTED') = (provider_reference <> '')),
        CHECK ((state = 'PROPOSED') = (decided_by = '')),
        CHECK ((state = 'PROPOSED') = (decided_at IS NULL)),
        CONSTRAINT payout_settlements_four_eyes CHECK (state <> 'APPROVED' OR decided_by <> proposed_by)
    ) STRICT",
    "CREATE INDEX payout_settlements_by_payout ON payout_settlements (tenant_id, payout_id, created_at, id)",
    // One decision at a time.
    "CREATE UNIQUE INDEX payout_settlements_open ON payout_settlements (tenant_id, payout_id)
        WHERE state = 'PROPOSED'",
    // What a settled day is compared with, and what the gauges count.
    "CREATE INDEX payouts_by_attempt ON payouts (tenant_id, first_attempt_at, id) WHERE first_attempt_at IS NOT NULL",
    "CREATE INDEX payouts_unsettled ON payouts (state, updated_at) WHERE state IN ('SUBMITTING', 'UNKNOWN', 'MANUAL')",
    // The sandbox's own books: each execution, and each request that left us.
    "CREATE TABLE sandbox_payments (
        payout_key TEXT NOT NULL,
        ordinal BIGINT NOT NULL CHECK (ordinal > 0),
        reference TEXT NOT NULL,
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        executed_at BIGINT NOT NULL,
        PRIMARY KEY (payout_key, ordinal)
    ) STRICT",
    "CREATE INDEX sandbox_payments_by_time ON sandbox_payments (executed_at, payout_key, ordinal)",
    "CREATE TABLE sandbox_requests (
        payout_key TEXT NOT NULL PRIMARY KEY,
        requests BIGINT NOT NULL
    ) STRICT",
];

const DOWN: &[&str] = &[
    "DROP TABLE sandbox_requests",
    "DROP TABLE sandbox_payments",
    "DROP INDEX payouts_unsettled",
    "DROP INDEX payouts_by_attempt",
    "DROP TABLE payout_settlements",
    "DROP TABLE settlement_discrepancies",
    "DROP TABLE settlement_lines",
    "DROP TABLE settlement_files",
    "DROP TABLE provider_events",
];
