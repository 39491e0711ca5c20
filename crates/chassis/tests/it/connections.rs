//! Connections that say nothing, are too many, or grow old.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use chassis::with_deadline;
use prost::Message;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tonic::Request;

use crate::support::lab::{Client, DO, Event, text};
use crate::support::raw::frame;
use crate::support::{PATIENCE, Server, config};

/// Opens a connection, says nothing, and waits until the other side closes it.
pub async fn closed_by_peer(address: SocketAddr) -> Duration {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    let started = Instant::now();
    let mut seen = Vec::new();
    // A reset is as good as an end.
    let _ = tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut seen)).await.expect("still open");
    started.elapsed()
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let mut config = config();
    config.server.handshake_timeout = Duration::from_millis(100);
    let server = Server::start(config).await;
    assert!(closed_by_peer(server.api).await >= Duration::from_millis(90));
    assert_eq!(Client::new(server.channel()).say("hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn a_connection_that_spoke_outlives_the_time_for_its_preface() {
    let mut config = config();
    config.server.handshake_timeout = Duration::from_millis(100);
    let server = Server::start(config).await;
    let client = Client::new(server.channel());
    let mine = client.say("peer").await.unwrap();
    // A silent one, opened later, is closed: so the time of the first is long over.
    closed_by_peer(server.api).await;
    assert_eq!(client.say("peer").await.unwrap(), mine, "the same connection still serves");
}

#[tokio::test]
async fn one_connection_too_many_is_closed_at_once() {
    let mut config = config();
    config.server.max_connections = 1;
    let server = Server::start(config).await;
    let client = Client::new(server.channel());
    let mine = client.say("peer").await.unwrap();
    assert!(closed_by_peer(server.api).await < server_handshake_timeout());
    assert_eq!(client.say("peer").await.unwrap(), mine, "the open connection goes on");
}

#[tokio::test]
async fn a_peer_that_does_not_read_keeps_no_place() {
    let mut config = config();
    config.server.max_requests = 1;
    let mut server = Server::start(config).await;
    let tcp = TcpStream::connect(server.api).await.unwrap();
    let (mut deaf, connection) =
        h2::client::Builder::new().initial_window_size(0).handshake::<_, bytes::Bytes>(tcp).await.unwrap();
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let request = http::Request::post(format!("http://{}{DO}", server.api)).header("content-type", "application/grpc");
    let (answer, mut body) = deaf.send_request(request.body(()).unwrap(), false).unwrap();
    body.send_data(frame(0, &text("hello").encode_to_vec()), true).unwrap();
    assert_eq!(server.event().await, Event::Entered("hello".to_owned()));
    let unread = answer.await.unwrap();
    assert_eq!(unread.status(), 200);
    assert_eq!(Client::new(server.channel()).say("hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn streams_that_are_opened_and_reset_end_the_connection_and_not_the_server() {
    let server = Server::start(config()).await;
    let tcp = TcpStream::connect(server.api).await.unwrap();
    let (client, connection) = h2::client::handshake(tcp).await.unwrap();
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let flood = async {
        let mut client = client;
        loop {
            let Ok(mut ready) = client.ready().await else { return };
            let request = http::Request::post(format!("http://{}{DO}", server.api)).body(()).unwrap();
            let Ok((_, mut stream)) = ready.send_request(request, false) else { return };
            let _ = stream.send_data(bytes::Bytes::new(), false);
            // Between the two the request must have left, or nothing would be sent at all.
            tokio::task::yield_now().await;
            stream.send_reset(h2::Reason::CANCEL);
            client = ready;
        }
    };
    tokio::time::timeout(PATIENCE, flood).await.expect("the connection is still open");
    assert!(driver.join_next().await.unwrap().unwrap().unwrap_err().is_go_away());
    assert_eq!(Client::new(server.channel()).say("hello").await.unwrap(), "hello");
}

fn server_handshake_timeout() -> Duration {
    config().server.handshake_timeout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_connections_go_away_without_a_lost_call() {
    const CALLS: usize = 400;
    let mut config = config();
    config.server.max_connection_age = Duration::from_millis(40);
    let server = Server::start(config).await;
    let client = Client::new(server.channel());
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let client = client.clone();
        callers.spawn(async move {
            let (mut peers, mut made, started) = (BTreeSet::new(), 0, Instant::now());
            // Until connections must have changed, however fast this machine is.
            while made < CALLS || started.elapsed() < Duration::from_millis(400) {
                let call = |request| {
                    let client = client.clone();
                    async move { client.act(request).await }
                };
                let answer = with_deadline(PATIENCE, Request::new(text("peer")), call).await;
                peers.insert(answer.expect("a call was lost").into_inner().text);
                made += 1;
            }
            peers
        });
    }
    let mut peers = BTreeSet::new();
    while let Some(seen) = callers.join_next().await {
        peers.extend(seen.unwrap());
    }
    assert!(peers.len() > 3, "connections did not change: {peers:?}");
}
