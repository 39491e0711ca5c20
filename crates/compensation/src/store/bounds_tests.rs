//! What is read of a customer's past is bounded and no more than is compared, whoever wrote it; what is old is removed,
//! and nothing else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use durable::{Backend, Engine, Tx, sql};
use kernel::{TenantId, Timestamp};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::old_rows::{SWEEP_STEP, Swept, sweep_statement};
use super::{gate, goodwill};
use crate::app::upkeep::{self, Kept};
use crate::domain::policy::abuse::{Claim, Dimension, MAX_AT, Seen};
use crate::testing::{TEMPLATE, count, engine, plan};

const DAY: Duration = Duration::from_secs(86_400);

async fn run(engine: &Engine, text: &str) {
    let work = |tx: Tx| async move { Ok(tx.execute(sql::statement(tx.backend(), text, [])).await?) };
    engine.run_tx("test", work).await.unwrap();
}

/// A UUID of a number as an expression of the database.
fn id(engine: &Engine, number: &str) -> String {
    match engine.db().backend() {
        Backend::Postgres => format!("lpad(({number})::text, 32, '0')::uuid"),
        Backend::Sqlite => format!("CAST(printf('%016d', {number}) AS BLOB)"),
    }
}

/// `insert … SELECT … FROM n`, where `n.i` goes from 1 to `rows`.
async fn fill(engine: &Engine, table: &str, values: &str, rows: u32) {
    let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})");
    run(engine, &format!("INSERT INTO {table} {numbers} SELECT {values} FROM n")).await;
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn no_more_claims_are_counted_than_a_threshold_can_ask_for(database: testkit::TestDatabase) {
        let (engine, _) = engine(&database).await;
        let (remedy, customer) = (id(&engine, "i"), id(&engine, "i % 7"));
        fill(&engine, "goodwill_claims", &format!("'default', 'PAYEE', 'p', {remedy}, {customer}, i"), MAX_AT + 50).await;
        let tenant = TenantId::default_tenant();
        let claim = Claim {
            dimension: Dimension::Payee,
            value: "p".to_owned(),
            remedy: Uuid::from_u128(1).into(),
            case: Uuid::from_u128(1).into(),
            customer: Uuid::from_u128(u128::MAX).into(),
        };
        let seen = |since: i64| {
            let (engine, tenant, claim) = (&engine, &tenant, &claim);
            async move {
                let work = |tx: Tx| async move {
                    Ok(goodwill::seen_in_tx(&tx, &[(tenant, claim, Timestamp::from_micros(since))]).await?)
                };
                engine.run_tx("test", work).await.unwrap()
            }
        };
        assert_eq!(seen(0).await, [Seen { remedies: MAX_AT, customers: 7 }]);
        assert_eq!(seen(i64::from(MAX_AT) + 48).await, [Seen { remedies: 3, customers: 3 }]);
        assert_eq!(seen(i64::from(MAX_AT) + 51).await, [Seen::default()]);
    }

    /// The event of a remedy of an older version is read whole; of others, columns alone: an event that makes no sense
    /// is in nobody's way.
    async fn what_is_compared_of_an_event_is_read_alone(database: testkit::TestDatabase) {
        let (engine, _) = engine(&database).await;
        let customer = id(&engine, "9");
        let event = r#"{"kind":"flight.delayed","occurred_at":5,"reference":"old","facts":{}}"#;
        for (number, event, columns) in [(1, event, "NULL, NULL, NULL"), (2, "no JSON", "'flight.cancelled', '', 6")] {
            let text = format!(
                "INSERT INTO remedies (tenant_id, id, case_id, customer_id, state, event, severity, payee, assessment, \
                 version, created_at, updated_at, event_kind, event_reference, event_occurred_at) VALUES ('default', {0}, \
                 {0}, {customer}, 'SETTLED', '{event}', 'LOW', '', '', 1, {number}, 1, {columns})",
                id(&engine, &number.to_string())
            );
            run(&engine, &text).await;
        }
        let customer = match engine.db().backend() {
            Backend::Postgres => Uuid::from_u128(9),
            Backend::Sqlite => Uuid::from_slice(b"0000000000000009").unwrap(),
        };
        let tenant = TenantId::default_tenant();
        let asked = [(&tenant, customer.into())];
        let work = |tx: Tx| async move { Ok(gate::priors_in_tx(&tx, &asked, Timestamp::from_micros(0)).await?) };
        let found = engine.run_tx("test", work).await.unwrap();
        let of_customer: Vec<_> = found.values().flatten().collect();
        let told: Vec<_> = of_customer.iter().map(|p| (p.kind.as_str(), p.reference.as_str(), p.occurred_at.micros())).collect();
        assert_eq!(told, [("flight.cancelled", "", 6), ("flight.delayed", "old", 5)]);
    }

    async fn what_is_old_is_removed_and_nothing_else(database: testkit::TestDatabase) {
        let (engine, clock) = engine(&database).await;
        clock.advance(5_000 * DAY);
        let kept = Kept { guesses: 40 * DAY };
        let now = engine.now();
        let remedy = id(&engine, "i");
        let many = u32::try_from(SWEEP_STEP).unwrap() + 20;
        run(&engine, "INSERT INTO spending_holders VALUES ('t', 'CASE', 'c', 1)").await;
        // Of each table many rows that are a day too old, and three that just are not.
        for (rows, extra) in [(many, DAY), (3, Duration::ZERO)] {
            let at = |days: u32| now.minus(days * DAY + extra).micros();
            let first = if extra.is_zero() { 10_000 } else { 0 };
            fill(&engine, "voucher_misses", &format!("'t', 'c', 'p', 'r' || ({first} + i), {}", at(40)), rows).await;
            let events = format!("'t', 'e' || ({first} + i), 'k', NULL, 0, {}", at(90));
            fill(&engine, "provider_events", &events, rows).await;
            let claims = format!("'t', 'PAYEE', 'p' || ({first} + i), {remedy}, {remedy}, {}", at(3_661));
            fill(&engine, "goodwill_claims", &claims, rows).await;
            let day = at(3_661).div_euclid(86_400_000_000);
            let days = format!("'t', 'CASE', 'c', 'k' || ({first} + i), 'EUR', {day}, 1");
            fill(&engine, "spending_days", &days, rows).await;
        }
        let stop = CancellationToken::new();
        assert_eq!(upkeep::sweep(&engine, kept, &stop).await.unwrap(), 4 * u64::from(many));
        for what in Swept::ALL {
            let (table, _, _) = what.table();
            assert_eq!(count(&engine, &format!("SELECT count(*) AS n FROM {table}")).await, 3, "{table}");
        }
        assert_eq!(upkeep::sweep(&engine, kept, &stop).await.unwrap(), 0, "once is enough");
        assert_eq!(count(&engine, "SELECT count(*) AS n FROM spending_holders").await, 1);
        stop.cancel();
        clock.advance(10_000 * DAY);
        assert_eq!(upkeep::sweep(&engine, kept, &stop).await.unwrap(), 0, "a service that stops removes nothing more");
    }

    /// A step finds what is old by the index on its age, and removes it by its key.
    async fn a_step_reads_what_it_removes(database: testkit::TestDatabase) {
        let (engine, _) = engine(&database).await;
        let backend = engine.db().backend();
        let (remedy, holders) = (id(&engine, "i"), "INSERT INTO spending_holders VALUES ('t', 'CASE', 'c', 1)");
        run(&engine, holders).await;
        fill(&engine, "voucher_misses", "'t', 'c', 'p' || i, 'r', i", 3_000).await;
        fill(&engine, "provider_events", "'t', 'e' || i, 'k', NULL, 0, i", 3_000).await;
        fill(&engine, "goodwill_claims", &format!("'t', 'PAYEE', 'p' || i, {remedy}, {remedy}, i"), 3_000).await;
        fill(&engine, "spending_days", "'t', 'CASE', 'c', 'k', 'EUR', i, 1", 3_000).await;
        run(&engine, "ANALYZE").await;
        for what in Swept::ALL {
            let statement = sweep_statement(backend, what, Timestamp::from_micros(5));
            let text = statement.sql.replace("$1", "5").replace('?', "5");
            let plan = plan(&engine, &text).await;
            assert!(plan.contains(&format!("{}_age", what.table().0)), "{plan}");
            assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN"), "{plan}");
        }
    }
}
