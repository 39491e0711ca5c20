//! The tables of experiments, with their counts kept, so that a report reads as many rows as there are arms and strata;
//! and a remedy that knows what an experiment does with it.

use durable::ddl;
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Creates them.
pub struct CreateExperiments;

impl MigrationName for CreateExperiments {
    fn name(&self) -> &'static str {
        "m20261127_000050_create_experiments"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateExperiments {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, new_state(manager.get_database_backend())).await?;
        ddl(manager, TABLES).await?;
        let guards: &[&str] = match manager.get_database_backend() {
            DbBackend::Postgres => &POSTGRES,
            _ => &SQLITE,
        };
        for statement in guards {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    /// The wider range of states stays: it takes every state that there was before.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                "DROP TABLE experiment_strata",
                "DROP TABLE experiment_outcomes",
                "DROP TABLE experiment_assignments",
                "DROP TABLE experiment_arms",
                "DROP TABLE experiments",
                "DROP TABLE experiment_revisions",
                "ALTER TABLE remedies DROP COLUMN experiment",
            ],
        )
        .await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared("DROP FUNCTION experiment_refuse_change CASCADE").await?;
        }
        Ok(())
    }
}

/// An offer can be put off. SQLite changes no constraint: the column is made anew, with its constraint.
fn new_state(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Sqlite => &[
            "ALTER TABLE remedies ADD COLUMN new_state TEXT NOT NULL DEFAULT 'NOTHING_OWED' CHECK (new_state IN
                ('OFFERED', 'GRANTING', 'SETTLED', 'NOTHING_OWED', 'DECLINED', 'UNANSWERED', 'NEEDS_ATTENTION',
                 'AWAITING_APOLOGY', 'AWAITING_TIME'))",
            "UPDATE remedies SET new_state = state",
            "ALTER TABLE remedies DROP COLUMN state",
            "ALTER TABLE remedies RENAME COLUMN new_state TO state",
        ],
        _ => &[
            "ALTER TABLE remedies DROP CONSTRAINT remedies_state_check",
            "ALTER TABLE remedies ADD CONSTRAINT remedies_state_check CHECK (state IN
                ('OFFERED', 'GRANTING', 'SETTLED', 'NOTHING_OWED', 'DECLINED', 'UNANSWERED', 'NEEDS_ATTENTION',
                 'AWAITING_APOLOGY', 'AWAITING_TIME'))",
        ],
    }
}

const TABLES: &[&str] = &[
    // What an experiment does with a remedy, as JSON; empty for what is under none.
    "ALTER TABLE remedies ADD COLUMN experiment TEXT NOT NULL DEFAULT ''",
    // Grows with every experiment that starts or stops: replicas look for it, and who changes one holds its lock.
    "CREATE TABLE experiment_revisions (
        tenant_id TEXT NOT NULL PRIMARY KEY,
        revision BIGINT NOT NULL
    ) STRICT",
    "CREATE TABLE experiments (
        tenant_id TEXT NOT NULL,
        id TEXT NOT NULL,
        document TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN
            ('RUNNING', 'SAMPLE_REACHED', 'BENEFIT', 'HARM', 'BY_PERSON', 'EXPIRED')),
        looks TEXT NOT NULL,
        applied_by TEXT NOT NULL CHECK (applied_by <> ''),
        stopped_by TEXT NOT NULL,
        stop_reason TEXT NOT NULL,
        stopped_at BIGINT,
        version BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, id),
        CHECK ((state = 'RUNNING') = (stopped_at IS NULL)),
        CHECK ((state = 'BY_PERSON') = (stopped_by <> ''))
    ) STRICT",
    "CREATE INDEX experiments_by_time ON experiments (tenant_id, created_at, id)",
    "CREATE INDEX experiments_running ON experiments (tenant_id, created_at, id) WHERE state = 'RUNNING'",
    "CREATE TABLE experiment_arms (
        tenant_id TEXT NOT NULL,
        experiment_id TEXT NOT NULL,
        arm TEXT NOT NULL,
        assigned BIGINT NOT NULL CHECK (assigned >= 0),
        recovered BIGINT NOT NULL CHECK (recovered >= 0),
        not_recovered BIGINT NOT NULL CHECK (not_recovered >= 0),
        lapsed BIGINT NOT NULL CHECK (lapsed >= 0),
        reopened BIGINT NOT NULL CHECK (reopened >= 0),
        scored BIGINT NOT NULL CHECK (scored >= 0),
        score_sum BIGINT NOT NULL CHECK (score_sum >= 0),
        score_squares BIGINT NOT NULL CHECK (score_squares >= 0),
        PRIMARY KEY (tenant_id, experiment_id, arm),
        CHECK (recovered + not_recovered + lapsed + reopened <= assigned)
    ) STRICT",
    // A case has one arm, for ever.
    "CREATE TABLE experiment_assignments (
        tenant_id TEXT NOT NULL,
        experiment_id TEXT NOT NULL,
        case_id UUID NOT NULL,
        remedy_id UUID NOT NULL,
        arm TEXT NOT NULL,
        unit TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, experiment_id, case_id),
        FOREIGN KEY (tenant_id, remedy_id) REFERENCES remedies (tenant_id, id)
    ) STRICT",
    "CREATE INDEX experiment_assignments_by_case ON experiment_assignments (tenant_id, case_id)",
    "CREATE TABLE experiment_outcomes (
        tenant_id TEXT NOT NULL,
        experiment_id TEXT NOT NULL,
        case_id UUID NOT NULL,
        result TEXT NOT NULL CHECK (result IN ('RECOVERED', 'NOT_RECOVERED', 'LAPSED', 'REOPENED')),
        score BIGINT CHECK (score BETWEEN 0 AND 10),
        delta BIGINT CHECK (delta BETWEEN -10 AND 10),
        recorded_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, experiment_id, case_id),
        FOREIGN KEY (tenant_id, experiment_id, case_id)
            REFERENCES experiment_assignments (tenant_id, experiment_id, case_id)
    ) STRICT",
    // Money by arm for customers who were hit alike; the currency is `-` for the count of cases.
    "CREATE TABLE experiment_strata (
        tenant_id TEXT NOT NULL,
        experiment_id TEXT NOT NULL,
        arm TEXT NOT NULL,
        severity TEXT NOT NULL,
        kind TEXT NOT NULL,
        currency TEXT NOT NULL,
        cases BIGINT NOT NULL,
        minor BIGINT NOT NULL,
        compared BIGINT NOT NULL,
        squares BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, experiment_id, arm, severity, kind, currency)
    ) STRICT",
];

/// What was declared is never edited, and what has stopped never runs again.
const POSTGRES: [&str; 2] = [
    "CREATE FUNCTION experiment_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.document IS DISTINCT FROM OLD.document
           OR (OLD.state <> 'RUNNING' AND NEW.state IS DISTINCT FROM OLD.state) THEN
            RAISE EXCEPTION 'an experiment is never edited and stops once' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$",
    "CREATE TRIGGER experiments_never_edited BEFORE UPDATE ON experiments
        FOR EACH ROW EXECUTE FUNCTION experiment_refuse_change()",
];

const SQLITE: [&str; 1] = ["CREATE TRIGGER experiments_never_edited BEFORE UPDATE ON experiments
    WHEN NEW.document IS NOT OLD.document OR (OLD.state <> 'RUNNING' AND NEW.state IS NOT OLD.state)
    BEGIN SELECT RAISE(ABORT, 'an experiment is never edited and stops once'); END"];
