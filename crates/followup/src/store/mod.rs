//! The tables of follow-up and every query on them: messages, plans, surveys. Private to this crate.
//!
//! Calls the database through sea-orm. Always holds: every query names the tenant; a row that contradicts itself is
//! refused when it is read; rows are locked in the order of their ids, plans before surveys.

#[cfg(test)]
mod explained;
pub(crate) mod messages;
mod migration;
pub(crate) mod plans;
mod row;
pub(crate) mod surveys;

pub(crate) use migration::CreateFollowUp;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where a page ended: the creation time and the id of its last row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    pub(crate) created_at: Timestamp,
    pub(crate) id: Uuid,
}
