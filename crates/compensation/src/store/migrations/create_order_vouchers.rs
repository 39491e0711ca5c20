//! Vouchers in the place of a refund, and how much of their order each holds.

use durable::ddl;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// Creates `order_vouchers`. Vouchers that were signed for before hold nothing, and neither do those of a replica of the
/// version before, whose rules do not mark them.
pub struct CreateOrderVouchers;

impl MigrationName for CreateOrderVouchers {
    fn name(&self) -> &'static str {
        "m20261127_000160_create_order_vouchers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateOrderVouchers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, TABLES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, &["DROP TABLE order_vouchers"]).await
    }
}

const TABLES: &[&str] = &[
    // A voucher that is taken back gives back what is left of it: what was used stays held.
    "CREATE TABLE order_vouchers (
        tenant_id TEXT NOT NULL,
        voucher_id UUID NOT NULL,
        order_reference TEXT NOT NULL,
        held_minor BIGINT NOT NULL CHECK (held_minor BETWEEN 0 AND amount_minor),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, voucher_id),
        FOREIGN KEY (tenant_id, voucher_id) REFERENCES vouchers (tenant_id, id),
        FOREIGN KEY (tenant_id, order_reference) REFERENCES orders (tenant_id, order_reference)
    ) STRICT",
    "CREATE INDEX order_vouchers_by_order ON order_vouchers (tenant_id, order_reference)",
];
