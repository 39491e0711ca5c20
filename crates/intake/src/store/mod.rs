//! The tables of intake and every statement on them.
//!
//! Calls the database through durable. What always holds: every statement names the tenant; rows that contradict the
//! domain are an error, never a guess; functions that take a [`durable::Tx`] write, those that take a connection read.

pub mod cases;
pub mod customers;
pub mod disruptions;
mod entity;
pub mod entries;
mod migration;
#[cfg(test)]
mod plans;

use std::fmt::Display;

use kernel::{CaseId, CustomerId, TenantId};
use sea_orm::DbErr;

pub use migration::migrations;

/// A case of a tenant.
pub type CaseKey = (TenantId, CaseId);
/// A customer of a tenant.
pub type CustomerKey = (TenantId, CustomerId);

/// A row that contradicts the domain: a defect, or somebody wrote into the table by hand.
pub fn inconsistent(what: impl Display) -> DbErr {
    DbErr::Custom(format!("inconsistent row: {what}"))
}

fn from_json<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, DbErr> {
    serde_json::from_str(json).map_err(inconsistent)
}

fn to_json(value: &impl serde::Serialize) -> Result<String, DbErr> {
    serde_json::to_string(value).map_err(inconsistent)
}

fn tenant(text: &str) -> Result<TenantId, DbErr> {
    TenantId::parse(text).ok_or_else(|| inconsistent(format!("tenant `{text}`")))
}

fn known<T>(parsed: Option<T>, text: &str) -> Result<T, DbErr> {
    parsed.ok_or_else(|| inconsistent(format!("unknown value `{text}`")))
}

fn count(value: i64) -> Result<u32, DbErr> {
    u32::try_from(value).map_err(inconsistent)
}
