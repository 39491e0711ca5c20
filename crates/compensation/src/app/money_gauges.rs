//! What is measured about money that is not where it should be yet: payouts whose fate is not known or that a person
//! has, how long, and differences from the provider's books.
//!
//! Read at a slow pace from indexes that hold nothing else; what has ended is counted when it ends
//! (`amends.payout.steps`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use durable::{Engine, TxError, sql};
use kernel::{ServiceError, Timestamp};
use opentelemetry::KeyValue;
use sea_orm::ConnectionTrait as _;
use tokio_util::sync::CancellationToken;

use crate::domain::settlement::DiscrepancyKind;
use crate::store::payouts::UNSETTLED;

/// How often the gauges are read.
const PERIOD: Duration = Duration::from_secs(15);

/// What is measured, as it was last read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MoneyGauges {
    /// Payouts by state, with the age of the oldest.
    pub(crate) payouts: Vec<(&'static str, u64, Duration)>,
    /// Open discrepancies by kind.
    pub(crate) discrepancies: Vec<(&'static str, u64)>,
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
    Ok(MoneyGauges { payouts, discrepancies: DiscrepancyKind::ALL.map(of).into() })
}

/// Registers the gauges, and keeps them read until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let last: Arc<Mutex<MoneyGauges>> = Arc::default();
    register(&last);
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
