//! Writes that wait for the end of their transaction, where one statement carries all of them out.
//!
//! A round trip costs more than the rows that it carries. On PostgreSQL each write becomes a data-modifying CTE of one
//! statement; on SQLite, where a round trip is a thread's hop and such CTEs do not exist, they run in their order. What
//! must hold for writes of one transaction: none reads or changes a row that another one writes, because on PostgreSQL
//! all see the database as it was before the first.

use sea_orm::{DbErr, Statement, Value};

use crate::bulk::shifted;
use crate::{Backend, Bulk, Tx, sql};

/// Stands in a body for the rows that the write before it returned, see [`Write::returning`].
pub(crate) const ROWS_BEFORE: &str = "{rows_before}";

/// A statement over the rows of a [`Bulk`] that waits for COMMIT.
#[derive(Clone, Debug)]
pub struct Write {
    name: &'static str,
    input: Bulk,
    body: String,
    parameters: Vec<Value>,
    expected: Option<u64>,
    returning: &'static str,
}

impl Write {
    /// `body` is an INSERT, UPDATE or DELETE over `input`, as for [`Bulk::statements`], without RETURNING. `name` is a
    /// word of SQL for people who read statements: usually the table's.
    pub fn new(name: &'static str, input: Bulk, body: impl Into<String>) -> Self {
        Self { name, input, body: body.into(), parameters: Vec::new(), expected: None, returning: "1" }
    }

    /// True when it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// Parameters of the body, from `$1`.
    #[must_use]
    pub fn with(mut self, parameters: Vec<Value>) -> Self {
        self.parameters = parameters;
        self
    }

    /// Every row of the input must be written: when one is not, another transaction was faster, and this one is undone
    /// and run again.
    #[must_use]
    pub fn all_or_lost_race(mut self) -> Self {
        self.expected = Some(self.input.len() as u64);
        self
    }

    /// Columns that the next write finds in [`ROWS_BEFORE`], on PostgreSQL; on SQLite it reads the table itself.
    #[must_use]
    pub(crate) fn returning(mut self, columns: &'static str) -> Self {
        self.returning = columns;
        self
    }
}

/// Carries the writes out; true when one of them lost a race: undo everything and run it again.
pub(crate) async fn carry_out(tx: &Tx, writes: &[Write]) -> Result<bool, DbErr> {
    match (tx.backend(), writes) {
        (_, []) => Ok(false),
        (Backend::Postgres, writes) => together(tx, writes).await,
        (Backend::Sqlite, writes) => one_by_one(tx, writes).await,
    }
}

async fn together(tx: &Tx, writes: &[Write]) -> Result<bool, DbErr> {
    let counts = tx.query(statement(writes)).await?;
    let row = counts.first().ok_or_else(|| DbErr::Custom("counts of written rows are missing".to_owned()))?;
    let mut lost_race = false;
    for (index, write) in writes.iter().enumerate() {
        let written: i64 = sql::column(row, &rows_of(index, write.name))?;
        lost_race |= write.expected.is_some_and(|expected| i64::try_from(expected) != Ok(written));
    }
    Ok(lost_race)
}

async fn one_by_one(tx: &Tx, writes: &[Write]) -> Result<bool, DbErr> {
    for write in writes {
        let written = tx.execute_all(write.input.statements(tx.backend(), &write.body, &write.parameters)).await?;
        if write.expected.is_some_and(|expected| expected != written) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A name of its own: one that is also a table's would hide the table from the statements that follow.
fn rows_of(index: usize, name: &str) -> String {
    format!("written_{index}_{name}")
}

fn statement(writes: &[Write]) -> Statement {
    let (mut steps, mut counts, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let mut before = String::new();
    for (index, write) in writes.iter().enumerate() {
        let name = rows_of(index, write.name);
        let body = write.body.replace(ROWS_BEFORE, &before);
        for step in write.input.statements(Backend::Postgres, &body, &write.parameters) {
            let text = shifted(&step.sql, values.len());
            steps.push(format!("{name} AS ({text} RETURNING {})", write.returning));
            values.extend(step.values.into_iter().flat_map(|values| values.0));
        }
        counts.push(format!("(SELECT count(*) FROM {name}) AS {name}"));
        before = name;
    }
    let text = format!("WITH {} SELECT {}", steps.join(", "), counts.join(", "));
    Statement::from_sql_and_values(Backend::Postgres.dialect(), text, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ColumnType::Integer;

    #[test]
    fn writes_become_one_statement_with_their_parameters_in_order() {
        let mut input = Bulk::new(&[("id", Integer)]);
        input.push([7_i64.into()]);
        let first = Write::new("a", input.clone(), "INSERT INTO a SELECT id, $1 FROM input").with(vec![1_i64.into()]);
        let second = Write::new("b", input.clone(), "DELETE FROM b USING input WHERE b.id = input.id").returning("b.x");
        let third = Write::new("c", input, "INSERT INTO c SELECT id FROM input JOIN {rows_before} USING (x)");
        let together = statement(&[first, second, third]);
        assert_eq!(
            together.sql,
            "WITH written_0_a AS (WITH input AS (SELECT id FROM UNNEST($2::bigint[]) AS t(id)) \
             INSERT INTO a SELECT id, $1 FROM input RETURNING 1), \
             written_1_b AS (WITH input AS (SELECT id FROM UNNEST($3::bigint[]) AS t(id)) \
             DELETE FROM b USING input WHERE b.id = input.id RETURNING b.x), \
             written_2_c AS (WITH input AS (SELECT id FROM UNNEST($4::bigint[]) AS t(id)) \
             INSERT INTO c SELECT id FROM input JOIN written_1_b USING (x) RETURNING 1) \
             SELECT (SELECT count(*) FROM written_0_a) AS written_0_a, (SELECT count(*) FROM written_1_b) AS written_1_b, \
             (SELECT count(*) FROM written_2_c) AS written_2_c"
        );
        assert_eq!(together.values.map(|values| values.0.len()), Some(4));
    }
}
