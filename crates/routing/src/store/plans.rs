//! The hot queries are served by indexes: read from the databases' own plans.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use durable::{Db, Engine, EngineConfig, EngineParts, sql};
use kernel::{RandomIds, TenantId, message_id_for_step};
use sea_orm::Statement;
use testkit::{TestDatabase, on_both_databases};
use uuid::Uuid;

use super::agents::{COUNT_HELD, HELD_WORK};
use super::claims::{Reach, lock_statement};
use super::work_clocks::clock_statements;
use super::work_items::{WorkKey, lock_statements};
use super::work_lists::{WorkCursor, WorkFilter, list_statement};
use crate::domain::{QueueId, WorkState};

/// As after a day of disruption: most work has ended, a little of it waits.
async fn fill(engine: &Engine) {
    let body = |tx: durable::Tx| async move {
        let id = match tx.backend() {
            durable::Backend::Sqlite => "randomblob(16)",
            durable::Backend::Postgres => "gen_random_uuid()",
        };
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)";
        let state = "CASE WHEN i % 50 > 44 THEN 'WAITING' WHEN i % 50 = 1 THEN 'CLAIMED' \
                     WHEN i % 50 < 4 THEN 'UNATTENDED' ELSE 'COMPLETED' END";
        let texts = [
            format!(
                "INSERT INTO work_items (tenant_id, id, case_id, state, title, handover, severity, queue_id, skills, \
                 agent_id, escalation_level, urgency, resolution, reported, version, journey, created_at, updated_at) \
                 {numbers} SELECT 'default', {id}, {id}, {state}, 't', '', 1 + i % 4, 'default', '[]', \
                 CASE WHEN i % 50 = 1 THEN {id} END, 0, 30 + i % 4, CASE WHEN i % 50 BETWEEN 4 AND 44 THEN 'r' END, 0, 1, '', i, i \
                 FROM n"
            ),
            "INSERT INTO work_clocks (tenant_id, work_item_id, position, kind, number, state, allowed, consumed, \
             started_at, running_since, ended_at, run) \
             SELECT tenant_id, id, 0, 'RESOLVE', 1, 'RUNNING', 1, 0, 1, 1, NULL, 1 FROM work_items"
                .to_owned(),
            "INSERT INTO work_skills (tenant_id, work_item_id, skill) SELECT tenant_id, id, 'de' FROM work_items"
                .to_owned(),
        ];
        for text in texts {
            tx.execute(sql::statement(tx.backend(), text, [])).await?;
        }
        if tx.backend() == durable::Backend::Postgres {
            tx.execute(sql::statement(tx.backend(), "ANALYZE", [])).await?;
        }
        Ok(())
    };
    engine.run_tx("test.fill", body).await.unwrap();
}

/// The plan of a statement, where the database would rather not read whole tables.
async fn plan(engine: &Engine, statement: Statement) -> String {
    let body = |tx: durable::Tx| {
        let statement = statement.clone();
        async move {
            let (explain, column) = match tx.backend() {
                durable::Backend::Sqlite => ("EXPLAIN QUERY PLAN", "detail"),
                durable::Backend::Postgres => {
                    tx.execute(sql::statement(tx.backend(), "SET LOCAL enable_seqscan = off", [])).await?;
                    ("EXPLAIN", "QUERY PLAN")
                }
            };
            let values = statement.values.map(|values| values.0).unwrap_or_default();
            let text = format!("{explain} {}", statement.sql);
            let rows = tx.query(Statement::from_sql_and_values(tx.backend().dialect(), text, values)).await?;
            let lines: Result<Vec<String>, _> = rows.iter().map(|row| sql::column(row, column)).collect();
            Ok(lines?.join("\n"))
        }
    };
    engine.run_tx("test.plan", body).await.unwrap()
}

/// Every table but `input` is read through an index, and these are among them.
async fn assert_indexed(engine: &Engine, statement: Statement, sqlite: &[&str], postgres: &[&str]) {
    let plan = plan(engine, statement).await;
    let (expected, whole) = match engine.db().backend() {
        durable::Backend::Sqlite => (sqlite, ["SCAN w", "SCAN c", "SCAN s"].as_slice()),
        durable::Backend::Postgres => (postgres, ["Seq Scan"].as_slice()),
    };
    for index in expected {
        assert!(plan.contains(index), "{index} is not used:\n{plan}");
    }
    for scan in whole {
        assert!(!plan.contains(scan), "a table is read as a whole:\n{plan}");
    }
}

on_both_databases! {
    async fn hot_queries_use_their_indexes(database: TestDatabase) {
        let config = durable::DatabaseConfig { url: database.url.clone(), ..Default::default() };
        let db = Db::connect(&config).await.unwrap();
        durable::migrate(&db, crate::migrations()).await.unwrap();
        let (clock, ids) = (Arc::new(testkit::virtual_clock()), Arc::new(RandomIds));
        let parts = EngineParts { service: crate::NAME, db, clock, ids, config: EngineConfig::default() };
        let engine = Engine::start(parts);
        fill(&engine).await;
        let backend = engine.db().backend();
        let tenant = TenantId::default_tenant();
        let id = |n| message_id_for_step(Uuid::from_u128(1), "plan", n);
        let keys: std::collections::BTreeSet<WorkKey> = (1..4).map(|n| (tenant.clone(), id(n).into())).collect();
        let primary = |table: &str| [format!("sqlite_autoindex_{table}_1"), format!("{table}_pkey")];
        let [items_lite, items] = primary("work_items");
        let [clocks_lite, clocks] = primary("work_clocks");
        let [skills_lite, skills] = primary("work_skills");

        for statement in lock_statements(backend, &keys) {
            assert_indexed(&engine, statement, &[&items_lite], &[&items]).await;
        }
        for statement in clock_statements(backend, keys.iter()) {
            assert_indexed(&engine, statement, &[&clocks_lite], &[&clocks]).await;
        }
        let reach = Reach {
            tenant: tenant.clone(),
            queues: [QueueId::DEFAULT, QueueId::UPSET].iter().filter_map(|id| QueueId::parse(id)).collect(),
            skills: ["de".to_owned(), "fr".to_owned()].into(),
            highest_escalation: 1,
        };
        let claim = lock_statement(backend, &reach, 32).unwrap();
        let claims = ["work_items_waiting", &items_lite, &skills_lite];
        assert_indexed(&engine, claim, &claims, &["work_items_waiting", &items, &skills]).await;
        for text in [COUNT_HELD, HELD_WORK] {
            let held = sql::statement(backend, text, [tenant.as_str().into(), id(9).into()]);
            assert_indexed(&engine, held, &["work_items_held"], &["work_items_held"]).await;
        }
        let after: WorkCursor =
            serde_json::from_value(serde_json::json!({"urgency": 30, "created_at": 1, "id": id(1)})).unwrap();
        let queue = QueueId::parse(QueueId::UPSET);
        let in_queue = WorkFilter { state: Some(WorkState::Waiting), queue, ..WorkFilter::default() };
        let case = WorkFilter { case: Some(id(2).into()), ..WorkFilter::default() };
        let waiting = WorkFilter { state: Some(WorkState::Waiting), ..WorkFilter::default() };
        for (filter, index) in
            [(WorkFilter::default(), "work_items_by_urgency"), (waiting, "work_items_open"), (case, "work_items_by_case"), (in_queue, "work_items_waiting")]
        {
            for after in [None, Some(after)] {
                let list = list_statement(backend, &tenant, &filter, after, 50);
                assert_indexed(&engine, list, &[index, &clocks_lite], &[index, &clocks]).await;
            }
        }
    }
}
