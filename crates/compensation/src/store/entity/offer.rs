//! The table `offers`, as rows.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "offers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub remedy_id: Uuid,
    pub case_id: Uuid,
    pub state: String,
    pub options: String,
    pub plus: String,
    pub accepted_option: String,
    pub decline_reason: String,
    pub fair_ask: String,
    pub fair_amount: String,
    pub counter_to: Option<Uuid>,
    pub counter_offer: Option<Uuid>,
    pub explanation: String,
    pub given: String,
    pub made_by: String,
    pub expires_at: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub ended_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
