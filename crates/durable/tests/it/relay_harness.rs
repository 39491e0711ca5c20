//! A sender with its relay, and a receiver on a loopback socket that applies calls through its request log and can be
//! told to misbehave.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use durable::{Engine, EngineConfig, EngineParts, Migrations, OutboundCall, Relay, RelayConfig, Targets, migrate, sql};
use futures::future::BoxFuture;
use kernel::{
    Clock, ErrorCode, LaneDelivery, RandomIds, RequestContext, RequestKey, ServiceError, SystemClock, TenantId,
    VirtualClock,
};
use testkit::{TestDatabase, eventually};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::codegen::{Context, Poll, Service, http, tokio_stream};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use uuid::Uuid;

use crate::harness::connect;

/// Method of the receiver that writes a payload down.
pub const APPLY: &str = "test.v1.Receiver/Apply";
/// Method of the receiver that skips a place: the payload is `lane/seq`.
pub const SKIP: &str = "test.v1.Receiver/Skip";
/// How long anything in these tests may take.
pub const SOON: Duration = Duration::from_secs(30);

/// An engine named `service` on a migrated database.
pub async fn engine(database: &TestDatabase, service: &'static str, clock: Arc<dyn Clock>) -> Engine {
    let db = connect(&database.url).await;
    migrate(&db, Migrations(durable::durable_migrations)).await.expect("migrations apply");
    let engine =
        Engine::start(EngineParts { service, db, clock, ids: Arc::new(RandomIds), config: EngineConfig::default() });
    engine
        .run_tx("test.create_applied", |tx| async move {
            tx.execute(sql::statement(
                tx.backend(),
                "CREATE TABLE IF NOT EXISTS applied (lane TEXT NOT NULL, place BIGINT NOT NULL, payload TEXT NOT NULL)",
                [],
            ))
            .await?;
            Ok(())
        })
        .await
        .expect("the table can be made");
    engine
}

/// Another engine on the database of `engine`, as another process would have it.
pub fn twin(engine: &Engine) -> Engine {
    Engine::start(EngineParts {
        service: engine.service(),
        db: engine.db().clone(),
        clock: Arc::clone(engine.clock()),
        ids: Arc::new(RandomIds),
        config: EngineConfig::default(),
    })
}

/// Short times: nothing in a test is worth waiting for.
pub fn config() -> RelayConfig {
    RelayConfig {
        call_timeout_ms: 2_000,
        lease_ms: 8_000,
        poll_ms: 20,
        backoff_base_ms: 5,
        backoff_cap_ms: 50,
        ..RelayConfig::default()
    }
}

/// What the receiver saw.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub payload: String,
    pub metadata: MetadataMap,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.metadata.get(name).map_or("", |value| value.to_str().expect("an ASCII header"))
    }
}

/// What the receiver does about one attempt.
pub enum Reaction {
    /// Applies it and says so.
    Apply,
    /// Answers without applying it.
    Answer(Status),
    /// Applies it and answers something else.
    ApplyAndAnswer(Status),
    /// Applies it and never answers.
    ApplyAndHang,
    /// Never answers.
    Hang,
    /// Waits for this, and then does the next.
    After(BoxFuture<'static, ()>, Box<Reaction>),
    /// Refuses it through the request log.
    Reject(ServiceError),
}

type Behaviour = Arc<dyn Fn(&Received) -> Reaction + Send + Sync>;

/// A receiver. Stops when dropped.
pub struct Receiver {
    pub engine: Engine,
    pub address: SocketAddr,
    inner: ReceiverService,
    tasks: JoinSet<()>,
}

#[derive(Clone)]
struct ReceiverService {
    engine: Engine,
    behaviour: Arc<Mutex<Behaviour>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Not serving yet.
    pub fn new(engine: Engine) -> Self {
        let behaviour: Behaviour = Arc::new(|_| Reaction::Apply);
        let address = SocketAddr::from(([127, 0, 0, 1], testkit::free_port()));
        let inner = ReceiverService {
            engine: engine.clone(),
            behaviour: Arc::new(Mutex::new(behaviour)),
            received: Arc::default(),
        };
        Self { engine, address, inner, tasks: JoinSet::new() }
    }

    pub async fn start(engine: Engine) -> Self {
        let mut receiver = Self::new(engine);
        receiver.serve().await;
        receiver
    }

    pub async fn serve(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is free");
        let service = self.inner.clone();
        self.tasks.spawn(async move {
            let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
            Server::builder().add_service(service).serve_with_incoming(incoming).await.expect("the receiver serves");
        });
    }

    pub fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).expect("an address").connect_lazy()
    }

    /// From now on.
    pub fn behave(&self, behaviour: impl Fn(&Received) -> Reaction + Send + Sync + 'static) {
        *self.inner.behaviour.lock().expect("not poisoned") = Arc::new(behaviour);
    }

    /// Every attempt so far.
    pub fn received(&self) -> Vec<Received> {
        self.inner.received.lock().expect("not poisoned").clone()
    }

    /// Payloads applied so far, by lane, in the order of their commits.
    pub async fn applied(&self) -> HashMap<String, Vec<String>> {
        use sea_orm::ConnectionTrait as _;
        let rows = self
            .engine
            .read()
            .query_all_raw(sql::statement(
                self.engine.db().backend(),
                "SELECT lane, payload FROM applied ORDER BY place",
                [],
            ))
            .await
            .expect("effects can be read");
        let mut applied: HashMap<String, Vec<String>> = HashMap::new();
        for row in rows {
            let lane: String = sql::column(&row, "lane").expect("lane");
            applied.entry(lane).or_default().push(sql::column(&row, "payload").expect("payload"));
        }
        applied
    }

    pub async fn applied_count(&self) -> usize {
        self.applied().await.values().map(Vec::len).sum()
    }
}

impl tonic::server::NamedService for ReceiverService {
    const NAME: &'static str = "test.v1.Receiver";
}

impl Service<http::Request<tonic::body::Body>> for ReceiverService {
    type Response = http::Response<tonic::body::Body>;
    type Error = std::convert::Infallible;
    type Future = tonic::codegen::BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let unary = Unary { service: self.clone(), method: request.uri().path().trim_start_matches('/').to_owned() };
        Box::pin(async move {
            let codec = tonic_prost::ProstCodec::<String, String>::default();
            Ok(tonic::server::Grpc::new(codec).unary(unary, request).await)
        })
    }
}

struct Unary {
    service: ReceiverService,
    method: String,
}

impl tonic::server::UnaryService<String> for Unary {
    type Response = String;
    type Future = BoxFuture<'static, Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let service = self.service.clone();
        let received = Received {
            method: self.method.clone(),
            metadata: request.metadata().clone(),
            payload: request.into_inner(),
        };
        service.received.lock().expect("not poisoned").push(received.clone());
        let behaviour = Arc::clone(&*service.behaviour.lock().expect("not poisoned"));
        let reaction = behaviour(&received);
        Box::pin(async move { service.react(received, reaction).await })
    }
}

impl ReceiverService {
    async fn react(&self, received: Received, mut reaction: Reaction) -> Result<Response<String>, Status> {
        while let Reaction::After(event, next) = reaction {
            event.await;
            reaction = *next;
        }
        match reaction {
            Reaction::Apply => self.apply(&received, None).await,
            Reaction::Answer(status) => Err(status),
            Reaction::ApplyAndAnswer(status) => {
                self.apply(&received, None).await?;
                Err(status)
            }
            Reaction::ApplyAndHang => {
                self.apply(&received, None).await?;
                std::future::pending().await
            }
            Reaction::Reject(error) => self.apply(&received, Some(error)).await,
            Reaction::Hang | Reaction::After(..) => std::future::pending().await,
        }
    }

    async fn apply(&self, received: &Received, rejection: Option<ServiceError>) -> Result<Response<String>, Status> {
        let lane = received.metadata.contains_key("x-amends-lane").then(|| LaneDelivery {
            lane: received.header("x-amends-lane").to_owned(),
            seq: received.header("x-amends-lane-seq").parse().expect("a number"),
        });
        let mut context = RequestContext::for_client(
            TenantId::parse(received.header("x-amends-tenant")).expect("a tenant"),
            &format!("service:{}", received.header("x-amends-sender")),
        );
        context.lane = lane.clone();
        let hash = RequestKey::hash_of(&received.payload);
        let method = if received.method == SKIP { SKIP } else { APPLY };
        let key = context.key(method, received.header("x-amends-message-id"), hash);
        let lane = lane.map_or(String::new(), |lane| lane.lane);
        let (payload, sender) = (received.payload.clone(), received.header("x-amends-sender").to_owned());
        let answer = self.engine.mutate("test.apply", key, move |tx| {
            let (lane, payload, rejection) = (lane.clone(), payload.clone(), rejection.clone());
            let (context, sender) = (context.clone(), sender.clone());
            async move {
                if let Some(error) = rejection {
                    return Err(error.into());
                }
                if method == SKIP {
                    let (lane, seq) = payload.rsplit_once('/').expect("lane/seq");
                    let place = durable::operations::SkippedPlace {
                        sender: &sender,
                        lane,
                        seq: seq.parse().expect("a number"),
                    };
                    let last = durable::operations::skip_in_tx(&tx, "receiver", &context, place, "given up").await?;
                    return Ok(last.to_string());
                }
                tx.execute(sql::statement(
                    tx.backend(),
                    "INSERT INTO applied (lane, place, payload) \
                     SELECT $1, COALESCE(max(place), 0) + 1, $2 FROM applied WHERE lane = $1",
                    [lane.into(), payload.clone().into()],
                ))
                .await?;
                Ok(payload)
            }
        });
        answer.await.map(|answer| Response::new(answer.message)).map_err(to_status)
    }
}

/// As the chassis words it.
pub fn to_status(error: ServiceError) -> Status {
    let code = match error.code {
        ErrorCode::InvalidArgument => Code::InvalidArgument,
        ErrorCode::NotFound => Code::NotFound,
        ErrorCode::AlreadyExists => Code::AlreadyExists,
        ErrorCode::FailedPrecondition => Code::FailedPrecondition,
        ErrorCode::ResourceExhausted => Code::ResourceExhausted,
        ErrorCode::Unavailable => Code::Unavailable,
        _ => Code::Internal,
    };
    let metadata: HashMap<String, String> = error.metadata.into_iter().collect();
    let mut details = ErrorDetails::with_error_info(error.reason, "amends.dev", metadata);
    if let Some(after) = error.retry_after {
        details.set_retry_info(Some(after));
    }
    Status::with_error_details(code, error.message, details)
}

/// A status that no application of ours has made.
#[expect(clippy::disallowed_methods, reason = "a peer as it is on the wire")]
pub fn foreign(code: Code) -> Status {
    Status::new(code, "from something in between")
}

/// A sender with one receiver, named `receiver`.
pub struct Suite {
    pub sender: Engine,
    pub receiver: Receiver,
    _receiver_database: TestDatabase,
}

impl Suite {
    /// Due times by the database's clock.
    pub async fn start(database: &TestDatabase) -> Self {
        Self::with_clock(database, Arc::new(SystemClock)).await
    }

    /// Due times by a clock that the test moves.
    pub async fn start_virtual(database: &TestDatabase) -> (Self, VirtualClock) {
        let clock = testkit::virtual_clock();
        (Self::with_clock(database, Arc::new(clock.clone())).await, clock)
    }

    async fn with_clock(database: &TestDatabase, clock: Arc<dyn Clock>) -> Self {
        let receiver_database = testkit::database(database.backend(), "receiver").await;
        let sender = engine(database, "sender", Arc::clone(&clock)).await;
        let receiver = Receiver::start(engine(&receiver_database, "receiver", clock).await).await;
        Self { sender, receiver, _receiver_database: receiver_database }
    }

    pub fn targets(&self) -> Targets {
        Targets::new().with("receiver", self.receiver.channel())
    }

    pub fn relay(&self, config: RelayConfig) -> Relay {
        Relay::new(&self.sender, config, self.targets())
    }

    /// Records calls in one transaction.
    pub async fn enqueue(&self, calls: Vec<OutboundCall>) {
        enqueue(&self.sender, calls).await;
    }

    /// Waits until the call is in `state`.
    pub async fn until(&self, message_id: Uuid, state: &str) {
        let condition = format!("{} AND state = '{state}'", is(&self.sender, message_id));
        eventually(&format!("the call is {state}"), SOON, || async {
            (crate::harness::count(&self.sender, "outbound_calls", &condition).await == 1).then_some(())
        })
        .await;
    }

    /// Waits until no call is open.
    pub async fn until_all_final(&self) {
        eventually("every call is final", SOON, || async {
            let open = "state IN ('pending', 'leased', 'parked')";
            (crate::harness::count(&self.sender, "outbound_calls", open).await == 0).then_some(())
        })
        .await;
    }

    pub async fn call(&self, message_id: Uuid) -> durable::operations::Call {
        durable::operations::get_call(&self.sender, &TenantId::default_tenant(), message_id)
            .await
            .expect("the call exists")
    }
}

pub async fn enqueue(engine: &Engine, calls: Vec<OutboundCall>) {
    engine
        .run_tx("test.enqueue", |tx| {
            let calls = calls.clone();
            async move {
                calls.into_iter().for_each(|call| tx.enqueue(call));
                Ok(())
            }
        })
        .await
        .expect("calls can be recorded");
}

/// A condition for one call.
fn is(engine: &Engine, message_id: Uuid) -> String {
    match engine.db().backend() {
        durable::Backend::Sqlite => format!("message_id = x'{}'", message_id.simple()),
        durable::Backend::Postgres => format!("message_id = '{message_id}'"),
    }
}

pub fn context() -> RequestContext {
    RequestContext::for_client(TenantId::default_tenant(), "tester")
}

pub fn id(payload: &str) -> Uuid {
    kernel::message_id_for_step(Uuid::from_u128(1), payload, 1)
}

/// A call to the receiver in `lane`, whose payload is its name.
pub fn in_lane(lane: &str, payload: &str) -> OutboundCall {
    OutboundCall::in_lane(&context(), "receiver", APPLY, id(payload), lane.to_owned(), &payload.to_owned())
}

/// A call to the receiver without a lane, due at once.
pub fn loose(payload: &str) -> OutboundCall {
    let mut call = in_lane("", payload);
    call.lane = None;
    call
}

/// A relay at work; dropping it is like killing its process.
pub struct Running {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

pub fn run(relay: Relay) -> Running {
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(relay.run(stop.clone()));
    Running { stop, tasks }
}

impl Running {
    /// Ends it as a process that is told to.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("the relay ends well");
        }
    }

    /// Kills it.
    pub async fn kill(mut self) {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
    }
}
