//! The life of a process as an operator sees it: configuration, migrations, health, the end.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use amends::role::Role;
use amends_tests::checker::{Acknowledged, Checker, Said};
use amends_tests::processes::Processes;
use amends_tests::report;
use amends_tests::running::Running;
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{Case, OpenCaseRequest};
use kernel::{Clock as _, SystemClock};
use testkit::{Backend, Scratch, TestDatabase};
use tokio::task::JoinSet;

use crate::support::{customer, event, money};

const BINARY: &str = env!("CARGO_BIN_EXE_amends_node");
const PATIENCE: Duration = Duration::from_secs(30);

/// The command, a configuration of its own, and where it would listen.
struct Amends {
    directory: Scratch,
    config: PathBuf,
    listen: SocketAddr,
}

impl Amends {
    fn with(toml: &str) -> Self {
        let directory = Scratch::new("lifecycle");
        let config = directory.path().join("amends.toml");
        std::fs::write(&config, toml).expect("the configuration can be written");
        Self { directory, config, listen: SocketAddr::from(([127, 0, 0, 1], testkit::free_port())) }
    }

    /// A right configuration of intake on this database.
    fn intake(database: &TestDatabase) -> Self {
        let mut toml =
            String::from("[server.drain]\npre_stop = \"4s\"\ntimeout = \"2s\"\n[auth]\nmode = \"dev\"\n[targets]\n");
        for role in Role::ALL {
            let _ = writeln!(toml, "{role} = \"http://127.0.0.1:1\"");
        }
        let _ = writeln!(
            toml,
            "[intake.store]\npage_token_key = \"a key for tests only\"\n[intake.store.database]\nurl = \"{}\"",
            database.url
        );
        Self::with(&toml)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env("AMENDS_CONFIG", &self.config)
            .env("AMENDS_SERVER__LISTEN", self.listen.to_string())
            .stdin(Stdio::null());
        command
    }

    /// Runs to the end: the exit code, and what was said on both outputs.
    async fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = self.command(arguments);
        let output: Output =
            tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("the binary runs");
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
        (output.status.code().expect("it was not killed"), said.concat())
    }

    fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        Running::start(command.stdout(Stdio::null()).stderr(Stdio::null())).expect("the binary runs")
    }

    fn address(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Exit code and words of `amends health`.
    async fn health(&self, service: &str) -> (i32, String) {
        self.run(&["health", "--address", &self.address(), "--service", service]).await
    }

    fn is_closed(&self) -> bool {
        TcpStream::connect(self.listen).is_err()
    }
}

fn terminate(process: &Running) {
    let sent = Command::new("kill").args(["-TERM", &process.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

/// Waits for a clean end; how long it took.
async fn ended(mut process: Running) -> Duration {
    let since = Instant::now();
    let status = testkit::eventually("the process has ended", PATIENCE, || {
        let status = process.ended().expect("the process is ours");
        async move { status }
    })
    .await;
    assert!(status.success(), "{status}");
    since.elapsed()
}

testkit::on_both_databases! {
    async fn a_process_serves_what_has_been_migrated_and_says_how_it_is(database: TestDatabase) {
        let amends = Amends::intake(&database);
        let (code, said) = amends.run(&["serve", "intake"]).await;
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("the database of intake lacks"), "{said}");
        assert!(said.contains("Run `amends migrate intake`"), "{said}");
        assert!(amends.is_closed());
        let (code, said) = amends.health("").await;
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("does not answer"), "{said}");

        let (code, said) = amends.run(&["migrate", "intake"]).await;
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("intake: ") && !said.contains("intake: 0 applied"), "{said}");
        assert_eq!(amends.run(&["migrate", "intake"]).await, (0, "intake: 0 applied\n".to_owned()));

        let running = amends.start(&["serve", "intake"]);
        testkit::eventually("it serves", PATIENCE, || async {
            (amends.health("").await == (0, "SERVING\n".to_owned())).then_some(())
        })
        .await;
        assert_eq!(amends.health("amends.intake.v1.IntakeService").await, (0, "SERVING\n".to_owned()));
        let (code, said) = amends.health("amends.routing.v1.RoutingService").await;
        assert_eq!(code, 1, "a service of another process: {said}");

        // A balancer sees it go before it is gone.
        terminate(&running);
        let (code, said) = testkit::eventually("it says that it will go", PATIENCE, || async {
            let health = amends.health("").await;
            (health.0 != 0).then_some(health)
        })
        .await;
        assert!(code == 1 && said.starts_with("NOT_SERVING\n") && said.contains("does not serve"), "{said}");
        ended(running).await;
        assert!(amends.is_closed());
    }
}

#[tokio::test]
async fn every_bad_key_is_named_and_no_port_opens() {
    let amends = Amends::with(
        "[server]\nmax_requests = 0\nmax_message_bytes = 1\n[server.drain]\ntimeout = \"0s\"\n\
         [auth]\nmode = \"tokens\"\n[telemetry]\nlog_filter = \"a=b=c\"\n\
         [targets]\nintake = \"http://127.0.0.1:1\"\n\
         [intake.store]\npage_token_key = \"short\"\n[intake.store.relay]\nlease_ms = 1\n[intake.watch]\nmax = 0\n",
    );
    let wrong = [
        "server.max_requests",
        "server.max_message_bytes",
        "server.drain.timeout",
        "auth.tokens",
        "telemetry.log_filter",
        "intake.store.database.url",
        "intake.store.page_token_key",
        "intake.store.relay.lease_ms",
        "intake.watch.max",
        "targets.routing",
        "targets.compensation",
        "targets.followup",
    ];
    for command in ["check-config", "serve", "migrate"] {
        let (code, said) = amends.run(&[command, "intake"]).await;
        assert_eq!(code, 1, "{said}");
        for key in wrong {
            assert!(said.contains(&format!("\n  {key}: ")), "{command} does not name {key}: {said}");
        }
        assert!(!said.contains("\n  targets.intake: "), "{said}");
        assert!(amends.is_closed());
    }

    // What cannot be read at all: keys that do not exist, values of another type, in the file and in the environment.
    let amends = Amends::with("[server]\nlisten_on = \"x\"\nmax_requests = \"many\"\n[routng]\nx = 1\n");
    let mut command = amends.command(&["check-config", "intake"]);
    command.env("AMENDS_SERVER__MAX_STREAMS", "few");
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{said}");
    for key in ["server.listen_on", "server.max_requests", "routng", "server.max_streams"] {
        assert!(said.contains(&format!("\n  {key}: ")), "{key} is not named: {said}");
    }

    let sound = testkit::database(Backend::Sqlite, "lifecycle").await;
    let amends = Amends::intake(&sound);
    let right = (0, "the configuration is right for intake\n".to_owned());
    assert_eq!(amends.run(&["check-config", "intake"]).await, right);
    let (code, said) = amends.run(&["serve", "nobody"]).await;
    assert_eq!(code, 2, "bad use: {said}");
}

/// One request, once: what a client knows when it got an answer.
async fn open(mut intake: IntakeServiceClient<tonic::transport::Channel>, number: usize) -> Option<Acknowledged> {
    let email = format!("customer{number}@example.com");
    let lost = event("parcel.lost", SystemClock.now(), [("declared_value", money("EUR", 4_990))]);
    let case = Case { event: Some(lost.clone()), expected: format!("parcel {number}"), ..Case::default() };
    let request = OpenCaseRequest {
        request_id: format!("open-{number}"),
        customer: Some(customer(&email)),
        case: Some(case.clone()),
    };
    let opened = intake.open_case(request).await.ok()?.into_inner().case.expect("a case");
    let said = Said { identity: ("email", email.as_str()), expected: &case.expected, delivered: "" };
    Some(Acknowledged::new(&opened.name, said, &lost, []))
}

/// The drain of the processes' configuration, and what the end may take besides.
const DRAIN: Duration = Duration::from_secs(2);
const REST: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_loses_nothing_that_was_acknowledged() {
    let mut processes = Processes::start(Path::new(BINARY), "lifecycle_sigterm", "").await;
    let mut acknowledged = Vec::new();
    let mut slowest = Duration::ZERO;
    for round in 0..3 {
        let before = i64::try_from(acknowledged.len()).expect("a small number");
        let mut clients = JoinSet::new();
        for client in 0..16 {
            let intake = IntakeServiceClient::new(processes.channel(Role::Intake));
            clients.spawn(async move {
                let mut answers = Vec::new();
                for number in 0.. {
                    match open(intake.clone(), (round * 16 + client) * 100_000 + number).await {
                        Some(answer) => answers.push(answer),
                        // Gone, or going: this client has seen the end.
                        None => break,
                    }
                }
                answers
            });
        }
        let checker = Checker::of_databases(&processes.databases).await;
        testkit::eventually("cases are opened", PATIENCE, || async {
            (checker.number(Role::Intake, "SELECT count(*) AS n FROM cases").await > before + 100).then_some(())
        })
        .await;
        slowest = slowest.max(processes.terminate(Role::Intake, PATIENCE).await);
        for answers in clients.join_all().await {
            acknowledged.extend(answers);
        }
        checker.check_acknowledged(&acknowledged).await.assert_none();
        processes.spawn(Role::Intake);
        processes.serving(Role::Intake).await;
    }
    assert!(slowest < DRAIN + REST, "an end took {slowest:?}");
    assert!(acknowledged.len() > 200, "{} calls were acknowledged", acknowledged.len());
    let checker = Checker::of_databases(&processes.databases).await;
    testkit::eventually("what they caused is done", PATIENCE, || async { checker.is_quiet().await.then_some(()) })
        .await;
    let (findings, counted) = checker.check().await;
    findings.assert_none();
    report(&format!(
        "3 ends by SIGTERM under load: {} calls acknowledged, 0 lost, the slowest end after {slowest:.1?}; {counted:?}",
        acknowledged.len()
    ));
}
