//! The tables of the paradox gate: what remedies and offers know of it, and what people decided against it.

use durable::ddl;
use sea_orm::{DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Adds the gate to remedies, and the chain of answers to offers.
pub struct AddGate;

impl MigrationName for AddGate {
    fn name(&self) -> &'static str {
        "m20261122_000030_add_gate"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddGate {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, new_state(manager.get_database_backend())).await?;
        ddl(manager, COLUMNS).await
    }

    /// The wider range of states stays: it takes every state that there was before.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                "DROP TABLE gate_overrides",
                "DROP INDEX remedies_by_customer",
                "ALTER TABLE remedies DROP COLUMN recovery",
                "ALTER TABLE remedies DROP COLUMN gate",
                "ALTER TABLE remedies DROP COLUMN apology_at",
                "ALTER TABLE offers DROP COLUMN fair_amount",
                "ALTER TABLE offers DROP COLUMN counter_to",
                "ALTER TABLE offers DROP COLUMN counter_offer",
                "ALTER TABLE offers DROP COLUMN explanation",
            ],
        )
        .await
    }
}

/// A remedy can wait for our apology. SQLite changes no constraint: the column is made anew, with its constraint.
fn new_state(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Sqlite => &[
            "ALTER TABLE remedies ADD COLUMN new_state TEXT NOT NULL DEFAULT 'NOTHING_OWED' CHECK (new_state IN
                ('OFFERED', 'GRANTING', 'SETTLED', 'NOTHING_OWED', 'DECLINED', 'UNANSWERED', 'NEEDS_ATTENTION',
                 'AWAITING_APOLOGY'))",
            "UPDATE remedies SET new_state = state",
            "ALTER TABLE remedies DROP COLUMN state",
            "ALTER TABLE remedies RENAME COLUMN new_state TO state",
        ],
        _ => &[
            "ALTER TABLE remedies DROP CONSTRAINT remedies_state_check",
            "ALTER TABLE remedies ADD CONSTRAINT remedies_state_check CHECK (state IN
                ('OFFERED', 'GRANTING', 'SETTLED', 'NOTHING_OWED', 'DECLINED', 'UNANSWERED', 'NEEDS_ATTENTION',
                 'AWAITING_APOLOGY'))",
        ],
    }
}

const COLUMNS: &[&str] = &[
    // Values of the domain as JSON, like the assessment; empty for remedies from before the gate.
    "ALTER TABLE remedies ADD COLUMN recovery TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE remedies ADD COLUMN gate TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE remedies ADD COLUMN apology_at BIGINT",
    // What happened to a customer before.
    "CREATE INDEX remedies_by_customer ON remedies (tenant_id, customer_id, created_at, id)",
    // An amount as it is written, e.g. EUR 12.50; empty: none. It is told, never added up.
    "ALTER TABLE offers ADD COLUMN fair_amount TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE offers ADD COLUMN counter_to UUID",
    "ALTER TABLE offers ADD COLUMN counter_offer UUID",
    "ALTER TABLE offers ADD COLUMN explanation TEXT NOT NULL DEFAULT ''",
    "CREATE TABLE gate_overrides (
        tenant_id TEXT NOT NULL,
        remedy_id UUID NOT NULL,
        ordinal BIGINT NOT NULL CHECK (ordinal > 0),
        from_outcome TEXT NOT NULL CHECK (from_outcome IN ('DELIGHT', 'RESTORE', 'SAVE', 'STATUTORY_ONLY')),
        to_outcome TEXT NOT NULL CHECK (to_outcome IN ('DELIGHT', 'RESTORE', 'SAVE', 'STATUTORY_ONLY')),
        reason TEXT NOT NULL CHECK (reason <> ''),
        decided_by TEXT NOT NULL CHECK (decided_by <> ''),
        created_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, remedy_id, ordinal),
        FOREIGN KEY (tenant_id, remedy_id) REFERENCES remedies (tenant_id, id),
        CHECK (from_outcome <> to_outcome)
    ) STRICT",
];
