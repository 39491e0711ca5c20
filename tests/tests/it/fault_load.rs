//! The work that fault tests break into, one customer after the other until the faults end: passengers of cancelled
//! flights, each with a ticket price of its own, so that one amount names one payout; and every fourth one complains.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use amends::role::Role;
use amends_tests::checker::{Acknowledged, Checker, Counted, Said};
use amends_tests::processes::Processes;
use api::compensation::compensation_service_client::CompensationServiceClient;
use api::compensation::respond_to_offer_request::Response as OfferResponse;
use api::compensation::{ListOffersRequest, ListPayoutsRequest, RespondToOfferRequest, offer, payout, remedy_line};
use api::intake::case::State;
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{AddAffectedRequest, Case, GetCaseRequest, OpenCaseRequest, ReportDisruptionRequest};
use kernel::{Clock as _, SystemClock};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::support::{affected, customer, disruption, event, money};

/// How long a client goes on repeating one call.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often it repeats it.
const PACE: Duration = Duration::from_millis(100);
/// How often it looks whether there is an offer by now.
const LOOK: Duration = Duration::from_millis(300);
/// Customers that are served at once.
const AT_ONCE: usize = 24;

/// A relay that finds out soon that a process is gone.
pub const CONFIG: &str = "[followup.mailbox]\nfile = \"mailbox.mbox\"\n\
    [intake.store.relay]\ncall_timeout_ms = 750\nlease_ms = 3000\n\
    [routing.store.relay]\ncall_timeout_ms = 750\nlease_ms = 3000\n\
    [compensation.store.relay]\ncall_timeout_ms = 750\nlease_ms = 3000\n\
    [followup.store.relay]\ncall_timeout_ms = 750\nlease_ms = 3000\n";

/// What clients had to go through.
#[derive(Debug, Default)]
pub struct Felt {
    /// Requests that got no answer and were sent again.
    pub repeated: AtomicU64,
    /// Answers that had been given before and were lost.
    pub replayed: AtomicU64,
    /// All answers to what changes something.
    pub answered: AtomicU64,
}

/// A customer who has done what customers do.
struct Served {
    case: String,
    acknowledged: Acknowledged,
    /// Where the case must get to.
    end: State,
    /// What must be paid.
    cents: Option<i64>,
}

/// The customers.
#[derive(Clone)]
pub struct Load {
    intake: IntakeServiceClient<Channel>,
    compensation: CompensationServiceClient<Channel>,
    at_once: Arc<Semaphore>,
    felt: Arc<Felt>,
}

/// All that was served, to be looked at when the suite is quiet.
pub struct Done(Vec<Served>);

impl Load {
    pub fn on(processes: &Processes) -> Self {
        Self {
            intake: IntakeServiceClient::new(processes.channel(Role::Intake)),
            compensation: CompensationServiceClient::new(processes.channel(Role::Compensation)),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            felt: Arc::default(),
        }
    }

    /// What the clients have felt so far.
    pub fn felt(&self) -> &Felt {
        &self.felt
    }

    /// Serves customers until `faults` ends, and those that have come by then to their end.
    pub async fn until<T>(&self, faults: impl Future<Output = T>) -> (T, Done) {
        let mut faults = pin!(faults);
        let mut customers = JoinSet::new();
        let mut number = 0;
        let ended = loop {
            tokio::select! {
                ended = &mut faults => break ended,
                permit = Arc::clone(&self.at_once).acquire_owned() => {
                    let (load, permit) = (self.clone(), permit.expect("the semaphore is open"));
                    number += 1;
                    customers.spawn(async move {
                        let served = if number % 4 == 0 { load.complaint(number).await } else { load.refund(number).await };
                        drop(permit);
                        served
                    });
                }
            }
        };
        (ended, Done(customers.join_all().await))
    }

    /// Calls again and again, always the same request, until it is answered: what a client must do, and all of it.
    async fn until_answered<T, Fut>(&self, what: &str, mut call: impl FnMut() -> Fut) -> T
    where
        Fut: Future<Output = Result<Response<T>, Status>>,
    {
        let deadline = Instant::now() + PATIENCE;
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            if let Ok(Ok(answer)) = timeout(Duration::from_secs(5), call()).await {
                let replayed = answer.metadata().contains_key(chassis::header::REPLAYED);
                self.felt.replayed.fetch_add(u64::from(replayed), Ordering::Relaxed);
                self.felt.answered.fetch_add(1, Ordering::Relaxed);
                return answer.into_inner();
            }
            self.felt.repeated.fetch_add(1, Ordering::Relaxed);
            assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        }
    }

    /// Reports one cancelled flight, waits for the offer, takes the refund.
    async fn refund(&self, number: i64) -> Served {
        let cents = 10_000 + number;
        let event = event("flight.cancelled", SystemClock.now(), []);
        let cancelled = disruption(&format!("F{number}"), event.clone());
        let report =
            ReportDisruptionRequest { request_id: format!("report-{number}"), disruption: Some(cancelled.clone()) };
        let reported = self
            .until_answered("the disruption is taken", || {
                let (mut intake, report) = (self.intake.clone(), report.clone());
                async move { intake.report_disruption(report).await }
            })
            .await;
        let email = format!("passenger{number}@example.com");
        let passenger = affected(&email, [("ticket_price", money("USD", cents))]);
        let batch = AddAffectedRequest {
            request_id: format!("batch-{number}"),
            disruption: reported.name,
            affected: vec![passenger.clone()],
        };
        let added = self
            .until_answered("the customer is added", || {
                let (mut intake, batch) = (self.intake.clone(), batch.clone());
                async move { intake.add_affected(futures::stream::iter([batch])).await }
            })
            .await;
        let case = added.results[0].case.clone();
        let (expected, delivered) = (cancelled.expected.as_str(), cancelled.delivered.as_str());
        let said = Said { identity: ("email", email.as_str()), expected, delivered };
        let acknowledged = Acknowledged::new(&case, said, &event, &passenger.facts);
        let offer = self.open_offer(&case).await;
        let refund = offer
            .options
            .iter()
            .find(|option| option.lines.iter().any(|line| line.kind() == remedy_line::Kind::Money))
            .expect("a refund");
        let accept = RespondToOfferRequest {
            request_id: format!("accept-{number}"),
            name: offer.name.clone(),
            response: Some(OfferResponse::AcceptOption(refund.id.clone())),
            consent: String::new(),
        };
        self.until_answered("the refund is accepted", || {
            let (mut compensation, accept) = (self.compensation.clone(), accept.clone());
            async move { compensation.respond_to_offer(accept).await }
        })
        .await;
        Served { case, acknowledged, end: State::FollowingUp, cents: Some(cents) }
    }

    /// Complains about a parcel: somebody will have to look at it.
    async fn complaint(&self, number: i64) -> Served {
        let email = format!("recipient{number}@example.com");
        let lost = event("parcel.lost", SystemClock.now(), [("declared_value", money("EUR", 10_000 + number))]);
        let case = Case { event: Some(lost.clone()), expected: format!("parcel {number}"), ..Case::default() };
        let open = OpenCaseRequest {
            request_id: format!("open-{number}"),
            customer: Some(customer(&email)),
            case: Some(case.clone()),
        };
        let opened = self
            .until_answered("the complaint is taken", || {
                let (mut intake, open) = (self.intake.clone(), open.clone());
                async move { intake.open_case(open).await }
            })
            .await;
        let said = Said { identity: ("email", email.as_str()), expected: &case.expected, delivered: "" };
        let opened = opened.case.expect("a case").name;
        let acknowledged = Acknowledged::new(&opened, said, &lost, []);
        Served { case: opened, acknowledged, end: State::Acknowledged, cents: None }
    }

    async fn open_offer(&self, case: &str) -> api::compensation::Offer {
        let deadline = Instant::now() + PATIENCE;
        let mut pace = interval(LOOK);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            let request = ListOffersRequest { case: case.to_owned(), ..Default::default() };
            if let Ok(Ok(listed)) =
                timeout(Duration::from_secs(5), self.compensation.clone().list_offers(request)).await
            {
                let mut offers = listed.into_inner().offers.into_iter();
                if let Some(open) = offers.find(|offer| offer.state() == offer::State::Open) {
                    return open;
                }
            } else {
                self.felt.repeated.fetch_add(1, Ordering::Relaxed);
            }
            assert!(Instant::now() < deadline, "not within {PATIENCE:?}: an offer for {case}");
        }
    }
}

impl Done {
    /// How many customers were served.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when every case is where it must get to.
    async fn is_there(&self, load: &Load) -> bool {
        for served in &self.0 {
            let request = GetCaseRequest { name: served.case.clone() };
            let case = load.intake.clone().get_case(request).await.map(Response::into_inner);
            if !case.is_ok_and(|case| case.state() == served.end) {
                return false;
            }
        }
        true
    }

    /// Waits for the suite to finish what it owes; then everything must be as the clients were told, each refund paid
    /// once, and no invariant broken.
    pub async fn assert_whole(&self, load: &Load, checker: &Checker) -> Counted {
        let deadline = Instant::now() + PATIENCE;
        let mut pace = interval(LOOK);
        while !self.is_there(load).await || !checker.is_quiet().await {
            pace.tick().await;
            assert!(Instant::now() < deadline, "not done within {PATIENCE:?}:\n{}", checker.undone().await);
        }
        let mut refunds = 0;
        for Served { cents, case, .. } in &self.0 {
            let request = ListPayoutsRequest { case: case.clone(), ..Default::default() };
            let payouts = load.compensation.clone().list_payouts(request).await.expect("a list").into_inner().payouts;
            let paid: Vec<(payout::State, i64)> = payouts
                .iter()
                .map(|payout| {
                    let amount = payout.amount.clone().unwrap_or_default();
                    (payout.state(), amount.units * 100 + i64::from(amount.nanos) / 10_000_000)
                })
                .collect();
            let expected: Vec<_> = cents.iter().map(|cents| (payout::State::Confirmed, *cents)).collect();
            assert_eq!(paid, expected, "{case}");
            refunds += expected.len() as u64;
        }
        let (findings, counted) = checker.check().await;
        findings.assert_none();
        let acknowledged: Vec<Acknowledged> = self.0.iter().map(|served| served.acknowledged.clone()).collect();
        checker.check_acknowledged(&acknowledged).await.assert_none();
        assert_eq!((counted.payouts, counted.cases), (refunds, self.len() as u64));
        counted
    }
}
