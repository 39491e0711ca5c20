//! The W3C trace context as it is stored: with a case, with a durable call.

use serde::{Deserialize, Serialize};

/// `traceparent` and `tracestate` as received; empty when there was none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    /// W3C `traceparent`, e.g. `00-<32 hex>-<16 hex>-01`. Unsampled contexts (`-00`) are kept too.
    pub traceparent: String,
    /// W3C `tracestate`.
    pub tracestate: String,
}

impl TraceContext {
    /// True when there is no context.
    pub fn is_empty(&self) -> bool {
        self.traceparent.is_empty()
    }

    /// The 32 hex digits of the trace id, when there are any.
    pub fn trace_id(&self) -> Option<&str> {
        self.traceparent.split('-').nth(1).filter(|id| id.len() == 32)
    }
}
