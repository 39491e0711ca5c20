//! Handlers that panic, and more calls than the server takes, at once or in a time.

use std::time::Duration;

use tonic::{Code, Request};

use crate::support::lab::{Client, Event, Text, text};
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

fn of(tenant: &'static str, what: &str) -> Request<Text> {
    let mut request = Request::new(text(what));
    request.metadata_mut().insert("x-amends-tenant", tenant.parse().unwrap());
    request
}

#[tokio::test]
async fn one_tenants_flood_leaves_room_for_the_others() {
    let mut config = config();
    config.server.max_requests = 3;
    config.server.max_requests_per_tenant = 2;
    config.server.max_streams_per_tenant = 1;
    let mut server = Server::start(config).await;
    let client = Client::new(server.channel());
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (first, request) = (client.clone(), of("flood", "wait"));
        running.spawn(async move { first.act(request).await });
        assert_eq!(server.event().await, Event::Entered("wait".to_owned()));
    }
    let shed = client.act(of("flood", "hello")).await.unwrap_err();
    assert_eq!((shed.code(), reason(&shed)), (Code::ResourceExhausted, "OVERLOADED".to_owned()));
    let details = tonic_types::StatusExt::get_error_details(&shed);
    assert!(details.retry_info().is_some_and(|retry| retry.retry_delay.is_some()));
    let quota = details.quota_failure().unwrap().violations.first().unwrap();
    assert_eq!(
        (quota.subject.as_str(), quota.description.as_str()),
        ("tenants/flood", "at most 2 calls at the same time")
    );
    assert!(client.act(of("other", "hello")).await.is_ok(), "another tenant still has room");

    // Streams are a share of their own.
    let stream = client.watch(of("flood", "watch")).await.unwrap();
    let shed = client.watch(of("flood", "watch")).await.unwrap_err();
    assert_eq!(reason(&shed), "OVERLOADED");
    let other = client.watch(of("other", "watch")).await.unwrap();
    drop((stream, other));

    server.lab.gate.add_permits(2);
    while let Some(answer) = running.join_next().await {
        answer.unwrap().unwrap();
    }
    assert!(client.act(of("flood", "hello")).await.is_ok(), "its share is free again");
}

#[tokio::test]
async fn a_tenant_that_calls_too_often_is_told_when_to_come_back() {
    let mut config = config();
    config.server.rate_per_tenant.calls = 2;
    config.server.rate_per_tenant.per = Duration::from_secs(2 * 3600);
    let server = Server::start(config).await;
    let client = Client::new(server.channel());
    assert!(client.act(of("flood", "hello")).await.is_ok());
    assert!(client.act(of("flood", "panic")).await.is_err(), "a call that fails counts too");
    for refused in [client.act(of("flood", "hello")).await.err(), client.watch(of("flood", "watch")).await.err()] {
        let refused = refused.unwrap();
        assert_eq!((refused.code(), reason(&refused)), (Code::ResourceExhausted, "RATE_LIMITED".to_owned()));
        let details = tonic_types::StatusExt::get_error_details(&refused);
        let wait = details.retry_info().unwrap().retry_delay.unwrap();
        assert!(wait > Duration::from_secs(3000) && wait <= Duration::from_secs(3601), "{wait:?}");
        let quota = details.quota_failure().unwrap().violations.first().unwrap();
        assert_eq!((quota.subject.as_str(), quota.description.as_str()), ("tenants/flood", "at most 2 calls in 7200s"));
    }
    assert!(client.act(of("other", "hello")).await.is_ok(), "another tenant has a rate of its own");
    for _ in 0..5 {
        let mut request = of("flood", "hello");
        request.metadata_mut().insert("x-amends-sender", "intake".parse().unwrap());
        assert!(client.act(request).await.is_ok(), "what the suite has to say is not counted");
    }
}
