//! The service with its relay, on a socket: its own calls come back to it, and the sink hears of everything in order.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::compensation as wire;
use api::compensation::compensation_service_client::CompensationServiceClient;
use api::compensation::{payout, remedy};
use api::extension::milestone_sink_server::{MilestoneSink, MilestoneSinkServer};
use api::extension::{ReportMilestonesRequest, ReportMilestonesResponse};
use chassis::{ChassisConfig, ClientConfig, ServeOptions, Service};
use durable::{Db, EngineParts, Targets};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::harness::{TEMPLATE, config, money_fact, remedy_of};

/// A sink that keeps what it is told.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<String>>>);

#[tonic::async_trait]
impl MilestoneSink for Sink {
    async fn report_milestones(
        &self,
        request: Request<ReportMilestonesRequest>,
    ) -> Result<Response<ReportMilestonesResponse>, Status> {
        let kinds = request.get_ref().milestones.iter().map(|told| told.kind().as_str_name().to_owned());
        self.0.lock().unwrap().extend(kinds);
        Ok(Response::new(ReportMilestonesResponse { taken: 1 }))
    }
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn an_accepted_refund_is_paid_and_announced_by_itself(database: testkit::TestDatabase) {
        let config = config(&database);
        let clock = testkit::virtual_clock();
        let mut chassis = ChassisConfig::default();
        chassis.auth.mode = Some(chassis::config::AuthMode::Dev);
        chassis.server.listen = ([127, 0, 0, 1], testkit::free_port()).into();
        chassis.server.drain.pre_stop = Duration::ZERO;
        let own = format!("http://{}", chassis.server.listen);
        let channel = || chassis::channel(&own, &ClientConfig::default()).unwrap();
        let parts = EngineParts {
            service: compensation::NAME,
            db: Db::connect(&config.store.database).await.unwrap(),
            clock: Arc::new(clock.clone()),
            ids: Arc::new(kernel::RandomIds),
            config: config.store.engine.clone(),
        };
        let targets = Targets::new().with(compensation::NAME, channel()).with("intake", channel());
        let (service, engine) = compensation::build(config, parts, targets).unwrap();
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
        let (bound, listening) = oneshot::channel();
        let options = ServeOptions { bound: Some(bound), ..ServeOptions::new(chassis, vec![service, intake]) };
        server.spawn(chassis::serve(options, stop.clone()));
        listening.await.unwrap();

        let mut api = CompensationServiceClient::new(channel());
        let event = api::common::FailureEvent {
            kind: "flight.cancelled".to_owned(),
            occurred_at: Some(chassis::wire::to_timestamp(engine.now())),
            reference: "UA 1545".to_owned(),
            facts: [("ticket_price".to_owned(), money_fact("USD", 21_450))].into(),
        };
        let wanted = wire::Remedy { payee: "timeout-after-execute:ada".to_owned(), ..remedy_of(7, event) };
        let open = wire::OpenRemedyRequest {
            request_id: "open".to_owned(),
            remedy_id: String::new(),
            remedy: Some(wanted),
        };
        let opened = api.open_remedy(open).await.unwrap().into_inner();
        let accept = wire::RespondToOfferRequest {
            request_id: "accept".to_owned(),
            name: opened.offer.clone(),
            response: Some(wire::respond_to_offer_request::Response::AcceptOption("refund".to_owned())), consent: String::new(),
        };
        api.respond_to_offer(accept).await.unwrap();
        let refund = api.get_remedy(wire::GetRemedyRequest { name: opened.name.clone() }).await.unwrap().into_inner().payouts;
        let state = |wanted: payout::State| {
            let (mut api, name) = (api.clone(), refund[0].clone());
            async move {
                let read = api.get_payout(wire::GetPayoutRequest { name }).await.unwrap().into_inner();
                (read.state() == wanted).then_some(())
            }
        };
        let within = Duration::from_secs(20);
        testkit::eventually("the first answer is lost", within, || state(payout::State::Unknown)).await;
        clock.advance(Duration::from_secs(60));
        engine.wake_relay();
        testkit::eventually("the second attempt is answered", within, || state(payout::State::Confirmed)).await;
        testkit::eventually("the sink hears of the end", within, || {
            let told = sink.0.lock().unwrap().clone();
            async move { told.iter().any(|kind| kind == "KIND_REMEDY_SETTLED").then_some(()) }
        })
        .await;
        let told = sink.0.lock().unwrap().clone();
        let expected = [
            "KIND_OFFER_MADE",
            "KIND_OFFER_ACCEPTED",
            "KIND_VOUCHER_ISSUED",
            "KIND_PAYOUT_CONFIRMED",
            "KIND_REMEDY_SETTLED",
        ];
        assert_eq!(told, expected);
        let settled = api.get_remedy(wire::GetRemedyRequest { name: opened.name }).await.unwrap().into_inner();
        assert_eq!(settled.state(), remedy::State::Settled);
        stop.cancel();
        while server.join_next().await.is_some() {}
    }
}
