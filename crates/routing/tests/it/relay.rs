//! A routing service with its relay, on a socket: timers come back as calls, milestones reach the sink.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::common::Severity;
use api::extension::milestone::Kind;
use api::extension::milestone_sink_server::{MilestoneSink, MilestoneSinkServer};
use api::extension::{Milestone, ReportMilestonesRequest, ReportMilestonesResponse};
use api::routing as wire;
use api::routing::routing_service_client::RoutingServiceClient;
use api::routing::work_clock::{Kind as ClockKind, State as ClockState};
use api::routing::work_item::State;
use chassis::{ChassisConfig, ClientConfig, ServeOptions, Service};
use durable::Targets;
use testkit::{TestDatabase, eventually, free_port, on_both_databases};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::harness::{HOUR, TEMPLATE, clocks, config, item, parts};

/// A sink that keeps what it is told.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<Milestone>>>);

#[tonic::async_trait]
impl MilestoneSink for Sink {
    async fn report_milestones(
        &self,
        request: Request<ReportMilestonesRequest>,
    ) -> Result<Response<ReportMilestonesResponse>, Status> {
        let milestones = request.into_inner().milestones;
        let taken = i32::try_from(milestones.len()).unwrap_or(i32::MAX);
        self.0.lock().unwrap().extend(milestones);
        Ok(Response::new(ReportMilestonesResponse { taken }))
    }
}

on_both_databases! {
    template: TEMPLATE;

    async fn time_that_runs_out_brings_the_work_to_people_and_the_sink_hears_of_it(database: TestDatabase) {
        let config = config(&database);
        let clock = testkit::virtual_clock();
        let mut chassis_config = ChassisConfig::default();
        chassis_config.auth.mode = Some(chassis::config::AuthMode::Dev);
        chassis_config.server.listen = ([127, 0, 0, 1], free_port()).into();
        chassis_config.server.drain.pre_stop = Duration::ZERO;
        let own = format!("http://{}", chassis_config.server.listen);
        let channel = || chassis::channel(&own, &ClientConfig::default()).unwrap();
        let targets = Targets::new().with("routing", channel()).with("intake", channel());
        let (service, engine) = routing::build(config.clone(), parts(&config, &clock).await, targets).unwrap();
        let sink = Sink::default();
        let intake = Service {
            name: "intake",
            grpc_names: vec!["amends.extension.v1.MilestoneSink"],
            routes: Routes::new(MilestoneSinkServer::new(sink.clone())),
            jobs: Vec::new(),
            readiness: Vec::new(),
        };
        let stop = CancellationToken::new();
        let mut server = JoinSet::new();
        let (bound, listening) = tokio::sync::oneshot::channel();
        let options = ServeOptions { bound: Some(bound), ..ServeOptions::new(chassis_config, vec![service, intake]) };
        server.spawn(chassis::serve(options, stop.clone()));
        listening.await.unwrap();

        let mut api = RoutingServiceClient::new(channel());
        let request = wire::OpenWorkRequest {
            request_id: "open".to_owned(),
            work_item_id: String::new(),
            work_item: Some(item(Severity::Critical)),
            unattended: true,
        };
        let work = api.open_work(request).await.unwrap().into_inner();
        assert_eq!(work.state(), State::Unattended);
        let start = engine.now();
        clock.advance_to(start.plus(8 * HOUR));
        engine.wake_relay();
        let get = wire::GetWorkItemRequest { name: work.name.clone() };
        let late = eventually("both clocks ran out", Duration::from_secs(30), || {
            let (mut api, get) = (api.clone(), get.clone());
            async move {
                let work = api.get_work_item(get).await.unwrap().into_inner();
                (work.escalation_level == 2).then_some(work)
            }
        })
        .await;
        assert_eq!((late.state(), late.queue.as_str()), (State::Waiting, "queues/escalated"));
        let ran_out = [(ClockKind::Acknowledge, ClockState::Breached), (ClockKind::Resolve, ClockState::Breached)];
        assert_eq!(clocks(&late), ran_out);
        let told = eventually("the sink was told", Duration::from_secs(30), || {
            let told = sink.0.lock().unwrap().clone();
            async move { (told.len() >= 4).then_some(told) }
        })
        .await;
        let kinds: Vec<_> = told.iter().map(Milestone::kind).collect();
        let expected = [Kind::ClockBreached, Kind::WorkEscalated, Kind::ClockBreached, Kind::WorkEscalated];
        assert_eq!(kinds, expected);
        assert!(told.iter().all(|milestone| milestone.case == work.case));

        stop.cancel();
        while let Some(ended) = server.join_next().await {
            ended.unwrap().unwrap();
        }
    }
}
