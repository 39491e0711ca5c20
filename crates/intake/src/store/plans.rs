//! The plans of the hot statements: each goes through the index that was made for it, however many rows there are.

use std::collections::BTreeSet;
use std::sync::Arc;

use durable::{Backend, DatabaseConfig, Db, Engine, EngineConfig, EngineParts, TxError, sql};
use kernel::{RandomIds, ResourceId, TenantId, Timestamp};
use sea_orm::{ConnectionTrait as _, DbErr, Statement};
use testkit::{Template, TestDatabase, on_both_databases};
use uuid::Uuid;

use super::cases::{CaseCursor, CaseFilter};
use super::entries::TimelineCursor;
use super::{cases, customers, disruptions, entries, migrations};
use crate::domain::case::{Case, CaseDraft};
use crate::domain::case_state::State;
use crate::domain::customer::Identity;
use crate::domain::event::{Facts, FailureEvent, Severity};

static SCHEMA: Template = Template::new("intake", |url| {
    Box::pin(async move {
        let db = connect(&url).await;
        durable::migrate(&db, migrations()).await.expect("migrations apply");
        db.close().await;
    })
});

async fn connect(url: &str) -> Db {
    let config = DatabaseConfig { url: url.to_owned(), ..DatabaseConfig::default() };
    Db::connect(&config).await.expect("it can be connected to")
}

async fn engine(database: &TestDatabase) -> Engine {
    Engine::start(EngineParts {
        service: "intake",
        db: connect(&database.url).await,
        clock: Arc::new(testkit::virtual_clock()),
        ids: Arc::new(RandomIds),
        config: EngineConfig::default(),
    })
}

fn id<I: ResourceId>() -> I {
    Uuid::from_u128(7).into()
}

fn a_case() -> Case {
    let event = FailureEvent {
        kind: "parcel.lost".to_owned(),
        occurred_at: Timestamp::EPOCH,
        reference: String::new(),
        facts: Facts::new(),
    };
    let (expected, delivered, requested_remedy) = (String::new(), String::new(), String::new());
    let draft = CaseDraft { expected, delivered, event, severity: Severity::Low, requested_remedy };
    Case::of_complaint(id(), id(), &draft, "", Timestamp::EPOCH)
}

/// What the database says about how it would run a statement over the connections that the service has: on empty tables,
/// where every plan is cheap, so that only what the connections rule out keeps a bad one away.
async fn plan(engine: &Engine, statement: &Statement) -> String {
    let explain = |tx: durable::Tx| {
        let mut explained = statement.clone();
        async move {
            let (prefix, column) = match tx.backend() {
                Backend::Postgres => ("EXPLAIN ", "QUERY PLAN"),
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

/// The plan that PostgreSQL keeps for whatever parameters come, and that of SQLite, which has no other.
async fn generic_plan(engine: &Engine, statement: &Statement) -> String {
    if engine.db().backend() == Backend::Sqlite {
        return plan(engine, statement).await;
    }
    let explain = |tx: durable::Tx| {
        let prepared = statement.clone();
        async move {
            let arrays = prepared.values.as_ref().map_or(0, |values| values.0.len());
            let nulls = vec!["NULL"; arrays].join(", ");
            for text in ["SET LOCAL plan_cache_mode = force_generic_plan", &format!("PREPARE kept AS {}", prepared.sql)]
            {
                tx.conn().execute_unprepared(text).await?;
            }
            let explained = sql::statement(tx.backend(), format!("EXPLAIN EXECUTE kept({nulls})"), []);
            let rows = tx.query(explained).await?;
            let lines: Result<Vec<String>, DbErr> = rows.iter().map(|row| sql::column(row, "QUERY PLAN")).collect();
            tx.conn().execute_unprepared("DEALLOCATE kept").await?;
            Ok::<_, TxError>(lines?.join("\n"))
        }
    };
    engine.run_tx("test.generic_plan", explain).await.expect("the statement can be explained")
}

/// Statements, and the index that each must use: its name on PostgreSQL, and on SQLite.
fn hot(backend: Backend) -> Vec<(&'static str, Vec<Statement>, &'static str, &'static str)> {
    let tenant = TenantId::default_tenant();
    let key = (tenant.clone(), id());
    let identity = Identity::new("crm", "7");
    let page = |filter: CaseFilter| {
        vec![cases::page_statement(backend, &tenant, &filter, Some(CaseCursor(1, Uuid::from_u128(7))), 50)]
    };
    let timeline =
        entries::page_statement(backend, &tenant, id(), None, Some(TimelineCursor(1, Uuid::from_u128(7), 1)), 50);
    let recent = entries::recent_statements(backend, &BTreeSet::from([key]), Timestamp::EPOCH, 20);
    let affected = BTreeSet::from([(tenant.clone(), id(), id())]);
    let case = a_case();
    let updates = cases::update_rows([(&tenant, &case)].into_iter()).expect("a case can be written");
    let updates = updates.statements(backend, cases::UPDATE, &[]);
    vec![
        (
            "lock cases",
            cases::lock_statements(backend, &[(tenant.clone(), id())].into()),
            "cases_pkey",
            "sqlite_autoindex_cases_1",
        ),
        ("update cases", updates, "cases_pkey", "sqlite_autoindex_cases_1"),
        (
            "cases of affected",
            cases::affected_statements(backend, &affected),
            "cases_by_disruption",
            "cases_by_disruption",
        ),
        ("all cases", page(CaseFilter::default()), "cases_by_time", "cases_by_time"),
        (
            "cases in a state",
            page(CaseFilter { state: Some(State::Received), ..CaseFilter::default() }),
            "cases_by_state",
            "cases_by_state",
        ),
        (
            "cases of a customer",
            page(CaseFilter { customer: Some(id()), ..CaseFilter::default() }),
            "cases_by_customer",
            "cases_by_customer",
        ),
        (
            "cases that need a person",
            page(CaseFilter { needs_attention: true, ..CaseFilter::default() }),
            "cases_needing_attention",
            "cases_needing_attention",
        ),
        (
            "customers by identity",
            customers::directory_statements(backend, &[(tenant.clone(), &identity)].into()),
            "customer_identities_pkey",
            "sqlite_autoindex_customer_identities_1",
        ),
        (
            "customers",
            customers::get_many_statements(backend, &[(tenant.clone(), id())].into()),
            "customers_pkey",
            "sqlite_autoindex_customers_1",
        ),
        (
            "disruptions",
            disruptions::get_many_statements(backend, &[(tenant.clone(), id())].into()),
            "disruptions_pkey",
            "sqlite_autoindex_disruptions_1",
        ),
        (
            "a case's story",
            vec![entries::after_statement(backend, &tenant, id(), 1, 500)],
            "timeline_entries_pkey",
            "sqlite_autoindex_timeline_entries_1",
        ),
        ("a customer's history", vec![timeline], "timeline_entries_by_customer", "timeline_entries_by_customer"),
        ("recent entries", recent, "timeline_entries_by_customer", "timeline_entries_by_customer"),
    ]
}

on_both_databases! {
    template: SCHEMA;

    async fn every_hot_statement_uses_its_index(database: TestDatabase) {
        let engine = engine(&database).await;
        let backend = engine.db().backend();
        for (what, statements, on_postgres, on_sqlite) in hot(backend) {
            let index = if backend == Backend::Postgres { on_postgres } else { on_sqlite };
            assert!(!statements.is_empty(), "{what}");
            for statement in &statements {
                let plan = plan(&engine, statement).await;
                assert!(plan.contains(index), "{what} does not use {index}:\n{plan}");
                for table in ["cases", "customers", "customer_identities", "disruptions", "timeline_entries"] {
                    assert!(!plan.contains(&format!("Seq Scan on {table}")), "{what}:\n{plan}");
                }
                let scans = plan.lines().filter(|line| line.starts_with("SCAN ") && !line.contains("CONSTANT ROW"));
                let scans: Vec<&str> = scans.filter(|line| !line.starts_with("SCAN input") && !line.starts_with("SCAN (subquery")).collect();
                assert!(scans.is_empty(), "{what}:\n{plan}");
                // The order of a page comes from the index: a sort would read all rows before the first.
                if what.contains("cases ") || what == "all cases" || what.starts_with("a c") {
                    assert!(!plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "{what}:\n{plan}");
                }
            }
        }
    }

    /// Tables that were empty when they were last analysed, and a plan that is kept: what is looked up is still looked up.
    async fn look_ups_do_not_believe_that_tables_are_empty(database: TestDatabase) {
        let engine = engine(&database).await;
        let backend = engine.db().backend();
        if backend == Backend::Postgres {
            for table in ["customers", "customer_identities"] {
                engine.read().execute_unprepared(&format!("VACUUM (ANALYZE) {table}")).await.expect("it is analysed");
            }
        }
        let (tenant, identity) = (TenantId::default_tenant(), Identity::new("crm", "7"));
        let looked_up = [
            (customers::directory_statements(backend, &[(tenant.clone(), &identity)].into()), 2),
            (customers::get_many_statements(backend, &[(tenant.clone(), id())].into()), 1),
        ];
        for (statements, tables) in looked_up {
            let [statement] = statements.as_slice() else { panic!("one statement: {statements:?}") };
            let plan = generic_plan(&engine, statement).await;
            // By all that is known of what is looked for, and by nothing less.
            let whole = match backend {
                Backend::Postgres => ["Index Cond: ((tenant_id = t.tenant_id) AND (source = t.source) AND (value = t.value))", "AND (id = "],
                Backend::Sqlite => ["(tenant_id=? AND source=? AND value=?)", "(tenant_id=? AND id=?)"],
            };
            let found = whole.iter().filter(|index| plan.replace("c_1.", "").replace("i_1.", "").contains(*index)).count();
            assert_eq!(found, tables, "{plan}");
            assert!(!plan.contains("Filter"), "{plan}");
        }
    }
}
