//! Intake on a test database with a virtual clock, called through its gRPC services; what it commands is read from
//! `outbound_calls`.

use std::collections::BTreeMap;
use std::sync::Arc;

use amends_intake::{Config, NAME, build, migrations};
use api::common;
use api::extension::milestone_sink_client::MilestoneSinkClient;
use api::extension::{Milestone, ReportMilestonesRequest, milestone};
use api::intake as pb;
use api::intake::intake_service_client::IntakeServiceClient;
use chassis::Job;
use chassis::wire::to_timestamp;
use durable::{DatabaseConfig, Db, Engine, EngineParts, StoreConfig, Targets, sql};
use kernel::{Clock as _, RandomIds, RequestContext, ServiceError, TenantId, TraceContext, VirtualClock};
use sea_orm::ConnectionTrait as _;
use testkit::{Template, TestDatabase};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// The trace of every call of `backend`.
pub const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// The story that every call of `backend` belongs to.
pub const JOURNEY: &str = "00-11111111111111111111111111111111-2222222222222222-01";

/// The migrated schema.
pub static SCHEMA: Template = Template::new("intake", |url| {
    Box::pin(async move {
        let db = connect(&url).await;
        durable::migrate(&db, migrations()).await.unwrap();
        db.close().await;
    })
});

async fn connect(url: &str) -> Db {
    Db::connect(&DatabaseConfig { url: url.to_owned(), ..DatabaseConfig::default() }).await.unwrap()
}

/// The service under test.
pub struct Intake {
    pub client: IntakeServiceClient<Routes>,
    pub sink: MilestoneSinkClient<Routes>,
    pub engine: Engine,
    pub clock: VirtualClock,
    pub jobs: Vec<Job>,
    database: Arc<TestDatabase>,
}

/// A recorded durable call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub message_id: Uuid,
    pub target: String,
    /// Without the service's name.
    pub method: String,
    pub lane: String,
    pub lane_seq: i64,
    pub journey: String,
    pub body: Vec<u8>,
}

impl Intake {
    pub async fn start(database: TestDatabase) -> Self {
        Self::start_with(database, |_| {}).await
    }

    pub async fn start_with(database: TestDatabase, change: impl FnOnce(&mut Config)) -> Self {
        // Nothing is ever sent to this address unless a test runs the relay.
        let nowhere = chassis::channel("http://127.0.0.1:1", &chassis::ClientConfig::default()).unwrap();
        let names = ["routing", "compensation", "followup"];
        let targets = names.iter().fold(Targets::new(), |all, name| all.with(name, nowhere.clone()));
        Self::start_on(Arc::new(database), targets, change).await
    }

    pub async fn start_on(database: Arc<TestDatabase>, targets: Targets, change: impl FnOnce(&mut Config)) -> Self {
        let store = StoreConfig { page_token_key: "a key of these tests".to_owned(), ..StoreConfig::default() };
        let mut config = Config { store, ..Config::default() };
        change(&mut config);
        let clock = testkit::virtual_clock();
        let parts = EngineParts {
            service: NAME,
            db: connect(&database.url).await,
            clock: Arc::new(clock.clone()),
            ids: Arc::new(RandomIds),
            config: config.store.engine.clone(),
        };
        let (service, engine) = build(config, parts, targets).unwrap();
        assert_eq!(service.grpc_names, ["amends.intake.v1.IntakeService", "amends.extension.v1.MilestoneSink"]);
        Self {
            client: IntakeServiceClient::new(service.routes.clone()),
            sink: MilestoneSinkClient::new(service.routes),
            engine,
            clock,
            jobs: service.jobs,
            database,
        }
    }

    /// Another process on the same database: PostgreSQL only.
    pub async fn another(&self) -> Self {
        let nowhere = chassis::channel("http://127.0.0.1:1", &chassis::ClientConfig::default()).unwrap();
        let names = ["routing", "compensation", "followup"];
        let targets = names.iter().fold(Targets::new(), |all, name| all.with(name, nowhere.clone()));
        Self::start_on(Arc::clone(&self.database), targets, |_| {}).await
    }

    pub fn is_postgres(&self) -> bool {
        self.database.backend() == testkit::Backend::Postgres
    }

    pub async fn open(&self, request: pb::OpenCaseRequest) -> Result<pb::OpenCaseResponse, ServiceError> {
        self.client.clone().open_case(as_backend(request)).await.map(Response::into_inner).map_err(error)
    }

    /// A case of a complaint by this customer.
    pub async fn case_of(&self, request_id: &str, customer: &str) -> pb::Case {
        self.open(complaint(self, request_id, customer)).await.unwrap().case.unwrap()
    }

    pub async fn case(&self, name: &str) -> pb::Case {
        let request = pb::GetCaseRequest { name: name.to_owned() };
        self.client.clone().get_case(as_backend(request)).await.unwrap().into_inner()
    }

    pub async fn report(&self, request_id: &str, milestones: Vec<Milestone>) -> Result<i32, ServiceError> {
        let request = ReportMilestonesRequest { request_id: request_id.to_owned(), milestones };
        let taken = self.sink.clone().report_milestones(as_service("followup", request)).await.map_err(error)?;
        Ok(taken.into_inner().taken)
    }

    /// Reports one milestone and gives back the case after it.
    pub async fn tell(
        &self,
        case: &str,
        kind: milestone::Kind,
        subject: &str,
        attributes: &[(&str, &str)],
    ) -> pb::Case {
        let request_id = self.engine.new_id().to_string();
        let milestone = self.milestone(case, kind, subject, attributes);
        assert_eq!(self.report(&request_id, vec![milestone]).await, Ok(1));
        self.case(case).await
    }

    pub fn milestone(&self, case: &str, kind: milestone::Kind, subject: &str, facts: &[(&str, &str)]) -> Milestone {
        Milestone {
            kind: kind.into(),
            case: case.to_owned(),
            subject: subject.to_owned(),
            happened_at: Some(to_timestamp(self.clock.now())),
            summary: String::new(),
            attributes: facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        }
    }

    pub async fn report_disruption(
        &self,
        request: pb::ReportDisruptionRequest,
    ) -> Result<pb::Disruption, ServiceError> {
        self.client.clone().report_disruption(as_backend(request)).await.map(Response::into_inner).map_err(error)
    }

    pub async fn add(&self, batches: Vec<pb::AddAffectedRequest>) -> Result<Vec<pb::AffectedResult>, ServiceError> {
        let request = as_backend(futures::stream::iter(batches));
        let answer = self.client.clone().add_affected(request).await.map_err(error)?;
        Ok(answer.into_inner().results)
    }

    /// The customer's whole history, newest first.
    pub async fn timeline(&self, customer: &str) -> Vec<pb::TimelineEntry> {
        let customer = customer.to_owned();
        let request = pb::GetCustomerTimelineRequest { customer, page_size: 500, ..Default::default() };
        self.client.clone().get_customer_timeline(as_backend(request)).await.unwrap().into_inner().entries
    }

    /// What was commanded, in the order of recording.
    pub async fn calls(&self) -> Vec<Call> {
        let text = "SELECT message_id, target, method, lane, lane_seq, journey, body FROM outbound_calls \
                    ORDER BY created_at, target, lane, lane_seq";
        let statement = sql::statement(self.engine.db().backend(), text, []);
        let rows = self.engine.read().query_all_raw(statement).await.unwrap();
        let call = |row: &sea_orm::QueryResult| -> Result<Call, sea_orm::DbErr> {
            let method: String = sql::column(row, "method")?;
            Ok(Call {
                message_id: sql::column(row, "message_id")?,
                target: sql::column(row, "target")?,
                method: method.rsplit('/').next().unwrap_or_default().to_owned(),
                lane: sql::column(row, "lane")?,
                lane_seq: sql::column(row, "lane_seq")?,
                journey: sql::column(row, "journey")?,
                body: sql::column(row, "body")?,
            })
        };
        rows.iter().map(|row| call(row).unwrap()).collect()
    }

    /// Methods commanded of a target, in the order of their lanes.
    pub async fn commanded(&self, target: &str) -> Vec<String> {
        self.calls().await.into_iter().filter(|call| call.target == target).map(|call| call.method).collect()
    }

    /// Decoded requests of a method.
    pub async fn requests<M: prost::Message + Default>(&self, method: &str) -> Vec<M> {
        let calls = self.calls().await.into_iter().filter(|call| call.method == method);
        calls.map(|call| M::decode(call.body.as_slice()).unwrap()).collect()
    }

    /// Rows of a table.
    pub async fn count(&self, table: &str) -> i64 {
        let statement = sql::statement(self.engine.db().backend(), format!("SELECT count(*) AS n FROM {table}"), []);
        let row = self.engine.read().query_one_raw(statement).await.unwrap();
        sql::column(&row.unwrap(), "n").unwrap()
    }

    /// Rows of all tables that a request could write to.
    pub async fn written(&self) -> Vec<(&'static str, i64)> {
        let tables = [
            "customers",
            "customer_identities",
            "cases",
            "disruptions",
            "timeline_entries",
            "outbound_calls",
            "inbound_requests",
        ];
        let mut counts = Vec::new();
        for table in tables {
            counts.push((table, self.count(table).await));
        }
        counts
    }
}

pub fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

/// A request of the client `backend` of the tenant `default`.
pub fn as_backend<T>(message: T) -> Request<T> {
    as_client("default", "backend", message)
}

/// A durable call of another service.
pub fn as_service<T>(service: &str, message: T) -> Request<T> {
    as_client("default", &format!("service:{service}"), message)
}

pub fn as_client<T>(tenant_name: &str, client: &str, message: T) -> Request<T> {
    let mut context = RequestContext::for_client(tenant(tenant_name), client);
    context.trace = TraceContext { traceparent: TRACE.to_owned(), tracestate: String::new() };
    context.journey = JOURNEY.to_owned();
    let mut request = Request::new(message);
    request.extensions_mut().insert(context);
    request
}

/// The error behind a status; every status of the service carries one.
pub fn error(status: Status) -> ServiceError {
    chassis::from_status(&status).unwrap_or_else(|| panic!("a status without our details: {status:?}"))
}

/// Field and reason of every violation.
pub fn violations(error: &ServiceError) -> Vec<(String, String)> {
    error.violations.iter().map(|violation| (violation.field.clone(), violation.reason.clone())).collect()
}

/// A customer who is known by an id of the company's own and reached by e-mail.
pub fn customer(id: &str) -> pb::Customer {
    pb::Customer {
        display_name: format!("Customer {id}"),
        identities: vec![identity("crm", id)],
        contact_points: vec![common::ContactPoint {
            kind: common::contact_point::Kind::Email.into(),
            address: format!("{id}@example.com"),
        }],
        ..Default::default()
    }
}

pub fn identity(source: &str, value: &str) -> pb::Identity {
    pb::Identity { source: source.to_owned(), value: value.to_owned() }
}

pub fn integer(number: i64) -> common::Fact {
    common::Fact { value: Some(common::fact::Value::Integer(number)) }
}

pub fn facts<const N: usize>(pairs: [(&str, common::Fact); N]) -> BTreeMap<String, common::Fact> {
    pairs.into_iter().map(|(key, fact)| (key.to_owned(), fact)).collect()
}

pub fn event(intake: &Intake, reference: &str) -> common::FailureEvent {
    common::FailureEvent {
        kind: "parcel.lost".to_owned(),
        occurred_at: Some(to_timestamp(intake.clock.now())),
        reference: reference.to_owned(),
        facts: facts([("days_late", integer(4))]),
    }
}

/// A complaint.
pub fn complaint(intake: &Intake, request_id: &str, customer_id: &str) -> pb::OpenCaseRequest {
    pb::OpenCaseRequest {
        request_id: request_id.to_owned(),
        customer: Some(customer(customer_id)),
        case: Some(pb::Case {
            expected: "my parcel on Monday".to_owned(),
            delivered: "nothing".to_owned(),
            event: Some(event(intake, "P-17")),
            severity: common::Severity::High.into(),
            ..Default::default()
        }),
    }
}

/// A disruption.
pub fn disruption(intake: &Intake, request_id: &str, external_id: &str) -> pb::ReportDisruptionRequest {
    let event = common::FailureEvent {
        kind: "flight.cancelled".to_owned(),
        facts: facts([("delay_minutes", integer(200))]),
        ..event(intake, "UA1545")
    };
    pb::ReportDisruptionRequest {
        request_id: request_id.to_owned(),
        disruption: Some(pb::Disruption {
            external_id: external_id.to_owned(),
            event: Some(event),
            expected: "a flight".to_owned(),
            delivered: "none".to_owned(),
            severity: common::Severity::Medium.into(),
            ..Default::default()
        }),
    }
}

/// A batch of affected customers.
pub fn batch(request_id: &str, disruption: &str, customers: &[&str]) -> pb::AddAffectedRequest {
    let affected = |id: &&str| pb::Affected { customer: Some(customer(id)), ..Default::default() };
    pb::AddAffectedRequest {
        request_id: request_id.to_owned(),
        disruption: disruption.to_owned(),
        affected: customers.iter().map(affected).collect(),
    }
}
