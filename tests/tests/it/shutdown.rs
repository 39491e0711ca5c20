//! How the real process ends: by its deadline whatever hangs in the database, at once when it is told twice, and not at
//! all when nobody has said who may call.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use amends::role::Role;
use amends_tests::processes::Processes;
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{Case, OpenCaseRequest};
use sqlx::{Connection as _, Executor as _, PgConnection};
use testkit::Scratch;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::{customer, event, integer};

/// What `processes` gives a process to drain.
const TIMEOUT: Duration = Duration::from_secs(2);
/// For what comes after the deadline: tasks that do not yield, telemetry, the runtime. Far below the time that the
/// database would hold a mutation back.
const SLACK: Duration = Duration::from_secs(3);

fn open() -> OpenCaseRequest {
    OpenCaseRequest {
        request_id: "held".to_owned(),
        customer: Some(customer("ann@example.com")),
        case: Some(Case {
            event: Some(event("parcel.lost", kernel::Clock::now(&kernel::SystemClock), [("weight", integer(1))])),
            ..Case::default()
        }),
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success(), "the process is there");
}

async fn ended(child: &mut Child, limit: Duration) -> ExitStatus {
    testkit::eventually("the process ends by its deadline", limit, || {
        let status = child.try_wait().expect("it is ours");
        async move { status }
    })
    .await
}

/// Holds a table that every mutation of intake needs, with a mutation that waits for it.
async fn with_a_held_mutation(processes: &Processes) -> (PgConnection, tokio::task::JoinSet<()>) {
    let mut holder = PgConnection::connect(processes.databases.url(Role::Intake)).await.expect("the database");
    holder.execute("BEGIN; LOCK TABLE cases IN ACCESS EXCLUSIVE MODE").await.expect("the lock");
    let mut intake = IntakeServiceClient::new(processes.channel(Role::Intake));
    let mut calling = tokio::task::JoinSet::new();
    calling.spawn(async move {
        let _cut_off = intake.open_case(open()).await;
    });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'cases'::regclass";
    let mut watcher = PgConnection::connect(processes.databases.url(Role::Intake)).await.expect("the database");
    while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut watcher).await.expect("a count") == 0 {
        tokio::task::yield_now().await;
    }
    (holder, calling)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_ends_by_its_deadline_although_a_mutation_hangs() {
    let mut processes = Processes::start(Path::new(env!("CARGO_BIN_EXE_amends_node")), "drain", "").await;
    let _held = with_a_held_mutation(&processes).await;
    let mut child = processes.take(Role::Intake);
    let start = Instant::now();
    signal(&child, "-TERM");
    let status = ended(&mut child, TIMEOUT + SLACK).await;
    assert!(start.elapsed() >= TIMEOUT, "the mutation had the whole time");
    assert!(status.success(), "{status}: {}", processes.log(Role::Intake));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_a_process_at_once() {
    let mut processes = Processes::start(Path::new(env!("CARGO_BIN_EXE_amends_node")), "twice", "").await;
    let _held = with_a_held_mutation(&processes).await;
    let mut child = processes.take(Role::Intake);
    let start = Instant::now();
    signal(&child, "-TERM");
    testkit::eventually("it drains", TIMEOUT, || {
        let draining = no_longer_serving(&processes);
        async move { draining.await.then_some(()) }
    })
    .await;
    signal(&child, "-TERM");
    let status = ended(&mut child, SLACK).await;
    assert_eq!(status.code(), Some(3), "{}", processes.log(Role::Intake));
    assert!(start.elapsed() < TIMEOUT, "it did not wait for the mutation");
}

/// True once the port is closed or says NOT_SERVING: the first signal has arrived.
fn no_longer_serving(processes: &Processes) -> impl Future<Output = bool> + use<> {
    let mut health = HealthClient::new(processes.channel(Role::Intake));
    async move {
        let answer = health.check(HealthCheckRequest::default()).await;
        !answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
    }
}

#[test]
fn nothing_is_served_before_somebody_has_said_who_may_call() {
    let scratch = Scratch::new("no-mode");
    let mut toml = String::new();
    for role in Role::ALL {
        toml += &format!("[{role}.store]\npage_token_key = 'a key for tests only'\n[{role}.store.database]\n");
        toml += &format!("url = 'sqlite://{}'\n", scratch.path().join(format!("{role}.db")).display());
        toml += &format!("[targets.{role}]\nurl = 'http://127.0.0.1:1'\n");
    }
    let config = scratch.path().join("amends.toml");
    std::fs::write(&config, toml).expect("written");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amends_node"));
        command.args(arguments).arg("--config").arg(&config).current_dir(scratch.path()).stdin(Stdio::null());
        command.output().expect("it runs")
    };
    for command in ["serve", "check-config"] {
        let output = run(&[command]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(["auth.mode: is required", "\"tokens\"", "\"dev\""].iter().all(|part| text.contains(part)), "{text}");
    }
    // Nobody can call a migration.
    assert!(run(&["migrate"]).status.success());
}
