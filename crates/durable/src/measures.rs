//! What transactions and requests measure: one record for each transaction, counters for what should be rare.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};
use sea_orm::DbErr;

use crate::tx::TxFailure;

/// The instruments of one engine.
#[derive(Debug)]
pub(crate) struct Measures {
    service: &'static str,
    duration: Histogram<f64>,
    retries: Counter<u64>,
    commit_unknown: Counter<u64>,
    begin_wait: Counter<f64>,
    timeouts: Counter<u64>,
    replays: Counter<u64>,
    mismatches: Counter<u64>,
}

impl Measures {
    pub(crate) fn new(service: &'static str) -> Self {
        let meter = opentelemetry::global::meter("amends.durable");
        Self {
            service,
            duration: meter
                .f64_histogram("amends.tx.duration")
                .with_unit("s")
                .with_description("Duration of named transactions with all their attempts, by what they came to")
                .with_boundaries(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
                .build(),
            retries: meter
                .u64_counter("amends.tx.retries")
                .with_description("Transactions that were run again because another one was in the way")
                .build(),
            commit_unknown: meter
                .u64_counter("amends.tx.commit_unknown")
                .with_description("Transactions whose COMMIT was not answered; the request log decides about them")
                .build(),
            begin_wait: meter
                .f64_counter("amends.tx.begin_wait")
                .with_unit("s")
                .with_description("Time that transactions waited for a connection and for its BEGIN")
                .build(),
            timeouts: meter
                .u64_counter("db.client.connection.timeouts")
                .with_description("Transactions that got no connection of the pool in time")
                .build(),
            replays: meter
                .u64_counter("amends.requests.replayed")
                .with_description("Mutations that were answered from the request log")
                .build(),
            mismatches: meter
                .u64_counter("amends.requests.mismatched")
                .with_description("Mutations that were refused because another request had their request_id")
                .build(),
        }
    }

    /// A named transaction has ended.
    pub(crate) fn ended<T>(&self, tx: &'static str, result: &Result<T, TxFailure>, took: Duration) {
        let outcome = match result {
            Ok(_) => "committed",
            Err(TxFailure::Rejected(_)) => "rejected",
            Err(TxFailure::Db(_)) => "failed",
            Err(TxFailure::Unknown(_)) => {
                self.commit_unknown.add(1, &[self.service(), KeyValue::new("tx", tx)]);
                "unknown"
            }
        };
        let attributes = [self.service(), KeyValue::new("tx", tx), KeyValue::new("outcome", outcome)];
        self.duration.record(took.as_secs_f64(), &attributes);
    }

    /// A transaction has begun, or got no connection.
    pub(crate) fn begun(&self, error: Option<&DbErr>, waited: Duration) {
        self.begin_wait.add(waited.as_secs_f64(), &[self.service()]);
        if matches!(error, Some(DbErr::ConnectionAcquire(_))) {
            self.timeouts.add(1, &[self.service()]);
        }
    }

    pub(crate) fn retried(&self, tx: &'static str) {
        self.retries.add(1, &[self.service(), KeyValue::new("tx", tx)]);
    }

    pub(crate) fn replayed(&self, method: &'static str) {
        self.replays.add(1, &[self.service(), KeyValue::new("rpc.method", method)]);
    }

    pub(crate) fn mismatched(&self, method: &'static str) {
        self.mismatches.add(1, &[self.service(), KeyValue::new("rpc.method", method)]);
    }

    fn service(&self) -> KeyValue {
        KeyValue::new("amends.service", self.service)
    }
}
