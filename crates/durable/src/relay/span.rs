//! The `send` span of a durable call: a new trace with a link to the one that caused the call. Without telemetry there
//! is no span, and the stored trace goes on.

use std::str::FromStr as _;

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::claim::Claimed;

/// Opens the span of one attempt.
pub(crate) fn send(target: &str, call: &Claimed) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "send",
        "otel.name" = format!("send {target}"),
        "otel.kind" = "client",
        "otel.status_code" = Empty,
        "messaging.system" = "amends",
        "messaging.operation.name" = "send",
        "messaging.operation.type" = "send",
        "messaging.destination.name" = target,
        "messaging.message.id" = %call.message_id,
        "rpc.system.name" = "grpc",
        "rpc.method" = call.method,
        "rpc.response.status_code" = Empty,
        "error.type" = Empty,
        "amends.tenant" = call.tenant.as_str(),
        "amends.lane" = Empty,
        "amends.lane_seq" = Empty,
        "amends.attempt" = call.attempts,
        "amends.journey" = call.journey.split('-').nth(1),
    );
    if span.is_disabled() {
        return span;
    }
    if let Some((lane, seq)) = &call.lane {
        span.record("amends.lane", lane.as_str());
        span.record("amends.lane_seq", seq);
    }
    if let Some(cause) = parse(&call.traceparent, &call.tracestate) {
        span.add_link(cause);
    }
    span
}

/// `traceparent` and `tracestate` to send: those of the span, or those that were stored.
pub(crate) fn context(span: &Span, call: &Claimed) -> (String, String) {
    let own = span.context();
    let own = own.span();
    let own = own.span_context();
    if own.is_valid() {
        let flags = own.trace_flags().to_u8() & 1;
        return (format!("00-{}-{}-{flags:02x}", own.trace_id(), own.span_id()), own.trace_state().header());
    }
    (call.traceparent.clone(), call.tracestate.clone())
}

/// Reads a stored trace context; `None` when it is not a valid one.
fn parse(traceparent: &str, tracestate: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version.len() != 2 || trace.len() != 32 || span.len() != 16 || flags.len() != 2 {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & 1),
        true,
        TraceState::from_str(tracestate).unwrap_or_default(),
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn a_stored_context_is_read_or_left_alone() {
        let context = parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=1").expect("valid");
        assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.span_id().to_string(), "b7ad6b7169203331");
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(context.trace_state().header(), "vendor=1");
        for wrong in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-zzf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(parse(wrong, "").is_none(), "{wrong}");
        }
    }
    /// Keeps what is exported.
    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().expect("not poisoned").extend(batch);
            Ok(())
        }
    }

    fn call(traceparent: &str) -> Claimed {
        Claimed {
            message_id: uuid::Uuid::from_u128(7),
            tenant: kernel::TenantId::default_tenant(),
            method: "test.v1.Test/Do".to_owned(),
            lane: Some(("cases/1".to_owned(), 3)),
            body: bytes::Bytes::new(),
            attempts: 2,
            token: 2,
            failing: None,
            traceparent: traceparent.to_owned(),
            tracestate: "vendor=1".to_owned(),
            journey: String::new(),
            claimed_at: kernel::Timestamp::EPOCH,
        }
    }

    #[test]
    fn a_send_starts_a_trace_with_a_link_and_hands_it_on() {
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let call = call("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        let traceparent = tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            // Whatever is going on around it is not its parent.
            let _around = tracing::info_span!("around").entered();
            context(&send("receiver", &call), &call).0
        });
        let spans = kept.0.lock().expect("not poisoned");
        let span = spans.iter().find(|span| span.name == "send receiver").expect("the span is exported");
        assert_eq!(span.parent_span_id, SpanId::INVALID);
        assert_eq!(traceparent, format!("00-{}-{}-01", span.span_context.trace_id(), span.span_context.span_id()));
        let links: Vec<_> = span.links.iter().map(|link| link.span_context.trace_id().to_string()).collect();
        assert_eq!(links, ["0af7651916cd43dd8448eb211c80319c"]);
        for (key, value) in [
            ("messaging.message.id", call.message_id.to_string().as_str()),
            ("messaging.destination.name", "receiver"),
            ("messaging.system", "amends"),
            ("messaging.operation.name", "send"),
            ("rpc.method", "test.v1.Test/Do"),
            ("amends.lane", "cases/1"),
            ("amends.lane_seq", "3"),
            ("amends.attempt", "2"),
        ] {
            let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
            assert_eq!(found.map(|attribute| attribute.value.to_string()).as_deref(), Some(value), "{key}");
        }
    }

    #[test]
    fn without_telemetry_the_stored_trace_goes_on() {
        let call = call("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        let span = send("receiver", &call);
        assert_eq!(context(&span, &call), (call.traceparent.clone(), call.tracestate.clone()));
    }
}
