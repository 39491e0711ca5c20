//! Four processes on PostgreSQL, killed a hundred times while they work: nothing lost, nothing paid twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use amends::role::Role;
use amends_tests::checker::Checker;
use amends_tests::processes::Processes;
use api::compensation::compensation_service_client::CompensationServiceClient;
use api::compensation::respond_to_offer_request::Response as OfferResponse;
use api::compensation::{ListOffersRequest, ListPayoutsRequest, RespondToOfferRequest, offer, payout, remedy_line};
use api::intake::case::State;
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{AddAffectedRequest, GetCaseRequest, ReportDisruptionRequest};
use kernel::{Clock as _, SystemClock};
use tokio::sync::{Mutex, Semaphore};
use tonic::transport::Channel;

use crate::support::{affected, disruption, event, money};

/// Processes killed in a run.
const KILLS: u32 = 100;
/// Flights cancelled in a run; each has one customer with a ticket price of its own, so that one amount names one payout.
const FLIGHTS: i64 = 240;
/// How long a client goes on repeating one call.
const PATIENCE: Duration = Duration::from_secs(120);

/// Calls again and again, always the same request, until it is answered: what a client must do, and all that it must do.
async fn until_answered<T, Fut>(what: &str, mut call: impl FnMut() -> Fut) -> T
where
    Fut: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
{
    testkit::eventually(what, PATIENCE, || {
        let answer = tokio::time::timeout(Duration::from_secs(5), call());
        async move { answer.await.ok()?.ok().map(tonic::Response::into_inner) }
    })
    .await
}

fn cents(flight: i64) -> i64 {
    10_000 + flight
}

/// Reports one cancelled flight, waits for the offer, takes the refund; the case that came of it.
async fn one_customer(
    intake: IntakeServiceClient<Channel>,
    compensation: CompensationServiceClient<Channel>,
    flight: i64,
) -> String {
    let event = event("flight.cancelled", SystemClock.now(), []);
    let report = ReportDisruptionRequest {
        request_id: format!("report-{flight}"),
        disruption: Some(disruption(&format!("F{flight}"), event)),
    };
    let reported = until_answered("the disruption is taken", || {
        let (mut intake, report) = (intake.clone(), report.clone());
        async move { intake.report_disruption(report).await }
    })
    .await;
    let batch = AddAffectedRequest {
        request_id: format!("batch-{flight}"),
        disruption: reported.name,
        affected: vec![affected(
            &format!("passenger{flight}@example.com"),
            [("ticket_price", money("USD", cents(flight)))],
        )],
    };
    let added = until_answered("the customer is added", || {
        let (mut intake, batch) = (intake.clone(), batch.clone());
        async move { intake.add_affected(futures::stream::iter([batch])).await }
    })
    .await;
    let case = added.results[0].case.clone();

    let open = testkit::eventually("an offer for the case", PATIENCE, || {
        let (mut compensation, case) = (compensation.clone(), case.clone());
        async move {
            let offers = compensation
                .list_offers(ListOffersRequest { case, ..Default::default() })
                .await
                .ok()?
                .into_inner()
                .offers;
            offers.into_iter().find(|offer| offer.state() == offer::State::Open)
        }
    })
    .await;
    let refund = open
        .options
        .iter()
        .find(|option| option.lines.iter().any(|line| line.kind() == remedy_line::Kind::Money))
        .expect("a refund");
    let accept = RespondToOfferRequest {
        request_id: format!("accept-{flight}"),
        name: open.name.clone(),
        response: Some(OfferResponse::AcceptOption(refund.id.clone())),
        consent: String::new(),
    };
    until_answered("the refund is accepted", || {
        let (mut compensation, accept) = (compensation.clone(), accept.clone());
        async move { compensation.respond_to_offer(accept).await }
    })
    .await;
    case
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_kills_lose_nothing_and_pay_nothing_twice() {
    let binary = Path::new(env!("CARGO_BIN_EXE_amends_node"));
    let processes = Processes::start(binary, "fault_kill", "[followup.mailbox]\nfile = \"mailbox.mbox\"\n").await;
    let intake = IntakeServiceClient::new(processes.channel(Role::Intake));
    let compensation = CompensationServiceClient::new(processes.channel(Role::Compensation));
    let processes = Arc::new(Mutex::new(processes));

    let mut killer = tokio::task::JoinSet::new();
    {
        let processes = Arc::clone(&processes);
        killer.spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_millis(250));
            for number in 0..KILLS {
                pace.tick().await;
                let role = Role::ALL[(number as usize) % Role::ALL.len()];
                let mut processes = processes.lock().await;
                processes.kill(role);
                processes.spawn(role);
            }
        });
    }

    // The flights are spread over the time of the kills.
    let at_once = Arc::new(Semaphore::new(12));
    let mut customers = tokio::task::JoinSet::new();
    for flight in 0..FLIGHTS {
        let permit = Arc::clone(&at_once).acquire_owned().await.expect("a turn");
        let (intake, compensation) = (intake.clone(), compensation.clone());
        customers.spawn(async move {
            let case = one_customer(intake, compensation, flight).await;
            drop(permit);
            (flight, case)
        });
    }
    let cases: BTreeMap<i64, String> = customers.join_all().await.into_iter().collect();
    killer.join_next().await.expect("it runs").expect("the killer ends");

    let processes = Arc::into_inner(processes).expect("the killer has ended").into_inner();
    assert_eq!(processes.kills, KILLS);
    for role in Role::ALL {
        processes.serving(role).await;
    }
    let checker = Checker::of_databases(&processes.databases).await;
    testkit::eventually("nothing is due any more", PATIENCE, || async { checker.is_quiet().await.then_some(()) }).await;
    // An expired lease is taken up by the next poll: quiet must last for longer than that.
    testkit::eventually("every case is followed up", PATIENCE, || {
        let (mut intake, cases) = (intake.clone(), cases.clone());
        async move {
            for name in cases.values() {
                let case = intake.get_case(GetCaseRequest { name: name.clone() }).await.ok()?.into_inner();
                if case.state() != State::FollowingUp {
                    return None;
                }
            }
            Some(())
        }
    })
    .await;
    testkit::eventually("nothing is due any more", PATIENCE, || async { checker.is_quiet().await.then_some(()) }).await;

    for (flight, name) in &cases {
        let payouts =
            compensation.clone().list_payouts(ListPayoutsRequest { case: name.clone(), ..Default::default() }).await;
        let payouts = payouts.expect("a list").into_inner().payouts;
        let [paid] = payouts.as_slice() else { panic!("{name} has {} payouts", payouts.len()) };
        assert_eq!(paid.state(), payout::State::Confirmed, "{name}: {}", paid.reason);
        let amount = paid.amount.clone().unwrap_or_default();
        assert_eq!(amount.units * 100 + i64::from(amount.nanos) / 10_000_000, cents(*flight), "{name}");
    }
    let (findings, counted) = checker.check().await;
    findings.assert_none();
    assert_eq!(counted.payouts, FLIGHTS as u64);
    println!("{KILLS} kills, {counted:?}");
}
