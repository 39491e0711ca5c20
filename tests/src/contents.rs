//! What is in the databases of a suite, to be compared before and after something that must change nothing.

use std::collections::BTreeMap;

use amends::role::Role;
use durable::Engine;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

/// Rows by service and table.
pub type Contents = BTreeMap<(Role, String), String>;

/// Sums that move from one to the other by themselves; what they are of is compared.
const MOVING: [&str; 2] = ["ledger_tail", "ledger_totals"];

/// What every table of every service holds, row by row, so that an UPDATE is seen as well as an INSERT.
pub async fn contents(engines: &BTreeMap<Role, Engine>) -> Contents {
    let mut contents = BTreeMap::new();
    for (role, engine) in engines {
        let read = engine.read();
        let backend = read.get_database_backend();
        let texts = async |sql: String| {
            let rows = read.query_all_raw(Statement::from_string(backend, sql.clone())).await;
            let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
            let texts = rows.iter().map(|row| durable::sql::column(row, "value").expect("a text"));
            texts.collect::<Vec<String>>()
        };
        let tables = match backend {
            DbBackend::Postgres => {
                "SELECT table_name::text AS value FROM information_schema.tables WHERE table_schema = 'public'"
            }
            _ => "SELECT name AS value FROM sqlite_master WHERE type = 'table'",
        };
        for table in texts(tables.to_owned()).await {
            if MOVING.contains(&table.as_str()) {
                continue;
            }
            let row = match backend {
                DbBackend::Postgres => "CAST(t AS TEXT)".to_owned(),
                _ => {
                    let columns = format!("SELECT 'quote(' || name || ')' AS value FROM pragma_table_info('{table}')");
                    texts(columns).await.join(" || ',' || ")
                }
            };
            let rows = texts(format!("SELECT {row} AS value FROM \"{table}\" t ORDER BY 1")).await;
            contents.insert((*role, table), rows.join("\n"));
        }
    }
    contents
}

/// Tables that hold something else than before.
pub fn changed(before: &Contents, after: &Contents) -> Vec<(Role, String)> {
    after.iter().filter(|(table, rows)| before.get(*table) != Some(*rows)).map(|(table, _)| table.clone()).collect()
}
