//! What the relay measures: attempts, their durations, fenced results, expired leases, parked calls, and how much
//! waits for each target.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};

use super::health::TargetHealth;

/// The instruments of one relay. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    service: &'static str,
    duration: Histogram<f64>,
    outcomes: Counter<u64>,
    fenced: Counter<u64>,
    expired: Counter<u64>,
    parked: Counter<u64>,
    waiting: Arc<Mutex<Vec<Waiting>>>,
}

/// What waits for one target, as it was last looked at.
#[derive(Debug)]
struct Waiting {
    health: TargetHealth,
    oldest_due: Duration,
}

impl Metrics {
    pub(crate) fn new(service: &'static str) -> Self {
        let meter = opentelemetry::global::meter("amends.durable");
        let waiting: Arc<Mutex<Vec<Waiting>>> = Arc::default();
        let seen = Arc::downgrade(&waiting);
        meter
            .u64_observable_gauge("amends.relay.calls")
            .with_description(
                "Durable calls that are not final, by target and state: due, scheduled (up to 10000), leased, parked",
            )
            .with_callback(move |observer| {
                let Some(waiting) = seen.upgrade() else { return };
                for Waiting { health, .. } in waiting.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    for (state, count) in [
                        ("due", health.due),
                        ("scheduled", health.scheduled),
                        ("leased", health.leased),
                        ("parked", health.parked),
                    ] {
                        observer.observe(
                            count,
                            &[
                                KeyValue::new("amends.service", service),
                                KeyValue::new("target", health.target.clone()),
                                KeyValue::new("state", state),
                            ],
                        );
                    }
                }
            })
            .build();
        let seen = Arc::downgrade(&waiting);
        meter
            .f64_observable_gauge("amends.relay.oldest_due")
            .with_unit("s")
            .with_description("How long the oldest due call has been due, by target; 0 when none is")
            .with_callback(move |observer| {
                let Some(waiting) = seen.upgrade() else { return };
                for Waiting { health, oldest_due } in waiting.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    observer.observe(
                        oldest_due.as_secs_f64(),
                        &[KeyValue::new("amends.service", service), KeyValue::new("target", health.target.clone())],
                    );
                }
            })
            .build();
        Self {
            service,
            duration: meter
                .f64_histogram("rpc.client.call.duration")
                .with_unit("s")
                .with_description("Duration of calls to other services")
                .build(),
            outcomes: meter
                .u64_counter("amends.relay.attempts")
                .with_description("Attempts at durable calls, by target and what they came to")
                .build(),
            fenced: meter
                .u64_counter("amends.relay.fenced")
                .with_description("Results that were dropped because the call had been claimed by somebody else")
                .build(),
            expired: meter
                .u64_counter("amends.relay.leases_expired")
                .with_description("Leases that ran out before their call was finalised")
                .build(),
            parked: meter
                .u64_counter("amends.relay.parked")
                .with_description("Calls that were parked for an operator")
                .build(),
            waiting,
        }
    }

    pub(crate) fn attempt(&self, target: &str, method: &str, code: &'static str, took: Duration) {
        let mut attributes = vec![
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", method.to_owned()),
            KeyValue::new("rpc.response.status_code", code),
            KeyValue::new("target", target.to_owned()),
        ];
        if code != "OK" {
            attributes.push(KeyValue::new("error.type", code));
        }
        self.duration.record(took.as_secs_f64(), &attributes);
    }

    pub(crate) fn outcome(&self, target: &str, outcome: &'static str) {
        let [service, target] = self.labels(target);
        self.outcomes.add(1, &[service, target, KeyValue::new("outcome", outcome)]);
    }

    pub(crate) fn fenced(&self, target: &str, calls: u64) {
        self.fenced.add(calls, &self.labels(target));
    }

    pub(crate) fn expired(&self, target: &str, calls: u64) {
        self.expired.add(calls, &self.labels(target));
    }

    pub(crate) fn parked(&self, target: &str, calls: u64) {
        self.parked.add(calls, &self.labels(target));
    }

    /// Remembers what waits, for the gauges.
    pub(crate) fn waiting(&self, now: kernel::Timestamp, targets: Vec<TargetHealth>) {
        let waiting = targets
            .into_iter()
            .map(|health| Waiting {
                oldest_due: health.oldest_due.map_or(Duration::ZERO, |oldest| now.since(oldest)),
                health,
            })
            .collect();
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
    }

    fn labels(&self, target: &str) -> [KeyValue; 2] {
        [KeyValue::new("amends.service", self.service), KeyValue::new("target", target.to_owned())]
    }
}
