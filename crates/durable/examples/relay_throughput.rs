//! How many durable calls a second a relay delivers into a receiver, on either database.
//!
//! `cargo run --release -p amends-durable --example relay_throughput -- [sqlite|postgres] [calls] [calls per lane]`
//!
//! Sender and receiver have databases of their own, and one process serves both. Each body has 550 bytes. The receiver
//! is measured twice: durable (its request log and one row for each call, by group commit), and counting only, which
//! shows what the sender alone can do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_trait::async_trait;
use durable::{
    Bulk, ColumnType, DatabaseConfig, Db, Engine, EngineConfig, EngineParts, GroupCommand, Migrations, OutboundCall,
    Relay, RelayConfig, Targets, Tx, TxError, Writer, migrate, sql,
};
use futures::future::BoxFuture;
use kernel::{LaneDelivery, RandomIds, RequestContext, RequestKey, ServiceError, SystemClock, TenantId};
use sea_orm::ConnectionTrait as _;
use testkit::Backend;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::codegen::{Context, Poll, Service, http, tokio_stream};
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status};
use uuid::Uuid;

const METHOD: &str = "bench.v1.Receiver/Apply";
const BODY: usize = 550;

/// What one run came to.
#[derive(Debug)]
struct Run {
    calls: u64,
    took: Duration,
    attempts: u64,
    batches: u64,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let backends = match arguments.next().as_deref() {
        None => Backend::ALL.to_vec(),
        Some("sqlite") => vec![Backend::Sqlite],
        Some("postgres") => vec![Backend::Postgres],
        Some(other) => anyhow::bail!("`{other}` is neither sqlite nor postgres"),
    };
    let calls = arguments.next().map_or(Ok(40_000), |text| text.parse()).context("calls")?;
    let per_lane = arguments.next().map_or(Ok(4), |text| text.parse()).context("calls per lane")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        for backend in backends {
            for durable_receiver in [true, false] {
                let run = measure(backend, calls, per_lane, durable_receiver).await?;
                println!(
                    "{backend:?}, {} receiver, {per_lane} calls a lane: {:.0} calls/s ({} calls, {} attempts, \
                     finalised in {} batches, {:.1} s)",
                    if durable_receiver { "durable" } else { "counting" },
                    run.calls as f64 / run.took.as_secs_f64(),
                    run.calls,
                    run.attempts,
                    run.batches,
                    run.took.as_secs_f64()
                );
            }
        }
        Ok(())
    })
}

/// Records `calls` calls, then lets a relay deliver them.
async fn measure(backend: Backend, calls: u64, per_lane: u64, durable_receiver: bool) -> anyhow::Result<Run> {
    let (sender_database, receiver_database) =
        (testkit::database(backend, "sender").await, testkit::database(backend, "receiver").await);
    let sender = engine(&sender_database.url, "sender").await?;
    let receiver = engine(&receiver_database.url, "receiver").await?;
    let attempts = Arc::new(AtomicU64::new(0));
    let service = Receiver {
        writer: durable_receiver.then(|| Writer::start(&receiver, Record)),
        attempts: Arc::clone(&attempts),
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        Server::builder().tcp_nodelay(true).add_service(service).serve_with_incoming(incoming).await
    });
    record(&sender, calls, per_lane).await?;
    let channel = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true).connect_lazy();
    let relay = Relay::new(&sender, RelayConfig::default(), Targets::new().with("receiver", channel));
    let stop = CancellationToken::new();
    let before = sender.commits();
    let started = Instant::now();
    let running = sender.spawn(relay.run(stop.clone()));
    // Counting rows costs: not before the last call can have come.
    while attempts.load(Ordering::Relaxed) < calls || done(&sender).await? < calls {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let took = started.elapsed();
    stop.cancel();
    running.await?;
    Ok(Run { calls, took, attempts: attempts.load(Ordering::Relaxed), batches: sender.commits() - before })
}

async fn engine(url: &str, service: &'static str) -> anyhow::Result<Engine> {
    let db = Db::connect(&DatabaseConfig { url: url.to_owned(), ..DatabaseConfig::default() }).await?;
    migrate(&db, Migrations(durable::durable_migrations)).await?;
    let engine = Engine::start(EngineParts {
        service,
        db,
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        config: EngineConfig::default(),
    });
    engine
        .run_tx("bench.create", |tx| async move {
            tx.conn()
                .execute_unprepared("CREATE TABLE received (message_id TEXT NOT NULL, size BIGINT NOT NULL)")
                .await?;
            Ok(())
        })
        .await?;
    Ok(engine)
}

async fn record(sender: &Engine, calls: u64, per_lane: u64) -> anyhow::Result<()> {
    let context = RequestContext::for_client(TenantId::default_tenant(), "bench");
    let numbers: Vec<u64> = (0..calls).collect();
    for chunk in numbers.chunks(500) {
        sender
            .run_tx("bench.record", |tx| {
                let context = context.clone();
                async move {
                    for number in chunk {
                        let id = Uuid::from_u128(u128::from(*number) + 1);
                        let lane = format!("cases/{}", number / per_lane);
                        tx.enqueue(OutboundCall::in_lane(&context, "receiver", METHOD, id, lane, &vec![7_u8; BODY]));
                    }
                    Ok(())
                }
            })
            .await?;
    }
    Ok(())
}

async fn done(sender: &Engine) -> anyhow::Result<u64> {
    let row = sender
        .read()
        .query_one_raw(sql::statement(
            sender.db().backend(),
            "SELECT count(*) AS n FROM outbound_calls WHERE finished_at IS NOT NULL",
            [],
        ))
        .await?
        .context("count gives a row")?;
    Ok(u64::try_from(sql::column::<i64>(&row, "n")?)?)
}

/// Writes down what was received, one statement for a group.
struct Record;

#[async_trait]
impl GroupCommand for Record {
    const NAME: &'static str = "bench.record";
    type Command = (String, usize);
    type Response = i64;

    async fn apply(&self, tx: &Tx, commands: &[&Self::Command]) -> Result<Vec<Result<i64, ServiceError>>, TxError> {
        let mut input = Bulk::new(&[("message_id", ColumnType::Text), ("size", ColumnType::Integer)]);
        for (message_id, size) in commands {
            input.push([message_id.as_str().into(), i64::try_from(*size).unwrap_or(i64::MAX).into()]);
        }
        let insert = "INSERT INTO received (message_id, size) SELECT message_id, size FROM input";
        tx.execute_all(input.statements(tx.backend(), insert, &[])).await?;
        Ok(commands.iter().map(|_| Ok(1)).collect())
    }
}

#[derive(Clone)]
struct Receiver {
    writer: Option<Writer<Record>>,
    attempts: Arc<AtomicU64>,
}

impl tonic::server::NamedService for Receiver {
    const NAME: &'static str = "bench.v1.Receiver";
}

impl Service<http::Request<tonic::body::Body>> for Receiver {
    type Response = http::Response<tonic::body::Body>;
    type Error = std::convert::Infallible;
    type Future = tonic::codegen::BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let receiver = self.clone();
        Box::pin(async move {
            let codec = tonic_prost::ProstCodec::<i64, Vec<u8>>::default();
            Ok(tonic::server::Grpc::new(codec).unary(receiver, request).await)
        })
    }
}

impl tonic::server::UnaryService<Vec<u8>> for Receiver {
    type Response = i64;
    type Future = BoxFuture<'static, Result<Response<i64>, Status>>;

    #[expect(clippy::disallowed_methods, reason = "a measurement without the chassis")]
    fn call(&mut self, request: Request<Vec<u8>>) -> Self::Future {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let Some(writer) = self.writer.clone() else { return Box::pin(async { Ok(Response::new(1)) }) };
        Box::pin(async move {
            let header = |name: &str| {
                let value = request.metadata().get(name).and_then(|value| value.to_str().ok());
                value.map(str::to_owned).ok_or_else(|| Status::invalid_argument(format!("{name} is missing")))
            };
            let mut context = RequestContext::for_client(
                TenantId::default_tenant(),
                &format!("service:{}", header("x-amends-sender")?),
            );
            let seq =
                header("x-amends-lane-seq")?.parse().map_err(|_| Status::invalid_argument("x-amends-lane-seq"))?;
            context.lane = Some(LaneDelivery { lane: header("x-amends-lane")?, seq });
            let message_id = header("x-amends-message-id")?;
            let hash = RequestKey::hash_of(request.get_ref());
            let command = (message_id.clone(), request.get_ref().len());
            let answer = writer.submit(context.key(METHOD, &message_id, hash), command).await;
            answer.map(|answer| Response::new(answer.message)).map_err(|error| Status::unavailable(error.to_string()))
        })
    }
}
