//! What is measured about money that is not where it should be yet: payouts whose fate is not known or that a person
//! has, how long, and differences from the provider's books; whether the ledger balances, and whom the kill switch stops.
//!
//! Read at a slow pace from indexes that hold nothing else, and from the sums of accounts, never from the ledger's entries;
//! what has ended is counted when it ends (`amends.payout.steps`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use durable::{Engine, TxError, sql};
use kernel::{ServiceError, Timestamp};
use opentelemetry::KeyValue;
use sea_orm::ConnectionTrait as _;
use tokio_util::sync::CancellationToken;

use crate::domain::settlement::DiscrepancyKind;
use crate::store::payouts::UNSETTLED;
use crate::store::{freezes, ledger};

/// How often the gauges are read.
const PERIOD: Duration = Duration::from_secs(15);

/// What is measured, as it was last read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MoneyGauges {
    /// Payouts by state, with the age of the oldest.
    pub(crate) payouts: Vec<(&'static str, u64, Duration)>,
    /// Open discrepancies by kind.
    pub(crate) discrepancies: Vec<(&'static str, u64)>,
    /// Minor units between the debits and the credits of the tenants, by currency.
    pub(crate) imbalances: Vec<(String, u64)>,
    /// Tenants whose payouts are frozen by the switch.
    pub(crate) frozen_tenants: u64,
}

/// Reads the gauges.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn read(engine: &Engine) -> Result<MoneyGauges, ServiceError> {
    let list = UNSETTLED.map(|state| format!("'{}'", state.as_str())).join(", ");
    let text = format!(
        "SELECT state AS name, count(*) AS n, min(updated_at) AS oldest FROM payouts WHERE state IN ({list}) \
         GROUP BY state"
    );
    let statement = sql::statement(engine.db().backend(), text, []);
    let rows = engine.read().query_all_raw(statement).await.map_err(TxError::from)?;
    let mut payouts: Vec<_> = UNSETTLED.map(|state| (state.as_str(), 0, Duration::ZERO)).into();
    for row in &rows {
        let name: String = sql::column(row, "name").map_err(TxError::from)?;
        let count: i64 = sql::column(row, "n").map_err(TxError::from)?;
        let oldest = Timestamp::from_micros(sql::column(row, "oldest").map_err(TxError::from)?);
        if let Some(entry) = payouts.iter_mut().find(|(state, ..)| *state == name) {
            (entry.1, entry.2) = (u64::try_from(count).unwrap_or(0), engine.now().since(oldest));
        }
    }
    let text = "SELECT kind AS name, count(*) AS n FROM settlement_discrepancies WHERE state = 'OPEN' GROUP BY kind";
    let counts = engine.counts(text).await?;
    let of = |kind: DiscrepancyKind| (kind.as_str(), counts.get(kind.as_str()).copied().unwrap_or(0));
    let discrepancies = DiscrepancyKind::ALL.map(of).into();
    let imbalances = ledger::imbalances(engine.read()).await.map_err(TxError::from)?;
    let frozen = freezes::frozen_tenants(engine.read()).await.map_err(TxError::from)?;
    Ok(MoneyGauges { payouts, discrepancies, imbalances, frozen_tenants: u64::try_from(frozen).unwrap_or(0) })
}

/// Registers the gauges, and keeps them read until `stop`. `frozen_since` is what the configuration says for everybody.
pub(crate) async fn run(engine: Engine, frozen_since: Option<Timestamp>, stop: CancellationToken) {
    let last: Arc<Mutex<MoneyGauges>> = Arc::default();
    register(&last);
    register_guards(&last, frozen_since.is_some());
    while !stop.is_cancelled() {
        match read(&engine).await {
            Ok(gauges) => *last.lock().unwrap_or_else(PoisonError::into_inner) = gauges,
            Err(error) => tracing::warn!(%error, "the gauges of money cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

fn register(last: &Arc<Mutex<MoneyGauges>>) {
    let meter = opentelemetry::global::meter("amends.compensation");
    let seen = Arc::downgrade(last);
    meter
        .u64_observable_gauge("amends.payouts")
        .with_description("Payouts that are not settled, by state: SUBMITTING, UNKNOWN, MANUAL")
        .with_callback(move |observer| {
            let Some(last) = seen.upgrade() else { return };
            for (state, count, _) in &last.lock().unwrap_or_else(PoisonError::into_inner).payouts {
                observer.observe(*count, &[KeyValue::new("state", *state)]);
            }
        })
        .build();
    let seen = Arc::downgrade(last);
    meter
        .f64_observable_gauge("amends.payout.oldest")
        .with_unit("s")
        .with_description("How long the oldest payout has been in its state, by state; 0 when there is none")
        .with_callback(move |observer| {
            let Some(last) = seen.upgrade() else { return };
            for (state, _, age) in &last.lock().unwrap_or_else(PoisonError::into_inner).payouts {
                observer.observe(age.as_secs_f64(), &[KeyValue::new("state", *state)]);
            }
        })
        .build();
    let seen = Arc::downgrade(last);
    meter
        .u64_observable_gauge("amends.settlement.discrepancies")
        .with_description("Open differences between our books and the provider's, by kind; must be 0")
        .with_callback(move |observer| {
            let Some(last) = seen.upgrade() else { return };
            for (kind, count) in &last.lock().unwrap_or_else(PoisonError::into_inner).discrepancies {
                observer.observe(*count, &[KeyValue::new("kind", *kind)]);
            }
        })
        .build();
}

fn register_guards(last: &Arc<Mutex<MoneyGauges>>, is_frozen_for_all: bool) {
    let meter = opentelemetry::global::meter("amends.compensation");
    let seen = Arc::downgrade(last);
    meter
        .u64_observable_gauge("amends.ledger.imbalance")
        .with_description("Minor units between the ledger's debits and credits, by currency; must be 0")
        .with_callback(move |observer| {
            let Some(last) = seen.upgrade() else { return };
            for (currency, minor) in &last.lock().unwrap_or_else(PoisonError::into_inner).imbalances {
                observer.observe(*minor, &[KeyValue::new("currency", currency.clone())]);
            }
        })
        .build();
    let seen = Arc::downgrade(last);
    meter
        .u64_observable_gauge("amends.payouts.frozen")
        .with_description(
            "Tenants whose payouts the switch stops (scope TENANT); 1 while the configuration stops all (ALL)",
        )
        .with_callback(move |observer| {
            let Some(last) = seen.upgrade() else { return };
            let tenants = last.lock().unwrap_or_else(PoisonError::into_inner).frozen_tenants;
            observer.observe(tenants, &[KeyValue::new("scope", "TENANT")]);
            observer.observe(u64::from(is_frozen_for_all), &[KeyValue::new("scope", "ALL")]);
        })
        .build();
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::testing::{TEMPLATE, engine};

    /// Three payouts that are not settled and two that are, and three discrepancies, of which one was cleared up.
    async fn fill(engine: &Engine) {
        let id = |number: u8| match engine.db().backend() {
            durable::Backend::Postgres => format!("'00000000-0000-0000-0000-0000000000{number:02x}'"),
            durable::Backend::Sqlite => format!("x'000000000000000000000000000000{number:02x}'"),
        };
        let bytes = if engine.db().backend() == durable::Backend::Postgres { "'x'::bytea" } else { "x'00'" };
        let now = engine.now().micros();
        let mut inserts = vec![format!(
            "INSERT INTO remedies (tenant_id, id, case_id, customer_id, state, event, severity, payee, assessment, version, \
             created_at, updated_at) VALUES ('t', {0}, {0}, {0}, 'GRANTING', '', 'LOW', '', '', 1, 1, 1)",
            id(1)
        )];
        for (number, state, age) in
            [(1, "UNKNOWN", 90), (2, "UNKNOWN", 30), (3, "MANUAL", 7_200), (4, "CONFIRMED", 9_999), (5, "RESERVED", 1)]
        {
            let at = now - age * 1_000_000;
            inserts.push(format!(
                "INSERT INTO payouts (tenant_id, id, remedy_id, case_id, grant_id, line, state, amount_minor, currency, payee, \
                 payout_key, request, attempts, steps, next_step_at, provider_reference, reason, created_at, updated_at) \
                 VALUES ('t', {0}, {1}, {1}, {0}, 'l', '{state}', 1, 'EUR', '', 'k{number}', {bytes}, 0, 0, 1, '', '', 1, {at})",
                id(number),
                id(1)
            ));
        }
        for (number, kind, state) in
            [(1, "DUPLICATE", "OPEN"), (2, "DUPLICATE", "OPEN"), (3, "WRONG_AMOUNT", "RESOLVED")]
        {
            let (by, at) = if state == "OPEN" { ("", "NULL") } else { ("ada", "1") };
            inserts.push(format!(
                "INSERT INTO settlement_discrepancies (tenant_id, id, kind, state, file, line, payout_key, explanation, \
                 resolution, resolved_by, created_at, resolved_at) \
                 VALUES ('t', {}, '{kind}', '{state}', 'f', {number}, 'k', '', '', '{by}', 1, {at})",
                id(number)
            ));
        }
        for insert in inserts {
            let work = |tx: durable::Tx| {
                let insert = insert.clone();
                async move { Ok(tx.execute(sql::statement(tx.backend(), insert, [])).await?) }
            };
            engine.run_tx("test", work).await.unwrap();
        }
    }

    testkit::on_both_databases! {
        template: TEMPLATE;

        async fn what_is_not_settled_is_counted_with_its_age(database: testkit::TestDatabase) {
            let (engine, _) = engine(&database).await;
            fill(&engine).await;
            let gauges = read(&engine).await.unwrap();
            let seconds = Duration::from_secs;
            let expected = [("SUBMITTING", 0, Duration::ZERO), ("UNKNOWN", 2, seconds(90)), ("MANUAL", 1, seconds(7_200))];
            assert_eq!(gauges.payouts, expected);
            let open: Vec<_> = gauges.discrepancies.iter().filter(|(_, count)| *count > 0).collect();
            assert_eq!((gauges.discrepancies.len(), open), (6, vec![&("DUPLICATE", 2)]));
        }
    }

    async fn run_all(engine: &Engine, texts: &[String]) {
        let work = |tx: durable::Tx| async move {
            for text in texts {
                tx.execute(sql::statement(tx.backend(), text.as_str(), [])).await?;
            }
            Ok(())
        };
        engine.run_tx("test", work).await.unwrap();
    }

    /// A transaction of one tenant, as nothing in the service writes it unless debit and credit are the same.
    fn transaction(engine: &Engine, (tenant, number): (&str, u8), debit: i64, credit: i64) -> [String; 2] {
        let id = match engine.db().backend() {
            durable::Backend::Postgres => format!("'00000000-0000-0000-0000-0000000000{number:02x}'"),
            durable::Backend::Sqlite => format!("x'000000000000000000000000000000{number:02x}'"),
        };
        [
            format!(
                "INSERT INTO ledger_entries VALUES ('{tenant}', {id}, 1, 'expense', 'DEBIT', {debit}, 'EUR'), \
                 ('{tenant}', {id}, 2, 'voucher_liability', 'CREDIT', {credit}, 'EUR')"
            ),
            format!(
                "INSERT INTO ledger_transactions (tenant_id, id, kind, subject, case_id, created_at) \
                 VALUES ('{tenant}', {id}, 'VOUCHER_ISSUED', 's{number}', {id}, 1)"
            ),
        ]
    }

    testkit::on_both_databases! {
        template: TEMPLATE;

        /// The database refuses such a ledger, so its guard has to go first. Two tenants' errors do not make up for
        /// each other, whether they are in the tail or in the totals.
        async fn a_ledger_that_does_not_balance_is_told(database: testkit::TestDatabase) {
            let (engine, _) = engine(&database).await;
            let imbalances = || async { read(&engine).await.unwrap().imbalances };
            assert_eq!(imbalances().await, []);
            run_all(&engine, &transaction(&engine, ("a", 1), 7, 7)).await;
            assert_eq!(imbalances().await, [("EUR".to_owned(), 0)]);
            let guard = match engine.db().backend() {
                durable::Backend::Postgres => "DROP TRIGGER ledger_entries_balance ON ledger_entries",
                durable::Backend::Sqlite => "DROP TRIGGER ledger_transactions_balance",
            };
            run_all(&engine, &[guard.to_owned()]).await;
            run_all(&engine, &transaction(&engine, ("a", 2), 5, 3)).await;
            run_all(&engine, &transaction(&engine, ("b", 3), 3, 5)).await;
            assert_eq!(imbalances().await, [("EUR".to_owned(), 4)]);
            super::super::upkeep::fold(&engine, &CancellationToken::new()).await.unwrap();
            assert_eq!(imbalances().await, [("EUR".to_owned(), 4)]);
        }

        async fn frozen_tenants_are_counted(database: testkit::TestDatabase) {
            let (engine, _) = engine(&database).await;
            assert_eq!(read(&engine).await.unwrap().frozen_tenants, 0);
            let freezes = "INSERT INTO payout_freezes VALUES ('a', 'FROZEN', '', '', 1), ('b', 'FLOWING', '', '', 1), \
                           ('c', 'FROZEN', '', '', 1)";
            run_all(&engine, &[freezes.to_owned()]).await;
            assert_eq!(read(&engine).await.unwrap().frozen_tenants, 2);
        }
    }

    /// As a scraper sees it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_gauges_are_exported() {
        let telemetry = chassis::telemetry::init(chassis::TelemetryOptions {
            service_name: "compensation".to_owned(),
            service_version: "0".to_owned(),
            instance: "test".to_owned(),
            config: chassis::ChassisConfig::default().telemetry,
        });
        let database = testkit::database_from(testkit::Backend::Sqlite, &TEMPLATE, "gauges").await;
        let (engine, _) = engine(&database).await;
        fill(&engine).await;
        run_all(&engine, &transaction(&engine, ("a", 1), 7, 7)).await;
        let stop = CancellationToken::new();
        let running = engine.spawn(run(engine.clone(), Some(engine.now()), stop.clone()));
        let registry = telemetry.registry();
        let exported = testkit::eventually("the gauges are read", Duration::from_secs(20), || {
            let families = registry.gather();
            async move {
                let names: Vec<_> = families.iter().map(|family| family.name().to_owned()).collect();
                let unknown = families.iter().filter(|family| family.name() == "amends_payouts").any(|family| {
                    family.get_metric().iter().any(|metric| {
                        metric.get_gauge().get_value() > 1.5
                            && metric.get_label().iter().any(|label| label.value() == "UNKNOWN")
                    })
                });
                unknown.then_some(names)
            }
        })
        .await;
        for name in [
            "amends_payouts",
            "amends_payout_oldest_seconds",
            "amends_settlement_discrepancies",
            "amends_ledger_imbalance",
            "amends_payouts_frozen",
        ] {
            assert!(exported.iter().any(|exported| exported == name), "{name} in {exported:?}");
        }
        let families = registry.gather();
        let frozen = families.iter().find(|family| family.name() == "amends_payouts_frozen").unwrap();
        let of = |scope: &str| {
            let mut metrics = frozen.get_metric().iter();
            let found = metrics.find(|metric| metric.get_label().iter().any(|label| label.value() == scope));
            found.map(|metric| metric.get_gauge().get_value())
        };
        assert_eq!((of("TENANT"), of("ALL")), (Some(0.0), Some(1.0)));
        stop.cancel();
        running.await.unwrap();
    }
}
