//! One call, from its headers to its answer. Read [`Front::handle`]: the layers stand there in their order.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use http::header::{ALLOW, HeaderValue};
use http::{Request, Response, StatusCode};
use kernel::{RequestContext, TenantId};
use opentelemetry::KeyValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service;
use tracing::Instrument;

use super::answer::{finished, refusal, stream_end};
use super::auth::Authenticator;
use super::frames::{Frames, Watched};
use super::front::{self, Call, Refusal};
use super::methods::{Method, Methods};
use super::rates::Rates;
use super::record::{Metrics, OTHER, Record};
use super::shares::{Share, Shares};
use super::trace;
use crate::config::ChassisConfig;
use crate::status;

/// How the clients are named that are services of the suite.
const SERVICE: &str = "service:";

/// The layers around all services.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    shared: Arc<Shared>,
    routes: Routes,
}

#[derive(Debug)]
struct Shared {
    methods: Methods,
    auth: Authenticator,
    metrics: Metrics,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    tenant_rates: Rates<TenantId>,
    tenant_requests: Shares<TenantId>,
    tenant_streams: Shares<TenantId>,
    limits: crate::config::ServerConfig,
    draining: CancellationToken,
}

impl Front {
    /// Layers as configured around `routes`; streams end when `draining` is cancelled.
    pub(crate) fn new(
        config: &ChassisConfig,
        methods: Methods,
        metrics: Metrics,
        routes: Routes,
        draining: CancellationToken,
    ) -> Self {
        let shared = Shared {
            methods,
            auth: Authenticator::new(&config.auth),
            metrics,
            requests: Arc::new(Semaphore::new(config.server.max_requests)),
            streams: Arc::new(Semaphore::new(config.server.max_streams)),
            tenant_rates: Rates::new(config.server.rate_per_tenant.calls, config.server.rate_per_tenant.per),
            tenant_requests: Shares::new(config.server.max_requests_per_tenant),
            tenant_streams: Shares::new(config.server.max_streams_per_tenant),
            limits: config.server.clone(),
            draining,
        };
        Self { shared: Arc::new(shared), routes }
    }

    /// Answers one request, whatever it is.
    pub(crate) async fn handle<B>(self, request: Request<B>) -> Result<Response<Body>, Infallible>
    where
        B: http_body::Body<Data = bytes::Bytes> + Unpin + Send + 'static,
        B::Error: Into<tonic::codegen::StdError>,
    {
        let shared = &*self.shared;
        let (mut parts, body) = request.into_parts();
        // The strict front comes first, but what it refuses is recorded like any other call.
        let checked = front::check(&parts, &shared.methods);
        let name = match &checked {
            Err(Refusal::Http(status)) => return Ok(shared.not_grpc(*status)),
            Err(Refusal::Grpc(_)) => {
                shared.methods.get(parts.uri.path()).map_or_else(|| OTHER.into(), |m| m.name.clone())
            }
            Ok(call) => call.method.name.clone(),
        };
        let parent = trace::parent(&parts.headers);
        let mut record = Record::start(name, &parent, &parts.headers, &shared.metrics);
        let Call { method, timeout } = match checked {
            Ok(call) => call,
            Err(Refusal::Grpc(status)) => return Ok(refusal(status, record)),
            Err(Refusal::Http(status)) => return Ok(shared.not_grpc(status)),
        };
        // The deadline runs from here, so that it covers everything below.
        let limit = shared.limit(method, timeout);
        let until = Instant::now() + limit;
        let permit = match shared.admit(method, limit) {
            Ok(permit) => permit,
            Err(status) => return Ok(refusal(status, record)),
        };
        let mut share = None;
        if !method.open {
            let own = trace::of_call(record.span(), &parent);
            match shared.auth.authenticate(&parts.headers, own) {
                Ok(context) => {
                    record.caller(&context);
                    let admitted = shared.count(&context).and_then(|()| shared.share(method, &context.tenant));
                    share = match admitted {
                        Ok(share) => Some(share),
                        Err(status) => return Ok(refusal(status, record)),
                    };
                    parts.extensions.insert(context);
                }
                Err(status) => return Ok(refusal(status, record)),
            }
        }
        let frames = Frames::new(!method.client_streaming, shared.limits.max_message_bytes);
        let request = Request::from_parts(parts, Body::new(Watched::new(body, frames)));
        let mut routes = self.routes;
        let answered = AssertUnwindSafe(async move { routes.call(request).await })
            .catch_unwind()
            .instrument(record.span().clone());
        let response = match tokio::time::timeout_at(until, answered).await {
            Err(_) => return Ok(refusal(status::deadline_exceeded(limit), record)),
            Ok(Err(_panic)) => {
                let status = record.span().in_scope(status::panicked);
                return Ok(refusal(status, record));
            }
            Ok(Ok(Err(never))) => match never {},
            Ok(Ok(Ok(response))) => response,
        };
        if !method.server_streaming {
            // The work is done. A reader that does not read must not keep the place.
            drop((permit, share));
            return Ok(finished(response, record, None));
        }
        let end = stream_end(until, limit, shared.draining.clone(), (permit, share));
        Ok(finished(response, record, Some(end)))
    }
}

impl Shared {
    /// The shorter of the caller's deadline and ours.
    fn limit(&self, method: &Method, asked: Option<Duration>) -> Duration {
        let most = if method.streams() { self.limits.stream_timeout } else { self.limits.request_timeout };
        asked.map_or(most, |asked| asked.min(most))
    }

    /// A place among the running calls. Refused when there is none, or no time: a call that waits in line behind
    /// more work than the server can do is answered too late anyway.
    fn admit(&self, method: &Method, limit: Duration) -> Result<OwnedSemaphorePermit, Status> {
        if limit.is_zero() {
            return Err(status::deadline_exceeded(limit));
        }
        let (places, what, most) = if method.streams() {
            (&self.streams, "streams", self.limits.max_streams)
        } else {
            (&self.requests, "calls", self.limits.max_requests)
        };
        places.clone().try_acquire_owned().map_err(|_| status::overloaded(what, most))
    }

    /// Counts a call of its tenant. Services of the suite are not counted: their calls are answers to calls that were,
    /// and what they have to say comes again until it is heard.
    fn count(&self, context: &RequestContext) -> Result<(), Status> {
        if context.client.starts_with(SERVICE) {
            return Ok(());
        }
        self.tenant_rates.take(&context.tenant, std::time::Instant::now()).map_err(|wait| {
            self.metrics.rate_limited.add(1, &[]);
            let most = &self.limits.rate_per_tenant;
            status::rate_limited(&context.tenant, most.calls, most.per, wait)
        })
    }

    /// A place of the tenant's own share, or its quota is reached.
    fn share(&self, method: &Method, tenant: &TenantId) -> Result<Share<TenantId>, Status> {
        let (shares, what) =
            if method.streams() { (&self.tenant_streams, "streams") } else { (&self.tenant_requests, "calls") };
        shares.take(tenant).ok_or_else(|| status::tenant_overloaded(tenant, what, shares.most()))
    }

    fn not_grpc(&self, status: StatusCode) -> Response<Body> {
        self.metrics.refused.add(1, &[KeyValue::new("http.response.status_code", i64::from(status.as_u16()))]);
        tracing::debug!(status = status.as_u16(), "not a gRPC request");
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}
