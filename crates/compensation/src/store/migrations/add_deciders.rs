//! The credentials of who asked for an approval and of who decided it: two names of one person are not four eyes.

use durable::ddl;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Adds the credentials to approvals.
pub struct AddDeciders;

impl MigrationName for AddDeciders {
    fn name(&self) -> &'static str {
        "m20261127_000120_add_deciders"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddDeciders {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Empty: a rule, a service, or a caller of whom nothing can be told.
        ddl(
            manager,
            &[
                "ALTER TABLE approval_requests ADD COLUMN requested_client TEXT NOT NULL DEFAULT ''",
                "ALTER TABLE approval_requests ADD COLUMN decided_client TEXT NOT NULL DEFAULT ''
                    CHECK (decided_client = '' OR decided_client <> requested_client)",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(
            manager,
            &[
                "ALTER TABLE approval_requests DROP COLUMN decided_client",
                "ALTER TABLE approval_requests DROP COLUMN requested_client",
            ],
        )
        .await
    }
}
