//! What happens when a service refuses a command for good: the relay runs, against services that say no.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use api::intake::case::State;
use durable::Targets;
use kernel::ServiceError;
use testkit::{TestDatabase, eventually, on_both_databases};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;

use crate::harness::{Intake, SCHEMA};

/// Routing, as far as it refuses everything and says that the refusal is on record.
#[derive(Clone)]
struct Refusing;

impl NamedService for Refusing {
    const NAME: &'static str = "amends.routing.v1.RoutingService";
}

impl tonic::codegen::Service<Request<Body>> for Refusing {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let refusal = ServiceError::precondition("QUEUE_CLOSED", "the queue is closed").with("recorded", "true");
        ready(Ok(chassis::to_status(refusal).into_http()))
    }
}

on_both_databases! {
    template: SCHEMA;

    async fn a_refused_command_asks_for_a_person(database: TestDatabase) {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = format!("http://{}", incoming.local_addr().unwrap());
        let server = tonic::transport::Server::builder().add_service(Refusing);
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });

        let channel = chassis::channel(&address, &chassis::ClientConfig::default()).unwrap();
        let names = ["routing", "compensation", "followup"];
        let targets = names.iter().fold(Targets::new(), |all, name| all.with(name, channel.clone()));
        let mut intake = Intake::start_on(Arc::new(database), targets, |_| {}).await;
        let stop = CancellationToken::new();
        for job in std::mem::take(&mut intake.jobs) {
            tasks.spawn((job.run)(stop.clone()));
        }

        let opened = intake.case_of("1", "ada").await;
        let case = eventually("the case needs a person", Duration::from_secs(30), || async {
            Some(intake.case(&opened.name).await).filter(|case| case.needs_attention)
        }).await;
        let method = "amends.routing.v1.RoutingService/OpenWork";
        assert_eq!(case.attention_reason, format!("{method} was refused: QUEUE_CLOSED"));
        assert_eq!((case.state(), case.etag.as_str()), (State::Received, "2"));
        let entry = intake.timeline(&case.customer).await.remove(0);
        assert_eq!((entry.kind.as_str(), entry.attributes["method"].as_str()), ("CALL_REFUSED", method));
        assert_eq!(entry.attributes["reason"], "QUEUE_CLOSED");
        stop.cancel();
        tasks.shutdown().await;
    }
}
