//! Delivering: one attempt at one call, with its own deadline.

use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use tokio::time::{Instant, timeout};
use tonic::metadata::{Ascii, MetadataKey, MetadataValue};
use tonic::{Code, Request};
use tracing::Instrument as _;

use super::claim::Claimed;
use super::codec::RawCodec;
use super::metrics::Metrics;
use super::span;
use super::targets::Target;
use super::verdict::{Attempt, code_name};

/// Sends calls to one target.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) sender: &'static str,
    pub(crate) name: Arc<str>,
    pub(crate) target: Target,
    pub(crate) deadline: Duration,
    pub(crate) metrics: Metrics,
}

impl Delivery {
    /// One attempt.
    pub(crate) async fn attempt(self, call: Claimed) -> (Claimed, Attempt) {
        let span = span::send(&self.name, &call);
        let started = Instant::now();
        let attempt = self.send(&call, &span).instrument(span.clone()).await;
        let code = match &attempt {
            Attempt::Answered(Ok(())) => Code::Ok,
            Attempt::Answered(Err(status)) => status.code(),
            Attempt::TimedOut => Code::DeadlineExceeded,
            Attempt::Unreachable(_) => Code::Unavailable,
            Attempt::Unsendable(_) => Code::Internal,
        };
        let name = code_name(code);
        span.record("rpc.response.status_code", name);
        if code != Code::Ok {
            span.record("error.type", name);
            span.record("otel.status_code", "ERROR");
        }
        self.metrics.attempt(&self.name, &call.method, name, started.elapsed());
        (call, attempt)
    }

    async fn send(&self, call: &Claimed, span: &tracing::Span) -> Attempt {
        let (request, path) = match self.request(call, span) {
            Ok(parts) => parts,
            Err(why) => return Attempt::Unsendable(why),
        };
        // Responses are not read, so that none is too large.
        let mut client = tonic::client::Grpc::new(self.target.channel.clone()).max_decoding_message_size(usize::MAX);
        let answer = timeout(self.deadline, async {
            match client.ready().await {
                Ok(()) => Attempt::Answered(client.unary(request, path, RawCodec).await.map(|_| ())),
                Err(error) => Attempt::Unreachable(error.to_string()),
            }
        });
        answer.await.unwrap_or(Attempt::TimedOut)
    }

    fn request(&self, call: &Claimed, span: &tracing::Span) -> Result<(Request<bytes::Bytes>, PathAndQuery), String> {
        let path = PathAndQuery::try_from(format!("/{}", call.method)).map_err(|error| format!("method: {error}"))?;
        let mut request = Request::new(call.body.clone());
        request.set_timeout(self.deadline);
        let (traceparent, tracestate) = span::context(span, call);
        let mut headers: Vec<(&'static str, String)> = vec![
            ("x-amends-tenant", call.tenant.to_string()),
            ("x-amends-sender", self.sender.to_owned()),
            ("x-amends-message-id", call.message_id.to_string()),
            ("x-amends-attempt", call.attempts.to_string()),
            ("x-amends-lease-token", call.token.to_string()),
            ("x-amends-journey", call.journey.clone()),
            ("traceparent", traceparent),
            ("tracestate", tracestate),
        ];
        if let Some((lane, seq)) = &call.lane {
            headers.push(("x-amends-lane", lane.clone()));
            headers.push(("x-amends-lane-seq", seq.to_string()));
        }
        let metadata = request.metadata_mut();
        for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
            let value: MetadataValue<Ascii> = value.parse().map_err(|_| format!("{name} cannot be a header"))?;
            metadata.insert(MetadataKey::from_static(name), value);
        }
        if let Some(authorization) = &self.target.authorization {
            metadata.insert("authorization", authorization.clone());
        }
        Ok((request, path))
    }
}
