//! The OperationsService over gRPC: looking at durable calls, mending what is stuck, and who may do what.

use std::collections::BTreeSet;
use std::time::Duration;

use amends::role::Role;
use amends_tests::detour::Detour;
use amends_tests::in_process::InProcess;
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{Case, GetCustomerTimelineRequest, OpenCaseRequest};
use api::method::milestone_sink::REPORT_MILESTONES;
use api::method::operations_service::SKIP_MESSAGE;
use api::operations::operations_service_client::OperationsServiceClient;
use api::operations::{
    AuditRecord, Call, DiscardCallRequest, GetCallRequest, GetRelayHealthRequest, ListAuditRecordsRequest,
    ListCallsRequest, RelayHealth, RetryCallRequest, SkipMessageRequest, call,
};
use api::routing::routing_service_client::RoutingServiceClient;
use api::routing::{Agent, ClaimWorkRequest, CreateAgentRequest, SetPresenceRequest, agent};
use kernel::ServiceError;
use testkit::Backend;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::support::{customer, event, money};

/// A suite, and the way that all milestones take: its own, or a sink's outside of it.
pub struct Stage {
    pub suite: InProcess,
    pub operations: OperationsServiceClient<Channel>,
    pub detour: Detour,
}

impl Stage {
    /// With a service behind a detour, or with a sink `shop` there that routing reports to as well.
    pub async fn start(backend: Backend, hint: &str, sink: &'static str) -> Self {
        let detour = Detour::start().await;
        let suite = InProcess::start_with(backend, hint, |config| {
            detour.lead_to(&config.targets["intake"].url);
            let of_the_suite = config.targets.insert(sink.to_owned(), detour.address.clone().into()).is_some();
            if !of_the_suite {
                config.routing.sinks.push(sink.to_owned());
            }
        })
        .await;
        let operations = OperationsServiceClient::new(suite.channel());
        Self { suite, operations, detour }
    }

    pub async fn open_case(&self, request_id: &str) -> Case {
        let failure = event("parcel.lost", kernel::Clock::now(&self.suite.clock), [("value", money("EUR", 12_345))]);
        let request = OpenCaseRequest {
            request_id: request_id.to_owned(),
            customer: Some(customer(&format!("{request_id}@example.com"))),
            case: Some(Case { event: Some(failure), ..Case::default() }),
        };
        let opened = IntakeServiceClient::new(self.suite.channel()).open_case(request).await.expect("a case");
        self.suite.quiet().await;
        opened.into_inner().case.expect("a case")
    }

    /// An agent takes the oldest work.
    async fn claim(&self) {
        let mut routing = RoutingServiceClient::new(self.suite.channel());
        let agent = Agent {
            display_name: "Ada".to_owned(),
            queues: vec!["queues/default".to_owned()],
            capacity: 3,
            ..Agent::default()
        };
        let create = CreateAgentRequest { request_id: "agent".to_owned(), agent: Some(agent) };
        let agent = routing.create_agent(create).await.expect("an agent").into_inner().name;
        let presence = agent::Presence::Available.into();
        let here = SetPresenceRequest { request_id: "here".to_owned(), name: agent.clone(), presence };
        routing.set_presence(here).await.expect("the agent is there");
        let claim = ClaimWorkRequest { request_id: "claim".to_owned(), agent, work_item: String::new() };
        routing.claim_work(claim).await.expect("there is work");
        self.suite.quiet().await;
    }

    /// Kinds of a case's timeline.
    pub async fn story(&self, case: &Case) -> BTreeSet<String> {
        let (customer, case) = (case.customer.clone(), case.name.clone());
        let request = GetCustomerTimelineRequest { customer, case, page_size: 200, ..Default::default() };
        let timeline = IntakeServiceClient::new(self.suite.channel()).get_customer_timeline(request).await;
        timeline.expect("a timeline").into_inner().entries.into_iter().map(|entry| entry.kind).collect()
    }

    async fn calls(&mut self, change: impl FnOnce(&mut ListCallsRequest)) -> Vec<Call> {
        let mut request = ListCallsRequest { parent: "services/routing".to_owned(), ..Default::default() };
        change(&mut request);
        self.operations.list_calls(request).await.expect("a list").into_inner().calls
    }

    /// The one call of routing's that is parked.
    pub async fn parked(&mut self) -> Call {
        let calls = self.calls(|request| request.state = call::State::Parked.into()).await;
        let [parked] = calls.as_slice() else { panic!("one call is parked: {calls:?}") };
        parked.clone()
    }

    async fn get(&mut self, name: &str) -> Call {
        let request = GetCallRequest { name: name.to_owned() };
        self.operations.get_call(request).await.expect("a call").into_inner()
    }

    /// What was done by hand at a service, oldest first; the chain is intact.
    async fn audited(&mut self, service: &str) -> Vec<(String, String, String, String)> {
        let request = ListAuditRecordsRequest { parent: service.to_owned(), ..Default::default() };
        let mut listed = self.operations.list_audit_records(request).await.expect("records").into_inner();
        assert!(listed.chain_intact);
        listed.audit_records.reverse();
        let line = |record: AuditRecord| (record.actor, record.action, record.subject, record.reason);
        listed.audit_records.into_iter().map(line).collect()
    }

    async fn health(&mut self, tenant: &'static str) -> RelayHealth {
        let request = GetRelayHealthRequest { name: "services/routing/relayHealth".to_owned() };
        self.operations.get_relay_health(of_tenant(tenant, request)).await.expect("health").into_inner()
    }
}

fn with<T>(headers: &[(&'static str, &'static str)], message: T) -> Request<T> {
    let mut request = Request::new(message);
    for (name, value) in headers {
        request.metadata_mut().insert(*name, MetadataValue::from_static(value));
    }
    request
}

fn of_tenant<T>(tenant: &'static str, message: T) -> Request<T> {
    with(&[("x-amends-tenant", tenant)], message)
}

pub fn retry(request_id: &str, name: &str, reason: &str) -> RetryCallRequest {
    RetryCallRequest { request_id: request_id.to_owned(), name: name.to_owned(), reason: reason.to_owned() }
}

pub fn discard(request_id: &str, name: &str, reason: &str) -> DiscardCallRequest {
    DiscardCallRequest { request_id: request_id.to_owned(), name: name.to_owned(), reason: reason.to_owned() }
}

fn replayed<T>(answer: &Response<T>) -> bool {
    answer.metadata().get("idempotent-replayed").is_some_and(|value| value == "true")
}

/// The code and the error of a refusal.
#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> (Code, ServiceError) {
    let status = answer.expect_err("a refusal");
    let error = chassis::from_status(&status).unwrap_or_else(|| panic!("{status:?} carries no details of ours"));
    (status.code(), error)
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(answer: Result<Response<T>, Status>, code: Code, reason: &str) {
    let (found, error) = refused(answer);
    assert_eq!((found, error.reason.as_str()), (code, reason), "{error:?}");
}

/// All the fields that are wrong, in the order of the answer.
#[track_caller]
fn assert_violations<T: std::fmt::Debug>(answer: Result<Response<T>, Status>, fields: &[&str]) {
    let (code, error) = refused(answer);
    assert_eq!((code, error.reason.as_str()), (Code::InvalidArgument, "INVALID_FIELDS"), "{error:?}");
    let found: Vec<&str> = error.violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(found, fields);
}

/// One body, a test on each database.
macro_rules! on_both {
    ($($name:ident),+) => {$(
        mod $name {
            use testkit::Backend;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(Backend::Postgres).await;
            }
        }
    )+};
}

on_both!(
    a_parked_call_is_seen_by_its_tenant_and_goes_on_when_retried,
    a_discarded_call_moves_the_receivers_lane_on,
    a_sink_outside_of_the_suite_is_not_told_to_skip,
    lists_are_paged_by_tokens_of_their_own,
    everything_wrong_is_named_at_once,
    places_are_skipped_by_their_sender_or_an_operator
);

async fn a_parked_call_is_seen_by_its_tenant_and_goes_on_when_retried(backend: Backend) {
    let mut stage = Stage::start(backend, "operations_retry", "intake").await;
    stage.detour.close("routing", REPORT_MILESTONES);
    let case = stage.open_case("a").await;
    assert!(!stage.story(&case).await.contains("WORK_OPENED"));

    let parked = stage.parked().await;
    assert!(parked.name.starts_with("services/routing/calls/"), "{parked:?}");
    assert_eq!((parked.tenant.as_str(), parked.target.as_str()), ("default", "intake"));
    assert_eq!((parked.method.as_str(), parked.lane_seq, parked.attempts), (REPORT_MILESTONES, 1, 1));
    assert_eq!(parked.lane, case.name);
    assert_eq!(parked.last_error, "DATA_LOSS: from something in between");
    assert!(parked.due_time.is_some() && parked.create_time.is_some() && parked.finish_time.is_none());
    assert_eq!(stage.get(&parked.name).await, parked);
    let lane = case.name.clone();
    assert_eq!(stage.calls(|request| request.lane = lane).await, std::slice::from_ref(&parked));
    assert_eq!(stage.calls(|request| request.lane = "cases/none".to_owned()).await, []);
    let health = stage.health("default").await;
    let intake = health.targets.iter().find(|target| target.target == "intake").expect("intake has open calls");
    assert_eq!((health.name.as_str(), intake.parked, intake.leased), ("services/routing/relayHealth", 1, 0));
    assert!(health.targets.iter().any(|target| target.target == "routing" && target.scheduled > 0), "{health:?}");

    // Nothing of it is another tenant's.
    assert_eq!(stage.health("another").await.targets, []);
    let all = ListCallsRequest { parent: "services/routing".to_owned(), ..Default::default() };
    assert_eq!(stage.operations.list_calls(of_tenant("another", all)).await.expect("a list").into_inner().calls, []);
    let get = GetCallRequest { name: parked.name.clone() };
    assert_refused(stage.operations.get_call(of_tenant("another", get)).await, Code::NotFound, "RESOURCE_NOT_FOUND");
    let foreign = of_tenant("another", retry("r", &parked.name, "mended"));
    assert_refused(stage.operations.retry_call(foreign).await, Code::NotFound, "RESOURCE_NOT_FOUND");
    let foreign = of_tenant("another", discard("d", &parked.name, "gone"));
    assert_refused(stage.operations.discard_call(foreign).await, Code::NotFound, "RESOURCE_NOT_FOUND");

    stage.detour.open();
    let request = retry("r", &parked.name, "mended");
    let first = stage.operations.retry_call(with(&[("x-amends-client", "ada")], request.clone())).await;
    let first = first.expect("it is retried");
    assert!(!replayed(&first));
    assert_eq!(first.get_ref().state(), call::State::Pending);
    stage.suite.quiet().await;
    assert!(stage.story(&case).await.contains("WORK_OPENED"));
    let again =
        stage.operations.retry_call(with(&[("x-amends-client", "ada")], request)).await.expect("the same again");
    assert!(replayed(&again));
    assert_eq!(again.into_inner(), first.into_inner());
    let other = with(&[("x-amends-client", "ada")], retry("r", &parked.name, "another reason"));
    assert_refused(stage.operations.retry_call(other).await, Code::InvalidArgument, "IDEMPOTENCY_KEY_REUSED");
    let done = stage.get(&parked.name).await;
    assert_eq!((done.state(), done.attempts), (call::State::Done, 2));
    assert!(done.finish_time.is_some());

    for _ in 0..2 {
        let late = stage.operations.retry_call(retry("late", &parked.name, "once more")).await;
        assert_refused(late, Code::FailedPrecondition, "CALL_NOT_WAITING");
        let late = stage.operations.discard_call(discard("late", &parked.name, "too late")).await;
        assert_refused(late, Code::FailedPrecondition, "CALL_NOT_PARKED");
    }
    let record = ("ada".to_owned(), "RETRY_CALL".to_owned(), parked.name, "mended".to_owned());
    assert_eq!(stage.audited("services/routing").await, [record]);
    stage.suite.stop().await;
}

async fn a_discarded_call_moves_the_receivers_lane_on(backend: Backend) {
    let mut stage = Stage::start(backend, "operations_discard", "intake").await;
    stage.detour.close("routing", REPORT_MILESTONES);
    let case = stage.open_case("a").await;
    stage.suite.pass(Duration::from_secs(1)).await;
    stage.claim().await;
    let parked = stage.parked().await;
    let lane = case.name.clone();
    let behind = stage.calls(|request| request.lane = lane).await;
    assert_eq!(behind.iter().map(|call| call.lane_seq).collect::<Vec<_>>(), [1, 2], "{behind:?}");
    assert_eq!((behind[1].state(), behind[1].attempts), (call::State::Pending, 0), "it waits behind the parked one");

    stage.detour.open();
    let request = discard("d", &parked.name, "the case knows");
    let first = stage.operations.discard_call(request.clone()).await.expect("it is discarded");
    assert!(!replayed(&first));
    assert_eq!(first.get_ref().state(), call::State::Discarded);
    // What was behind may arrive before the skip; then it is sent again some seconds later.
    stage.suite.pass(Duration::from_secs(60)).await;
    let again = stage.operations.discard_call(request).await.expect("the same again");
    assert!(replayed(&again));
    assert_eq!(again.into_inner(), first.into_inner());
    let other = stage.operations.discard_call(discard("d", &parked.name, "another reason")).await;
    assert_refused(other, Code::InvalidArgument, "IDEMPOTENCY_KEY_REUSED");

    assert_eq!(stage.get(&behind[1].name).await.state(), call::State::Done, "the lane has moved on");
    let story = stage.story(&case).await;
    assert!(story.contains("WORK_CLAIMED") && !story.contains("WORK_OPENED"), "{story:?}");
    let skips = stage.calls(|_| {}).await.into_iter().filter(|call| call.method == SKIP_MESSAGE);
    let skips: Vec<Call> = skips.collect();
    let [skip] = skips.as_slice() else { panic!("one skip: {skips:?}") };
    assert_eq!((skip.state(), skip.target.as_str(), skip.lane.as_str()), (call::State::Done, "intake", ""));
    let reason = "the case knows".to_owned();
    let discarded = ("anonymous".to_owned(), "DISCARD_CALL".to_owned(), parked.name, reason.clone());
    assert_eq!(stage.audited("services/routing").await, [discarded]);
    let subject = format!("services/intake/lanes/routing/{}/1", case.name);
    let skipped = ("service:routing".to_owned(), "SKIP_MESSAGE".to_owned(), subject, reason);
    assert_eq!(stage.audited("services/intake").await, [skipped]);
    stage.suite.stop().await;
}

async fn a_sink_outside_of_the_suite_is_not_told_to_skip(backend: Backend) {
    let mut stage = Stage::start(backend, "operations_sink", "shop").await;
    stage.detour.close("routing", REPORT_MILESTONES);
    let case = stage.open_case("a").await;
    assert!(stage.story(&case).await.contains("WORK_OPENED"), "the other sink has it");
    let parked = stage.parked().await;
    assert_eq!(parked.target, "shop");
    let discarded = stage.operations.discard_call(discard("d", &parked.name, "the shop is gone")).await;
    assert_eq!(discarded.expect("it is discarded").into_inner().state(), call::State::Discarded);
    stage.suite.quiet().await;
    let calls = stage.calls(|_| {}).await;
    assert!(calls.iter().all(|call| call.method != SKIP_MESSAGE), "{calls:?}");
    assert_eq!(stage.audited("services/routing").await.len(), 1);
    stage.suite.stop().await;
}

async fn lists_are_paged_by_tokens_of_their_own(backend: Backend) {
    let mut stage = Stage::start(backend, "operations_pages", "intake").await;
    for number in 0..3 {
        stage.open_case(&format!("c{number}")).await;
    }
    let page = |token: &str| ListCallsRequest {
        parent: "services/intake".to_owned(),
        page_size: 2,
        page_token: token.to_owned(),
        ..Default::default()
    };
    let whole = ListCallsRequest { page_size: 0, ..page("") };
    let whole = stage.operations.list_calls(whole).await.expect("a list").into_inner();
    assert_eq!(whole.next_page_token, "");
    let (mut paged, mut tokens) = (Vec::new(), vec![String::new()]);
    while let Some(token) = tokens.last().filter(|token| paged.is_empty() || !token.is_empty()) {
        let answer = stage.operations.list_calls(page(token)).await.expect("a page").into_inner();
        assert!((1..=2).contains(&answer.calls.len()));
        paged.extend(answer.calls);
        tokens.push(answer.next_page_token);
    }
    assert!(paged.len() > 4, "three pages at least: {}", paged.len());
    assert_eq!(paged, whole.calls);
    let oldest_first = |call: &Call| call.create_time.map(|time| (time.seconds, time.nanos));
    assert!(paged.is_sorted_by_key(oldest_first));

    let token = tokens[1].as_str();
    let elsewhere = [
        ListCallsRequest { parent: "services/routing".to_owned(), ..page(token) },
        ListCallsRequest { state: call::State::Done.into(), ..page(token) },
        ListCallsRequest { lane: "cases/1".to_owned(), ..page(token) },
        page(&token[1..]),
        page("AAAA"),
    ];
    for request in elsewhere {
        assert_refused(stage.operations.list_calls(request).await, Code::InvalidArgument, "BAD_PAGE_TOKEN");
    }
    let foreign = stage.operations.list_calls(of_tenant("another", page(token))).await;
    assert_refused(foreign, Code::InvalidArgument, "BAD_PAGE_TOKEN");

    // Audit records: three of them, newest first.
    for seq in 1..=3 {
        let skip = skip_request(&format!("skip-{seq}"), "routing", "cases/1", seq);
        stage.operations.skip_message(skip).await.expect("an operator may");
    }
    let records = |token: &str| ListAuditRecordsRequest {
        parent: "services/intake".to_owned(),
        page_size: 2,
        page_token: token.to_owned(),
    };
    let first = stage.operations.list_audit_records(records("")).await.expect("a page").into_inner();
    let second =
        stage.operations.list_audit_records(records(&first.next_page_token)).await.expect("a page").into_inner();
    let seqs: Vec<i64> = first.audit_records.iter().chain(&second.audit_records).map(|record| record.seq).collect();
    assert_eq!((seqs.as_slice(), second.next_page_token.as_str()), ([3, 2, 1].as_slice(), ""));
    assert!(first.audit_records.iter().all(|record| record.hash.len() == 64 && record.happened_at.is_some()));
    let mixed = stage.operations.list_audit_records(records(token)).await;
    assert_refused(mixed, Code::InvalidArgument, "BAD_PAGE_TOKEN");
    stage.suite.stop().await;
}

async fn everything_wrong_is_named_at_once(backend: Backend) {
    // A process that runs intake alone.
    let roles = BTreeSet::from([Role::Intake]);
    let suite = InProcess::start_roles(backend, "operations_bad", roles, |_| {}).await;
    let mut operations = OperationsServiceClient::new(suite.channel());
    let id = "00000000-0000-7000-8000-000000000001";

    let list = ListCallsRequest { page_size: -1, state: 99, lane: "x".repeat(201), ..Default::default() };
    assert_violations(operations.list_calls(list).await, &["parent", "page_size", "state", "lane"]);
    let records = ListAuditRecordsRequest { parent: "intake".to_owned(), page_size: -1, ..Default::default() };
    assert_violations(operations.list_audit_records(records).await, &["parent", "page_size"]);
    let long = "x".repeat(513);
    assert_violations(operations.retry_call(retry("", "", &long)).await, &["name", "request_id", "reason"]);
    assert_violations(operations.discard_call(discard("a b", "x", " ")).await, &["name", "request_id", "reason"]);
    let skip = SkipMessageRequest { parent: "services/none".to_owned(), ..Default::default() };
    let fields = ["parent", "request_id", "sender", "lane", "reason", "lane_seq"];
    assert_violations(operations.skip_message(skip).await, &fields);
    let names = [
        String::new(),
        "services/intake".to_owned(),
        "services/intake/calls/".to_owned(),
        "services/intake/calls/1".to_owned(),
        format!("services/none/calls/{id}"),
        format!("intake/calls/{id}"),
        format!("services/intake/calls/{id}/x"),
        "services/intake/calls/00000000-0000-0000-0000-000000000000".to_owned(),
        "services/intake/calls/00000000-0000-7000-8000-00000000000A".to_owned(),
    ];
    for name in names {
        assert_violations(operations.get_call(GetCallRequest { name: name.clone() }).await, &["name"]);
        assert_violations(operations.retry_call(retry("r", &name, "why")).await, &["name"]);
    }
    for name in ["services/intake", "services/none/relayHealth", "relayHealth", ""] {
        let request = GetRelayHealthRequest { name: name.to_owned() };
        assert_violations(operations.get_relay_health(request).await, &["name"]);
    }

    // A well-formed name of what is not here: the process, or the call.
    let here = format!("services/intake/calls/{id}");
    let (code, error) = refused(operations.get_call(GetCallRequest { name: here.clone() }).await);
    assert_eq!(
        (code, error.reason.as_str(), error.metadata["resource"].as_str()),
        (Code::NotFound, "RESOURCE_NOT_FOUND", here.as_str())
    );
    let away = format!("services/routing/calls/{id}");
    let parent = "services/routing".to_owned();
    let (code, error) = refused(operations.get_call(GetCallRequest { name: away.clone() }).await);
    assert_eq!(
        (code, error.reason.as_str(), error.metadata["service"].as_str()),
        (Code::NotFound, "SERVICE_NOT_HERE", "routing")
    );
    let list = ListCallsRequest { parent: parent.clone(), ..Default::default() };
    assert_refused(operations.list_calls(list).await, Code::NotFound, "SERVICE_NOT_HERE");
    let records = ListAuditRecordsRequest { parent: parent.clone(), ..Default::default() };
    assert_refused(operations.list_audit_records(records).await, Code::NotFound, "SERVICE_NOT_HERE");
    assert_refused(operations.retry_call(retry("r", &away, "why")).await, Code::NotFound, "SERVICE_NOT_HERE");
    assert_refused(operations.discard_call(discard("d", &away, "why")).await, Code::NotFound, "SERVICE_NOT_HERE");
    let skip = SkipMessageRequest { parent, ..skip_request("s", "intake", "cases/1", 1) };
    assert_refused(operations.skip_message(skip).await, Code::NotFound, "SERVICE_NOT_HERE");
    let health = GetRelayHealthRequest { name: "services/routing/relayHealth".to_owned() };
    assert_refused(operations.get_relay_health(health).await, Code::NotFound, "SERVICE_NOT_HERE");
    suite.stop().await;
}

fn skip_request(request_id: &str, sender: &str, lane: &str, lane_seq: i64) -> SkipMessageRequest {
    SkipMessageRequest {
        request_id: request_id.to_owned(),
        parent: "services/intake".to_owned(),
        sender: sender.to_owned(),
        lane: lane.to_owned(),
        lane_seq,
        reason: "given up".to_owned(),
    }
}

async fn places_are_skipped_by_their_sender_or_an_operator(backend: Backend) {
    let mut stage = Stage::start(backend, "operations_skip", "intake").await;
    let operations = &mut stage.operations;
    let by = |sender: &'static str, request: SkipMessageRequest| with(&[("x-amends-sender", sender)], request);
    let first = skip_request("1", "routing", "cases/1", 1);
    let (code, error) = refused(operations.skip_message(by("compensation", first.clone())).await);
    assert_eq!((code, error.reason.as_str()), (Code::PermissionDenied, "NOT_THE_SENDER"));
    assert_eq!(error.metadata["sender"], "routing");
    let moved = operations.skip_message(by("routing", first.clone())).await.expect("its own lane");
    assert_eq!((replayed(&moved), moved.into_inner().last_seq), (false, 1));
    let again = operations.skip_message(by("routing", first)).await.expect("the same again");
    assert_eq!((replayed(&again), again.into_inner().last_seq), (true, 1));
    let gap = operations.skip_message(by("routing", skip_request("3", "routing", "cases/1", 3))).await;
    assert_refused(gap, Code::FailedPrecondition, "SEQUENCE_GAP");
    let by_hand = operations.skip_message(skip_request("2", "routing", "cases/1", 2)).await.expect("an operator");
    assert_eq!(by_hand.into_inner().last_seq, 2);
    let closed = operations.skip_message(by("routing", skip_request("3", "routing", "cases/1", 3))).await;
    assert_eq!(closed.expect("the gap is closed").into_inner().last_seq, 3);

    // A lane that the front layer lets through can be skipped, and no other.
    const LONGEST: &str = match std::str::from_utf8(&[b'x'; 200]) {
        Ok(text) => text,
        Err(_) => panic!(),
    };
    const TOO_LONG: &str = match std::str::from_utf8(&[b'x'; 201]) {
        Ok(text) => text,
        Err(_) => panic!(),
    };
    let delivered = |lane: &'static str| {
        let headers = [("x-amends-sender", "routing"), ("x-amends-lane", lane), ("x-amends-lane-seq", "1")];
        with(&headers, GetRelayHealthRequest { name: "services/intake/relayHealth".to_owned() })
    };
    operations.get_relay_health(delivered(LONGEST)).await.expect("the front layer lets it through");
    operations.skip_message(skip_request("l", "routing", LONGEST, 1)).await.expect("it can be skipped");
    let front = operations.get_relay_health(delivered(TOO_LONG)).await;
    assert_refused(front, Code::InvalidArgument, "BAD_HEADER");
    assert_violations(operations.skip_message(skip_request("m", "routing", TOO_LONG, 1)).await, &["lane"]);

    let actors: Vec<String> = stage.audited("services/intake").await.into_iter().map(|record| record.0).collect();
    assert_eq!(actors, ["service:routing", "anonymous", "service:routing", "anonymous"], "a no and a repeat are none");
    stage.suite.stop().await;
}
