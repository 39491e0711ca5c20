//! A server with the lab service, and clients for it.

pub mod lab;
pub mod raw;

use std::net::SocketAddr;
use std::time::Duration;

use chassis::config::AuthMode;
use chassis::{Bound, ChassisConfig, ClientConfig, ServeOptions, Service};
use lab::{Event, Lab};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic_types::StatusExt;

/// Longest time that anything in a test may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; ends with the test.
pub struct Server {
    pub api: SocketAddr,
    pub admin: SocketAddr,
    pub stop: CancellationToken,
    pub lab: Lab,
    events: mpsc::UnboundedReceiver<Event>,
    running: JoinSet<anyhow::Result<()>>,
}

/// A configuration for tests: free ports, no waiting before the drain.
pub fn config() -> ChassisConfig {
    let mut config = ChassisConfig::default();
    config.auth.mode = Some(AuthMode::Dev);
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.server.admin_listen = Some("127.0.0.1:0".parse().unwrap());
    config.server.drain.pre_stop = Duration::ZERO;
    config.server.readiness_interval = Duration::from_millis(10);
    config
}

impl Server {
    /// Serves the lab alone.
    pub async fn start(config: ChassisConfig) -> Self {
        Self::start_with(config, |_| {}).await
    }

    /// Serves the lab, changed by `change`.
    pub async fn start_with(config: ChassisConfig, change: impl FnOnce(&mut Service)) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let lab = Lab::new(sender);
        let mut service = lab.service();
        change(&mut service);
        let (bound, listening) = oneshot::channel::<Bound>();
        let stop = CancellationToken::new();
        let mut options = ServeOptions::new(config, vec![service]);
        options.descriptors = vec![lab::descriptors()];
        options.bound = Some(bound);
        let mut running = JoinSet::new();
        running.spawn(chassis::serve(options, stop.clone()));
        let bound = tokio::select! {
            bound = listening => bound.unwrap(),
            ended = running.join_next() => panic!("the server did not start: {ended:?}"),
        };
        Self { api: bound.api, admin: bound.admin.unwrap(), stop, lab, events, running }
    }

    /// A client on one connection.
    pub fn channel(&self) -> Channel {
        chassis::channel(&format!("http://{}", self.api), &ClientConfig::default()).unwrap()
    }

    /// What the lab does next.
    pub async fn event(&mut self) -> Event {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("nothing happened").unwrap()
    }

    /// Nothing that has happened waits to be read.
    pub fn is_quiet(&mut self) -> bool {
        self.events.try_recv().is_err()
    }

    /// What `serve` returned.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        tokio::time::timeout(PATIENCE, self.running.join_next()).await.expect("still serving").unwrap().unwrap()
    }
}

/// The reason in a status' `ErrorInfo`, with the domain checked.
pub fn reason(status: &tonic::Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "amends.dev", "{status:?}");
    info.reason.clone()
}

/// One plain HTTP/1.1 GET; status line and body.
pub async fn http_get(address: SocketAddr, path: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, tcp.read_to_string(&mut answer)).await.unwrap().unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    (status, body)
}
