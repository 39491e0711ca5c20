//! Recoveries from end to end, over the four services, on both databases.

use std::collections::BTreeSet;

use amends_tests::checker::Checker;
use amends_tests::in_process::InProcess;
use api::compensation::compensation_service_client::CompensationServiceClient;
use api::compensation::respond_to_offer_request::Response as OfferResponse;
use api::compensation::{
    ListOffersRequest, ListPayoutsRequest, ListVouchersRequest, RespondToOfferRequest, offer, payout, remedy_line,
};
use api::followup::follow_up_service_client::FollowUpServiceClient;
use api::followup::{GetOutcomeRequest, ListMessagesRequest, ListSurveysRequest, SubmitSurveyRequest, survey};
use api::intake::case::State;
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{
    AddAffectedRequest, AskQuestionRequest, Case, GetCaseRequest, GetCustomerTimelineRequest, OpenCaseRequest,
    RecordFindingRequest, ReportDisruptionRequest,
};
use api::routing::routing_service_client::RoutingServiceClient;
use api::routing::{
    Agent, ClaimWorkRequest, CreateAgentRequest, GetWorkItemRequest, SetPresenceRequest, agent, work_item,
};
use testkit::Backend;
use tonic::transport::Channel;

use crate::support::{affected, customer, days, disruption, event, integer, money};

struct Clients {
    intake: IntakeServiceClient<Channel>,
    routing: RoutingServiceClient<Channel>,
    compensation: CompensationServiceClient<Channel>,
    followup: FollowUpServiceClient<Channel>,
}

impl Clients {
    fn of(suite: &InProcess) -> Self {
        Self {
            intake: IntakeServiceClient::new(suite.channel()),
            routing: RoutingServiceClient::new(suite.channel()),
            compensation: CompensationServiceClient::new(suite.channel()),
            followup: FollowUpServiceClient::new(suite.channel()),
        }
    }

    async fn case(&mut self, name: &str) -> Case {
        self.intake.get_case(GetCaseRequest { name: name.to_owned() }).await.expect("the case is there").into_inner()
    }

    /// Kinds of the case's timeline, oldest first, and the services that reported them.
    async fn timeline(&mut self, case: &Case) -> (Vec<String>, BTreeSet<String>) {
        let request = GetCustomerTimelineRequest {
            customer: case.customer.clone(),
            case: case.name.clone(),
            page_size: 200,
            ..Default::default()
        };
        let mut entries = self.intake.get_customer_timeline(request).await.expect("a timeline").into_inner().entries;
        entries.reverse();
        (
            entries.iter().map(|entry| entry.kind.clone()).collect(),
            entries.into_iter().map(|entry| entry.source).collect(),
        )
    }

    async fn newest_survey(&mut self, case: &str) -> String {
        let request = ListSurveysRequest { case: case.to_owned(), ..Default::default() };
        let surveys = self.followup.list_surveys(request).await.expect("a list").into_inner().surveys;
        surveys.into_iter().find(|survey| survey.state() == survey::State::Open).expect("an open survey").name
    }

    async fn submit(&mut self, survey: &str, score: i32) {
        let request = SubmitSurveyRequest {
            request_id: format!("answer-{survey}"),
            name: survey.to_owned(),
            score,
            comment: String::new(),
        };
        self.followup.submit_survey(request).await.expect("the answer is taken");
    }
}

async fn report(
    suite: &InProcess,
    clients: &mut Clients,
    kind: &str,
    minutes: Option<i64>,
    emails: &[&str],
) -> Vec<String> {
    let now = kernel::Clock::now(&suite.clock);
    let mut failure = event(kind, now, []);
    if let Some(minutes) = minutes {
        failure.facts.insert("arrival_delay_minutes".to_owned(), integer(minutes));
    }
    let request =
        ReportDisruptionRequest { request_id: "report".to_owned(), disruption: Some(disruption("F1", failure)) };
    let reported = clients.intake.report_disruption(request).await.expect("the disruption is taken").into_inner();
    let batch = AddAffectedRequest {
        request_id: "batch-1".to_owned(),
        disruption: reported.name,
        affected: emails.iter().map(|email| affected(email, [])).collect(),
    };
    let added = clients.intake.add_affected(futures::stream::iter([batch])).await.expect("the customers are added");
    added.into_inner().results.into_iter().map(|result| result.case).collect()
}

async fn healthy(suite: InProcess) {
    let (findings, counted) = Checker::of_engines(&suite.engines).check().await;
    findings.assert_none();
    assert!(counted.delivered > 0, "the checker saw deliveries");
    suite.stop().await;
}

async fn a_late_flight_is_made_good_without_a_complaint(backend: Backend) {
    let suite = InProcess::start(backend, "late_flight").await;
    let mut clients = Clients::of(&suite);
    let cases =
        report(&suite, &mut clients, "flight.delayed", Some(181), &["ann@example.com", "bob@example.com"]).await;
    suite.quiet().await;
    for name in &cases {
        let case = clients.case(name).await;
        assert_eq!(case.state(), State::FollowingUp, "{}", case.attention_reason);
        let vouchers =
            clients.compensation.list_vouchers(ListVouchersRequest { case: name.clone(), ..Default::default() }).await;
        assert_eq!(vouchers.expect("a list").into_inner().vouchers.len(), 1);
        let messages =
            clients.followup.list_messages(ListMessagesRequest { case: name.clone(), ..Default::default() }).await;
        let templates: Vec<String> =
            messages.expect("a list").into_inner().messages.into_iter().map(|message| message.template).collect();
        assert!(
            ["apology", "voucher"].iter().all(|expected| templates.iter().any(|found| found == expected)),
            "{templates:?}"
        );
        let work = clients
            .routing
            .get_work_item(GetWorkItemRequest { name: case.work_item.clone() })
            .await
            .expect("the work item");
        assert_eq!(work.into_inner().state(), work_item::State::Completed);
    }
    suite.pass(days(30)).await;
    for name in &cases {
        let case = clients.case(name).await;
        assert_eq!(case.state(), State::Lapsed, "nobody answered");
        let (kinds, sources) = clients.timeline(&case).await;
        let position = |kind: &str| {
            kinds.iter().position(|found| found == kind).unwrap_or_else(|| panic!("no {kind} in {kinds:?}"))
        };
        assert!(position("MESSAGE_SENT") < position("VOUCHER_ISSUED"), "apology before remedy: {kinds:?}");
        assert!(position("VOUCHER_ISSUED") < position("REMEDY_SETTLED"));
        assert!(position("REMEDY_SETTLED") < position("LAPSED"));
        for source in ["intake", "compensation", "followup"] {
            assert!(sources.contains(source), "{source} is part of the story: {sources:?}");
        }
    }
    healthy(suite).await;
}

async fn exactly_three_hours_late_is_not_more_than_three_hours(backend: Backend) {
    let suite = InProcess::start(backend, "three_hours").await;
    let mut clients = Clients::of(&suite);
    let cases = report(&suite, &mut clients, "flight.delayed", Some(180), &["ann@example.com"]).await;
    suite.quiet().await;
    let vouchers =
        clients.compensation.list_vouchers(ListVouchersRequest { case: cases[0].clone(), ..Default::default() }).await;
    assert!(vouchers.expect("a list").into_inner().vouchers.is_empty());
    assert_eq!(clients.case(&cases[0]).await.state(), State::FollowingUp);
    healthy(suite).await;
}

async fn an_unanswered_choice_expires_and_the_case_lapses(backend: Backend) {
    let suite = InProcess::start(backend, "unanswered").await;
    let mut clients = Clients::of(&suite);
    let cases = report(&suite, &mut clients, "flight.cancelled", None, &["ann@example.com"]).await;
    suite.quiet().await;
    assert_eq!(clients.case(&cases[0]).await.state(), State::Understood, "the choice is the customer's");
    suite.pass(days(60)).await;
    let case = clients.case(&cases[0]).await;
    assert_eq!(case.state(), State::Lapsed);
    assert!(!case.needs_attention, "{}", case.attention_reason);
    healthy(suite).await;
}

/// A complaint that an agent understands, whose offer is accepted, and that is paid; the case is being followed up.
async fn complaint_until_followed_up(suite: &InProcess, clients: &mut Clients) -> Case {
    let now = kernel::Clock::now(&suite.clock);
    let request = OpenCaseRequest {
        request_id: "open".to_owned(),
        customer: Some(customer("ann@example.com")),
        case: Some(Case {
            event: Some(event("parcel.lost", now, [("declared_value", money("EUR", 12_345))])),
            expected: "my parcel".to_owned(),
            delivered: "nothing".to_owned(),
            ..Case::default()
        }),
    };
    let opened = clients.intake.open_case(request.clone()).await.expect("the case is opened").into_inner();
    let again = clients.intake.open_case(request).await.expect("the repetition is answered");
    assert_eq!(again.metadata().get("idempotent-replayed").map(|value| value.as_bytes()), Some(b"true".as_slice()));
    let case = opened.case.expect("a case");
    let ask = AskQuestionRequest {
        request_id: "ask".to_owned(),
        name: case.name.clone(),
        question: "Which door?".to_owned(),
        ..Default::default()
    };
    // Whether the apology has left by now is a race; after it, the question is allowed.
    suite.quiet().await;
    clients.intake.ask_question(ask).await.expect("the customer has our acknowledgement");
    assert_eq!(clients.case(&case.name).await.state(), State::Acknowledged);

    let agent = Agent { display_name: "Ada".to_owned(), queues: vec!["queues/default".to_owned()], ..Agent::default() };
    let agent = clients
        .routing
        .create_agent(CreateAgentRequest { request_id: "agent".to_owned(), agent: Some(agent) })
        .await
        .expect("an agent")
        .into_inner();
    let available = SetPresenceRequest {
        request_id: "here".to_owned(),
        name: agent.name.clone(),
        presence: agent::Presence::Available.into(),
    };
    clients.routing.set_presence(available).await.expect("the agent is there");
    let claim = ClaimWorkRequest { request_id: "claim".to_owned(), agent: agent.name, work_item: String::new() };
    let work = clients.routing.claim_work(claim).await.expect("there is work").into_inner();
    assert_eq!(work.case, case.name);

    let finding = RecordFindingRequest {
        request_id: "find".to_owned(),
        name: case.name.clone(),
        finding: "lost in the depot".to_owned(),
        ..Default::default()
    };
    clients.intake.record_finding(finding).await.expect("the finding is taken");
    suite.quiet().await;
    let offers = clients
        .compensation
        .list_offers(ListOffersRequest { case: case.name.clone(), ..Default::default() })
        .await
        .expect("a list")
        .into_inner()
        .offers;
    let open = offers.into_iter().find(|offer| offer.state() == offer::State::Open).expect("an open offer");
    let refund = open
        .options
        .iter()
        .find(|option| option.lines.iter().any(|line| line.kind() == remedy_line::Kind::Money))
        .expect("a refund");
    let accept = RespondToOfferRequest {
        request_id: "accept".to_owned(),
        name: open.name,
        response: Some(OfferResponse::AcceptOption(refund.id.clone())),
        consent: String::new(),
    };
    clients.compensation.respond_to_offer(accept).await.expect("accepted");
    suite.quiet().await;
    let payouts = clients
        .compensation
        .list_payouts(ListPayoutsRequest { case: case.name.clone(), ..Default::default() })
        .await
        .expect("a list")
        .into_inner()
        .payouts;
    assert_eq!(payouts.iter().map(payout_facts).collect::<Vec<_>>(), [(payout::State::Confirmed, 123, 450_000_000)]);
    clients.case(&case.name).await
}

fn payout_facts(payout: &api::compensation::Payout) -> (payout::State, i64, i32) {
    let amount = payout.amount.clone().unwrap_or_default();
    (payout.state(), amount.units, amount.nanos)
}

async fn a_lost_parcel_is_paid_and_the_customer_says_it_is_right_again(backend: Backend) {
    let suite = InProcess::start(backend, "lost_parcel").await;
    let mut clients = Clients::of(&suite);
    let case = complaint_until_followed_up(&suite, &mut clients).await;
    assert_eq!(case.state(), State::FollowingUp);
    suite.pass(days(4)).await;
    let survey = clients.newest_survey(&case.name).await;
    clients.submit(&survey, 9).await;
    suite.quiet().await;
    let case = clients.case(&case.name).await;
    assert_eq!((case.state(), case.last_score), (State::Recovered, Some(9)));
    let outcome = clients
        .followup
        .get_outcome(GetOutcomeRequest { case: case.name.clone() })
        .await
        .expect("an outcome")
        .into_inner();
    assert_eq!(outcome.result(), api::followup::outcome::Result::Recovered);
    healthy(suite).await;
}

async fn a_second_disappointment_is_a_double_deviation_and_the_last_one(backend: Backend) {
    let suite = InProcess::start(backend, "double_deviation").await;
    let mut clients = Clients::of(&suite);
    let case = complaint_until_followed_up(&suite, &mut clients).await;
    suite.pass(days(4)).await;
    let survey = clients.newest_survey(&case.name).await;
    clients.submit(&survey, 2).await;
    suite.quiet().await;
    let again = clients.case(&case.name).await;
    assert_eq!((again.state(), again.reopen_count), (State::Acknowledged, 1), "the story starts over with an apology");
    assert_ne!(again.work_item, case.work_item, "a new round has new work");
    let finding = RecordFindingRequest {
        request_id: "find-2".to_owned(),
        name: case.name.clone(),
        finding: "again".to_owned(),
        ..Default::default()
    };
    clients.intake.record_finding(finding).await.expect("the second finding is taken");
    suite.quiet().await;
    // The gate says SAVE: somebody with authority makes it right in person.
    let again = clients.case(&case.name).await;
    let get = GetWorkItemRequest { name: again.work_item.clone() };
    let work = clients.routing.get_work_item(get).await.expect("the work is there").into_inner();
    assert!(work.escalation_level > 0, "the second round's work waits for authority: {work:?}");
    let request = GetCustomerTimelineRequest {
        customer: again.customer.clone(),
        case: again.name.clone(),
        page_size: 200,
        ..Default::default()
    };
    let entries = clients.intake.get_customer_timeline(request).await.expect("a timeline").into_inner().entries;
    let told = |kind: &str| entries.iter().filter(|entry| entry.kind == kind).collect::<Vec<_>>();
    let escalated = told("WORK_ESCALATED");
    assert_eq!(escalated.len(), 1, "once a round: {escalated:?}");
    let reason = &escalated[0].attributes["reason"];
    assert_eq!(reason, "Somebody with more authority makes this right in person.");
    let offered = told("OFFER_MADE");
    assert!(
        offered.iter().any(|entry| entry.attributes.get("senior_owner").is_some_and(|why| why.contains("came back")))
    );
    suite.pass(days(40)).await;
    let case = clients.case(&case.name).await;
    assert_eq!(case.state(), State::Lapsed, "nobody answered the second round");
    healthy(suite).await;
}

macro_rules! on_both {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(testkit::Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(testkit::Backend::Postgres).await;
            }
        }
    )*};
}

on_both! {
    a_late_flight_is_made_good_without_a_complaint,
    exactly_three_hours_late_is_not_more_than_three_hours,
    an_unanswered_choice_expires_and_the_case_lapses,
    a_lost_parcel_is_paid_and_the_customer_says_it_is_right_again,
    a_second_disappointment_is_a_double_deviation_and_the_last_one,
}
