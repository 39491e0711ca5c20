//! Wider CHECKs of tables that hold rows.
//!
//! PostgreSQL exchanges the constraint, without looking at the rows (they satisfied a narrower one); it is validated by
//! a later migration, which blocks nobody. SQLite cannot change a constraint: there the tables are written anew from
//! what the database itself says of them, whatever other migrations have added, with their rows, indexes and triggers.
//! Foreign keys are checked at COMMIT, so that parent and child can be written in any order.

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, Statement};
use sea_orm_migration::{SchemaManager, SchemaManagerConnection};

/// A CHECK that gets wider.
#[derive(Clone, Copy, Debug)]
pub struct Widened {
    /// The table.
    pub table: &'static str,
    /// The column, by which PostgreSQL has named the constraint.
    pub column: &'static str,
    /// What PostgreSQL is to check.
    pub check: &'static str,
    /// The end of the list of values, as SQLite remembers it, and what is to stand there.
    pub ending: (&'static str, &'static str),
}

/// Widens the checks of different tables, children before their parents.
pub async fn widen(manager: &SchemaManager<'_>, changes: &[Widened]) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if manager.get_database_backend() == DbBackend::Postgres {
        for Widened { table, column, check, .. } in changes {
            let exchange = format!(
                "ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_check, \
                 ADD CONSTRAINT {table}_{column}_check CHECK ({check}) NOT VALID"
            );
            connection.execute_unprepared(&exchange).await?;
        }
        return Ok(());
    }
    connection.execute_unprepared("PRAGMA defer_foreign_keys = ON").await?;
    let mut written = Vec::new();
    for change in changes {
        written.push(take_away(connection, change).await?);
    }
    // Rows come back before indexes and triggers, and children before parents, as the ledger's own triggers want it.
    for table in written.iter().rev() {
        connection.execute_unprepared(&table.create).await?;
    }
    for table in &written {
        let back = format!("INSERT INTO {0} SELECT * FROM {0}_before", table.name);
        connection.execute_unprepared(&back).await?;
        connection.execute_unprepared(&format!("DROP TABLE {}_before", table.name)).await?;
    }
    for statement in written.iter().flat_map(|table| &table.attached) {
        connection.execute_unprepared(statement).await?;
    }
    Ok(())
}

/// A table that was taken away.
struct Taken {
    name: &'static str,
    create: String,
    attached: Vec<String>,
}

/// Copies the rows of a table and drops it.
async fn take_away(connection: &SchemaManagerConnection<'_>, change: &Widened) -> Result<Taken, DbErr> {
    let Widened { table, ending: (from, to), .. } = *change;
    let objects = "SELECT type, sql FROM sqlite_master WHERE tbl_name = $1 AND sql IS NOT NULL ORDER BY rowid";
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, objects, [table.into()]);
    let mut taken = Taken { name: table, create: String::new(), attached: Vec::new() };
    for row in connection.query_all_raw(statement).await? {
        let sql: String = row.try_get("", "sql")?;
        if row.try_get::<String>("", "type")? == "table" {
            taken.create = sql;
        } else {
            taken.attached.push(sql);
        }
    }
    if taken.create.matches(from).count() != 1 {
        return Err(DbErr::Migration(format!("{table} is not as it should be before it is widened: {}", taken.create)));
    }
    taken.create = taken.create.replace(from, to);
    connection.execute_unprepared(&format!("CREATE TABLE {table}_before AS SELECT * FROM {table}")).await?;
    connection.execute_unprepared(&format!("DROP TABLE {table}")).await?;
    Ok(taken)
}
