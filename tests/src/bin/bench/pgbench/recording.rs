//! Records what a service writes for one request, by triggers in a database that nothing is measured on.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value as Json};
use sqlx::postgres::PgConnection;

use super::script::{Cell, Value, Write};
use crate::postgres::execute;

/// One table of what was written, and a trigger on every other table.
const INSTALL: &str = r"
CREATE SCHEMA recording;
CREATE TABLE recording.writes (
    seq BIGSERIAL PRIMARY KEY,
    transaction TEXT NOT NULL DEFAULT pg_current_xact_id()::text,
    action TEXT NOT NULL,
    table_name TEXT NOT NULL,
    old_row JSONB,
    new_row JSONB
);
CREATE FUNCTION recording.record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO recording.writes (action, table_name, old_row, new_row)
        VALUES (TG_OP, TG_TABLE_NAME, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END $$;
DO $$
DECLARE name TEXT;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TRIGGER recording AFTER INSERT OR UPDATE OR DELETE ON public.%I
            FOR EACH ROW EXECUTE FUNCTION recording.record()', name);
    END LOOP;
END $$";

/// The transaction that put a request on record, in the order of its writes.
const WRITES: &str = "
SELECT action, table_name, old_row::text, new_row::text FROM recording.writes
WHERE transaction IN (SELECT transaction FROM recording.writes WHERE table_name = 'inbound_requests'
    AND new_row ->> 'request_id' = $1)
ORDER BY seq";

const COLUMNS: &str = "
SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
WHERE table_schema = 'public' AND is_generated = 'NEVER' ORDER BY ordinal_position";

const KEYS: &str = "
SELECT c.relname::text, a.attname::text FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
WHERE i.indisprimary AND c.relnamespace = 'public'::regnamespace";

type Row = Map<String, Json>;

/// Begins to record, in a database that is migrated.
pub async fn install(connection: &mut PgConnection) -> anyhow::Result<()> {
    execute(connection, INSTALL).await
}

/// What the transaction wrote that answered `request_id`.
pub async fn writes(connection: &mut PgConnection, request_id: &str) -> anyhow::Result<Vec<Write>> {
    let schema = Schema::read(connection).await?;
    let recorded: Vec<(String, String, Option<String>, Option<String>)> =
        sqlx::query_as(WRITES).bind(request_id).fetch_all(&mut *connection).await?;
    anyhow::ensure!(!recorded.is_empty(), "the service put no request {request_id} on record");
    let parse = |row: Option<String>| row.map(|row| serde_json::from_str::<Row>(&row)).transpose();
    let mut inserted: Vec<(String, Row)> = Vec::new();
    let mut updates = Vec::new();
    for (action, table, old, new) in recorded {
        match (action.as_str(), parse(old)?, parse(new)?) {
            ("INSERT", _, Some(new)) => inserted.push((table, new)),
            ("UPDATE", Some(old), Some(new)) => {
                // A row that came with the same transaction is written once, as it is in the end.
                match inserted.iter_mut().find(|(of, row)| *of == table && *row == old) {
                    Some((_, row)) => *row = new,
                    None => updates.push((table, old, new)),
                }
            }
            (action, ..) => bail!("a call that does {action} on {table} has no yardstick yet"),
        }
    }
    let inserts = inserted.iter().map(|(table, row)| schema.insert(table, row));
    let updates = updates.iter().map(|(table, old, new)| schema.update(table, old, new));
    inserts.chain(updates).collect()
}

/// A row that is there, as the insertion that would make it.
pub async fn existing(connection: &mut PgConnection, table: &str, id: &str) -> anyhow::Result<Write> {
    let sql = format!("SELECT to_jsonb(t)::text FROM {table} t WHERE id = '{id}'");
    let row: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
    Schema::read(connection).await?.insert(table, &serde_json::from_str(&row)?)
}

/// Columns with their types, and the columns of the primary keys, by table.
struct Schema {
    columns: BTreeMap<String, Vec<(String, String)>>,
    keys: BTreeMap<String, Vec<String>>,
}

impl Schema {
    async fn read(connection: &mut PgConnection) -> anyhow::Result<Self> {
        let mut schema = Self { columns: BTreeMap::new(), keys: BTreeMap::new() };
        let columns: Vec<(String, String, String)> = sqlx::query_as(COLUMNS).fetch_all(&mut *connection).await?;
        for (table, column, data_type) in columns {
            schema.columns.entry(table).or_default().push((column, data_type));
        }
        let keys: Vec<(String, String)> = sqlx::query_as(KEYS).fetch_all(&mut *connection).await?;
        for (table, column) in keys {
            schema.keys.entry(table).or_default().push(column);
        }
        Ok(schema)
    }

    fn insert(&self, table: &str, row: &Row) -> anyhow::Result<Write> {
        Ok(Write::Insert { table: table.to_owned(), cells: self.cells(table, row, |_| true)? })
    }

    fn update(&self, table: &str, old: &Row, new: &Row) -> anyhow::Result<Write> {
        let key = self.keys.get(table).with_context(|| format!("{table} has no primary key"))?;
        Ok(Write::Update {
            table: table.to_owned(),
            changed: self.cells(table, new, |column| old.get(column) != new.get(column))?,
            key: self.cells(table, old, |column| key.iter().any(|of_key| of_key == column))?,
        })
    }

    fn cells(&self, table: &str, row: &Row, wanted: impl Fn(&str) -> bool) -> anyhow::Result<Vec<Cell>> {
        let columns = self.columns.get(table).with_context(|| format!("{table} has no columns"))?;
        let wanted = columns.iter().filter(|(column, _)| wanted(column));
        wanted
            .map(|(column, data_type)| {
                let json = row.get(column).unwrap_or(&Json::Null);
                let value = value(json, data_type).with_context(|| format!("{table}.{column}: {data_type} {json}"))?;
                Ok(Cell { column: column.clone(), value })
            })
            .collect()
    }
}

fn value(json: &Json, data_type: &str) -> anyhow::Result<Value> {
    Ok(match (json, data_type) {
        (Json::Null, _) => Value::Null,
        (Json::Bool(value), _) => Value::Boolean(*value),
        (Json::Number(number), "bigint" | "integer" | "smallint") => {
            Value::Integer(number.as_i64().context("not an integer")?)
        }
        (Json::String(text), "uuid") => Value::Uuid(text.parse()?),
        (Json::String(text), "bytea") => Value::Bytes(text.clone()),
        (Json::String(text), "text" | "character varying") => Value::Text(text.clone()),
        _ => bail!("a type that no table had when this was written"),
    })
}

#[cfg(test)]
mod tests {
    use testkit::Backend;

    use super::super::Pgbench;
    use super::super::script::{Recorded, scripts};
    use super::*;
    use crate::postgres::{connect, rows};

    const TABLES: &str = "
CREATE TABLE inbound_requests (client TEXT, request_id TEXT, response BYTEA, PRIMARY KEY (client, request_id));
CREATE TABLE plans (id UUID PRIMARY KEY, cases BIGINT NOT NULL);
CREATE TABLE cases (tenant_id TEXT, id UUID, plan_id UUID REFERENCES plans, told TEXT UNIQUE, open BOOLEAN, closed_at BIGINT,
    created_at BIGINT NOT NULL, PRIMARY KEY (tenant_id, id));
INSERT INTO plans VALUES ('01980000-0000-7000-8000-0000000000aa', 0)";

    const CALL: &str = r"
BEGIN;
INSERT INTO inbound_requests VALUES ('dev', 'token-1-of-23-characters', '\x00ff3a61');
INSERT INTO cases VALUES
    ('default', '01980000-0000-7000-8000-000000000001', '01980000-0000-7000-8000-0000000000aa', E'it''s \\ token-1-of-23-characters:a\n', false, NULL, 7),
    ('default', '01980000-0000-5000-8000-000000000002', NULL, 'cases/01980000-0000-7000-8000-000000000001', true, 7, 7);
UPDATE cases SET open = true WHERE open = false;
UPDATE plans SET cases = cases + 2;
COMMIT";

    #[tokio::test]
    async fn a_script_writes_what_was_recorded_as_often_as_it_runs() {
        let database = testkit::database(Backend::Postgres, "recording").await;
        let mut connection = connect(&database.url).await.expect("a connection");
        execute(&mut connection, TABLES).await.expect("tables");
        install(&mut connection).await.expect("triggers");
        execute(&mut connection, "INSERT INTO inbound_requests VALUES ('dev', 'another', NULL)").await.expect("a row");
        execute(&mut connection, CALL).await.expect("a call");
        let writes = writes(&mut connection, "token-1-of-23-characters").await.expect("what was written");
        let tables: Vec<&str> = writes.iter().map(Write::table).collect();
        assert_eq!(tables, ["inbound_requests", "cases", "cases", "plans"]);
        let Write::Update { changed, key, .. } = &writes[3] else { panic!("{:?} is no change", writes[3]) };
        assert_eq!((changed.len(), key.len(), changed[0].column.as_str()), (1, 1, "cases"));

        let plan = "01980000-0000-7000-8000-0000000000aa".to_owned();
        execute(
            &mut connection,
            "INSERT INTO plans SELECT lpad(n::text, 32, '0')::uuid, 0 FROM generate_series(0, 1) n",
        )
        .await
        .expect("plans of the clients");
        let recorded =
            Recorded { token: "token-1-of-23-characters".to_owned(), at: 1_767_603_600_000_000, of_client: vec![plan] };
        let scripts = scripts(&writes, &recorded);
        let pgbench = Pgbench::new(&database.url).expect("pgbench is installed");
        for (script, expected) in [(&scripts.separate, [12, 22]), (&scripts.one_statement, [22, 42])] {
            pgbench.repeat(script, 2, 5).await.expect("the script runs");
            let requests = rows(&mut connection, "inbound_requests").await.expect("a count");
            assert_eq!([requests, rows(&mut connection, "cases").await.expect("a count")], expected);
        }
        let changed: i64 = sqlx::query_scalar("SELECT count(*) FROM plans WHERE cases = 2")
            .fetch_one(&mut connection)
            .await
            .expect("a count");
        assert_eq!(changed, 3, "each client changes its own row");
    }
}
