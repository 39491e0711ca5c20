//! A digest of every table of a suite, to see whether anything at all was written.

use std::collections::BTreeMap;

use amends::role::Role;
use durable::Engine;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};

/// Every row of every table of every service, as one text a table.
///
/// # Panics
/// When a database does not answer.
pub async fn digests(engines: &BTreeMap<Role, Engine>) -> BTreeMap<(Role, String), String> {
    let mut digests = BTreeMap::new();
    for (role, engine) in engines {
        let read = engine.read();
        let tables = match read.get_database_backend() {
            DbBackend::Postgres => {
                "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
            }
            _ => "SELECT name FROM sqlite_master WHERE type = 'table'",
        };
        for table in texts(read, tables, "name").await {
            let rows = match read.get_database_backend() {
                DbBackend::Postgres => format!(
                    "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, ';' ORDER BY t::text)), '') AS digest FROM \"{table}\" t"
                ),
                _ => {
                    let columns = texts(read, &format!("SELECT name FROM pragma_table_info('{table}')"), "name").await;
                    let row: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
                    format!(
                        "SELECT coalesce(group_concat(line, ';'), '') AS digest FROM (SELECT {} AS line FROM \"{table}\" ORDER BY 1)",
                        row.join(" || ',' || ")
                    )
                }
            };
            digests.insert((*role, table), texts(read, &rows, "digest").await.concat());
        }
    }
    digests
}

async fn texts(read: &DatabaseConnection, sql: &str, column: &str) -> Vec<String> {
    let statement = Statement::from_string(read.get_database_backend(), sql);
    let rows = read.query_all_raw(statement).await.expect("the database answers");
    rows.iter().map(|row| durable::sql::column(row, column).expect("a text")).collect()
}
