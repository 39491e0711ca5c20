//! Packs that tenants have applied: every version for good, and one row a tenant that says whether there is a new one.

use durable::ddl;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Creates `pack_revisions` and `applied_packs`.
pub struct CreateAppliedPacks;

impl MigrationName for CreateAppliedPacks {
    fn name(&self) -> &'static str {
        "m20261122_000010_create_applied_packs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateAppliedPacks {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let revisions = "CREATE TABLE pack_revisions (
            tenant_id TEXT NOT NULL PRIMARY KEY,
            revision BIGINT NOT NULL CHECK (revision > 0)
        ) STRICT";
        let packs = "CREATE TABLE applied_packs (
            tenant_id TEXT NOT NULL,
            revision BIGINT NOT NULL CHECK (revision > 0),
            pack_id TEXT NOT NULL,
            version TEXT NOT NULL,
            document TEXT NOT NULL,
            applied_by TEXT NOT NULL,
            applied_at BIGINT NOT NULL,
            PRIMARY KEY (tenant_id, revision),
            UNIQUE (tenant_id, pack_id, version)
        ) STRICT";
        ddl(manager, &[revisions, packs]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, &["DROP TABLE applied_packs", "DROP TABLE pack_revisions"]).await
    }
}
