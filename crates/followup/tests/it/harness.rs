//! Follow-up on a test database with a virtual clock, called through its gRPC service, and a relay that the tests work
//! by hand: it sends the service's calls to itself when told to, in the order of their lanes, and can send them again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use amends_followup::{Config, MailboxConfig, NAME, build, migrations};
use api::common::{ContactPoint, contact_point};
use api::extension::{Milestone, ReportMilestonesRequest};
use api::followup as pb;
use api::followup::follow_up_service_client::FollowUpServiceClient;
use api::method::follow_up_service::{DELIVER_MESSAGE, RUN_PLAN_STEP};
use durable::{DatabaseConfig, Db, Engine, EngineConfig, EngineParts, StoreConfig, Targets, sql};
use kernel::{Clock as _, LaneDelivery, RandomIds, RequestContext, ServiceError, TenantId, Timestamp, VirtualClock};
use prost::Message as _;
use sea_orm::ConnectionTrait as _;
use testkit::{Scratch, Template, TestDatabase};
use tonic::service::Routes;
use tonic::{Request, Status};
use uuid::Uuid;

pub const DAY: Duration = Duration::from_secs(86_400);

/// The migrated schema.
pub static SCHEMA: Template = Template::new("followup", |url| {
    Box::pin(async move {
        let db = connect(&url).await;
        durable::migrate(&db, migrations()).await.expect("migrations apply");
        db.close().await;
    })
});

async fn connect(url: &str) -> Db {
    Db::connect(&DatabaseConfig { url: url.to_owned(), ..DatabaseConfig::default() })
        .await
        .expect("it can be connected to")
}

/// The service under test.
pub struct FollowUp {
    pub client: FollowUpServiceClient<Routes>,
    pub engine: Engine,
    pub clock: VirtualClock,
    pub mailbox: PathBuf,
    _database: TestDatabase,
    _scratch: Scratch,
}

/// A recorded durable call.
#[derive(Clone, Debug)]
pub struct Call {
    pub message_id: Uuid,
    pub tenant: String,
    pub method: String,
    pub lane: Option<String>,
    pub lane_seq: Option<i64>,
    pub body: Vec<u8>,
    pub due_at: Timestamp,
    pub state: String,
}

impl FollowUp {
    pub async fn start(database: TestDatabase) -> Self {
        Self::start_with(database, |_| {}).await
    }

    pub async fn start_with(database: TestDatabase, change: impl FnOnce(&mut Config)) -> Self {
        // The tests are the relay: nothing is ever sent to these addresses.
        let nowhere = chassis::channel("http://127.0.0.1:1", &chassis::ClientConfig::default()).expect("an address");
        let targets =
            [NAME, "intake", "backend"].iter().fold(Targets::new(), |all, name| all.with(name, nowhere.clone()));
        Self::build(database, change, targets).await.0
    }

    /// With the service that it is called through, whose jobs do not run yet.
    pub async fn build(
        database: TestDatabase,
        change: impl FnOnce(&mut Config),
        targets: Targets,
    ) -> (Self, chassis::Service) {
        let scratch = Scratch::new("followup");
        let mailbox = scratch.path().join("mail").join("box.mbox");
        let mut config = Config {
            store: StoreConfig { page_token_key: "a key of these tests".to_owned(), ..StoreConfig::default() },
            mailbox: MailboxConfig { file: mailbox.clone() },
            ..Config::default()
        };
        change(&mut config);
        let clock = testkit::virtual_clock();
        let parts = EngineParts {
            service: NAME,
            db: connect(&database.url).await,
            clock: Arc::new(clock.clone()),
            ids: Arc::new(RandomIds),
            config: EngineConfig::default(),
        };
        let (service, engine) = build(config, parts, targets).expect("it can be built");
        let client = FollowUpServiceClient::new(service.routes.clone());
        (Self { client, engine, clock, mailbox, _database: database, _scratch: scratch }, service)
    }

    pub async fn send(&self, request: pb::SendMessageRequest) -> Result<pb::Message, ServiceError> {
        let mut client = self.client.clone();
        client.send_message(as_backend(request)).await.map(tonic::Response::into_inner).map_err(error)
    }

    pub async fn deliver(&self, request_id: &str, name: &str) -> Result<pb::Message, ServiceError> {
        let request = pb::DeliverMessageRequest { request_id: request_id.to_owned(), name: name.to_owned() };
        let mut client = self.client.clone();
        client.deliver_message(as_backend(request)).await.map(tonic::Response::into_inner).map_err(error)
    }

    pub async fn message(&self, name: &str) -> pb::Message {
        let request = pb::GetMessageRequest { name: name.to_owned() };
        self.client.clone().get_message(as_backend(request)).await.expect("the message exists").into_inner()
    }

    pub async fn start_plan(&self, request: pb::StartPlanRequest) -> Result<pb::Plan, ServiceError> {
        let mut client = self.client.clone();
        client.start_plan(as_backend(request)).await.map(tonic::Response::into_inner).map_err(error)
    }

    pub async fn plan(&self, name: &str) -> pb::Plan {
        let request = pb::GetPlanRequest { name: name.to_owned() };
        self.client.clone().get_plan(as_backend(request)).await.expect("the plan exists").into_inner()
    }

    pub async fn stop_plan(&self, request_id: &str, name: &str) -> Result<pb::Plan, ServiceError> {
        let (request_id, name, reason) = (request_id.to_owned(), name.to_owned(), "merged".to_owned());
        let request = pb::StopPlanRequest { request_id, name, reason };
        self.client.clone().stop_plan(as_backend(request)).await.map(tonic::Response::into_inner).map_err(error)
    }

    pub async fn step(&self, request_id: &str, name: &str, step: i32) -> Result<pb::Plan, ServiceError> {
        let request = pb::RunPlanStepRequest { request_id: request_id.to_owned(), name: name.to_owned(), step };
        self.client.clone().run_plan_step(as_backend(request)).await.map(tonic::Response::into_inner).map_err(error)
    }

    pub async fn answer(&self, request_id: &str, name: &str, score: i32) -> Result<pb::Survey, ServiceError> {
        let (request_id, name, comment) = (request_id.to_owned(), name.to_owned(), "my words".to_owned());
        let request = pb::SubmitSurveyRequest { request_id, name, score, comment };
        self.client.clone().submit_survey(as_backend(request)).await.map(tonic::Response::into_inner).map_err(error)
    }

    pub async fn survey(&self, name: &str) -> pb::Survey {
        let request = pb::GetSurveyRequest { name: name.to_owned() };
        self.client.clone().get_survey(as_backend(request)).await.expect("the survey exists").into_inner()
    }

    /// Newest first.
    pub async fn surveys(&self) -> Vec<pb::Survey> {
        let request = pb::ListSurveysRequest { case: case(1), page_size: 500, page_token: String::new() };
        self.client.clone().list_surveys(as_backend(request)).await.expect("surveys can be listed").into_inner().surveys
    }

    /// Oldest first.
    pub async fn messages(&self) -> Vec<pb::Message> {
        let request = pb::ListMessagesRequest { case: case(1), page_size: 500, page_token: String::new() };
        self.client
            .clone()
            .list_messages(as_backend(request))
            .await
            .expect("messages can be listed")
            .into_inner()
            .messages
    }

    pub async fn outcome(&self) -> Result<pb::Outcome, ServiceError> {
        let request = pb::GetOutcomeRequest { case: case(1) };
        self.client.clone().get_outcome(as_backend(request)).await.map(tonic::Response::into_inner).map_err(error)
    }

    /// The calls to `target`, those of a lane in order.
    pub async fn calls(&self, target: &str) -> Vec<Call> {
        let statement = sql::statement(
            self.engine.db().backend(),
            "SELECT message_id, tenant_id, method, lane, lane_seq, body, due_at, state FROM outbound_calls \
             WHERE target = $1 ORDER BY due_at, lane, lane_seq, message_id",
            [target.into()],
        );
        let rows = self.engine.read().query_all_raw(statement).await.expect("calls can be read");
        let call = |row: &sea_orm::QueryResult| -> Result<Call, sea_orm::DbErr> {
            Ok(Call {
                message_id: sql::column(row, "message_id")?,
                tenant: sql::column(row, "tenant_id")?,
                method: sql::column(row, "method")?,
                lane: sql::column(row, "lane")?,
                lane_seq: sql::column(row, "lane_seq")?,
                body: sql::column(row, "body")?,
                due_at: Timestamp::from_micros(sql::column(row, "due_at")?),
                state: sql::column(row, "state")?,
            })
        };
        rows.iter().map(|row| call(row).expect("a call")).collect()
    }

    /// What `sink` was told, in order.
    pub async fn milestones(&self, sink: &str) -> Vec<Milestone> {
        let mut calls = self.calls(sink).await;
        calls.sort_by_key(|call| (call.lane.clone(), call.lane_seq));
        let decode = |call: Call| ReportMilestonesRequest::decode(call.body.as_slice()).expect("milestones").milestones;
        calls.into_iter().flat_map(decode).collect()
    }

    /// Kinds of what intake was told, e.g. `MESSAGE_SENT`, in order.
    pub async fn kinds(&self) -> Vec<String> {
        let told = self.milestones("intake").await;
        told.iter().map(|milestone| milestone.kind().as_str_name().trim_start_matches("KIND_").to_owned()).collect()
    }

    /// Sends one of the service's calls to itself, as the relay does, without recording how it ended.
    pub async fn send_call(&self, call: &Call) -> Result<(), ServiceError> {
        let mut client = self.client.clone();
        let body = call.body.as_slice();
        match call.method.as_str() {
            DELIVER_MESSAGE => {
                let request = pb::DeliverMessageRequest::decode(body).expect("a request");
                client.deliver_message(as_relay(call, request)).await.map(|_| ()).map_err(error)
            }
            RUN_PLAN_STEP => {
                let request = pb::RunPlanStepRequest::decode(body).expect("a request");
                client.run_plan_step(as_relay(call, request)).await.map(|_| ()).map_err(error)
            }
            method => panic!("{method} is no call of follow-up to itself"),
        }
    }

    /// Sends what is due until nothing is; the errors of calls that will come again.
    pub async fn pump(&self) -> Vec<ServiceError> {
        let mut failed: BTreeMap<Uuid, ServiceError> = BTreeMap::new();
        loop {
            let now = self.clock.now();
            let calls = self.calls(NAME).await;
            let due =
                |call: &&Call| call.state == "pending" && call.due_at <= now && !failed.contains_key(&call.message_id);
            let Some(call) = calls.iter().find(due) else { return failed.into_values().collect() };
            match self.send_call(call).await {
                Ok(()) => self.mark_done(call).await,
                Err(error) => {
                    failed.insert(call.message_id, error);
                }
            }
        }
    }

    async fn mark_done(&self, call: &Call) {
        let message_id = call.message_id;
        self.engine
            .run_tx("test.mark_done", |tx| async move {
                let text = "UPDATE outbound_calls SET state = 'done' WHERE message_id = $1";
                tx.execute(sql::statement(tx.backend(), text, [message_id.into()])).await?;
                Ok(())
            })
            .await
            .expect("a call can be finished");
    }

    /// Moves the clock and sends what has become due.
    pub async fn after(&self, pause: Duration) {
        self.clock.advance(pause);
        assert_eq!(self.pump().await, []);
    }

    /// Timers that are still set.
    pub async fn timers(&self) -> usize {
        let waiting = |call: &&Call| call.method == RUN_PLAN_STEP && call.state == "pending";
        self.calls(NAME).await.iter().filter(waiting).count()
    }

    /// Rows of a table.
    pub async fn count(&self, table: &str) -> i64 {
        let text = format!("SELECT count(*) AS n FROM {table}");
        let statement = sql::statement(self.engine.db().backend(), text, []);
        let row = self.engine.read().query_one_raw(statement).await.expect("rows can be counted");
        sql::column(&row.expect("a count"), "n").expect("a count")
    }

    pub fn mail(&self) -> String {
        std::fs::read_to_string(&self.mailbox).expect("the mailbox can be read")
    }
}

pub fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a tenant")
}

/// A request of the client `backend` of the tenant `default`.
pub fn as_backend<T>(request: T) -> Request<T> {
    as_client("default", "backend", request)
}

pub fn as_client<T>(tenant_name: &str, client: &str, message: T) -> Request<T> {
    with_context(RequestContext::for_client(tenant(tenant_name), client), message)
}

fn as_relay<T>(call: &Call, message: T) -> Request<T> {
    let mut context = RequestContext::for_client(tenant(&call.tenant), &format!("service:{NAME}"));
    context.lane = call.lane.clone().zip(call.lane_seq).map(|(lane, seq)| LaneDelivery { lane, seq });
    with_context(context, message)
}

fn with_context<T>(context: RequestContext, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(context);
    request
}

/// The error behind a status; every status of the service carries one.
pub fn error(status: Status) -> ServiceError {
    chassis::from_status(&status).unwrap_or_else(|| panic!("a status without our details: {status:?}"))
}

pub fn case(number: u128) -> String {
    format!("cases/{}", Uuid::from_u128(number))
}

pub fn customer(number: u128) -> String {
    format!("customers/{}", Uuid::from_u128(number))
}

pub fn contact(kind: contact_point::Kind, address: &str) -> Option<ContactPoint> {
    Some(ContactPoint { kind: kind.into(), address: address.to_owned() })
}

pub fn email(address: &str) -> Option<ContactPoint> {
    contact(contact_point::Kind::Email, address)
}

/// An apology to Ada for case 1.
pub fn apology(request_id: &str) -> pb::SendMessageRequest {
    pb::SendMessageRequest {
        request_id: request_id.to_owned(),
        message_id: String::new(),
        message: Some(pb::Message {
            case: case(1),
            customer: customer(1),
            to: email("ada@example.com"),
            template: "apology".to_owned(),
            values: BTreeMap::from([("topic".to_owned(), "your flight UA1545".to_owned())]),
            ..pb::Message::default()
        }),
    }
}

/// A plan for case 1 with the default pauses of 3, 7 and 7 days.
pub fn new_plan(request_id: &str) -> pb::StartPlanRequest {
    pb::StartPlanRequest {
        request_id: request_id.to_owned(),
        plan_id: String::new(),
        plan: Some(pb::Plan {
            case: case(1),
            customer: customer(1),
            to: email("ada@example.com"),
            topic: "your flight UA1545".to_owned(),
            baseline_score: Some(8),
            ..pb::Plan::default()
        }),
    }
}
