//! The admin port, in plain text and never for the public: `grpc.health.v1`, `/livez`, `/readyz`, `/metrics`.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use prometheus::{Registry, TextEncoder};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service;

use crate::health::{Health, Readiness};
use crate::server::tasks::Tasks;

/// Probes and a scraper or two need no more.
const MAX_CONNECTIONS: usize = 128;

/// What the port shows.
#[derive(Clone)]
pub(crate) struct Admin {
    health: Health,
    routes: Routes,
    registry: Option<Registry>,
}

impl Admin {
    pub(crate) fn new(health: Health, registry: Option<Registry>) -> Self {
        let routes = Routes::new(health.server()).prepare();
        Self { health, routes, registry }
    }

    /// Serves until its task is ended: probes must see "draining", not a closed port.
    pub(crate) async fn serve(self, listener: TcpListener, tasks: Tasks) {
        let places = std::sync::Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let tcp = match listener.accept().await {
                Ok((tcp, _)) => tcp,
                Err(error) => {
                    tracing::warn!(%error, "the admin port cannot accept a connection; trying again");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (admin, executor) = (self.clone(), tasks.clone());
            tasks.spawn(async move {
                let mut builder = auto::Builder::new(executor);
                builder.http1().timer(TokioTimer::new());
                builder.http2().timer(TokioTimer::new()).keep_alive_interval(std::time::Duration::from_secs(20));
                let service = service_fn(move |request| admin.clone().answer(request));
                if let Err(error) = builder.serve_connection(TokioIo::new(tcp), service).await {
                    tracing::debug!(error, "a connection to the admin port ended");
                }
                drop(place);
            });
        }
    }

    async fn answer(mut self, request: Request<hyper::body::Incoming>) -> Result<Response<Body>, Infallible> {
        if request.method() == Method::POST {
            return self.routes.call(request).await;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(text(StatusCode::METHOD_NOT_ALLOWED, "only GET is served here\n"));
        }
        Ok(match request.uri().path() {
            // That this answers is the whole of liveness: a database outage must not restart the fleet.
            "/livez" => text(StatusCode::OK, "ok\n"),
            "/readyz" => match self.health.readiness() {
                Readiness::Ready => text(StatusCode::OK, "ok\n"),
                Readiness::NotReady(failing) => text(StatusCode::SERVICE_UNAVAILABLE, failing.join("\n") + "\n"),
                Readiness::Draining => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            },
            "/metrics" => self.metrics(),
            _ => text(StatusCode::NOT_FOUND, "served here: /livez /readyz /metrics\n"),
        })
    }

    fn metrics(&self) -> Response<Body> {
        let Some(registry) = &self.registry else { return text(StatusCode::NOT_FOUND, "metrics are not collected\n") };
        match TextEncoder::new().encode_to_string(&registry.gather()) {
            Ok(body) => {
                let mut response = text(StatusCode::OK, body);
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be written");
                text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n")
            }
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
