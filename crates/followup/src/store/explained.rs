//! How the databases run the store's own statements: each through the index that was made for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use durable::{Backend, DatabaseConfig, Db, Engine, EngineConfig, EngineParts, TxError, sql};
use kernel::{RandomIds, ResourceId, TenantId, Timestamp};
use sea_orm::{ConnectionTrait as _, DbErr, EntityTrait, QueryTrait as _, Select, Statement};
use testkit::{Template, TestDatabase, on_both_databases};
use uuid::Uuid;

use super::{Cursor, messages, plans, surveys};
use crate::domain::{Message, MessageState, Plan, PlanState, Survey, SurveyState};

static SCHEMA: Template = Template::new("followup", |url| {
    Box::pin(async move {
        let db = connect(&url).await;
        durable::migrate(&db, crate::migrations()).await.expect("migrations apply");
        db.close().await;
    })
});

async fn connect(url: &str) -> Db {
    let config = DatabaseConfig { url: url.to_owned(), ..DatabaseConfig::default() };
    Db::connect(&config).await.expect("it can be connected to")
}

fn id<I: ResourceId>() -> I {
    Uuid::from_u128(7).into()
}

/// Enough rows for PostgreSQL to tell its indexes apart; it is told not to read whole tables.
const ROWS: &str = "
    INSERT INTO messages (tenant_id, id, case_id, customer_id, state, template, language, template_values, subject, body, attempts, created_at)
        SELECT 'default', md5(n::text)::uuid, md5((n / 5)::text)::uuid, md5('x')::uuid, 'QUEUED', 'x', '', '{}', '', '', 0, n
        FROM generate_series(1, 2000) n;
    INSERT INTO plans (tenant_id, id, case_id, customer_id, state, language, pauses, topic, next_step, next_step_at, check_ins_sent, created_at, updated_at)
        SELECT 'default', md5(n::text)::uuid, md5((n / 5)::text)::uuid, md5('x')::uuid, 'RUNNING', '', '[]', '', 1, 1, 0, n, n
        FROM generate_series(1, 2000) n;
    INSERT INTO surveys (tenant_id, id, plan_id, case_id, state, check_in, comment, created_at)
        SELECT 'default', md5(n::text)::uuid, md5(n::text)::uuid, md5((n / 5)::text)::uuid, 'OPEN', 1, '', n
        FROM generate_series(1, 2000) n;
    ANALYZE messages, plans, surveys;
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_bitmapscan = off";

async fn explain(engine: &Engine, statement: &Statement) -> String {
    let explain = |tx: durable::Tx| {
        let mut explained = statement.clone();
        async move {
            let (prefix, column) = match tx.backend() {
                Backend::Postgres => {
                    // In a transaction that changes nothing for the next one.
                    tx.conn()
                        .execute_unprepared("DELETE FROM surveys; DELETE FROM plans; DELETE FROM messages")
                        .await?;
                    tx.conn().execute_unprepared(ROWS).await?;
                    ("EXPLAIN ", "QUERY PLAN")
                }
                Backend::Sqlite => ("EXPLAIN QUERY PLAN ", "detail"),
            };
            explained.sql.insert_str(0, prefix);
            let rows = tx.query(explained).await?;
            let lines: Result<Vec<String>, DbErr> = rows.iter().map(|row| sql::column(row, column)).collect();
            Ok::<_, TxError>(lines?.join("\n"))
        }
    };
    engine.run_tx("test.explain", explain).await.expect("the statement can be explained")
}

/// What a statement is for, the statement itself, the index that it must use, and whether its rows come in order.
struct Hot {
    what: &'static str,
    statements: Vec<Statement>,
    index: &'static str,
    in_order: bool,
}

fn read<E: EntityTrait>(backend: Backend, what: &'static str, query: Select<E>, index: &'static str) -> Hot {
    Hot { what, statements: vec![query.build(backend.dialect())], index, in_order: true }
}

fn write(what: &'static str, statements: Vec<Statement>, index: &'static str) -> Hot {
    Hot { what, statements, index, in_order: false }
}

fn hot(backend: Backend) -> Vec<Hot> {
    let tenant = TenantId::default_tenant();
    let after = || Some(Cursor { created_at: Timestamp::from_micros(1), id: Uuid::from_u128(7) });
    let message = Message {
        tenant: tenant.clone(),
        id: id(),
        case: id(),
        customer: id(),
        state: MessageState::Queued,
        to: None,
        template: "apology".to_owned(),
        language: String::new(),
        values: BTreeMap::new(),
        subject: String::new(),
        body: String::new(),
        attempts: 1,
        created_at: Timestamp::EPOCH,
    };
    let plan = Plan {
        tenant: tenant.clone(),
        id: id(),
        case: id(),
        customer: id(),
        state: PlanState::Lapsed { at: Timestamp::EPOCH },
        to: None,
        language: String::new(),
        pauses: Vec::new(),
        baseline: None,
        check_ins_sent: 2,
        topic: String::new(),
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
    };
    let survey = Survey {
        tenant: tenant.clone(),
        id: id(),
        plan: id(),
        case: id(),
        state: SurveyState::Answered { score: 9, at: Timestamp::EPOCH },
        check_in: 1,
        comment: String::new(),
        created_at: Timestamp::EPOCH,
    };
    vec![
        read(backend, "a message", messages::get_query(&tenant, id()), "messages_pkey"),
        read(backend, "messages of a case", messages::list_query(&tenant, id(), None, 51), "messages_of_case"),
        read(backend, "more of them", messages::list_query(&tenant, id(), after(), 51), "messages_of_case"),
        write("lock messages", messages::lock_statements(backend, &[(tenant.clone(), id())]), "messages_pkey"),
        write("update messages", messages::update_statements(backend, &[&message]), "messages_pkey"),
        write("count an attempt", vec![messages::count_attempt_statement(backend, &tenant, id())], "messages_pkey"),
        read(backend, "a plan", plans::get_query(&tenant, id()), "plans_pkey"),
        read(backend, "plans of a case", plans::list_query(&tenant, id(), None, 51), "plans_of_case"),
        read(backend, "more of them", plans::list_query(&tenant, id(), after(), 51), "plans_of_case"),
        read(backend, "plans of a case, newest first", plans::newest_query(&tenant, id()), "plans_of_case"),
        write("lock plans", plans::lock_statements(backend, &[(tenant.clone(), id())]), "plans_pkey"),
        write("update plans", plans::update_statements(backend, &[&plan]), "plans_pkey"),
        read(backend, "a survey", surveys::get_query(&tenant, id()), "surveys_pkey"),
        read(backend, "surveys of a case", surveys::list_query(&tenant, id(), None, 51), "surveys_of_case"),
        read(backend, "more of them", surveys::list_query(&tenant, id(), after(), 51), "surveys_of_case"),
        write("answer a survey", vec![surveys::update_statement(backend, &survey)], "surveys_pkey"),
        write("close surveys", surveys::close_statements(backend, &[(tenant, id())]), "surveys_open"),
    ]
}

on_both_databases! {
    template: SCHEMA;

    async fn hot_statements_are_served_by_an_index(database: TestDatabase) {
        let engine = Engine::start(EngineParts {
            service: "followup",
            db: connect(&database.url).await,
            clock: Arc::new(testkit::virtual_clock()),
            ids: Arc::new(RandomIds),
            config: EngineConfig::default(),
        });
        let backend = engine.db().backend();
        for Hot { what, statements, index, in_order } in hot(backend) {
            assert_eq!(statements.len(), 1, "{what}");
            let plan = explain(&engine, &statements[0]).await;
            let on_sqlite = index.strip_suffix("_pkey").map(|table| format!("sqlite_autoindex_{table}_1"));
            let index = on_sqlite.filter(|_| backend == Backend::Sqlite).unwrap_or_else(|| index.to_owned());
            assert!(plan.contains(&index), "{what} does not use {index}:\n{plan}");
            for line in plan.lines().map(str::trim) {
                // The input of a statement is read whole, a table never.
                let whole = line.contains("Seq Scan on") || ["SCAN m", "SCAN p", "SCAN s"].iter().any(|scan| line.starts_with(scan));
                assert!(!whole, "{what}:\n{plan}");
                assert!(!in_order || !(line.contains("Sort") || line.contains("TEMP B-TREE")), "{what}:\n{plan}");
            }
        }
    }
}
