//! The first migration: messages, plans, surveys and the indexes of their hot queries.

use durable::ddl;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Creates the tables.
pub(crate) struct CreateFollowUp;

impl MigrationName for CreateFollowUp {
    fn name(&self) -> &'static str {
        "m20260102_000001_create_followup"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateFollowUp {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                "CREATE TABLE messages (
                    tenant_id TEXT NOT NULL,
                    id UUID NOT NULL,
                    case_id UUID NOT NULL,
                    customer_id UUID NOT NULL,
                    state TEXT NOT NULL CHECK (state IN ('QUEUED', 'SENT', 'FAILED')),
                    contact_kind TEXT CHECK (contact_kind IN ('EMAIL', 'PHONE', 'APP')),
                    contact_address TEXT,
                    template TEXT NOT NULL,
                    language TEXT NOT NULL,
                    template_values TEXT NOT NULL,
                    subject TEXT NOT NULL,
                    body TEXT NOT NULL,
                    attempts BIGINT NOT NULL,
                    failure_reason TEXT,
                    sent_at BIGINT,
                    created_at BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, id),
                    CHECK ((contact_kind IS NULL) = (contact_address IS NULL)),
                    CHECK ((state = 'SENT') = (sent_at IS NOT NULL)),
                    CHECK ((state = 'FAILED') = (failure_reason IS NOT NULL))
                ) STRICT",
                "CREATE INDEX messages_of_case ON messages (tenant_id, case_id, created_at, id)",
                "CREATE TABLE plans (
                    tenant_id TEXT NOT NULL,
                    id UUID NOT NULL,
                    case_id UUID NOT NULL,
                    customer_id UUID NOT NULL,
                    state TEXT NOT NULL CHECK (state IN ('RUNNING', 'RECOVERED', 'STILL_WRONG', 'LAPSED', 'STOPPED')),
                    contact_kind TEXT CHECK (contact_kind IN ('EMAIL', 'PHONE', 'APP')),
                    contact_address TEXT,
                    language TEXT NOT NULL,
                    pauses TEXT NOT NULL,
                    baseline BIGINT CHECK (baseline BETWEEN 0 AND 10),
                    topic TEXT NOT NULL,
                    next_step BIGINT,
                    next_step_at BIGINT,
                    check_ins_sent BIGINT NOT NULL,
                    ended_at BIGINT,
                    stop_reason TEXT,
                    created_at BIGINT NOT NULL,
                    updated_at BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, id),
                    CHECK ((contact_kind IS NULL) = (contact_address IS NULL)),
                    CHECK ((state = 'RUNNING') = (next_step IS NOT NULL)),
                    CHECK ((state = 'RUNNING') = (next_step_at IS NOT NULL)),
                    CHECK ((state = 'RUNNING') = (ended_at IS NULL)),
                    CHECK ((state = 'STOPPED') = (stop_reason IS NOT NULL))
                ) STRICT",
                "CREATE INDEX plans_of_case ON plans (tenant_id, case_id, created_at, id)",
                "CREATE TABLE surveys (
                    tenant_id TEXT NOT NULL,
                    id UUID NOT NULL,
                    plan_id UUID NOT NULL,
                    case_id UUID NOT NULL,
                    state TEXT NOT NULL CHECK (state IN ('OPEN', 'ANSWERED', 'CLOSED')),
                    check_in BIGINT NOT NULL,
                    score BIGINT CHECK (score BETWEEN 0 AND 10),
                    comment TEXT NOT NULL,
                    answered_at BIGINT,
                    created_at BIGINT NOT NULL,
                    PRIMARY KEY (tenant_id, id),
                    UNIQUE (tenant_id, plan_id, check_in),
                    FOREIGN KEY (tenant_id, plan_id) REFERENCES plans (tenant_id, id),
                    CHECK ((state = 'ANSWERED') = (score IS NOT NULL)),
                    CHECK ((state = 'ANSWERED') = (answered_at IS NOT NULL))
                ) STRICT",
                "CREATE INDEX surveys_of_case ON surveys (tenant_id, case_id, created_at, id)",
                "CREATE INDEX surveys_open ON surveys (tenant_id, plan_id) WHERE state = 'OPEN'",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, &["DROP TABLE surveys", "DROP TABLE plans", "DROP TABLE messages"]).await
    }
}
