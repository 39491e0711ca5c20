//! Bad input, class by class: the right code and reason, every violation named, and nothing written.
//!
//! The classes are those of the reliability reference that concern what exists; those below HTTP/2 and protobuf are
//! tested where they are refused, in the chassis.

use std::collections::BTreeSet;

use amends::role::Role;
use amends_tests::contents::{changed, contents};
use amends_tests::in_process::InProcess;
use api::common::{ContactPoint, Fact, fact};
use api::compensation::compensation_service_client::CompensationServiceClient;
use api::compensation::experiment_service_client::ExperimentServiceClient;
use api::compensation::{AssessRequest, ListOffersRequest, RespondToOfferRequest};
use api::extension::milestone_sink_client::MilestoneSinkClient;
use api::extension::{Milestone, ReportMilestonesRequest, milestone};
use api::followup::follow_up_service_client::FollowUpServiceClient;
use api::followup::{Message, SendMessageRequest, StartPlanRequest, SubmitSurveyRequest};
use api::google::r#type::Money;
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{
    AddAffectedRequest, Case, GetCaseRequest, Identity, ListCasesRequest, OpenCaseRequest, RecordFindingRequest,
    ReopenCaseRequest, ReportDisruptionRequest,
};
use api::routing::routing_service_client::RoutingServiceClient;
use api::routing::{ClaimWorkRequest, OpenWorkRequest, PostProgressRequest, Progress, WorkItem};
use kernel::ServiceError;
use testkit::Backend;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};

use crate::bad_input_experiments;
use crate::support::{affected, customer, days, disruption, event, integer};

/// What a class must be answered with; `fields` must all be among the violations.
pub struct Expected {
    pub code: Code,
    pub reason: &'static str,
    pub fields: &'static [&'static str],
}

pub const fn invalid(fields: &'static [&'static str]) -> Expected {
    Expected { code: Code::InvalidArgument, reason: "INVALID_FIELDS", fields }
}

pub const NOT_FOUND: Expected = Expected { code: Code::NotFound, reason: "RESOURCE_NOT_FOUND", fields: &[] };

#[track_caller]
pub fn assert_refused<T: std::fmt::Debug>(
    class: &str,
    answer: Result<tonic::Response<T>, Status>,
    expected: &Expected,
) {
    let status = answer.map(tonic::Response::into_inner).expect_err(class);
    let error: ServiceError =
        chassis::from_status(&status).unwrap_or_else(|| panic!("{class}: {status:?} carries no error details of ours"));
    assert_eq!((status.code(), error.reason.as_str()), (expected.code, expected.reason), "{class}: {error:?}");
    let named: BTreeSet<&str> = error.violations.iter().map(|violation| violation.field.as_str()).collect();
    for field in expected.fields {
        assert!(named.contains(field), "{class}: `{field}` is not among {named:?}");
    }
    for violation in &error.violations {
        assert!(!violation.description.is_empty() && !violation.reason.is_empty(), "{class}: {violation:?}");
    }
    assert!(status.message().len() <= 256, "{class}: a message of {} bytes", status.message().len());
}

fn open(change: impl FnOnce(&mut OpenCaseRequest)) -> OpenCaseRequest {
    let at = testkit::TEST_EPOCH;
    let mut request = OpenCaseRequest {
        request_id: "bad".to_owned(),
        customer: Some(customer("ann@example.com")),
        case: Some(Case { event: Some(event("parcel.lost", at, [("weight", integer(1))])), ..Case::default() }),
    };
    change(&mut request);
    request
}

fn with_event(change: impl FnOnce(&mut api::common::FailureEvent)) -> OpenCaseRequest {
    open(|request| change(request.case.as_mut().and_then(|case| case.event.as_mut()).expect("an event")))
}

fn with_fact(value: fact::Value) -> OpenCaseRequest {
    with_event(|event| {
        event.facts.insert("value".to_owned(), Fact { value: Some(value) });
    })
}

fn amount(currency: &str, units: i64, nanos: i32) -> OpenCaseRequest {
    with_fact(fact::Value::Money(Money { currency_code: currency.to_owned(), units, nanos }))
}

fn occurred(seconds: i64, nanos: i32) -> OpenCaseRequest {
    with_event(|event| event.occurred_at = Some(prost_types::Timestamp { seconds, nanos }))
}

fn open_case_classes() -> Vec<(String, OpenCaseRequest, Expected)> {
    let start = testkit::TEST_EPOCH.to_seconds_nanos().0;
    let mut classes: Vec<(String, OpenCaseRequest, Expected)> = vec![
        (
            "everything is missing: all of it is named".to_owned(),
            OpenCaseRequest::default(),
            invalid(&["request_id", "customer", "case"]),
        ),
        (
            "many fields are wrong: all of them are named".to_owned(),
            open(|request| {
                request.request_id.clear();
                let case = request.case.as_mut().expect("a case");
                case.severity = 99;
                case.expected = "x".repeat(2_001);
                case.event.as_mut().expect("an event").kind = "Parcel Lost".to_owned();
                request.customer.as_mut().expect("a customer").identities.clear();
            }),
            invalid(&["request_id", "case.severity", "case.expected", "case.event.kind", "customer.identities"]),
        ),
        ("no request id".to_owned(), open(|request| request.request_id.clear()), invalid(&["request_id"])),
        (
            "a request id of 129 characters".to_owned(),
            open(|request| request.request_id = "x".repeat(129)),
            invalid(&["request_id"]),
        ),
        (
            "a request id with a newline".to_owned(),
            open(|request| request.request_id = "a\nb".to_owned()),
            invalid(&["request_id"]),
        ),
        (
            "a request id outside of ASCII".to_owned(),
            open(|request| request.request_id = "é".to_owned()),
            invalid(&["request_id"]),
        ),
        (
            "an unknown severity".to_owned(),
            open(|request| request.case.as_mut().expect("a case").severity = 99),
            invalid(&["case.severity"]),
        ),
        (
            "a negative severity".to_owned(),
            open(|request| request.case.as_mut().expect("a case").severity = -1),
            invalid(&["case.severity"]),
        ),
        (
            "no event".to_owned(),
            open(|request| request.case.as_mut().expect("a case").event = None),
            invalid(&["case.event"]),
        ),
        (
            "an event without a time".to_owned(),
            with_event(|event| event.occurred_at = None),
            invalid(&["case.event.occurred_at"]),
        ),
        ("nanos below zero".to_owned(), occurred(start, -1), invalid(&["case.event.occurred_at"])),
        ("nanos of a whole second".to_owned(), occurred(start, 1_000_000_000), invalid(&["case.event.occurred_at"])),
        ("the least time there is".to_owned(), occurred(i64::MIN, 0), invalid(&["case.event.occurred_at"])),
        ("the year 10000".to_owned(), occurred(253_402_300_800, 0), invalid(&["case.event.occurred_at"])),
        ("six minutes from now".to_owned(), occurred(start + 360, 0), invalid(&["case.event.occurred_at"])),
        ("eleven years ago".to_owned(), occurred(start - 11 * 366 * 86_400, 0), invalid(&["case.event.occurred_at"])),
        (
            "NUL in a text".to_owned(),
            open(|request| request.case.as_mut().expect("a case").expected = "a\0b".to_owned()),
            invalid(&["case.expected"]),
        ),
        (
            "a fact without a value".to_owned(),
            with_event(|event| {
                event.facts.insert("value".to_owned(), Fact { value: None });
            }),
            invalid(&["case.event.facts[value]"]),
        ),
        (
            "a fact key in capitals".to_owned(),
            with_event(|event| {
                event.facts.insert("Value".to_owned(), integer(1));
            }),
            invalid(&["case.event.facts"]),
        ),
        (
            "65 facts".to_owned(),
            with_event(|event| event.facts = (0..65).map(|n| (format!("fact_{n}"), integer(n))).collect()),
            invalid(&["case.event.facts"]),
        ),
        (
            "a fact of 513 characters".to_owned(),
            with_fact(fact::Value::Text("x".repeat(513))),
            invalid(&["case.event.facts[value].text"]),
        ),
        (
            "17 identities".to_owned(),
            open(|request| {
                request.customer.as_mut().expect("a customer").identities =
                    (0..17).map(|n| Identity { source: "crm".to_owned(), value: n.to_string() }).collect();
            }),
            invalid(&["customer.identities"]),
        ),
        (
            "an invisible identity".to_owned(),
            open(|request| request.customer.as_mut().expect("a customer").identities[0].value = "\u{200b}".to_owned()),
            invalid(&["customer.identities[0].value"]),
        ),
        (
            "an e-mail address without a domain".to_owned(),
            open(|request| request.customer.as_mut().expect("a customer").contact_points[0].address = "ann".to_owned()),
            invalid(&["customer.contact_points[0].address"]),
        ),
        (
            "a phone number in words".to_owned(),
            open(|request| {
                request.customer.as_mut().expect("a customer").contact_points =
                    vec![ContactPoint { kind: 2, address: "call me".to_owned() }];
            }),
            invalid(&["customer.contact_points[0].address"]),
        ),
        (
            "a contact point of no kind".to_owned(),
            open(|request| request.customer.as_mut().expect("a customer").contact_points[0].kind = 0),
            invalid(&["customer.contact_points[0].kind"]),
        ),
    ];
    let wrong_money = [
        ("", 1, 0),
        ("eur", 1, 0),
        ("EURO", 1, 0),
        ("XXX", 1, 0),
        ("EUR", 1, 5_000_000),
        ("JPY", 1, 10_000_000),
        ("EUR", 1, -10_000_000),
        ("EUR", 0, 1_000_000_000),
        ("EUR", i64::MAX, 0),
        ("EUR", i64::MIN, 0),
    ];
    for (currency, units, nanos) in wrong_money {
        classes.push((
            format!("money: {currency:?} {units} {nanos}"),
            amount(currency, units, nanos),
            invalid(&["case.event.facts[value].money"]),
        ));
    }
    classes
}

async fn bad_input_is_refused_and_changes_nothing(backend: Backend) {
    let suite = InProcess::start(backend, "bad_input").await;
    let mut intake = IntakeServiceClient::new(suite.channel());
    let mut routing = RoutingServiceClient::new(suite.channel());
    let mut compensation = CompensationServiceClient::new(suite.channel());
    let mut followup = FollowUpServiceClient::new(suite.channel());
    let mut sink = MilestoneSinkClient::new(suite.channel());

    // One good case, to do wrong things to.
    let good = open(|request| request.request_id = "good".to_owned());
    let case = intake.open_case(good.clone()).await.expect("a good request").into_inner().case.expect("a case");
    suite.quiet().await;
    let before = contents(&suite.engines).await;
    let cases = &before[&(Role::Intake, "cases".to_owned())];
    assert!(cases.contains("parcel.lost"), "the digest sees what is in a row: {cases}");

    for (class, request, expected) in open_case_classes() {
        assert_refused(&class, intake.open_case(request).await, &expected);
    }

    let reused = open(|request| {
        request.request_id = "good".to_owned();
        request.case.as_mut().expect("a case").delivered = "something else".to_owned();
    });
    let key_reused = Expected { code: Code::InvalidArgument, reason: "IDEMPOTENCY_KEY_REUSED", fields: &[] };
    assert_refused("the request id of another request", intake.open_case(reused).await, &key_reused);

    let bad_names = [
        "",
        "cases/",
        "cases/1",
        "customers/00000000-0000-0000-0000-000000000001",
        "cases/00000000-0000-0000-0000-000000000000",
        "cases/00000000-0000-0000-0000-00000000000A",
    ];
    for name in bad_names {
        assert_refused(
            &format!("the name {name:?}"),
            intake.get_case(GetCaseRequest { name: name.to_owned() }).await,
            &invalid(&["name"]),
        );
    }
    let unknown = "cases/00000000-0000-7000-8000-000000000001".to_owned();
    assert_refused("an unknown case", intake.get_case(GetCaseRequest { name: unknown.clone() }).await, &NOT_FOUND);
    let mut foreign = Request::new(GetCaseRequest { name: case.name.clone() });
    foreign.metadata_mut().insert("x-amends-tenant", MetadataValue::from_static("another"));
    assert_refused("another tenant's case", intake.get_case(foreign).await, &NOT_FOUND);

    let page = |token: &str, size: i32| ListCasesRequest {
        page_token: token.to_owned(),
        page_size: size,
        ..Default::default()
    };
    let bad_token = Expected { code: Code::InvalidArgument, reason: "BAD_PAGE_TOKEN", fields: &[] };
    for token in ["x", "AAAA", "bm90IGEgdG9rZW4"] {
        assert_refused(&format!("the page token {token:?}"), intake.list_cases(page(token, 0)).await, &bad_token);
    }
    assert_refused("a negative page", intake.list_cases(page("", -1)).await, &invalid(&["page_size"]));
    assert_refused(
        "an unknown state to filter by",
        intake.list_cases(ListCasesRequest { state: 99, ..Default::default() }).await,
        &invalid(&["state"]),
    );

    let finding = RecordFindingRequest {
        request_id: "f".to_owned(),
        name: case.name.clone(),
        finding: "x".to_owned(),
        etag: "0".to_owned(),
        ..Default::default()
    };
    let stale = Expected { code: Code::Aborted, reason: "VERSION_MISMATCH", fields: &[] };
    assert_refused("a stale etag", intake.record_finding(finding).await, &stale);

    let batch = |number: usize| AddAffectedRequest {
        request_id: "b".to_owned(),
        disruption: "disruptions/1".to_owned(),
        affected: (0..number).map(|n| affected(&format!("p{n}@example.com"), [])).collect(),
    };
    for (class, number) in [("an empty batch", 0), ("a batch of 501", 501)] {
        assert_refused(
            class,
            intake.add_affected(futures::stream::iter([batch(number)])).await,
            &invalid(&["disruption", "affected"]),
        );
    }
    let report = ReportDisruptionRequest {
        request_id: "d".to_owned(),
        disruption: Some(disruption("", event("x y", testkit::TEST_EPOCH, []))),
    };
    assert_refused(
        "a disruption without an id",
        intake.report_disruption(report).await,
        &invalid(&["disruption.external_id", "disruption.event.kind"]),
    );

    let milestone = Milestone { kind: 99, case: "cases/1".to_owned(), ..Milestone::default() };
    let milestones = ReportMilestonesRequest { request_id: "m".to_owned(), milestones: vec![milestone] };
    let fields = &["milestones[0].kind", "milestones[0].case", "milestones[0].subject", "milestones[0].happened_at"];
    assert_refused("a malformed milestone", sink.report_milestones(milestones).await, &invalid(fields));

    assert_refused(
        "work without a case",
        routing
            .open_work(OpenWorkRequest {
                request_id: "w".to_owned(),
                work_item: Some(WorkItem::default()),
                ..Default::default()
            })
            .await,
        &invalid(&["work_item.case", "work_item.title", "work_item.severity"]),
    );
    assert_refused(
        "a claim by nobody",
        routing
            .claim_work(ClaimWorkRequest {
                request_id: "c".to_owned(),
                agent: "agents/x".to_owned(),
                work_item: "workItems/x".to_owned(),
            })
            .await,
        &invalid(&["agent", "work_item"]),
    );

    assert_refused("nothing to assess", compensation.assess(AssessRequest::default()).await, &invalid(&["event"]));
    assert_refused(
        "offers of no case",
        compensation.list_offers(ListOffersRequest::default()).await,
        &invalid(&["case"]),
    );
    assert_refused(
        "an answer that says nothing",
        compensation
            .respond_to_offer(RespondToOfferRequest {
                request_id: "r".to_owned(),
                name: "offers/00000000-0000-7000-8000-000000000001".to_owned(),
                response: None,
                consent: String::new(),
            })
            .await,
        &invalid(&["response"]),
    );

    bad_input_experiments::are_refused(ExperimentServiceClient::new(suite.channel())).await;

    assert_refused(
        "no plan",
        followup.start_plan(StartPlanRequest { request_id: "sp".to_owned(), ..Default::default() }).await,
        &invalid(&["plan"]),
    );
    assert_refused(
        "a score of 11",
        followup
            .submit_survey(SubmitSurveyRequest {
                request_id: "ss".to_owned(),
                name: "surveys/00000000-0000-7000-8000-000000000001".to_owned(),
                score: 11,
                ..Default::default()
            })
            .await,
        &invalid(&["score"]),
    );

    let written = changed(&before, &contents(&suite.engines).await);
    assert!(written.is_empty(), "something was written: {written:?}");

    // Wrong for the state, or for what the service knows: the no is an answer, so it is on record, and nothing else is.
    let late = Progress {
        kind: 2,
        text: "news".to_owned(),
        next_update_by: Some(chassis::wire::to_timestamp(testkit::TEST_EPOCH.minus(days(1)))),
        post_time: None,
    };
    assert_refused(
        "a promise in the past",
        routing
            .post_progress(PostProgressRequest {
                request_id: "p".to_owned(),
                name: case.work_item.clone(),
                progress: Some(late),
            })
            .await,
        &invalid(&["progress.next_update_by"]),
    );
    let message = Message {
        case: case.name.clone(),
        customer: case.customer.clone(),
        template: "no_such".to_owned(),
        ..Message::default()
    };
    assert_refused(
        "an unknown template",
        followup
            .send_message(SendMessageRequest {
                request_id: "s".to_owned(),
                message: Some(message),
                ..Default::default()
            })
            .await,
        &invalid(&["message.template"]),
    );
    let reopen = ReopenCaseRequest {
        request_id: "o".to_owned(),
        name: case.name.clone(),
        reason: "again".to_owned(),
        ..Default::default()
    };
    let wrong_state = Expected { code: Code::FailedPrecondition, reason: "INVALID_TRANSITION", fields: &[] };
    assert_refused("a case that is not final", intake.reopen_case(reopen.clone()).await, &wrong_state);
    assert_refused("the same again", intake.reopen_case(reopen).await, &wrong_state);
    let report = ReportMilestonesRequest {
        request_id: "unknown-case".to_owned(),
        milestones: vec![Milestone {
            kind: milestone::Kind::Recovered.into(),
            case: unknown,
            subject: "plans/1".to_owned(),
            happened_at: Some(chassis::wire::to_timestamp(testkit::TEST_EPOCH)),
            ..Default::default()
        }],
    };
    assert_refused("a milestone of an unknown case", sink.report_milestones(report).await, &NOT_FOUND);
    let changed = changed(&before, &contents(&suite.engines).await);
    assert!(changed.iter().all(|(_, table)| table == "inbound_requests"), "{changed:?}");
    suite.stop().await;
}

mod bad_input_is_refused {
    use testkit::Backend;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        super::bad_input_is_refused_and_changes_nothing(Backend::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        super::bad_input_is_refused_and_changes_nothing(Backend::Postgres).await;
    }
}
