//! While the call that takes a payout on is parked, the payout needs a person.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use std::time::Duration;

use api::compensation::payout::State;
use api::extension::milestone::Kind;
use durable::Targets;
use kernel::ServiceError;
use testkit::eventually;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;

use crate::harness::{Desk, TEMPLATE, case, config};

/// A compensation that answers what no retry can help.
#[derive(Clone)]
struct Hopeless;

impl NamedService for Hopeless {
    const NAME: &'static str = "amends.compensation.v1.CompensationService";
}

impl tonic::codegen::Service<Request<Body>> for Hopeless {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let internal = ServiceError::internal("the place is taken");
        let error = ServiceError { reason: api::reason::LANE_REUSED.to_owned(), ..internal };
        ready(Ok(chassis::to_status(error).into_http()))
    }
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_payout_whose_step_is_parked_needs_a_person(database: testkit::TestDatabase) {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = format!("http://{}", incoming.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        let server = tonic::transport::Server::builder().add_service(Hopeless);
        tasks.spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });
        let channel = chassis::channel(&address, &chassis::ClientConfig::default()).unwrap();
        let targets = Targets::new().with(compensation::NAME, channel.clone()).with("intake", channel);
        let (desk, jobs) = Desk::with_targets(config(&database), targets).await;
        let (_, payout) = desk.refund("ada", ("EUR", 100)).await;
        for job in jobs {
            tasks.spawn((job.run)(CancellationToken::new()));
        }
        let told = eventually("the case is told", Duration::from_secs(30), || async {
            let milestones = desk.milestones(&case(7)).await;
            milestones.into_iter().find(|told| told.kind() == Kind::PayoutNeedsAttention)
        })
        .await;
        assert_eq!((told.subject.as_str(), told.attributes["reason"].as_str()), (payout.name.as_str(), "CALL_PARKED"));
        assert_eq!(desk.get_payout(&payout.name).await.state(), State::Reserved);
        let own = desk.recorded(compensation::NAME).await;
        assert!(own.iter().any(|call| call.state == "parked"), "{:?}", own.iter().map(|call| &call.state).collect::<Vec<_>>());
        tasks.shutdown().await;
    }
}
