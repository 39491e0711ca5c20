//! One statement for a whole group of rows: `WITH input AS (…) INSERT …`, `UPDATE … FROM input`, `SELECT … JOIN input`.
//!
//! On PostgreSQL the rows travel as one array per column (UNNEST), so that the SQL text and its plan are the same for
//! every group size. On SQLite they are a multi-row VALUES. The text after the CTE is the same on both.

use sea_orm::sea_query::ArrayType;
use sea_orm::{Statement, Value};
use uuid::Uuid;

use crate::Backend;

/// Type of an input column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// 64-bit integer.
    Integer,
    /// UUID.
    Uuid,
    /// Bytes.
    Bytes,
    /// Boolean.
    Boolean,
}

/// Rows of one group. A NULL is given as `None` of the column's type; empty text, nil UUID, empty bytes and `i64::MIN`
/// arrive as themselves on SQLite and as NULL on PostgreSQL, whose arrays carry none: do not use them as values of a
/// nullable column. Columns that are never NULL take any value.
#[derive(Clone, Debug)]
pub struct Bulk {
    columns: &'static [(&'static str, ColumnType)],
    nullable: &'static [&'static str],
    rows: Vec<Vec<Value>>,
}

impl Bulk {
    /// No rows yet; columns in the order in which [`Bulk::push`] gets their values.
    pub fn new(columns: &'static [(&'static str, ColumnType)]) -> Self {
        Self { columns, nullable: &[], rows: Vec::new() }
    }

    /// Says which columns may be NULL.
    #[must_use]
    pub fn nullable(mut self, columns: &'static [&'static str]) -> Self {
        self.nullable = columns;
        self
    }

    /// Adds a row.
    pub fn push<const N: usize>(&mut self, row: [Value; N]) {
        debug_assert_eq!(N, self.columns.len(), "a row has one value for each column");
        self.rows.push(row.into());
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The statements that do `body` with the rows as `input`: one, unless the database's limit of parameters asks for
    /// more. `parameters` are those of `body`: they are numbered from `$1`, the rows come after them.
    pub fn statements(&self, backend: Backend, body: &str, parameters: &[Value]) -> Vec<Statement> {
        match backend {
            Backend::Postgres => vec![self.unnest(body, parameters)],
            Backend::Sqlite => {
                let rows_per_statement = (30_000 - parameters.len()) / self.columns.len();
                self.rows.chunks(rows_per_statement).map(|rows| self.values(rows, body, parameters)).collect()
            }
        }
    }

    fn unnest(&self, body: &str, parameters: &[Value]) -> Statement {
        let mut projected = Vec::new();
        let mut arrays = Vec::new();
        let mut values = parameters.to_vec();
        for (index, (name, column_type)) in self.columns.iter().enumerate() {
            let (sql_type, array_type, sentinel) = match column_type {
                ColumnType::Text => ("text", ArrayType::String, "''"),
                ColumnType::Integer => ("bigint", ArrayType::BigInt, "-9223372036854775808"),
                ColumnType::Uuid => ("uuid", ArrayType::Uuid, "'00000000-0000-0000-0000-000000000000'::uuid"),
                ColumnType::Bytes => ("bytea", ArrayType::Bytes, "''::bytea"),
                ColumnType::Boolean => ("boolean", ArrayType::Bool, "NULL"),
            };
            arrays.push(format!("${}::{sql_type}[]", parameters.len() + index + 1));
            projected.push(if self.nullable.contains(name) {
                format!("NULLIF({name}, {sentinel}) AS {name}")
            } else {
                (*name).to_owned()
            });
            let column = self.rows.iter().map(|row| without_null(&row[index])).collect();
            values.push(Value::Array(array_type, Some(Box::new(column))));
        }
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        let sql = format!(
            "WITH input AS (SELECT {} FROM UNNEST({}) AS t({})) {body}",
            projected.join(", "),
            arrays.join(", "),
            names.join(", ")
        );
        Statement::from_sql_and_values(sea_orm::DbBackend::Postgres, sql, values)
    }

    /// The rows' parameters are nameless and come first. A named one costs a search through all names when it is bound,
    /// which makes a large group quadratic.
    fn values(&self, rows: &[Vec<Value>], body: &str, parameters: &[Value]) -> Statement {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        let row = format!("({})", vec!["?"; names.len()].join(", "));
        let mut values: Vec<Value> = rows.iter().flatten().cloned().collect();
        let body = shifted(body, values.len());
        values.extend_from_slice(parameters);
        let sql = format!("WITH input({}) AS (VALUES {}) {body}", names.join(", "), vec![row; rows.len()].join(", "));
        Statement::from_sql_and_values(sea_orm::DbBackend::Sqlite, sql, values)
    }
}

/// The text with each parameter `$n` renamed to `$(n + by)`.
pub(crate) fn shifted(body: &str, by: usize) -> String {
    let mut parts = body.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        text.push('$');
        match number.parse::<usize>() {
            Ok(number) => text.push_str(&(number + by).to_string()),
            Err(_) => text.push_str(number),
        }
        text.push_str(rest);
    }
    text
}

/// PostgreSQL arrays are sent without NULLs: a sentinel stands for it, and the CTE turns it back.
fn without_null(value: &Value) -> Value {
    match value {
        Value::String(None) => Value::from(String::new()),
        Value::BigInt(None) => Value::from(i64::MIN),
        Value::Uuid(None) => Value::from(Uuid::nil()),
        Value::Bytes(None) => Value::from(Vec::<u8>::new()),
        Value::Bool(None) => Value::from(false),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_the_body_come_after_those_of_the_rows() {
        let mut rows = Bulk::new(&[("a", ColumnType::Integer), ("b", ColumnType::Text)]);
        rows.push([1_i64.into(), "x".into()]);
        rows.push([2_i64.into(), "y".into()]);
        let body = "SELECT a, b, '$.path', $2, $1 FROM input WHERE a < $12";
        let statements = rows.statements(Backend::Sqlite, body, &["p".into(), "q".into()]);
        assert_eq!(
            statements[0].sql,
            "WITH input(a, b) AS (VALUES (?, ?), (?, ?)) SELECT a, b, '$.path', $6, $5 FROM input WHERE a < $16"
        );
        let expected: Vec<Value> = vec![1_i64.into(), "x".into(), 2_i64.into(), "y".into(), "p".into(), "q".into()];
        assert_eq!(statements[0].values.as_ref().map(|values| values.0.clone()), Some(expected));
    }
}
