//! The table `vouchers`, as rows.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vouchers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub remedy_id: Uuid,
    pub case_id: Uuid,
    pub customer_id: Uuid,
    pub grant_id: Uuid,
    pub line: String,
    pub state: String,
    pub description: String,
    pub amount_minor: Option<i64>,
    pub currency: Option<String>,
    pub percent: Option<i64>,
    pub code: String,
    pub expires_at: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub redeemed_minor: i64,
    pub cost_account: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
