//! The few places where the two databases speak differently.

use sea_orm::{DbErr, Statement, TryGetable, Value};

use crate::Backend;

/// The database's clock in microseconds, as an SQL expression. Leases run by it, never by a process's clock. One value
/// for the whole statement: a clock that moves within it could not be compared with an index.
pub const fn now_micros(backend: Backend) -> &'static str {
    match backend {
        Backend::Postgres => "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint",
        Backend::Sqlite => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
    }
}

/// `FOR UPDATE` where rows can be locked; nothing on SQLite, whose one writer holds everything.
pub const fn for_update(backend: Backend) -> &'static str {
    match backend {
        Backend::Postgres => " FOR UPDATE",
        Backend::Sqlite => "",
    }
}

/// `FOR UPDATE SKIP LOCKED` where rows can be locked; nothing on SQLite.
pub const fn for_update_skip_locked(backend: Backend) -> &'static str {
    match backend {
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
        Backend::Sqlite => "",
    }
}

/// Joins the rows of `table` for which `on` holds to what stands before it, row by row, as SQL: `table` has the name `alias`
/// in `on` and after it. Whatever the planner believes to be in the table, it is not read from one end to the other to find
/// a few: of tables that were empty when they were last analysed PostgreSQL believes that they are, for as long as it keeps
/// a plan.
pub fn look_up(backend: Backend, table: &str, alias: &str, on: &str) -> String {
    match backend {
        // OFFSET keeps the subquery from being joined in another order.
        Backend::Postgres => {
            format!("CROSS JOIN LATERAL (SELECT {alias}.* FROM {table} {alias} WHERE {on} OFFSET 0) {alias}")
        }
        // SQLite never changes the order of a CROSS JOIN.
        Backend::Sqlite => format!("CROSS JOIN {table} {alias} ON {on}"),
    }
}

/// A statement with `$1`, `$2` … parameters, which both databases understand.
pub fn statement<const N: usize>(backend: Backend, sql: impl Into<String>, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(backend.dialect(), sql, values)
}

/// One column of a row.
pub fn column<T: TryGetable>(row: &sea_orm::QueryResult, name: &str) -> Result<T, DbErr> {
    row.try_get("", name)
}
