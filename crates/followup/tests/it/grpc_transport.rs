//! A `MessageTransport` of the user's: what it gets, and what its answers mean.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use amends_followup::{GrpcConfig, TransportKind};
use api::common::contact_point::Kind;
use api::extension::message_transport_server::{MessageTransport, MessageTransportServer};
use api::extension::{SendRequest, SendResponse};
use api::followup::message::State;
use chassis::{ClientConfig, to_status};
use kernel::{ErrorCode, ServiceError};
use testkit::{Backend, database_from};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::harness::{FollowUp, SCHEMA, apology, contact};

type Answer = Box<dyn Fn() -> Result<(), ServiceError> + Send + Sync>;

struct Carrier {
    got: Arc<Mutex<Vec<(SendRequest, String)>>>,
    answer: Answer,
}

#[tonic::async_trait]
impl MessageTransport for Carrier {
    async fn send(&self, request: Request<SendRequest>) -> Result<Response<SendResponse>, Status> {
        let tenant = request.metadata().get("x-amends-tenant").unwrap().to_str().unwrap().to_owned();
        self.got.lock().unwrap().push((request.into_inner(), tenant));
        (self.answer)().map(|()| Response::new(SendResponse::default())).map_err(to_status)
    }
}

async fn one_delivery(answer: Answer) -> (Vec<ServiceError>, State, Vec<(SendRequest, String)>, String) {
    let got = Arc::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = MessageTransportServer::new(Carrier { got: Arc::clone(&got), answer });
    let mut serving = JoinSet::new();
    serving.spawn(
        tonic::transport::Server::builder().add_service(server).serve_with_incoming(TcpListenerStream::new(listener)),
    );
    let follow_up = FollowUp::start_with(database_from(Backend::Sqlite, &SCHEMA, "grpc").await, |config| {
        config.channels.app = TransportKind::Grpc;
        config.grpc = Some(GrpcConfig {
            address: format!("http://{address}"),
            timeout: Duration::from_secs(5),
            client: ClientConfig::default(),
        });
    })
    .await;
    let mut request = apology("r1");
    request.message.as_mut().unwrap().to = contact(Kind::App, "user-7");
    let queued = follow_up.send(request).await.unwrap();
    let failures = follow_up.pump().await;
    let message = follow_up.message(&queued.name).await;
    let got = got.lock().unwrap().clone();
    (failures, message.state(), got, queued.name)
}

#[tokio::test]
async fn it_gets_the_message_and_the_tenant() {
    let (failures, state, got, name) = one_delivery(Box::new(|| Ok(()))).await;
    assert_eq!((failures.len(), state), (0, State::Sent));
    let (request, tenant) = &got[0];
    assert_eq!(format!("messages/{}", request.message_id), name);
    assert_eq!(request.to, contact(Kind::App, "user-7"));
    assert_eq!(request.subject, "I am sorry about your flight UA1545");
    assert!(request.body.starts_with("Hello,"));
    assert_eq!(tenant, "default");
}

#[tokio::test]
async fn undeliverable_is_final_and_everything_else_is_tried_again() {
    let undeliverable = || Err(ServiceError::precondition("UNDELIVERABLE", "user-7 has left"));
    let (failures, state, ..) = one_delivery(Box::new(undeliverable)).await;
    assert_eq!((failures.len(), state), (0, State::Failed));

    let other = || Err(ServiceError::precondition("NOT_TODAY", "no"));
    let defect = || Err(ServiceError::new(ErrorCode::Internal, "INTERNAL", "internal error"));
    for answer in [Box::new(other) as Answer, Box::new(defect)] {
        let (failures, state, ..) = one_delivery(answer).await;
        assert_eq!(failures[0].reason, "TRANSPORT_UNAVAILABLE");
        assert_eq!(state, State::Queued);
    }
}
