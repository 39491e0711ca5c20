//! A routing service in the test's process, called through its gRPC routes, and what it recorded to be sent.

use std::sync::Arc;
use std::time::Duration;

use api::common::Severity;
use api::extension::{Milestone, ReportMilestonesRequest};
use api::routing as wire;
use api::routing::agent::Presence;
use api::routing::progress::Kind as ProgressKind;
use api::routing::routing_service_client::RoutingServiceClient;
use api::routing::work_clock::{Kind as ClockKind, State as ClockState};
use durable::{Db, Engine, EngineParts, Targets, sql};
use kernel::{RandomIds, RequestContext, ServiceError, TenantId, Timestamp, VirtualClock, message_id_for_step};
use prost::Message as _;
use sea_orm::ConnectionTrait as _;
use testkit::{Template, TestDatabase};
use tonic::service::Routes;
use tonic::{Request, Status};
use uuid::Uuid;

pub static TEMPLATE: Template = Template::new("routing", |url| {
    Box::pin(async move {
        let config = durable::DatabaseConfig { url, ..durable::DatabaseConfig::default() };
        let db = Db::connect(&config).await.expect("the template can be opened");
        durable::migrate(&db, routing::migrations()).await.expect("the template can be migrated");
        db.close().await;
    })
});

pub const HOUR: Duration = Duration::from_secs(3_600);

/// The service under test.
pub struct Desk {
    pub api: RoutingServiceClient<Routes>,
    pub engine: Engine,
    pub clock: VirtualClock,
}

pub fn config(database: &TestDatabase) -> routing::Config {
    let mut config = routing::Config::default();
    config.store.database.url = database.url.clone();
    config.store.database.max_connections = 24;
    config.store.page_token_key = "a key for tests only".to_owned();
    config
}

pub async fn parts(config: &routing::Config, clock: &VirtualClock) -> EngineParts {
    EngineParts {
        service: routing::NAME,
        db: Db::connect(&config.store.database).await.unwrap(),
        clock: Arc::new(clock.clone()),
        ids: Arc::new(RandomIds),
        config: config.store.engine.clone(),
    }
}

impl Desk {
    pub async fn open(database: &TestDatabase) -> Self {
        Self::with(config(database)).await
    }

    pub async fn with(config: routing::Config) -> Self {
        let clock = testkit::virtual_clock();
        let parts = parts(&config, &clock).await;
        // Nobody listens there: no relay runs in these tests.
        let nowhere = chassis::channel("http://127.0.0.1:1", &chassis::ClientConfig::default()).unwrap();
        let targets = config
            .sinks
            .iter()
            .fold(Targets::new().with(routing::NAME, nowhere.clone()), |t, sink| t.with(sink, nowhere.clone()));
        let (service, engine) = routing::build(config, parts, targets).unwrap();
        Self { api: RoutingServiceClient::new(service.routes), engine, clock }
    }

    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// An available agent of these queues.
    pub async fn agent(&self, queues: &[&str], capacity: i32) -> String {
        self.agent_with(queues, capacity, &[], 1).await
    }

    pub async fn agent_with(&self, queues: &[&str], capacity: i32, skills: &[&str], level: i32) -> String {
        let agent = wire::Agent {
            display_name: "Ada".to_owned(),
            skills: texts(skills),
            queues: queues.iter().map(|queue| format!("queues/{queue}")).collect(),
            capacity,
            level,
            ..wire::Agent::default()
        };
        let request = wire::CreateAgentRequest { request_id: self.fresh(), agent: Some(agent) };
        let name = self.api.clone().create_agent(as_client(request)).await.unwrap().into_inner().name;
        self.presence(&name, Presence::Available).await;
        name
    }

    pub async fn presence(&self, agent: &str, presence: Presence) -> wire::Agent {
        let request =
            wire::SetPresenceRequest { request_id: self.fresh(), name: agent.to_owned(), presence: presence.into() };
        self.api.clone().set_presence(as_client(request)).await.unwrap().into_inner()
    }

    pub async fn work(&self, item: wire::WorkItem, unattended: bool) -> wire::WorkItem {
        let request = self.open_request(item, unattended);
        let call = || async { self.api.clone().open_work(as_client(request.clone())).await };
        until_answered(call).await.unwrap()
    }

    pub fn open_request(&self, item: wire::WorkItem, unattended: bool) -> wire::OpenWorkRequest {
        wire::OpenWorkRequest {
            request_id: self.fresh(),
            work_item_id: String::new(),
            work_item: Some(item),
            unattended,
        }
    }

    pub async fn claim(&self, agent: &str, work_item: &str) -> Result<wire::WorkItem, ServiceError> {
        let request = wire::ClaimWorkRequest {
            request_id: self.fresh(),
            agent: agent.to_owned(),
            work_item: work_item.to_owned(),
        };
        let call = || async { self.api.clone().claim_work(as_client(request.clone())).await };
        until_answered(call).await
    }

    pub async fn post(&self, work: &str, kind: ProgressKind) -> Result<wire::WorkItem, ServiceError> {
        self.post_as("desk", work, kind, None).await
    }

    pub async fn post_as(
        &self,
        client: &str,
        work: &str,
        kind: ProgressKind,
        next_update_by: Option<Timestamp>,
    ) -> Result<wire::WorkItem, ServiceError> {
        let progress = wire::Progress {
            kind: kind.into(),
            text: "We are sorry.".to_owned(),
            next_update_by: next_update_by.map(chassis::wire::to_timestamp),
            post_time: None,
        };
        let request =
            wire::PostProgressRequest { request_id: self.fresh(), name: work.to_owned(), progress: Some(progress) };
        let call = || async { self.api.clone().post_progress(by(client, request.clone())).await };
        until_answered(call).await
    }

    pub async fn complete_as(&self, client: &str, work: &str) -> Result<wire::WorkItem, ServiceError> {
        let request = wire::CompleteWorkRequest {
            request_id: self.fresh(),
            name: work.to_owned(),
            resolution: "Rebooked.".to_owned(),
        };
        let answer = self.api.clone().complete_work(by(client, request)).await;
        answer.map(tonic::Response::into_inner).map_err(error)
    }

    pub async fn escalate(&self, work: &str) -> Result<wire::WorkItem, ServiceError> {
        let request = wire::EscalateWorkRequest {
            request_id: self.fresh(),
            name: work.to_owned(),
            reason: "Needs a supervisor.".to_owned(),
        };
        let call = || async { self.api.clone().escalate_work(as_client(request.clone())).await };
        until_answered(call).await
    }

    pub async fn check(&self, work: &str, clock: ClockKind) -> wire::WorkItem {
        let request = self.fresh();
        self.check_by(&request, work, clock).await
    }

    pub async fn check_by(&self, request_id: &str, work: &str, clock: ClockKind) -> wire::WorkItem {
        let request =
            wire::CheckClockRequest { request_id: request_id.to_owned(), name: work.to_owned(), clock: clock.into() };
        self.api.clone().check_clock(by("service:routing", request)).await.unwrap().into_inner()
    }

    pub async fn get(&self, work: &str) -> wire::WorkItem {
        let request = wire::GetWorkItemRequest { name: work.to_owned() };
        self.api.clone().get_work_item(as_client(request)).await.unwrap().into_inner()
    }

    pub async fn get_agent(&self, agent: &str) -> wire::Agent {
        let request = wire::GetAgentRequest { name: agent.to_owned() };
        self.api.clone().get_agent(as_client(request)).await.unwrap().into_inner()
    }

    /// A request id that was never used.
    pub fn fresh(&self) -> String {
        self.engine.new_id().to_string()
    }

    /// The sum of a column.
    pub async fn sum(&self, table: &str, column: &str) -> i64 {
        self.number(&format!("SELECT CAST(SUM({column}) AS BIGINT) AS n FROM {table}")).await
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) AS n FROM {table}")).await
    }

    async fn number(&self, text: &str) -> i64 {
        let statement = sql::statement(self.engine.db().backend(), text, []);
        let row = self.engine.read().query_one_raw(statement).await.unwrap().unwrap();
        sql::column(&row, "n").unwrap()
    }

    /// Writes the state of work behind the service's back.
    pub async fn set_state(&self, work: &str, state: &str) {
        let id: Uuid = work.strip_prefix("workItems/").unwrap().parse().unwrap();
        let text = "UPDATE work_items SET state = $2 WHERE id = $1";
        let body = |tx: durable::Tx| async move {
            Ok(tx.execute(sql::statement(tx.backend(), text, [id.into(), state.into()])).await?)
        };
        assert_eq!(self.engine.run_tx("test.set_state", body).await, Ok(1));
    }

    /// The durable calls, in the order of their recording within each lane.
    pub async fn calls(&self) -> Vec<Call> {
        let text = "SELECT * FROM outbound_calls ORDER BY target, lane, lane_seq, due_at, message_id";
        let statement = sql::statement(self.engine.db().backend(), text, []);
        let rows = self.engine.read().query_all_raw(statement).await.unwrap();
        rows.iter()
            .map(|row| Call {
                message_id: sql::column(row, "message_id").unwrap(),
                target: sql::column(row, "target").unwrap(),
                method: sql::column(row, "method").unwrap(),
                lane: sql::column(row, "lane").unwrap(),
                state: sql::column(row, "state").unwrap(),
                due_at: Timestamp::from_micros(sql::column(row, "due_at").unwrap()),
                journey: sql::column(row, "journey").unwrap(),
                body: sql::column(row, "body").unwrap(),
            })
            .collect()
    }

    /// The timers that still stand: clock, and when they come.
    pub async fn timers(&self) -> Vec<(ClockKind, Timestamp)> {
        let calls = self.calls().await;
        let mut timers: Vec<_> = calls
            .iter()
            .filter(|call| call.lane.is_none() && call.state == "pending")
            .map(|call| {
                let request = wire::CheckClockRequest::decode(call.body.as_slice()).unwrap();
                assert_eq!((call.target.as_str(), call.method.as_str()), ("routing", CHECK_CLOCK));
                assert_eq!(request.request_id, call.message_id.to_string());
                (request.clock(), call.due_at)
            })
            .collect();
        timers.sort_by_key(|(_, at)| *at);
        timers
    }

    /// The milestones for a sink, in their order.
    pub async fn milestones(&self, sink: &str) -> Vec<Milestone> {
        let calls = self.calls().await;
        let reports = calls.iter().filter(|call| call.target == sink && call.lane.is_some());
        reports
            .map(|call| {
                let mut report = ReportMilestonesRequest::decode(call.body.as_slice()).unwrap();
                assert_eq!(call.method, "amends.extension.v1.MilestoneSink/ReportMilestones");
                assert_eq!(report.request_id, call.message_id.to_string());
                assert_eq!(report.milestones.len(), 1);
                let milestone = report.milestones.remove(0);
                assert_eq!(call.lane.as_deref(), Some(milestone.case.as_str()));
                milestone
            })
            .collect()
    }
}

const CHECK_CLOCK: &str = "amends.routing.v1.RoutingService/CheckClock";

/// A recorded durable call.
#[derive(Debug)]
pub struct Call {
    pub message_id: Uuid,
    pub target: String,
    pub method: String,
    pub lane: Option<String>,
    pub state: String,
    pub due_at: Timestamp,
    pub journey: String,
    pub body: Vec<u8>,
}

/// Work on a case of its own.
pub fn item(severity: Severity) -> wire::WorkItem {
    wire::WorkItem {
        case: format!("cases/{}", message_id_for_step(Uuid::from_u128(1), "case", 1)),
        title: "Baggage was left behind".to_owned(),
        handover: "Flight UA 1 on 8 February; the customer wants it today.".to_owned(),
        severity: severity.into(),
        ..wire::WorkItem::default()
    }
}

pub fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A request of the client `desk` of the default tenant.
pub fn as_client<T>(message: T) -> Request<T> {
    by("desk", message)
}

pub fn by<T>(client: &str, message: T) -> Request<T> {
    of(TenantId::default_tenant(), client, message)
}

pub fn of<T>(tenant: TenantId, client: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(RequestContext::for_client(tenant, client));
    request
}

/// Sends the same request again for as long as the service says to: what a client does when many ask at once.
pub async fn until_answered<T, F, Fut>(call: F) -> Result<T, ServiceError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<tonic::Response<T>, Status>>,
{
    for _ in 0..20 {
        match call().await.map_err(error) {
            Ok(response) => return Ok(response.into_inner()),
            Err(error) if error.retry_after.is_some() => {}
            Err(error) => return Err(error),
        }
    }
    panic!("the service is overloaded for good")
}

/// The suite's error in a status.
pub fn error(status: Status) -> ServiceError {
    chassis::from_status(&status).unwrap_or_else(|| panic!("not an error of ours: {status:?}"))
}

/// The clocks of a work item: kind and state, in their order.
pub fn clocks(work: &wire::WorkItem) -> Vec<(ClockKind, ClockState)> {
    work.clocks.iter().map(|clock| (clock.kind(), clock.state())).collect()
}
