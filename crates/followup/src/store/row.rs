//! What the rows of all tables share: how stored values become the domain's, and the error of a row that lies.

use kernel::{TenantId, Timestamp};
use sea_orm::{ColumnTrait, Condition, DbErr};

use super::Cursor;
use crate::domain::{ContactKind, ContactPoint};

/// A row that the constraints should have kept out.
pub(super) fn inconsistent(table: &str, what: &str) -> DbErr {
    DbErr::Custom(format!("a row of {table} has an inconsistent {what}"))
}

pub(super) fn tenant(table: &str, value: &str) -> Result<TenantId, DbErr> {
    TenantId::parse(value).ok_or_else(|| inconsistent(table, "tenant_id"))
}

pub(super) fn contact(table: &str, kind: Option<&str>, address: Option<String>) -> Result<Option<ContactPoint>, DbErr> {
    match (kind, address) {
        (None, None) => Ok(None),
        (Some(kind), Some(address)) => {
            let kind = ContactKind::parse(kind).ok_or_else(|| inconsistent(table, "contact_kind"))?;
            Ok(Some(ContactPoint { kind, address }))
        }
        _ => Err(inconsistent(table, "contact")),
    }
}

pub(super) fn number<T: TryFrom<i64>>(table: &str, column: &str, value: i64) -> Result<T, DbErr> {
    T::try_from(value).map_err(|_| inconsistent(table, column))
}

pub(super) fn time(table: &str, column: &str, value: Option<i64>) -> Result<Timestamp, DbErr> {
    value.map(Timestamp::from_micros).ok_or_else(|| inconsistent(table, column))
}

/// Rows that come after `cursor`, oldest first.
pub(super) fn after<C: ColumnTrait>(created_at: C, id: C, cursor: Cursor) -> Condition {
    let at = cursor.created_at.micros();
    let same_time = Condition::all().add(created_at.eq(at)).add(id.gt(cursor.id));
    Condition::any().add(created_at.gt(at)).add(same_time)
}

/// Rows that come after `cursor`, newest first.
pub(super) fn before<C: ColumnTrait>(created_at: C, id: C, cursor: Cursor) -> Condition {
    let at = cursor.created_at.micros();
    let same_time = Condition::all().add(created_at.eq(at)).add(id.lt(cursor.id));
    Condition::any().add(created_at.lt(at)).add(same_time)
}
