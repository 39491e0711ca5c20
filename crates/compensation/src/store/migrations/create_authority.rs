//! The tables of authority: policies, approvals, what was counted against limits, decisions, claims and signals; and
//! what the databases refuse about approvals.

use durable::ddl;
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Creates them.
pub struct CreateAuthority;

impl MigrationName for CreateAuthority {
    fn name(&self) -> &'static str {
        "m20261122_000040_create_authority"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateAuthority {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, TABLES).await?;
        let connection = manager.get_connection();
        let guards: &[&str] = match manager.get_database_backend() {
            DbBackend::Postgres => &POSTGRES,
            _ => &SQLITE,
        };
        for statement in guards {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                "DROP TABLE abuse_signals",
                "DROP TABLE goodwill_claims",
                "DROP TABLE autonomous_decisions",
                "DROP TABLE spending_counted",
                "DROP TABLE spending_days",
                "DROP TABLE spending_holders",
                "DROP TABLE approval_requests",
                "DROP TABLE policies",
            ],
        )
        .await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared("DROP FUNCTION approval_refuse_change CASCADE").await?;
            manager.get_connection().execute_unprepared("DROP FUNCTION policy_refuse_change CASCADE").await?;
        }
        Ok(())
    }
}

const TABLES: &[&str] = &[
    "CREATE TABLE policies (
        tenant_id TEXT NOT NULL,
        id UUID NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('AUTHORITY', 'BUDGETS', 'ABUSE')),
        version TEXT NOT NULL,
        document TEXT NOT NULL,
        in_force_from BIGINT NOT NULL,
        applied_by TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, id)
    ) STRICT",
    // A version is one document.
    "CREATE UNIQUE INDEX policies_version ON policies (tenant_id, kind, version)",
    "CREATE INDEX policies_in_force ON policies (tenant_id, kind, in_force_from, created_at, id)",
    // Four eyes: who asked never decided, however the name is written.
    "CREATE TABLE approval_requests (
        tenant_id TEXT NOT NULL,
        id UUID NOT NULL,
        remedy_id UUID NOT NULL,
        case_id UUID NOT NULL,
        customer_id UUID NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('OFFER', 'GRANT')),
        state TEXT NOT NULL CHECK (state IN ('PENDING', 'APPROVED', 'REJECTED', 'EXPIRED')),
        requested_by TEXT NOT NULL CHECK (requested_by <> ''),
        role TEXT NOT NULL,
        options TEXT NOT NULL,
        lines TEXT NOT NULL,
        offer_expires_at BIGINT,
        counter_to UUID,
        counter_reason TEXT NOT NULL,
        reasons TEXT NOT NULL,
        policies TEXT NOT NULL,
        decided_by TEXT NOT NULL,
        rejection TEXT NOT NULL,
        alternative TEXT NOT NULL,
        expires_at BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, remedy_id) REFERENCES remedies (tenant_id, id),
        CHECK ((state IN ('APPROVED', 'REJECTED')) = (decided_by <> '')),
        CHECK ((state = 'REJECTED') = (rejection <> '')),
        CHECK ((state = 'REJECTED') = (alternative <> '')),
        CONSTRAINT approval_four_eyes CHECK (lower(trim(decided_by)) <> lower(trim(requested_by)))
    ) STRICT",
    "CREATE INDEX approvals_by_state ON approval_requests (tenant_id, state, created_at, id)",
    "CREATE INDEX approvals_by_case ON approval_requests (tenant_id, case_id, created_at, id)",
    // One offer of a remedy waits at a time.
    "CREATE UNIQUE INDEX approvals_waiting ON approval_requests (tenant_id, remedy_id) WHERE state = 'PENDING' AND kind = 'OFFER'",
    // Whose sums are limited. The row is the lock under which the sums are read and changed.
    "CREATE TABLE spending_holders (
        tenant_id TEXT NOT NULL,
        scope TEXT NOT NULL CHECK (scope IN ('AGENT', 'BUDGET', 'CASE', 'CUSTOMER')),
        holder TEXT NOT NULL,
        version BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, scope, holder)
    ) STRICT",
    // What was counted, by day (UTC, from 1970-01-01 on), pending ones included.
    "CREATE TABLE spending_days (
        tenant_id TEXT NOT NULL,
        scope TEXT NOT NULL,
        holder TEXT NOT NULL,
        kind TEXT NOT NULL,
        unit TEXT NOT NULL,
        day BIGINT NOT NULL,
        amount BIGINT NOT NULL CHECK (amount >= 0),
        PRIMARY KEY (tenant_id, scope, holder, kind, unit, day),
        FOREIGN KEY (tenant_id, scope, holder) REFERENCES spending_holders (tenant_id, scope, holder)
    ) STRICT",
    // What an offer counted, so that what is not taken can be given back.
    "CREATE TABLE spending_counted (
        tenant_id TEXT NOT NULL,
        offer_id UUID NOT NULL,
        day BIGINT NOT NULL,
        entries TEXT NOT NULL,
        PRIMARY KEY (tenant_id, offer_id)
    ) STRICT",
    "CREATE TABLE autonomous_decisions (
        tenant_id TEXT NOT NULL,
        offer_id UUID NOT NULL,
        remedy_id UUID NOT NULL,
        case_id UUID NOT NULL,
        customer_id UUID NOT NULL,
        agent TEXT NOT NULL,
        role TEXT NOT NULL,
        policy_version TEXT NOT NULL,
        summary TEXT NOT NULL,
        costs TEXT NOT NULL,
        lifetime_value TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, offer_id)
    ) STRICT",
    "CREATE INDEX autonomous_decisions_by_time ON autonomous_decisions (tenant_id, created_at, offer_id)",
    "CREATE INDEX autonomous_decisions_by_agent ON autonomous_decisions (tenant_id, agent, created_at, offer_id)",
    // Remedies with gestures, by what repetition is found by.
    "CREATE TABLE goodwill_claims (
        tenant_id TEXT NOT NULL,
        dimension TEXT NOT NULL CHECK (dimension IN ('CUSTOMER', 'PAYEE', 'REFERENCE')),
        value TEXT NOT NULL,
        remedy_id UUID NOT NULL,
        customer_id UUID NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, dimension, value, remedy_id)
    ) STRICT",
    "CREATE INDEX goodwill_claims_by_time ON goodwill_claims (tenant_id, dimension, value, created_at)",
    "CREATE TABLE abuse_signals (
        tenant_id TEXT NOT NULL,
        id UUID NOT NULL,
        dimension TEXT NOT NULL CHECK (dimension IN ('CUSTOMER', 'PAYEE', 'REFERENCE')),
        remedy_id UUID NOT NULL,
        case_id UUID NOT NULL,
        customer_id UUID NOT NULL,
        reason TEXT NOT NULL,
        count BIGINT NOT NULL,
        threshold BIGINT NOT NULL,
        window_days BIGINT NOT NULL,
        policy_version TEXT NOT NULL,
        evidence TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, id)
    ) STRICT",
    "CREATE INDEX abuse_signals_by_time ON abuse_signals (tenant_id, created_at, id)",
    "CREATE INDEX abuse_signals_by_customer ON abuse_signals (tenant_id, customer_id, created_at, id)",
];

/// What an approval asks for and who asked never changes; a decision is taken once.
const POSTGRES: [&str; 4] = [
    "CREATE FUNCTION approval_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state <> 'PENDING'
           OR (OLD.tenant_id, OLD.id, OLD.remedy_id, OLD.case_id, OLD.customer_id, OLD.kind, OLD.requested_by, OLD.role,
               OLD.options, OLD.lines, OLD.counter_to, OLD.counter_reason, OLD.reasons, OLD.policies)
              IS DISTINCT FROM
              (NEW.tenant_id, NEW.id, NEW.remedy_id, NEW.case_id, NEW.customer_id, NEW.kind, NEW.requested_by, NEW.role,
               NEW.options, NEW.lines, NEW.counter_to, NEW.counter_reason, NEW.reasons, NEW.policies) THEN
            RAISE EXCEPTION 'an approval is decided once and never rewritten' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$",
    "CREATE TRIGGER approval_requests_decided_once BEFORE UPDATE ON approval_requests
        FOR EACH ROW EXECUTE FUNCTION approval_refuse_change()",
    "CREATE FUNCTION policy_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a policy is never edited' USING ERRCODE = 'check_violation';
    END $$",
    "CREATE TRIGGER policies_never_edited BEFORE UPDATE OR DELETE ON policies
        FOR EACH ROW EXECUTE FUNCTION policy_refuse_change()",
];

const SQLITE: [&str; 3] = [
    "CREATE TRIGGER approval_requests_decided_once BEFORE UPDATE ON approval_requests
    WHEN OLD.state <> 'PENDING'
         OR (OLD.tenant_id, OLD.id, OLD.remedy_id, OLD.case_id, OLD.customer_id, OLD.kind, OLD.requested_by, OLD.role,
             OLD.options, OLD.lines, OLD.counter_to, OLD.counter_reason, OLD.reasons, OLD.policies)
            IS NOT
            (NEW.tenant_id, NEW.id, NEW.remedy_id, NEW.case_id, NEW.customer_id, NEW.kind, NEW.requested_by, NEW.role,
             NEW.options, NEW.lines, NEW.counter_to, NEW.counter_reason, NEW.reasons, NEW.policies)
    BEGIN SELECT RAISE(ABORT, 'an approval is decided once and never rewritten'); END",
    "CREATE TRIGGER policies_no_update BEFORE UPDATE ON policies
    BEGIN SELECT RAISE(ABORT, 'a policy is never edited'); END",
    "CREATE TRIGGER policies_no_delete BEFORE DELETE ON policies
    BEGIN SELECT RAISE(ABORT, 'a policy is never edited'); END",
];
