//! What was captured for orders, and the refunds that hold a part of it.

use durable::ddl;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Creates `orders`, `captures` and `order_refunds`.
pub struct CreateCaptures;

impl MigrationName for CreateCaptures {
    fn name(&self) -> &'static str {
        "m20261122_000053_create_captures"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateCaptures {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, TABLES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, &["DROP TABLE order_refunds", "DROP TABLE captures", "DROP TABLE orders"]).await
    }
}

const TABLES: &[&str] = &[
    // The row that is locked while money is refunded; never more than was captured, whatever the code does.
    "CREATE TABLE orders (
        tenant_id TEXT NOT NULL,
        order_reference TEXT NOT NULL,
        currency TEXT NOT NULL CHECK (length(currency) = 3),
        captured_minor BIGINT NOT NULL CHECK (captured_minor > 0),
        refunded_minor BIGINT NOT NULL CHECK (refunded_minor BETWEEN 0 AND captured_minor),
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, order_reference)
    ) STRICT",
    "CREATE TABLE captures (
        tenant_id TEXT NOT NULL,
        order_reference TEXT NOT NULL,
        capture TEXT NOT NULL,
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, order_reference, capture),
        FOREIGN KEY (tenant_id, order_reference) REFERENCES orders (tenant_id, order_reference)
    ) STRICT",
    "CREATE TABLE order_refunds (
        tenant_id TEXT NOT NULL,
        payout_id UUID NOT NULL,
        order_reference TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('HELD', 'RELEASED')),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, payout_id),
        FOREIGN KEY (tenant_id, payout_id) REFERENCES payouts (tenant_id, id),
        FOREIGN KEY (tenant_id, order_reference) REFERENCES orders (tenant_id, order_reference)
    ) STRICT",
    "CREATE INDEX order_refunds_by_order ON order_refunds (tenant_id, order_reference)",
];
