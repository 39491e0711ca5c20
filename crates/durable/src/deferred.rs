//! Writes that wait for the end of their transaction, where one statement carries all of them out.
//!
//! A round trip costs more than the rows that it carries. On PostgreSQL each write becomes a data-modifying CTE of one
//! statement; on SQLite, where a round trip is a thread's hop and such CTEs do not exist, they run in their order. What
//! must hold for writes of one transaction: none reads or changes a row that another one writes, because on PostgreSQL
//! all see the database as it was before the first.

use sea_orm::{DbErr, QueryResult, Statement, Value};

use crate::bulk::shifted;
use crate::{Backend, Bulk, Tx, sql};

/// A statement over the rows of a [`Bulk`] that waits for COMMIT.
#[derive(Clone, Debug)]
pub struct Write {
    name: &'static str,
    input: Bulk,
    body: String,
    parameters: Vec<Value>,
    expected: Option<u64>,
}

impl Write {
    /// `body` is an INSERT, UPDATE or DELETE over `input`, as for [`Bulk::statements`], without RETURNING. `name` is a
    /// word of SQL for people who read statements: usually the table's.
    pub fn new(name: &'static str, input: Bulk, body: impl Into<String>) -> Self {
        Self { name, input, body: body.into(), parameters: Vec::new(), expected: None }
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
}

/// What a transaction has written at its end.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// A write lost a race: undo everything and run it again.
    pub(crate) lost_race: bool,
    /// Rows that the last statement returned.
    pub(crate) returned: Vec<QueryResult>,
}

/// Carries the writes out, and `last`, whose rows come back: an INSERT or UPDATE over rows with RETURNING.
pub(crate) async fn carry_out(tx: &Tx, writes: &[Write], last: Option<&Returning>) -> Result<Written, DbErr> {
    match (tx.backend(), writes, last) {
        (_, [], None) => Ok(Written::default()),
        (Backend::Postgres, [], Some(last)) | (Backend::Sqlite, [], Some(last)) => last.alone(tx).await,
        (Backend::Postgres, writes, last) => together(tx, writes, last).await,
        (Backend::Sqlite, writes, last) => one_by_one(tx, writes, last).await,
    }
}

/// A write whose rows are needed.
#[derive(Debug)]
pub(crate) struct Returning {
    pub(crate) input: Bulk,
    pub(crate) body: &'static str,
}

impl Returning {
    async fn alone(&self, tx: &Tx) -> Result<Written, DbErr> {
        let returned = tx.query_all(self.input.statements(tx.backend(), self.body, &[])).await?;
        Ok(Written { lost_race: false, returned })
    }
}

async fn together(tx: &Tx, writes: &[Write], last: Option<&Returning>) -> Result<Written, DbErr> {
    let returned = tx.query(statement(writes, last)).await?;
    // The counts stand in every row; without any, a statement that writes rows returned none of them.
    let row = returned.first().ok_or_else(|| DbErr::Custom("counts of written rows are missing".to_owned()))?;
    let mut lost_race = false;
    for (index, write) in writes.iter().enumerate() {
        let written: i64 = sql::column(row, &column(index, write.name))?;
        lost_race |= write.expected.is_some_and(|expected| i64::try_from(expected) != Ok(written));
    }
    Ok(Written { lost_race, returned })
}

async fn one_by_one(tx: &Tx, writes: &[Write], last: Option<&Returning>) -> Result<Written, DbErr> {
    for write in writes {
        let written = tx.execute_all(write.input.statements(tx.backend(), &write.body, &write.parameters)).await?;
        if write.expected.is_some_and(|expected| expected != written) {
            return Ok(Written { lost_race: true, returned: Vec::new() });
        }
    }
    match last {
        Some(last) => last.alone(tx).await,
        None => Ok(Written::default()),
    }
}

/// A name of its own: one that is also a table's would hide the table from the statements that follow.
fn column(index: usize, name: &str) -> String {
    format!("written_{index}_{name}")
}

fn statement(writes: &[Write], last: Option<&Returning>) -> Statement {
    let (mut steps, mut selected, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let mut add = |name: &str, step: Statement, returning: &str| {
        steps.push(format!("{name} AS ({}{returning})", shifted(&step.sql, values.len())));
        values.extend(step.values.into_iter().flat_map(|values| values.0));
    };
    for (index, write) in writes.iter().enumerate() {
        let name = column(index, write.name);
        for step in write.input.statements(Backend::Postgres, &write.body, &write.parameters) {
            add(&name, step, " RETURNING 1");
        }
        selected.push(format!("(SELECT count(*) FROM {name}) AS {name}"));
    }
    let mut from = "";
    if let Some(last) = last {
        for step in last.input.statements(Backend::Postgres, last.body, &[]) {
            add("returned", step, "");
        }
        selected.push("returned.*".to_owned());
        from = " FROM returned";
    }
    let text = format!("WITH {} SELECT {}{from}", steps.join(", "), selected.join(", "));
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
        let second = Write::new("b", input.clone(), "DELETE FROM b USING input WHERE b.id = input.id");
        let last = Returning { input: input.clone(), body: "INSERT INTO c SELECT id FROM input RETURNING id" };
        let together = statement(&[first, second], Some(&last));
        assert_eq!(
            together.sql,
            "WITH written_0_a AS (WITH input AS (SELECT id FROM UNNEST($2::bigint[]) AS t(id)) \
             INSERT INTO a SELECT id, $1 FROM input RETURNING 1), \
             written_1_b AS (WITH input AS (SELECT id FROM UNNEST($3::bigint[]) AS t(id)) \
             DELETE FROM b USING input WHERE b.id = input.id RETURNING 1), \
             returned AS (WITH input AS (SELECT id FROM UNNEST($4::bigint[]) AS t(id)) \
             INSERT INTO c SELECT id FROM input RETURNING id) \
             SELECT (SELECT count(*) FROM written_0_a) AS written_0_a, (SELECT count(*) FROM written_1_b) AS written_1_b, \
             returned.* FROM returned"
        );
        assert_eq!(together.values.map(|values| values.0.len()), Some(4));
    }
}
