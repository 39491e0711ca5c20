//! The tables of routing.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Makes them.
pub(crate) struct CreateRouting;

impl MigrationName for CreateRouting {
    fn name(&self) -> &'static str {
        "m20260101_000010_create_routing"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateRouting {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        durable::ddl(
            manager,
            &[
                "CREATE TABLE queues (
                    tenant_id TEXT NOT NULL,
                    id TEXT NOT NULL,
                    display_name TEXT NOT NULL,
                    required_skills TEXT NOT NULL,
                    acknowledge_within BIGINT,
                    resolve_within BIGINT,
                    created_at BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, id)
                ) STRICT",
                "CREATE TABLE agents (
                    tenant_id TEXT NOT NULL,
                    id UUID NOT NULL,
                    display_name TEXT NOT NULL,
                    skills TEXT NOT NULL,
                    queues TEXT NOT NULL,
                    capacity BIGINT NOT NULL CHECK (capacity BETWEEN 1 AND 100),
                    level BIGINT NOT NULL CHECK (level BETWEEN 1 AND 3),
                    presence TEXT NOT NULL CHECK (presence IN ('AVAILABLE', 'BUSY', 'OFFLINE')),
                    created_at BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, id)
                ) STRICT",
                "CREATE INDEX agents_by_age ON agents (tenant_id, created_at, id)",
                "CREATE TABLE work_items (
                    tenant_id TEXT NOT NULL,
                    id UUID NOT NULL,
                    case_id UUID NOT NULL,
                    state TEXT NOT NULL
                        CHECK (state IN ('UNATTENDED', 'WAITING', 'CLAIMED', 'COMPLETED', 'CANCELLED')),
                    title TEXT NOT NULL,
                    handover TEXT NOT NULL,
                    severity BIGINT NOT NULL CHECK (severity BETWEEN 1 AND 4),
                    queue_id TEXT NOT NULL,
                    skills TEXT NOT NULL,
                    agent_id UUID,
                    escalation_level BIGINT NOT NULL CHECK (escalation_level BETWEEN 0 AND 3),
                    urgency BIGINT NOT NULL,
                    resolution TEXT,
                    reported BIGINT NOT NULL,
                    version BIGINT NOT NULL,
                    journey TEXT NOT NULL,
                    created_at BIGINT NOT NULL,
                    updated_at BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, id),
                    CHECK ((agent_id IS NOT NULL) = (state = 'CLAIMED')),
                    CHECK ((resolution IS NOT NULL) = (state = 'COMPLETED'))
                ) STRICT",
                // The next one to claim, queue by queue.
                "CREATE INDEX work_items_waiting ON work_items (tenant_id, queue_id, urgency, created_at, id)
                    WHERE state = 'WAITING'",
                // What an agent holds.
                "CREATE INDEX work_items_held ON work_items (tenant_id, agent_id, created_at, id) WHERE state = 'CLAIMED'",
                "CREATE INDEX work_items_by_case ON work_items (tenant_id, case_id, urgency, created_at, id)",
                "CREATE INDEX work_items_by_urgency ON work_items (tenant_id, urgency, created_at, id)",
                // Open work of one state, without the mass of what has ended.
                "CREATE INDEX work_items_open ON work_items (tenant_id, state, urgency, created_at, id)
                    WHERE state IN ('UNATTENDED', 'WAITING', 'CLAIMED')",
                // What the agent must be able to do; in rows, so that both databases can compare it with the agent.
                "CREATE TABLE work_skills (
                    tenant_id TEXT NOT NULL,
                    work_item_id UUID NOT NULL,
                    skill TEXT NOT NULL,
                    PRIMARY KEY (tenant_id, work_item_id, skill)
                ) STRICT",
                "CREATE TABLE work_clocks (
                    tenant_id TEXT NOT NULL,
                    work_item_id UUID NOT NULL,
                    position BIGINT NOT NULL,
                    kind TEXT NOT NULL CHECK (kind IN ('ACKNOWLEDGE', 'RESOLVE', 'NEXT_UPDATE')),
                    number BIGINT NOT NULL,
                    state TEXT NOT NULL CHECK (state IN ('RUNNING', 'PAUSED', 'MET', 'BREACHED', 'CANCELLED')),
                    allowed BIGINT NOT NULL CHECK (allowed > 0),
                    consumed BIGINT NOT NULL CHECK (consumed BETWEEN 0 AND allowed),
                    started_at BIGINT NOT NULL,
                    running_since BIGINT NOT NULL,
                    ended_at BIGINT,
                    run BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, work_item_id, position),
                    CHECK ((ended_at IS NULL) = (state IN ('RUNNING', 'PAUSED')))
                ) STRICT",
                // What the customer was told, and notes. Only ever added to.
                "CREATE TABLE progress_entries (
                    tenant_id TEXT NOT NULL,
                    work_item_id UUID NOT NULL,
                    version BIGINT NOT NULL,
                    kind TEXT NOT NULL,
                    text TEXT NOT NULL,
                    next_update_by BIGINT,
                    posted_by TEXT NOT NULL,
                    posted_at BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, work_item_id, version)
                ) STRICT",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        durable::ddl(
            manager,
            &[
                "DROP TABLE progress_entries",
                "DROP TABLE work_clocks",
                "DROP TABLE work_skills",
                "DROP TABLE work_items",
                "DROP TABLE agents",
                "DROP TABLE queues",
            ],
        )
        .await
    }
}
