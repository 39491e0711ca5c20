//! What is typed arrives as meant, and what is answered reads well.

use api::common::{FailureEvent, Severity, fact};
use api::compensation::respond_to_offer_request::Response;
use api::compensation::{MakeOfferRequest, Offer, Option as Choice, RespondToOfferRequest, remedy_line};
use api::followup::{SubmitSurveyRequest, Survey, survey};
use api::intake::{
    Case, GetCaseRequest, GetCustomerTimelineRequest, GetCustomerTimelineResponse, ListCasesRequest, ListCasesResponse,
    OpenCaseRequest, OpenCaseResponse, TimelineEntry, case,
};
use api::operations::{Call, call};
use api::routing::{PostProgressRequest, WorkItem, progress};
use prost::Message as _;
use prost_types::Timestamp;

use super::server::Server;
use super::{CASE, CUSTOMER, OFFER, run};

const WORK: &str = "workItems/01980000-0000-7000-8000-000000000004";
const NOON: Timestamp = Timestamp { seconds: 1_772_366_400, nanos: 0 };

fn case(state: case::State) -> Case {
    Case {
        name: CASE.into(),
        customer: CUSTOMER.into(),
        state: state.into(),
        origin: case::Origin::Complaint.into(),
        event: Some(FailureEvent { kind: "parcel.lost".into(), occurred_at: Some(NOON), ..FailureEvent::default() }),
        severity: Severity::Medium.into(),
        create_time: Some(NOON),
        etag: "1".into(),
        ..Case::default()
    }
}

fn entry(id: u32, source: &str, kind: &str, state: case::State) -> TimelineEntry {
    TimelineEntry {
        name: format!("entries/{id}"),
        case: CASE.into(),
        happened_at: Some(Timestamp { seconds: NOON.seconds + i64::from(id), nanos: 0 }),
        source: source.into(),
        kind: kind.into(),
        summary: format!("{kind} was it"),
        subject: format!("things/{id}"),
        state: state.into(),
        ..TimelineEntry::default()
    }
}

#[tokio::test]
async fn a_case_is_opened_as_it_was_told() {
    let server = Server::start().await;
    let recent = vec![entry(1, "followup", "MESSAGE_SENT", case::State::Recovered)];
    server.script.answer("open_case", &OpenCaseResponse { case: Some(case(case::State::Received)), recent });
    let arguments = [
        "case",
        "open",
        "--customer",
        "email=ann@example.com",
        "--customer",
        "crm=7",
        "--name",
        "Ann",
        "--event",
        "parcel.lost",
        "--at",
        "2026-03-01T12:00:00Z",
        "--reference",
        "1Z9",
        "--fact",
        "price=EUR 89.00",
        "--fact",
        "days=3",
        "--severity",
        "high",
        "--expected",
        "Monday",
        "--delivered",
        "Never",
        "--request-id",
        "mine-1",
        "--tenant",
        "acme",
        "--token",
        "secret",
        "--client",
        "desk",
    ];
    let ran = run(&server, &arguments).await;
    let request = server.script.requests::<OpenCaseRequest>("open_case").remove(0);
    assert_eq!(request.request_id, "mine-1");
    let customer = request.customer.unwrap();
    assert_eq!((customer.display_name.as_str(), customer.identities.len()), ("Ann", 2));
    assert_eq!(customer.contact_points[0].address, "ann@example.com", "the e-mail identity can be written to");
    let told = request.case.unwrap();
    assert_eq!((told.expected.as_str(), told.delivered.as_str(), told.severity()), ("Monday", "Never", Severity::High));
    let event = told.event.unwrap();
    assert_eq!((event.occurred_at, event.reference.as_str()), (Some(NOON), "1Z9"));
    assert_eq!(event.facts["days"].value, Some(fact::Value::Integer(3)));
    assert!(matches!(&event.facts["price"].value, Some(fact::Value::Money(price)) if price.units == 89));
    let seen = server.script.seen();
    let header = |name| seen[0].metadata.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("x-amends-tenant").as_deref(), Some("acme"));
    assert_eq!(header("x-amends-client").as_deref(), Some("desk"));
    assert_eq!(header("authorization").as_deref(), Some("Bearer secret"));
    assert!(header("grpc-timeout").is_some());
    assert_eq!(
        ran.answer(),
        format!(
            "case      {CASE}\nstate     RECEIVED\norigin    COMPLAINT\ncustomer  {CUSTOMER}\n\
             event     parcel.lost at 2026-03-01T12:00:00Z\nseverity  MEDIUM\nopened    2026-03-01T12:00:00Z\netag      1\n\
             \nWhat the customer told or heard before, newest first:\n\
             TIME                  CASE                                        SERVICE   WHAT          STATE      SUMMARY\n\
             2026-03-01T12:00:01Z  {CASE}  followup  MESSAGE_SENT  RECOVERED  MESSAGE_SENT was it\n"
        )
    );
}

#[tokio::test]
async fn json_is_the_response_message() {
    let server = Server::start().await;
    server.script.answer("get_case", &case(case::State::FollowingUp));
    let ran = run(&server, &["case", "get", CASE, "--output", "json"]).await;
    let answer: serde_json::Value = serde_json::from_str(ran.answer()).unwrap();
    let wanted = serde_json::json!({
        "name": CASE, "customer": CUSTOMER, "state": "STATE_FOLLOWING_UP", "origin": "ORIGIN_COMPLAINT",
        "event": {"kind": "parcel.lost", "occurredAt": "2026-03-01T12:00:00Z"},
        "severity": "SEVERITY_MEDIUM", "createTime": "2026-03-01T12:00:00Z", "etag": "1",
    });
    assert_eq!(answer, wanted);
}

#[tokio::test]
async fn a_stored_answer_is_told_as_one() {
    let server = Server::start().await;
    server.script.replay();
    server.script.answer("open_case", &OpenCaseResponse::default());
    let ran = run(&server, &["case", "open", "--customer", "crm=1", "--event", "bill.wrong"]).await;
    assert_eq!(ran.notes, "this was done before under the same request id; nothing was done now\n");
}

#[tokio::test]
async fn a_timeline_is_a_journey_from_its_start() {
    let server = Server::start().await;
    server.script.answer("get_case", &case(case::State::Acknowledged));
    let page = |entries, next: &str| GetCustomerTimelineResponse { entries, next_page_token: next.into() };
    let newest = entry(3, "routing", "WORK_CLAIMED", case::State::Acknowledged);
    let middle = entry(2, "followup", "MESSAGE_SENT", case::State::Acknowledged);
    let oldest = entry(1, "intake", "CASE_OPENED", case::State::Received);
    server.script.answer("get_customer_timeline", &page(vec![newest, middle], "more"));
    server.script.answer("get_customer_timeline", &page(vec![oldest], ""));
    let ran = run(&server, &["case", "timeline", CASE]).await;
    assert_eq!(
        ran.answer(),
        "TIME                  SERVICE   WHAT          STATE         SUMMARY              SUBJECT\n\
         2026-03-01T12:00:01Z  intake    CASE_OPENED   RECEIVED      CASE_OPENED was it   things/1\n\
         2026-03-01T12:00:02Z  followup  MESSAGE_SENT  ACKNOWLEDGED  MESSAGE_SENT was it  things/2\n\
         2026-03-01T12:00:03Z  routing   WORK_CLAIMED  ACKNOWLEDGED  WORK_CLAIMED was it  things/3\n"
    );
    assert_eq!(server.script.requests::<GetCaseRequest>("get_case")[0].name, CASE);
    let requests = server.script.requests::<GetCustomerTimelineRequest>("get_customer_timeline");
    assert!(requests.iter().all(|request| request.case == CASE && request.customer == CUSTOMER));
    assert_eq!(requests[1].page_token, "more");
}

#[tokio::test]
async fn a_list_says_that_there_is_more_or_shows_it_all() {
    let server = Server::start().await;
    let page = |next: &str| ListCasesResponse { cases: vec![case(case::State::Lapsed)], next_page_token: next.into() };
    server.script.answer("list_cases", &page("token-2"));
    let ran = run(&server, &["case", "list", "--state", "following-up", "--page-size", "1"]).await;
    assert_eq!(ran.answer().lines().count(), 2);
    assert_eq!(ran.notes, "there is more: --all, or --page-token token-2\n");
    let request = server.script.requests::<ListCasesRequest>("list_cases").remove(0);
    assert_eq!((request.state(), request.page_size), (case::State::FollowingUp, 1));

    server.script.answer("list_cases", &page("token-2"));
    server.script.answer("list_cases", &page(""));
    let ran = run(&server, &["case", "list", "--all"]).await;
    assert_eq!((ran.answer().lines().count(), ran.notes.as_str()), (3, ""));

    server.script.answer("list_cases", &ListCasesResponse::default());
    assert_eq!(run(&server, &["case", "list"]).await.answer(), "no cases\n");
}

#[tokio::test]
async fn the_only_option_of_an_offer_need_not_be_named() {
    let server = Server::start().await;
    let option = |id: &str| Choice { id: id.into(), description: format!("The {id}"), ..Choice::default() };
    let offer = |options| Offer { name: OFFER.into(), options, ..Offer::default() };
    server.script.answer("get_offer", &offer(vec![option("rebooking")]));
    server.script.answer("respond_to_offer", &offer(vec![option("rebooking")]));
    run(&server, &["offer", "accept", OFFER]).await.answer();
    let request = server.script.requests::<RespondToOfferRequest>("respond_to_offer").remove(0);
    assert_eq!(request.response, Some(Response::AcceptOption("rebooking".into())));

    server.script.answer("respond_to_offer", &offer(vec![option("voucher")]));
    run(&server, &["offer", "accept", OFFER, "--option", "voucher", "--consent", "scans/7"]).await.answer();
    let request = server.script.requests::<RespondToOfferRequest>("respond_to_offer").remove(1);
    assert_eq!(request.consent, "scans/7");

    server.script.answer("get_offer", &offer(vec![option("rebooking"), option("refund")]));
    let ran = run(&server, &["offer", "accept", OFFER]).await;
    assert_eq!(
        ran.error,
        "the offer has 2 options; say which one:\n  --option rebooking: The rebooking\n  --option refund: The refund"
    );
}

#[tokio::test]
async fn an_agent_makes_an_offer_in_one_line() {
    let server = Server::start().await;
    server.script.answer("make_offer", &Offer::default());
    let remedy = "01980000-0000-7000-8000-000000000005";
    let arguments = [
        "offer",
        "make",
        remedy,
        "--made-by",
        "Kim",
        "--option",
        "money:EUR 50.00",
        "--option",
        "discount:20",
        "--plus",
        "service:A call back",
        "--basis",
        "no-fault-goodwill",
        "--expires",
        "2026-03-01T12:00:00Z",
    ];
    run(&server, &arguments).await.answer();
    let request = server.script.requests::<MakeOfferRequest>("make_offer").remove(0);
    let offer = request.offer.unwrap();
    assert_eq!((request.made_by.as_str(), offer.remedy), ("Kim", format!("remedies/{remedy}")));
    let kinds: Vec<_> = offer.options.iter().map(|option| (option.id.as_str(), option.lines[0].kind())).collect();
    assert_eq!(kinds, [("1", remedy_line::Kind::Money), ("2", remedy_line::Kind::Discount)]);
    assert_eq!((offer.plus[0].id.as_str(), offer.expire_time), ("plus-1", Some(NOON)));
    assert_eq!(offer.plus[0].basis(), remedy_line::Basis::NoFaultGoodwill);
    assert_eq!(offer.options[0].lines[0].basis(), remedy_line::Basis::NoFaultGoodwill);
}

#[tokio::test]
async fn a_survey_is_answered() {
    let server = Server::start().await;
    let name = "surveys/01980000-0000-7000-8000-000000000006";
    let answered = Survey {
        name: name.into(),
        state: survey::State::Answered.into(),
        score: Some(0),
        comment: "Two\nlines".into(),
        ..Survey::default()
    };
    server.script.answer("submit_survey", &answered);
    let ran = run(&server, &["survey", "submit", name, "--score", "0", "--comment", "Two\nlines"]).await;
    let request = server.script.requests::<SubmitSurveyRequest>("submit_survey").remove(0);
    assert_eq!((request.name.as_str(), request.score, request.comment.as_str()), (name, 0, "Two\nlines"));
    assert_eq!(
        ran.answer(),
        format!("survey   {name}\nstate    ANSWERED\nscore    0 of 10\ncomment  Two\n         lines\n")
    );
}

#[tokio::test]
async fn progress_carries_its_promise() {
    let server = Server::start().await;
    server.script.answer("post_progress", &WorkItem { name: WORK.into(), ..WorkItem::default() });
    let arguments = [
        "work",
        "progress",
        WORK,
        "Found it",
        "--kind",
        "substantive-update",
        "--next-update-by",
        "2026-03-01T13:00:00+01:00",
    ];
    run(&server, &arguments).await.answer();
    let progress = server.script.requests::<PostProgressRequest>("post_progress").remove(0).progress.unwrap();
    assert_eq!((progress.kind(), progress.next_update_by), (progress::Kind::SubstantiveUpdate, Some(NOON)));
}

#[tokio::test]
async fn a_durable_call_is_shown_with_its_request_in_words() {
    let server = Server::start().await;
    let name = "services/intake/calls/01980000-0000-7000-8000-000000000007";
    let call = |method: &str| Call {
        name: name.into(),
        state: call::State::Parked.into(),
        target: "intake".into(),
        method: method.into(),
        request: GetCaseRequest { name: CASE.into() }.encode_to_vec().into(),
        ..Call::default()
    };
    server.script.answer("get_call", &call(api::method::intake_service::GET_CASE));
    let ran = run(&server, &["calls", "get", name]).await;
    assert!(ran.answer().ends_with(&format!("\nRequest:\n  {{\n    \"name\": \"{CASE}\"\n  }}\n")), "{ran:?}");
    server.script.answer("get_call", &call("acme.v1.Sink/Tell"));
    let ran = run(&server, &["calls", "get", name]).await;
    assert!(ran.answer().ends_with("\nRequest:\n  44 bytes of a message that is not known here\n"), "{ran:?}");
}

#[tokio::test]
async fn a_fact_given_twice_is_refused() {
    let server = Server::start().await;
    let ran = run(&server, &["assess", "--event", "bill.wrong", "--fact", "a=1", "--fact", "a=2"]).await;
    assert_eq!(ran.error, "the fact a is given twice");
    assert!(server.script.seen().is_empty());
}

#[tokio::test]
async fn a_real_flight_is_assessed_by_its_number() {
    let server = Server::start().await;
    server.script.answer("assess", &api::compensation::Assessment::default());
    let ran = run(&server, &["assess", "--flight", "UA1690", "--date", "2013-02-09"]).await;
    assert_eq!(ran.error, "", "{ran:?}");
    let sent: Vec<api::compensation::AssessRequest> = server.script.requests("assess");
    let event = sent[0].event.clone().unwrap();
    assert_eq!((event.kind.as_str(), event.reference.as_str()), ("flight.delayed", "UA1690-EWR-MCO-2013-02-09T11:30"));
    let late = api::common::fact::Value::Integer(234);
    assert_eq!(event.facts["arrival_delay_minutes"].value, Some(late));

    assert_eq!(sent[0].as_of_time, None);

    let known = ["assess", "--flight", "UA1690", "--date", "2013-02-09", "--as-of", "2013-03-01T00:00:00Z"];
    server.script.answer("assess", &api::compensation::Assessment::default());
    assert_eq!(run(&server, &known).await.error, "");
    let sent: Vec<api::compensation::AssessRequest> = server.script.requests("assess");
    let seconds = sent[1].as_of_time.as_ref().map(|time| time.seconds);
    assert_eq!(seconds, Some(1_362_096_000), "by what was known then");

    let ran = run(&server, &["assess", "--flight", "UA1690", "--date", "2014-02-09"]).await;
    assert_eq!(ran.error, "no flight UA1690 left New York on 2014-02-09; the flights are those of 2013");
}
