//! A server in a process of its own: for signals, for limits on files, and for telemetry, which is once a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use chassis::config::TelemetryConfig;
use chassis::{ClientConfig, ServeOptions, TelemetryOptions};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tonic::Request;

use crate::support::lab::{self, Client, Lab, text};
use crate::support::{PATIENCE, config};

const READY: &str = "listening on ";

/// The child's side: serves the lab until a signal comes or standard input ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is started by other tests as a process of its own"]
async fn serve_until_told() {
    let telemetry = chassis::telemetry::init(TelemetryOptions {
        service_name: "amends-lab".to_owned(),
        service_version: "0".to_owned(),
        instance: "one".to_owned(),
        config: TelemetryConfig::default(),
    });
    let (events, _) = tokio::sync::mpsc::unbounded_channel();
    let (bound, listening) = oneshot::channel();
    let mut config = config();
    config.server.drain.timeout = Duration::from_millis(300);
    let mut options = ServeOptions::new(config, vec![Lab::new(events).service()]);
    options.descriptors = vec![lab::descriptors()];
    options.registry = Some(telemetry.registry());
    options.bound = Some(bound);
    let stop = CancellationToken::new();

    let told = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        told.cancel();
    });
    let announce = async {
        let bound = listening.await.unwrap();
        println!("\n{READY}{} {}", bound.api, bound.admin.unwrap());
        std::io::stdout().flush().unwrap();
        chassis::shutdown_signal().await.unwrap();
        stop.cancel();
        futures::future::pending::<()>().await;
    };
    tokio::select! {
        served = chassis::serve(options, stop.clone()) => served.unwrap(),
        () = announce => {}
    }
    telemetry.shutdown().await;
}

/// The parent's side.
pub struct Child {
    pub api: SocketAddr,
    pub admin: SocketAddr,
    process: std::process::Child,
    stdin: Option<ChildStdin>,
    log: mpsc::Receiver<Value>,
}

impl Child {
    /// Starts it, with these variables, after running `prepare` in a shell.
    pub fn start(variables: &[(&str, &str)], prepare: &str) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{prepare}\nexec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "child::serve_until_told", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // What the machine that runs the tests exports is not what is tested.
        for name in ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER", "OTEL_SERVICE_NAME"] {
            command.env_remove(name);
        }
        let mut process = command.envs(variables.iter().copied()).spawn().unwrap();
        let (sender, log) = mpsc::channel();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if let Ok(value) = serde_json::from_str(&line) {
                    let _ = sender.send(value);
                }
            }
        });
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let ready = stdout.by_ref().lines().map_while(Result::ok).find_map(|line| {
            let (api, admin) = line.strip_prefix(READY)?.split_once(' ')?;
            Some((api.parse().unwrap(), admin.parse().unwrap()))
        });
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let (api, admin) = ready.expect("the child did not start");
        let stdin = process.stdin.take();
        Self { api, admin, process, stdin, log }
    }

    pub fn client(&self) -> Client {
        Client::new(chassis::channel(&format!("http://{}", self.api), &ClientConfig::default()).unwrap())
    }

    /// The next line of the log that fits.
    pub fn logged(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let line = self.log.recv_timeout(until.saturating_duration_since(Instant::now())).expect("no such line");
            if fits(&line) {
                return line;
            }
        }
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends standard input.
    pub fn stop(&mut self) {
        self.stdin = None;
    }

    /// Waits for the end; how long it took.
    pub async fn ended(mut self) -> Duration {
        let started = Instant::now();
        // Standard input stays open, so that it is not what ends the child.
        let stdin = self.stdin.take();
        let status = tokio::task::spawn_blocking(move || self.process.wait().unwrap()).await.unwrap();
        assert!(status.success(), "{status}");
        drop(stdin);
        started.elapsed()
    }
}

#[tokio::test]
async fn sigterm_ends_a_process_with_open_calls() {
    let child = Child::start(&[], "");
    let client = child.client();
    let mut stream = client.watch(Request::new(text("watch"))).await.unwrap();
    assert_eq!(stream.message().await.unwrap(), Some(text("first")));
    let mut running = tokio::task::JoinSet::new();
    running.spawn(async move { client.say("wait").await });
    tokio::task::yield_now().await;
    child.terminate();
    child.logged(|line| line["message"] == "draining");
    // The stream's reader hears of it; bare tonic would wait for it for ever.
    assert!(stream.message().await.is_err());
    let took = child.ended().await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(running.join_next().await.unwrap().unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_free_files_the_accept_loop_rests() {
    let mut child = Child::start(&[], "ulimit -n 40");
    let mut connections = Vec::new();
    for _ in 0..60 {
        connections.push(TcpStream::connect(child.api).await.unwrap());
    }
    let full = |line: &Value| line["message"] == "no connection can be accepted; trying again";
    child.logged(full);
    let started = Instant::now();
    (0..3).for_each(|_| drop(child.logged(full)));
    // Without the pause there would be thousands of tries in this time.
    assert!(started.elapsed() >= Duration::from_millis(250), "{:?}", started.elapsed());
    drop(connections);
    assert_eq!(child.client().say("hello").await.unwrap(), "hello");
    child.stop();
    child.ended().await;
}
