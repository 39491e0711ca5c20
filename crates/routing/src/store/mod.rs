//! Routing's tables and the queries on them, one file per aggregate. Rows become domain values here and nowhere else.
//!
//! What always holds: every statement is bound to a tenant; work is locked before its clocks are read, so that both
//! are of the same version.

mod agents;
mod claims;
mod migration;
mod progress;
mod queues;
mod work_clocks;
mod work_items;
mod work_lists;

#[cfg(test)]
mod plans;

pub(crate) use agents::{
    AgentPage, count_held, find_agent, held_work, insert_agent, list_agents, lock_agent, set_presence,
};
pub(crate) use claims::{Found, Reach, lock_most_urgent, something_fits};
pub(crate) use migration::CreateRouting;
pub(crate) use progress::{Entry, insert_progress};
pub(crate) use queues::{find_queues, insert_queue, list_queues};
pub(crate) use work_items::{WorkKey, find_work, insert_work, lock_work, update_work};
pub(crate) use work_lists::{WorkCursor, WorkFilter, list_work};

use std::collections::BTreeSet;

use sea_orm::DbErr;

/// A stored value that this version cannot read: a defect, or a newer version wrote it.
fn unreadable(column: &str, value: &str) -> DbErr {
    DbErr::Type(format!("{column} holds `{value}`, which is not known here"))
}

/// A stored count.
fn count(column: &str, value: i64) -> Result<u32, DbErr> {
    u32::try_from(value).map_err(|_| unreadable(column, &value.to_string()))
}

/// A set of texts as JSON.
fn to_json(set: &BTreeSet<String>) -> String {
    serde_json::Value::from_iter(set.iter().map(String::as_str)).to_string()
}

/// A set of texts from JSON.
fn from_json(column: &str, text: &str) -> Result<BTreeSet<String>, DbErr> {
    serde_json::from_str(text).map_err(|_| unreadable(column, text))
}
