//! What the customer was told, and notes. Only ever added to.

use durable::{Bulk, ColumnType, Tx, Write};
use kernel::{ResourceId as _, Timestamp};

use super::WorkKey;
use crate::domain::Progress;

/// An entry: the version that the work item got by it makes it unique.
pub(crate) struct Entry {
    /// On which work item.
    pub(crate) work: WorkKey,
    /// The work item's version with it.
    pub(crate) version: u32,
    /// What was said.
    pub(crate) progress: Progress,
    /// By which client.
    pub(crate) posted_by: String,
    /// When.
    pub(crate) posted_at: Timestamp,
}

/// Has entries added at the end.
pub(crate) fn insert_progress(tx: &Tx, entries: &[Entry]) {
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("work_item_id", ColumnType::Uuid),
        ("version", ColumnType::Integer),
        ("kind", ColumnType::Text),
        ("text", ColumnType::Text),
        ("next_update_by", ColumnType::Integer),
        ("posted_by", ColumnType::Text),
        ("posted_at", ColumnType::Integer),
    ])
    .nullable(&["next_update_by"]);
    for entry in entries {
        input.push([
            entry.work.0.as_str().into(),
            entry.work.1.uuid().into(),
            i64::from(entry.version).into(),
            entry.progress.kind.as_str().into(),
            entry.progress.text.as_str().into(),
            entry.progress.next_update_by.map(Timestamp::micros).into(),
            entry.posted_by.as_str().into(),
            entry.posted_at.micros().into(),
        ]);
    }
    let sql = "INSERT INTO progress_entries (tenant_id, work_item_id, version, kind, text, next_update_by, posted_by, \
               posted_at) SELECT tenant_id, work_item_id, version, kind, text, next_update_by, posted_by, posted_at \
               FROM input";
    tx.write_at_end(Write::new("progress_entries", input, sql));
}
