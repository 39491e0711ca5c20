//! What is told about a call: its server span, its metrics, and one line in the access log. Always once, also when
//! the caller gives up or a handler panics.

use std::time::Instant;

use http::HeaderMap;
use kernel::RequestContext;
use opentelemetry::metrics::{Counter, Histogram, UpDownCounter};
use opentelemetry::{Context, KeyValue, global};
use tonic::Code;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::status::code_name;

/// Buckets that the conventions give for call durations, in seconds.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// `rpc.method` of what does not exist: callers must not make up label values.
pub(crate) const OTHER: &str = "_OTHER";

/// The instruments.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    duration: Histogram<f64>,
    active: UpDownCounter<i64>,
    pub(crate) refused: Counter<u64>,
    pub(crate) rate_limited: Counter<u64>,
    pub(crate) connections: UpDownCounter<i64>,
    pub(crate) connections_refused: Counter<u64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let meter = global::meter("amends.chassis");
        Self {
            duration: meter
                .f64_histogram("rpc.server.call.duration")
                .with_unit("s")
                .with_description("How long calls took, to the last byte of the answer")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            active: meter
                .i64_up_down_counter("amends.rpc.server.active_calls")
                .with_unit("{call}")
                .with_description("Calls and streams that are running")
                .build(),
            refused: meter
                .u64_counter("amends.server.refused_requests")
                .with_unit("{request}")
                .with_description("Requests that were not gRPC, by HTTP status")
                .build(),
            rate_limited: meter
                .u64_counter("amends.server.rate_limited_calls")
                .with_unit("{call}")
                .with_description("Calls that were refused because their tenant made more than it may in a time")
                .build(),
            connections: meter
                .i64_up_down_counter("amends.server.connections")
                .with_unit("{connection}")
                .with_description("Open connections")
                .build(),
            connections_refused: meter
                .u64_counter("amends.server.refused_connections")
                .with_unit("{connection}")
                .with_description(
                    "Connections that were closed at once because there were too many, in all or of one peer",
                )
                .build(),
        }
    }
}

/// A call that is running.
#[derive(Debug)]
pub(crate) struct Record {
    span: Span,
    method: std::sync::Arc<str>,
    started: Instant,
    metrics: Metrics,
    caller: Option<(String, String)>,
    done: bool,
}

impl Record {
    /// Opens the span and starts the clock.
    pub(crate) fn start(method: std::sync::Arc<str>, parent: &Context, headers: &HeaderMap, metrics: &Metrics) -> Self {
        let span = tracing::info_span!(
            "rpc",
            "otel.name" = &*method,
            "otel.kind" = "server",
            "otel.status_code" = Empty,
            "rpc.system.name" = "grpc",
            "rpc.method" = &*method,
            "rpc.response.status_code" = Empty,
            "error.type" = Empty,
            "amends.tenant" = Empty,
            "amends.client" = Empty,
            "messaging.message.id" = Empty,
            "amends.attempt" = Empty,
            "amends.lane" = Empty,
            "amends.journey" = Empty,
        );
        // Without telemetry there is nothing to set the parent of.
        let _no_layer = span.set_parent(parent.clone());
        for (name, field) in
            [(crate::header::MESSAGE_ID, "messaging.message.id"), (crate::header::ATTEMPT, "amends.attempt")]
        {
            if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
                span.record(field, value);
            }
        }
        metrics.active.add(1, &[]);
        Self { span, method, started: Instant::now(), metrics: metrics.clone(), caller: None, done: false }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Remembers who calls.
    pub(crate) fn caller(&mut self, context: &RequestContext) {
        self.span.record("amends.tenant", context.tenant.as_str());
        self.span.record("amends.client", context.client.as_str());
        if let Some(delivery) = &context.lane {
            self.span.record("amends.lane", delivery.lane.as_str());
        }
        // The trace id of the story's first request: from any span of the story all others are found by it.
        if let Some(journey) = context.journey.split('-').nth(1) {
            self.span.record("amends.journey", journey);
        }
        self.caller = Some((context.tenant.to_string(), context.client.clone()));
    }

    /// The call is over.
    pub(crate) fn finish(&mut self, code: Code) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        let took = self.started.elapsed();
        let name = code_name(code);
        let mut attributes = vec![
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", self.method.clone()),
            KeyValue::new("rpc.response.status_code", name),
        ];
        self.span.record("rpc.response.status_code", name);
        if is_server_error(code) {
            attributes.push(KeyValue::new("error.type", name));
            self.span.record("error.type", name);
            self.span.record("otel.status_code", "ERROR");
        }
        let _entered = self.span.enter();
        self.metrics.active.add(-1, &[]);
        self.metrics.duration.record(took.as_secs_f64(), &attributes);
        let (tenant, client) = self.caller.as_ref().map_or(("", ""), |(tenant, client)| (tenant, client));
        tracing::info!(
            target: "amends::access",
            {
                rpc.method = &*self.method,
                rpc.response.status_code = name,
                duration_ms = took.as_micros() as f64 / 1000.0,
                amends.tenant = tenant,
                amends.client = client,
            },
            "call"
        );
    }
}

impl Drop for Record {
    /// Whoever drops a call that has no outcome has given it up.
    fn drop(&mut self) {
        self.finish(Code::Cancelled);
    }
}

/// Codes that tell of the server's failure, not the caller's.
fn is_server_error(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
