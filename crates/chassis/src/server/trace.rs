//! The trace of a call: taken from the caller's W3C headers, continued by the server span, stored as a value.

use std::sync::LazyLock;

use http::HeaderMap;
use kernel::TraceContext;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use tonic::metadata::{MetadataKey, MetadataMap};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::context::header;

static PROPAGATOR: LazyLock<TraceContextPropagator> = LazyLock::new(TraceContextPropagator::new);

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

struct Metadata<'a>(&'a mut MetadataMap);

impl Injector for Metadata<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(key), Ok(value)) = (MetadataKey::from_bytes(key.as_bytes()), value.parse()) {
            self.0.insert(key, value);
        }
    }
}

/// The caller's context; an empty one when its headers are absent or malformed. Baggage is not taken over.
pub(crate) fn parent(headers: &HeaderMap) -> Context {
    PROPAGATOR.extract_with_context(&Context::new(), &Headers(headers))
}

/// The trace of the call whose server span is `span`. Without telemetry there is no span: the caller's trace goes on,
/// or a new one starts, so that a case always has one.
pub(crate) fn of_call(span: &Span, parent: &Context) -> TraceContext {
    let own = span.context().span().span_context().clone();
    if own.is_valid() {
        return as_value(&own);
    }
    let caller = parent.span().span_context().clone();
    if caller.is_valid() {
        return as_value(&caller);
    }
    let ids = RandomIdGenerator::default();
    let (trace, span) = (ids.new_trace_id(), ids.new_span_id());
    as_value(&SpanContext::new(trace, span, TraceFlags::default(), false, TraceState::default()))
}

/// Puts the current span's context into a request's metadata.
pub fn inject_trace(metadata: &mut MetadataMap) {
    PROPAGATOR.inject_context(&Span::current().context(), &mut Metadata(metadata));
}

/// True for a well-formed `traceparent`.
pub(crate) fn is_traceparent(text: &str) -> bool {
    let mut headers = HeaderMap::new();
    let Ok(value) = text.parse() else { return false };
    headers.insert(header::TRACEPARENT, value);
    parent(&headers).span().span_context().is_valid()
}

fn as_value(context: &SpanContext) -> TraceContext {
    let (trace, span): (TraceId, SpanId) = (context.trace_id(), context.span_id());
    TraceContext {
        traceparent: format!("00-{trace}-{span}-{:02x}", context.trace_flags().to_u8() & 1),
        tracestate: context.trace_state().header(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_telemetry_the_callers_trace_goes_on_or_a_new_one_starts() {
        let mut headers = HeaderMap::new();
        let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        headers.insert(header::TRACEPARENT, given.parse().expect("header"));
        headers.insert(header::TRACESTATE, "vendor=1".parse().expect("header"));
        let trace = of_call(&Span::none(), &parent(&headers));
        assert_eq!((trace.traceparent.as_str(), trace.tracestate.as_str()), (given, "vendor=1"));

        headers.insert(header::TRACEPARENT, "00-nonsense-01".parse().expect("header"));
        let fresh = of_call(&Span::none(), &parent(&headers)).traceparent;
        assert!(is_traceparent(&fresh), "{fresh}");
        assert_ne!(fresh, of_call(&Span::none(), &parent(&headers)).traceparent);
    }
}
