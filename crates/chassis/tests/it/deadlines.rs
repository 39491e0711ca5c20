//! tonic's timers answer CANCELLED. Ours answer DEADLINE_EXCEEDED, whoever asked for the deadline.

use std::time::{Duration, Instant};

use chassis::{ClientConfig, with_deadline};
use prost::Message;
use tokio::net::TcpListener;
use tonic::{Code, Request};

use crate::support::lab::{Client, DO, Event, text};
use crate::support::raw::{Raw, frame};
use crate::support::{Server, config, reason};

fn is_deadline(status: &tonic::Status) -> bool {
    status.code() == Code::DeadlineExceeded && reason(status) == "DEADLINE_EXCEEDED"
}

#[tokio::test]
async fn the_callers_deadline_ends_the_handler() {
    let mut server = Server::start(config()).await;
    let body = frame(0, &text("wait").encode_to_vec());
    let answer = Raw::new(DO, body).header("grpc-timeout", "50m").send(server.api).await.unwrap();
    assert_eq!((answer.grpc, answer.reason.as_deref()), (Some(4), Some("DEADLINE_EXCEEDED")));
    assert_eq!(server.event().await, Event::Entered("wait".to_owned()));
    assert_eq!(server.event().await, Event::Dropped);
}

#[tokio::test]
async fn the_servers_deadline_ends_what_has_none() {
    let mut config = config();
    config.server.request_timeout = Duration::from_millis(50);
    let mut server = Server::start(config).await;
    let waiting = Client::new(server.channel()).say("wait").await.unwrap_err();
    assert!(is_deadline(&waiting), "{waiting:?}");
    assert_eq!(server.event().await, Event::Entered("wait".to_owned()));
    assert_eq!(server.event().await, Event::Dropped);

    // A request that never ends would hang for ever; no handler runs for it.
    let body = frame(0, &text("never").encode_to_vec());
    let answer = Raw::new(DO, body).half_open().send(server.api).await.unwrap();
    assert_eq!((answer.grpc, answer.reason.as_deref()), (Some(4), Some("DEADLINE_EXCEEDED")));
    assert!(server.is_quiet(), "a handler ran");
}

#[tokio::test]
async fn streams_live_longer_than_calls() {
    let mut config = config();
    config.server.request_timeout = Duration::from_millis(30);
    let server = Server::start(config).await;
    let client = Client::new(server.channel());
    let mut stream = client.watch(Request::new(text("watch"))).await.unwrap();
    assert_eq!(stream.message().await.unwrap(), Some(text("first")));
    // The limit for calls has passed when this call has met it.
    assert!(is_deadline(&client.say("wait").await.unwrap_err()));
    server.lab.gate.add_permits(1);
    assert_eq!(stream.message().await.unwrap(), Some(text("second")));
    assert_eq!(stream.message().await.unwrap(), None);
}

#[tokio::test]
async fn a_stream_ends_by_its_own_deadline() {
    let mut config = config();
    config.server.stream_timeout = Duration::from_millis(50);
    let server = Server::start(config).await;
    let mut stream = Client::new(server.channel()).watch(Request::new(text("watch"))).await.unwrap();
    assert_eq!(stream.message().await.unwrap(), Some(text("first")));
    let ended = stream.message().await.unwrap_err();
    assert!(is_deadline(&ended), "{ended:?}");
}

/// A peer that accepts connections and says nothing.
async fn silent_peer() -> (TcpListener, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    (listener, Client::new(chassis::channel(&uri, &ClientConfig::default()).unwrap()))
}

#[tokio::test]
async fn a_client_gives_up_on_a_silent_peer_with_the_right_code() {
    let (_peer, client) = silent_peer().await;
    let limit = Duration::from_millis(50);

    // What tonic does alone. When this changes, `with_deadline` may become simpler.
    let mut request = Request::new(text("hello"));
    request.set_timeout(limit);
    assert_eq!(client.act(request).await.unwrap_err().code(), Code::Cancelled);

    let started = Instant::now();
    let ended = with_deadline(limit, Request::new(text("hello")), |request| client.act(request)).await.unwrap_err();
    assert!(is_deadline(&ended), "{ended:?}");
    assert!(started.elapsed() >= limit);
}

#[tokio::test]
async fn a_call_in_time_keeps_its_own_answer() {
    let server = Server::start(config()).await;
    let client = Client::new(server.channel());
    let limit = Duration::from_secs(10);
    let answer = with_deadline(limit, Request::new(text("hello")), |request| client.act(request)).await.unwrap();
    assert_eq!(answer.into_inner(), text("hello"));
    let failed = with_deadline(limit, Request::new(text("secret")), |request| client.act(request)).await.unwrap_err();
    assert_eq!(failed.code(), Code::Internal);
}
