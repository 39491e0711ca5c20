//! The table `payouts`, as rows.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payouts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub remedy_id: Uuid,
    pub case_id: Uuid,
    pub grant_id: Uuid,
    pub line: String,
    pub state: String,
    pub amount_minor: i64,
    pub currency: String,
    pub payee: String,
    pub payout_key: String,
    pub request: Vec<u8>,
    pub attempts: i64,
    pub steps: i64,
    pub first_attempt_at: Option<i64>,
    pub key_valid_until: Option<i64>,
    pub next_step_at: i64,
    pub not_found_at: Option<i64>,
    pub provider_reference: String,
    pub reason: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub cost_account: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
