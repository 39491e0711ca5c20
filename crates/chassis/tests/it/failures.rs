//! Handlers that panic, and more calls than the server takes.

use tonic::{Code, Request};

use crate::support::lab::{Client, Event, text};
use crate::support::{Server, config, reason};

#[tokio::test]
async fn a_panic_is_an_internal_error_and_not_a_reset_stream() {
    let server = Server::start(config()).await;
    let client = Client::new(server.channel());
    let before = client.say("peer").await.unwrap();
    // Bare tonic: CANCELLED, which reads as if the caller had given up.
    let panicked = client.say("panic").await.unwrap_err();
    assert_eq!((panicked.code(), panicked.message()), (Code::Internal, "internal error"));
    assert_eq!(reason(&panicked), "INTERNAL");
    assert_eq!(client.say("peer").await.unwrap(), before, "the connection goes on");
}

#[tokio::test]
async fn a_panic_in_a_stream_ends_it_with_an_internal_error() {
    let server = Server::start(config()).await;
    let mut stream = Client::new(server.channel()).watch(Request::new(text("panic"))).await.unwrap();
    assert_eq!(stream.message().await.unwrap(), Some(text("first")));
    server.lab.gate.add_permits(1);
    let panicked = stream.message().await.unwrap_err();
    assert_eq!((panicked.code(), reason(&panicked)), (Code::Internal, "INTERNAL".to_owned()));
}

#[tokio::test]
async fn one_call_too_many_is_told_to_come_back() {
    let mut config = config();
    config.server.max_requests = 1;
    config.server.max_streams = 1;
    let mut server = Server::start(config).await;
    let client = Client::new(server.channel());
    let mut running = tokio::task::JoinSet::new();
    let first = client.clone();
    running.spawn(async move { first.say("wait").await });
    assert_eq!(server.event().await, Event::Entered("wait".to_owned()));

    let shed = client.say("hello").await.unwrap_err();
    assert_eq!((shed.code(), reason(&shed)), (Code::ResourceExhausted, "OVERLOADED".to_owned()));
    assert!(chassis::from_status(&shed).unwrap().retry_after.is_some());

    // Streams have places of their own, which they keep to their end.
    let stream = client.watch(Request::new(text("watch"))).await.unwrap();
    assert_eq!(server.event().await, Event::Entered("watch".to_owned()));
    let shed = client.watch(Request::new(text("watch"))).await.unwrap_err();
    assert_eq!(reason(&shed), "OVERLOADED");

    server.lab.gate.add_permits(2);
    assert_eq!(running.join_next().await.unwrap().unwrap().unwrap(), "wait");
    assert_eq!(client.say("hello").await.unwrap(), "hello");
    drop(stream);
}
