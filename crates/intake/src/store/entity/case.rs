//! Rows of `cases`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub customer_id: Uuid,
    pub disruption_id: Option<Uuid>,
    pub origin: String,
    pub state: String,
    pub expected: String,
    pub delivered: String,
    pub event_kind: String,
    pub occurred_at: i64,
    pub reference: String,
    pub facts: String,
    pub severity: String,
    pub requested_remedy: String,
    pub finding: String,
    pub reopen_count: i64,
    pub needs_attention: bool,
    pub attention: String,
    pub last_score: Option<i64>,
    pub steps: String,
    pub entry_count: i64,
    pub trace_parent: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
