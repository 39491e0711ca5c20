//! The whole loop over real sockets: the service is served, its relay runs, a sink is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use amends_followup::NAME;
use api::extension::milestone_sink_server::{MilestoneSink, MilestoneSinkServer};
use api::extension::{Milestone, ReportMilestonesRequest, ReportMilestonesResponse};
use api::followup::message::State;
use api::method::operations_service::SKIP_MESSAGE;
use chassis::config::ChassisConfig;
use chassis::{ClientConfig, ServeOptions};
use durable::{Targets, operations};
use testkit::{Backend, TestDatabase, database_from, eventually, free_port};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::harness::{DAY, FollowUp, SCHEMA, apology, case, new_plan};

const SOON: Duration = Duration::from_secs(20);

/// A sink that keeps what it is told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Milestone>>>);

#[tonic::async_trait]
impl MilestoneSink for Told {
    async fn report_milestones(
        &self,
        request: Request<ReportMilestonesRequest>,
    ) -> Result<Response<ReportMilestonesResponse>, Status> {
        let milestones = request.into_inner().milestones;
        let taken = i32::try_from(milestones.len()).unwrap();
        self.0.lock().unwrap().extend(milestones);
        Ok(Response::new(ReportMilestonesResponse { taken }))
    }
}

impl Told {
    async fn kinds(&self, count: usize) -> Vec<String> {
        eventually("the sink is told", SOON, || async {
            let told = self.0.lock().unwrap();
            (told.len() >= count)
                .then(|| told.iter().map(|m| m.kind().as_str_name()["KIND_".len()..].to_owned()).collect())
        })
        .await
    }

    fn reasons(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|told| told.attributes["reason"].clone()).collect()
    }
}

/// A follow-up that answers what no retry can help.
#[derive(Clone)]
struct Hopeless;

impl tonic::server::NamedService for Hopeless {
    const NAME: &'static str = "amends.followup.v1.FollowUpService";
}

impl tonic::codegen::Service<tonic::codegen::http::Request<tonic::body::Body>> for Hopeless {
    type Response = tonic::codegen::http::Response<tonic::body::Body>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: tonic::codegen::http::Request<tonic::body::Body>) -> Self::Future {
        let error = kernel::ServiceError {
            reason: api::reason::LANE_REUSED.to_owned(),
            ..kernel::ServiceError::internal("the place is taken")
        };
        std::future::ready(Ok(chassis::to_status(error).into_http()))
    }
}

fn channel(port: u16) -> Channel {
    chassis::channel(&format!("http://127.0.0.1:{port}"), &ClientConfig::default()).unwrap()
}

/// A served follow-up whose calls to itself go to `own_port`; its server ends with the set.
async fn served(
    database: TestDatabase,
    own_port: u16,
    port: u16,
    serving: &mut JoinSet<anyhow::Result<()>>,
) -> (FollowUp, Told) {
    let told = Told::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sink_port = listener.local_addr().unwrap().port();
    let server = MilestoneSinkServer::new(told.clone());
    serving.spawn(async move {
        let router = tonic::transport::Server::builder().add_service(server);
        router.serve_with_incoming(TcpListenerStream::new(listener)).await.map_err(anyhow::Error::from)
    });
    let targets = Targets::new().with(NAME, channel(own_port)).with("intake", channel(sink_port));
    let (follow_up, service) = FollowUp::build(database, |_| {}, targets).await;
    let mut config = ChassisConfig::default();
    config.auth.mode = Some(chassis::config::AuthMode::Dev);
    config.server.listen = ([127, 0, 0, 1], port).into();
    let (bound, is_bound) = tokio::sync::oneshot::channel();
    let options = ServeOptions { bound: Some(bound), ..ServeOptions::new(config, vec![service]) };
    serving.spawn(chassis::serve(options, CancellationToken::new()));
    is_bound.await.unwrap();
    (follow_up, told)
}

/// Where a follow-up listens that answers what no retry can help.
async fn hopeless(serving: &mut JoinSet<anyhow::Result<()>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    serving.spawn(async move {
        let router = tonic::transport::Server::builder().add_service(Hopeless);
        router.serve_with_incoming(TcpListenerStream::new(listener)).await.map_err(anyhow::Error::from)
    });
    port
}

/// An operator gives up the one call that is parked.
async fn discard_the_parked(follow_up: &FollowUp) {
    let (engine, tenant) = (&follow_up.engine, kernel::TenantId::default_tenant());
    let filter = operations::CallFilter { state: Some(operations::CallState::Parked), lane: None };
    let parked = operations::list_calls(engine, &tenant, &filter, None, 2).await.unwrap();
    let [parked] = parked.as_slice() else { panic!("one call is parked: {parked:?}") };
    let operator = &kernel::RequestContext::for_client(tenant, "operator");
    let discarded = engine.run_tx("test.discard", |tx| async move {
        let skip = |_: &operations::Call, _| Some(operations::SkipRequest { method: SKIP_MESSAGE, body: Vec::new() });
        operations::discard_in_tx(&tx, engine, operator, parked.message_id, "not needed", skip).await
    });
    discarded.await.unwrap();
}

testkit::on_both_databases! {
    template: SCHEMA;

    async fn messages_leave_plans_step_and_the_sink_is_told(database: TestDatabase) {
        let mut serving = JoinSet::new();
        let port = free_port();
        let (follow_up, told) = served(database, port, port, &mut serving).await;
        let queued = follow_up.send(apology("r1")).await.unwrap();
        assert_eq!(told.kinds(1).await, ["MESSAGE_SENT"]);
        assert_eq!(follow_up.message(&queued.name).await.state(), State::Sent);
        assert!(follow_up.mail().contains("Subject: I am sorry about your flight UA1545"));

        follow_up.start_plan(new_plan("p1")).await.unwrap();
        assert_eq!(told.kinds(2).await[1..], ["PLAN_STARTED"]);
        follow_up.clock.advance(3 * DAY);
        follow_up.engine.wake_relay();
        assert_eq!(told.kinds(3).await[2..], ["MESSAGE_SENT"]);
        let survey = follow_up.surveys().await.remove(0);
        follow_up.answer("a1", &survey.name, 3).await.unwrap();
        assert_eq!(told.kinds(5).await[3..], ["SURVEY_ANSWERED", "STILL_WRONG"]);
    }

    async fn a_delivery_that_is_refused_for_good_fails_the_message(database: TestDatabase) {
        let mut serving = JoinSet::new();
        // Its calls go to another follow-up, which does not know the message.
        let stranger = database_from(Backend::Sqlite, &SCHEMA, "stranger").await;
        let other_port = free_port();
        let (_other, _) = served(stranger, other_port, other_port, &mut serving).await;
        let (follow_up, told) = served(database, other_port, free_port(), &mut serving).await;
        let queued = follow_up.send(apology("r1")).await.unwrap();
        assert_eq!(told.kinds(1).await, ["MESSAGE_FAILED"]);
        let failed = follow_up.message(&queued.name).await;
        assert_eq!((failed.state(), failed.failure_reason.as_str()), (State::Failed, "RESOURCE_NOT_FOUND"));
    }

    /// While its delivery is parked the case is told that a message fails, and the message is open; it has failed when an
    /// operator gives the delivery up.
    async fn a_delivery_that_is_parked_is_told(database: TestDatabase) {
        let mut serving = JoinSet::new();
        let own_port = hopeless(&mut serving).await;
        let (follow_up, told) = served(database, own_port, free_port(), &mut serving).await;
        let queued = follow_up.send(apology("r1")).await.unwrap();
        assert_eq!(told.kinds(1).await, ["MESSAGE_FAILED"]);
        assert_eq!(told.reasons(), ["CALL_PARKED"]);
        assert_eq!(follow_up.message(&queued.name).await.state(), State::Queued);

        discard_the_parked(&follow_up).await;
        assert_eq!(told.kinds(2).await, ["MESSAGE_FAILED", "MESSAGE_FAILED"]);
        assert_eq!(told.reasons(), ["CALL_PARKED", "CALL_DISCARDED"]);
        assert_eq!(follow_up.message(&queued.name).await.state(), State::Failed);
    }

    /// While the timer of a plan is parked its case is told, and again when an operator gives it up.
    async fn a_timer_that_is_parked_is_told(database: TestDatabase) {
        let mut serving = JoinSet::new();
        let own_port = hopeless(&mut serving).await;
        let (follow_up, told) = served(database, own_port, free_port(), &mut serving).await;
        let plan = follow_up.start_plan(new_plan("p1")).await.unwrap();
        assert_eq!(told.kinds(1).await, ["PLAN_STARTED"]);
        follow_up.clock.advance(3 * DAY);
        follow_up.engine.wake_relay();
        assert_eq!(told.kinds(2).await[1..], ["PLAN_NEEDS_ATTENTION"]);
        discard_the_parked(&follow_up).await;
        assert_eq!(told.kinds(3).await[2..], ["PLAN_NEEDS_ATTENTION"]);
        let told = told.0.lock().unwrap().split_off(1);
        let reasons: Vec<&str> = told.iter().map(|milestone| milestone.attributes["reason"].as_str()).collect();
        assert_eq!(reasons, ["CALL_PARKED", "CALL_DISCARDED"]);
        assert_eq!(told[0].attributes["call"], told[1].attributes["call"]);
        assert!(told.iter().all(|milestone| milestone.subject == plan.name && milestone.case == case(1)));
    }
}

#[tokio::test]
async fn a_service_without_a_target_that_it_needs_is_not_built() {
    let database = database_from(Backend::Sqlite, &SCHEMA, "targets").await;
    let db = durable::Db::connect(&durable::DatabaseConfig { url: database.url.clone(), ..Default::default() })
        .await
        .unwrap();
    for (targets, missing) in
        [(Targets::new().with(NAME, channel(1)), "intake"), (Targets::new().with("intake", channel(1)), "followup")]
    {
        let parts = durable::EngineParts {
            service: NAME,
            db: db.clone(),
            clock: Arc::new(testkit::virtual_clock()),
            ids: Arc::new(kernel::RandomIds),
            config: durable::EngineConfig::default(),
        };
        let error = amends_followup::build(amends_followup::Config::default(), parts, targets).unwrap_err();
        assert_eq!(error.to_string(), format!("there is no target named `{missing}` to call"));
    }
}
