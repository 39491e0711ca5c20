//! What happens when a command does not go through, refused for good or parked: the relay runs, against services that
//! say no.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use api::intake::case::State;
use api::method::operations_service::SKIP_MESSAGE;
use durable::Targets;
use durable::operations::{self, CallFilter, CallState, SkipRequest, list_calls};
use kernel::{RequestContext, ServiceError, TenantId};
use testkit::{TestDatabase, eventually, on_both_databases};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;

use crate::harness::{Intake, SCHEMA};

/// Routing, as far as it refuses everything, in a way that can change.
#[derive(Clone)]
struct Refusing(Arc<Mutex<ServiceError>>);

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
        let refusal = self.0.lock().unwrap().clone();
        ready(Ok(chassis::to_status(refusal).into_http()))
    }
}

/// Says that the refusal is on record.
fn recorded() -> ServiceError {
    ServiceError::precondition("QUEUE_CLOSED", "the queue is closed").with("recorded", "true")
}

/// What no retry can help.
fn hopeless() -> ServiceError {
    ServiceError { reason: api::reason::LANE_REUSED.to_owned(), ..ServiceError::internal("the place is taken") }
}

/// Intake with its relay at work; it ends with the tasks.
async fn refused_by(database: TestDatabase, refusal: ServiceError) -> (Intake, Arc<Mutex<ServiceError>>, JoinSet<()>) {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = format!("http://{}", incoming.local_addr().unwrap());
    let refusal = Arc::new(Mutex::new(refusal));
    let server = tonic::transport::Server::builder().add_service(Refusing(Arc::clone(&refusal)));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });
    let channel = chassis::channel(&address, &chassis::ClientConfig::default()).unwrap();
    let names = ["routing", "compensation", "followup"];
    let targets = names.iter().fold(Targets::new(), |all, name| all.with(name, channel.clone()));
    let mut intake = Intake::start_on(Arc::new(database), targets, |_| {}).await;
    for job in std::mem::take(&mut intake.jobs) {
        tasks.spawn((job.run)(CancellationToken::new()));
    }
    (intake, refusal, tasks)
}

/// Waits until the case needs a person, or does not any more.
async fn until(intake: &Intake, name: &str, needed: bool) -> api::intake::Case {
    eventually(&format!("a person is needed: {needed}"), Duration::from_secs(30), || async {
        Some(intake.case(name).await).filter(|case| case.needs_attention == needed)
    })
    .await
}

on_both_databases! {
    template: SCHEMA;

    async fn a_refused_command_asks_for_a_person(database: TestDatabase) {
        let (intake, _, mut tasks) = refused_by(database, recorded()).await;
        let opened = intake.case_of("1", "ada").await;
        let case = until(&intake, &opened.name, true).await;
        let method = "amends.routing.v1.RoutingService/OpenWork";
        assert_eq!(case.attention_reason, format!("{method} was refused: QUEUE_CLOSED"));
        assert_eq!((case.state(), case.etag.as_str()), (State::Received, "2"));
        let entry = intake.timeline(&case.customer).await.remove(0);
        assert_eq!((entry.kind.as_str(), entry.attributes["method"].as_str()), ("CALL_REFUSED", method));
        assert_eq!(entry.attributes["reason"], "QUEUE_CLOSED");
        tasks.shutdown().await;
    }

    /// A parked command asks for a person until an operator has it sent again or gives it up.
    async fn a_parked_command_asks_for_a_person_until_it_is_dealt_with(database: TestDatabase) {
        let (intake, refusal, mut tasks) = refused_by(database, hopeless()).await;
        let opened = intake.case_of("1", "ada").await;
        let case = until(&intake, &opened.name, true).await;
        let method = "amends.routing.v1.RoutingService/OpenWork";
        let expected = format!("{method} does not go through and waits for an operator: INTERNAL LANE_REUSED");
        assert_eq!((case.attention_reason.as_str(), case.state()), (expected.as_str(), State::Received));
        let parked = CallFilter { state: Some(CallState::Parked), lane: None };
        let calls = list_calls(&intake.engine, &TenantId::default_tenant(), &parked, None, 10).await.unwrap();
        let [call] = calls.as_slice() else { panic!("one call is parked: {calls:?}") };

        let (engine, operator) = (&intake.engine, &RequestContext::for_client(TenantId::default_tenant(), "operator"));
        // A call that is being sent at this moment cannot be retried; a moment later it waits.
        let retry = || eventually("the call waits", Duration::from_secs(30), || async {
            let retried = engine.run_tx("test.retry", move |tx| async move {
                operations::retry_in_tx(&tx, engine, operator, call.message_id, "mended").await
            });
            retried.await.ok()
        });
        let later = ServiceError::unavailable("STORAGE_UNAVAILABLE", "later", Duration::from_secs(60));
        *refusal.lock().unwrap() = later.clone();
        retry().await;
        let etag = until(&intake, &opened.name, false).await.etag;
        // It waits already: nothing about the case changes.
        retry().await;
        assert_eq!(intake.case(&opened.name).await.etag, etag);

        *refusal.lock().unwrap() = hopeless();
        retry().await;
        until(&intake, &opened.name, true).await;
        *refusal.lock().unwrap() = later;
        let discarded = engine.run_tx("test.discard", |tx| async move {
            let skip = |_: &operations::Call, _| Some(SkipRequest { method: SKIP_MESSAGE, body: Vec::new() });
            operations::discard_in_tx(&tx, engine, operator, call.message_id, "not needed", skip).await
        });
        discarded.await.unwrap();
        let case = until(&intake, &opened.name, false).await;
        let kinds: Vec<String> = intake.timeline(&case.customer).await.into_iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds[..4], ["CALL_DISCARDED", "CALL_PARKED", "CALL_RETRIED", "CALL_PARKED"]);
        tasks.shutdown().await;
    }
}
