//! How long hand-overs take and how they end, by transport: a metric for whoever watches a mail server.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;

use super::ports::SendError;

/// The metric.
#[derive(Clone, Debug)]
pub(super) struct HandOvers(Histogram<f64>);

impl HandOvers {
    /// Of this process.
    pub(super) fn new() -> Self {
        let meter = opentelemetry::global::meter("amends.followup");
        let histogram = meter
            .f64_histogram("amends.message.hand_over.duration")
            .with_unit("s")
            .with_description("Time that a transport took for one message, by how it ended");
        Self(histogram.build())
    }

    /// One attempt.
    pub(super) fn record(&self, transport: &'static str, took: Duration, result: &Result<(), SendError>) {
        let outcome = match result {
            Ok(()) => "taken",
            Err(SendError::Undeliverable(_)) => "undeliverable",
            Err(SendError::Unavailable(_)) => "unavailable",
        };
        let attributes = [KeyValue::new("amends.transport", transport), KeyValue::new("amends.outcome", outcome)];
        self.0.record(took.as_secs_f64(), &attributes);
    }
}
