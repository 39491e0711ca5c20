//! pgbench scripts made from the rows that one call wrote: the same columns, lengths and keys, with ids that differ.
//!
//! Ids that follow each other in time (UUID version 7, tokens) become numbers that grow, so that indexes are hit in the
//! same places as by the service; ids that do not (version 5) become random. Each costs one `lpad` and one cast. A
//! colon would begin a variable also within a literal, so literals have it escaped.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use uuid::Uuid;

/// How much later or earlier than the call a number may be and still be a time, in microseconds.
const TIMES_WITHIN: u64 = 400 * 86_400 * 1_000_000;

/// One column's value, as PostgreSQL has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// NULL.
    Null,
    /// Text.
    Text(String),
    /// A whole number, perhaps a time.
    Integer(i64),
    /// A boolean.
    Boolean(bool),
    /// An id.
    Uuid(Uuid),
    /// Bytes, as PostgreSQL prints them: `\x` and hex digits.
    Bytes(String),
}

/// A column with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The column.
    pub column: String,
    /// The value.
    pub value: Value,
}

/// One row that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A new row.
    Insert {
        /// Where.
        table: String,
        /// All its columns.
        cells: Vec<Cell>,
    },
    /// A change of a row that was there.
    Update {
        /// Where.
        table: String,
        /// The columns that changed.
        changed: Vec<Cell>,
        /// The columns that find the row.
        key: Vec<Cell>,
    },
}

impl Write {
    /// The table.
    pub fn table(&self) -> &str {
        match self {
            Self::Insert { table, .. } | Self::Update { table, .. } => table,
        }
    }
}

/// What in the rows belongs to the one call that was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The text that made its request unlike any other.
    pub token: String,
    /// When it was made, in microseconds.
    pub at: i64,
    /// Ids and texts of rows that each client has its own of, and that were there before.
    pub of_client: Vec<String>,
}

/// The same work in two ways, and the rows that must be there first.
#[derive(Clone, Debug)]
pub struct Scripts {
    /// BEGIN, one statement for each table, COMMIT.
    pub separate: String,
    /// One statement, which is one round trip.
    pub one_statement: String,
}

/// Scripts that write what was recorded, with other ids each time.
pub fn scripts(writes: &[Write], recorded: &Recorded) -> Scripts {
    let mut names = Names::of_script(recorded);
    let statements = statements(writes, &mut names);
    let variables = names.variables();
    let separate = format!("{variables}BEGIN;\n{};\nCOMMIT;\n", statements.join(";\n"));
    let (last, others) =
        statements.split_last().map_or(("SELECT 1", &[][..]), |(last, others)| (last.as_str(), others));
    let mut one_statement = variables;
    for (number, statement) in others.iter().enumerate() {
        let before = if number == 0 { "WITH" } else { "," };
        // Writing to a text cannot fail.
        let _ = write!(one_statement, "{before} w{number} AS ({statement}) ");
    }
    one_statement.push_str(last);
    one_statement.push_str(";\n");
    Scripts { separate, one_statement }
}

/// One statement that inserts `row` for each of the first `clients` clients.
pub fn for_each_client(row: &Write, recorded: &Recorded, clients: usize) -> String {
    let mut names = Names { client: "client", time: recorded.at.to_string(), ..Names::of_script(recorded) };
    let Write::Insert { table, cells } = row else { return String::new() };
    let values: Vec<String> = cells.iter().map(|cell| names.expression(&cell.value)).collect();
    let columns: Vec<&str> = cells.iter().map(|cell| cell.column.as_str()).collect();
    let (columns, values) = (columns.join(", "), values.join(", "));
    format!("INSERT INTO {table} ({columns}) SELECT {values} FROM generate_series(0, {clients} - 1) AS client")
}

/// A script that reads one of the `rows` rows that one client of [`scripts`] has written to `table` in its run number
/// `run`.
pub fn read_one(table: &str, writes: &[Write], recorded: &Recorded, run: u32, rows: usize) -> Option<String> {
    let id = writes.iter().find_map(|write| match write {
        Write::Insert { table: of, cells } if of == table => cells.iter().find(|cell| cell.column == "id"),
        Write::Insert { .. } | Write::Update { .. } => None,
    })?;
    let mut names = Names::of_script(recorded);
    // Numbers the ids as the writing script did.
    let _ = statements(writes, &mut names);
    let id = names.expression(&id.value);
    let read = format!("SELECT * FROM {table} WHERE tenant_id = 'default' AND id = {id};");
    Some(format!("\\set v ({run} * 1000000 + random(1, {rows})) * 1000\n{read}\n"))
}

fn statements(writes: &[Write], names: &mut Names<'_>) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    let mut last_insert: Option<(&str, Vec<&str>)> = None;
    for write in writes {
        match write {
            Write::Insert { table, cells } => {
                let columns: Vec<&str> = cells.iter().map(|cell| cell.column.as_str()).collect();
                let values: Vec<String> = cells.iter().map(|cell| names.expression(&cell.value)).collect();
                let values = format!("({})", values.join(", "));
                let this = Some((table.as_str(), columns));
                match statements.last_mut() {
                    Some(statement) if last_insert == this => *statement = format!("{statement}, {values}"),
                    _ => {
                        let columns = this.as_ref().map_or(String::new(), |(_, columns)| columns.join(", "));
                        statements.push(format!("INSERT INTO {table} ({columns}) VALUES {values}"));
                    }
                }
                last_insert = this;
            }
            Write::Update { table, changed, key } => {
                let mut pairs = |cells: &[Cell], separator: &str| {
                    let pairs = cells.iter().map(|cell| format!("{} = {}", cell.column, names.expression(&cell.value)));
                    pairs.collect::<Vec<_>>().join(separator)
                };
                statements.push(format!("UPDATE {table} SET {} WHERE {}", pairs(changed, ", "), pairs(key, " AND ")));
                last_insert = None;
            }
        }
    }
    statements
}

/// What the ids of the recorded call are called in a script.
struct Names<'a> {
    recorded: &'a Recorded,
    client: &'a str,
    /// The time of the transaction, which stands for that of the call.
    time: String,
    ids: BTreeMap<Uuid, usize>,
    randoms: usize,
}

impl<'a> Names<'a> {
    fn of_script(recorded: &'a Recorded) -> Self {
        Self { recorded, client: ":client_id", time: ":t".to_owned(), ids: BTreeMap::new(), randoms: 0 }
    }

    /// The `\set` lines: a number that grows and that no other transaction has, a time, random numbers.
    fn variables(&self) -> String {
        let mut lines = String::from(
            "\\set seq :seq + 1\n\\set v (:run * 1000000 + :seq) * 1000 + :client_id\n\\set t :base + :seq\n",
        );
        for number in 0..self.randoms {
            // Writing to a text cannot fail.
            let _ = writeln!(lines, "\\set r{number} random(1000000000000000000, 8999999999999999999)");
        }
        lines
    }

    fn expression(&mut self, value: &Value) -> String {
        match value {
            Value::Null => "NULL".to_owned(),
            Value::Boolean(value) => value.to_string(),
            Value::Bytes(hex) => format!("'{hex}'::bytea"),
            Value::Integer(number) if number.abs_diff(self.recorded.at) < TIMES_WITHIN => {
                format!("{}::bigint + ({})", self.time, number - self.recorded.at)
            }
            Value::Integer(number) => number.to_string(),
            Value::Uuid(id) => format!("({})::uuid", self.id(*id, 32)),
            Value::Text(text) => self.text(text),
        }
    }

    /// An id as text of `length` characters, all of them hexadecimal digits when there are 32.
    fn id(&mut self, id: Uuid, length: usize) -> String {
        if self.recorded.of_client.contains(&id.to_string()) {
            return format!("lpad({}::text, {length}, '0')", self.client);
        }
        let known = self.ids.len();
        let is_ordered = id.get_version_num() == 7;
        let number = *self.ids.entry(id).or_insert_with(|| if is_ordered { known } else { self.randoms });
        self.randoms = self.randoms.max(if is_ordered { 0 } else { number + 1 });
        if is_ordered {
            // The growing number first, as in a version 7 UUID.
            let rest = format!("{:0>1$}", number, length - 12);
            format!("lpad(:v::text, 12, '0') || '{rest}'")
        } else {
            format!("rpad(:r{number}::text, {length}, '0')")
        }
    }

    /// Text with the ids and tokens in it replaced.
    fn text(&mut self, text: &str) -> String {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let (found, length) = self.found(rest);
            match found {
                Some(expression) => {
                    if !plain.is_empty() {
                        pieces.push(literal(&std::mem::take(&mut plain)));
                    }
                    pieces.push(expression);
                    rest = &rest[length..];
                }
                None => {
                    plain.push(next);
                    rest = &rest[next.len_utf8()..];
                }
            }
        }
        if !plain.is_empty() || pieces.is_empty() {
            pieces.push(literal(&plain));
        }
        pieces.join(" || ")
    }

    /// What `text` begins with, if it is an id or a token, and how long that is.
    fn found(&mut self, text: &str) -> (Option<String>, usize) {
        if let Some(token) = self.recorded.of_client.iter().find(|token| text.starts_with(token.as_str())) {
            return (Some(format!("lpad({}::text, {}, '0')", self.client, token.len())), token.len());
        }
        if text.starts_with(&self.recorded.token) {
            let length = self.recorded.token.len();
            return (Some(format!("lpad(:v::text, {length}, '0')")), length);
        }
        let id = text.get(..36).filter(|id| id.as_bytes()[8] == b'-').and_then(|id| Uuid::try_parse(id).ok());
        (id.map(|id| self.id(id, 36)), 36)
    }
}

/// A literal that neither PostgreSQL nor pgbench reads anything else in.
fn literal(text: &str) -> String {
    let mut escaped = String::from("E'");
    for c in text.chars() {
        match c {
            '\'' => escaped.push_str("''"),
            '\\' => escaped.push_str("\\\\"),
            ':' => escaped.push_str("\\x3A"),
            '\n' => escaped.push_str("\\n"),
            c => escaped.push(c),
        }
    }
    escaped.push('\'');
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = "01980000-0000-7000-8000-000000000001";
    const CALL: &str = "01980000-0000-5000-8000-000000000002";
    const DISRUPTION: &str = "01980000-0000-7000-8000-000000000003";

    fn recorded() -> Recorded {
        Recorded { token: "t-1".to_owned(), at: 1_767_603_600_000_000, of_client: vec![DISRUPTION.to_owned()] }
    }

    fn uuid(text: &str) -> Value {
        Value::Uuid(text.parse().expect("an id"))
    }

    fn cell(column: &str, value: Value) -> Cell {
        Cell { column: column.to_owned(), value }
    }

    fn insert(table: &str, cells: Vec<Cell>) -> Write {
        Write::Insert { table: table.to_owned(), cells }
    }

    fn writes() -> Vec<Write> {
        let text = |text: &str| Value::Text(text.to_owned());
        vec![
            insert("cases", vec![cell("id", uuid(CASE)), cell("created_at", Value::Integer(1_767_603_600_000_007))]),
            insert("calls", vec![cell("id", uuid(CALL)), cell("lane", text(&format!("cases/{CASE}")))]),
            insert("calls", vec![cell("id", uuid(DISRUPTION)), cell("lane", text("at 9:a 'b' \\ t-1!"))]),
            Write::Update {
                table: "disruptions".to_owned(),
                changed: vec![cell("affected_count", Value::Integer(2))],
                key: vec![cell("tenant_id", text("default")), cell("id", uuid(DISRUPTION))],
            },
        ]
    }

    #[test]
    fn rows_become_one_statement_for_each_table_with_ids_that_differ() {
        let expected = r"\set seq :seq + 1
\set v (:run * 1000000 + :seq) * 1000 + :client_id
\set t :base + :seq
\set r0 random(1000000000000000000, 8999999999999999999)
BEGIN;
INSERT INTO cases (id, created_at) VALUES ((lpad(:v::text, 12, '0') || '00000000000000000000')::uuid, :t::bigint + (7));
INSERT INTO calls (id, lane) VALUES ((rpad(:r0::text, 32, '0'))::uuid, E'cases/' || lpad(:v::text, 12, '0') || '000000000000000000000000'), ((lpad(:client_id::text, 32, '0'))::uuid, E'at 9\x3Aa ''b'' \\ ' || lpad(:v::text, 3, '0') || E'!');
UPDATE disruptions SET affected_count = 2 WHERE tenant_id = E'default' AND id = (lpad(:client_id::text, 32, '0'))::uuid;
COMMIT;
";
        let scripts = scripts(&writes(), &recorded());
        assert_eq!(scripts.separate, expected);
        assert_eq!(scripts.one_statement.matches(';').count(), 1, "{}", scripts.one_statement);
        for part in ["WITH w0 AS (INSERT INTO cases", ", w1 AS (INSERT INTO calls", ") UPDATE disruptions SET"] {
            assert!(scripts.one_statement.contains(part), "{part}: {}", scripts.one_statement);
        }
    }

    #[test]
    fn a_reader_finds_the_rows_that_a_run_wrote_and_clients_have_their_own() {
        let read = read_one("cases", &writes(), &recorded(), 3, 500).expect("a case was written");
        let expected = r"\set v (3 * 1000000 + random(1, 500)) * 1000
SELECT * FROM cases WHERE tenant_id = 'default' AND id = (lpad(:v::text, 12, '0') || '00000000000000000000')::uuid;
";
        assert_eq!(read, expected);
        assert_eq!(read_one("plans", &writes(), &recorded(), 3, 500), None);
        let created_at = cell("created_at", Value::Integer(1_767_603_599_999_990));
        let row = insert("disruptions", vec![cell("id", uuid(DISRUPTION)), created_at]);
        assert_eq!(
            for_each_client(&row, &recorded(), 64),
            "INSERT INTO disruptions (id, created_at) SELECT (lpad(client::text, 32, '0'))::uuid, \
             1767603600000000::bigint + (-10) FROM generate_series(0, 64 - 1) AS client"
        );
    }
}
