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
async fn one_address_cannot_take_all_connections() {
    let mut config = config();
    config.server.max_connections_per_peer = 1;
    let server = Server::start(config).await;
    let client = Client::new(server.channel());
    let mine = client.say("peer").await.unwrap();
    assert!(closed_by_peer(server.api).await < server_handshake_timeout());
    assert_eq!(client.say("peer").await.unwrap(), mine, "the open connection goes on");
    // Linux routes all of 127/8 to itself: another address has a share of its own.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(server.api).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut other, &opening()).await.unwrap();
    let mut answer = [0; 9];
    tokio::time::timeout(PATIENCE, other.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer[3], SETTINGS);
}

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;

/// A frame of HTTP/2.
fn h2_frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, 0], &stream.to_be_bytes(), payload].concat()
}

/// What a client says first.
fn opening() -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &h2_frame(SETTINGS, 0, &[])].concat()
}

#[tokio::test]
async fn a_flood_of_frames_ends_its_connection_and_not_the_server() {
    let mut config = config();
    config.server.keepalive_interval = Duration::from_millis(50);
    config.server.keepalive_timeout = Duration::from_millis(100);
    let server = Server::start(config).await;
    let floods = [
        // Headers that never end.
        ("CONTINUATION", h2_frame(HEADERS, 1, &[]), h2_frame(CONTINUATION, 1, &[])),
        // Each wants an answer, and the answers are not read: the server stops reading, and its own PING is not answered.
        ("PING", Vec::new(), h2_frame(PING, 0, &[0; 8])),
        ("SETTINGS", Vec::new(), h2_frame(SETTINGS, 0, &[])),
    ];
    for (name, first, again) in floods {
        let mut tcp = TcpStream::connect(server.api).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut tcp, &[opening(), first].concat()).await.unwrap();
        let many = again.repeat(1_000);
        let flood = async {
            let mut sent = 0_usize;
            while tokio::io::AsyncWriteExt::write_all(&mut tcp, &many).await.is_ok() {
                sent += many.len();
            }
            sent
        };
        let sent = tokio::time::timeout(PATIENCE, flood).await.expect("the connection is still open");
        assert!(sent < 64 * 1024 * 1024, "{name}: {sent} bytes were taken");
        assert_eq!(Client::new(server.channel()).say("hello").await.unwrap(), "hello");
    }
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
