//! Draining: first not ready, then no new connections, and an end by the hard deadline whatever is open.

use std::time::{Duration, Instant};

use chassis::Job;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::lab::{Client, Event, text};
use crate::support::{PATIENCE, Server, config, http_get, reason};

#[tokio::test]
async fn a_server_that_drains_serves_on_until_balancers_know() {
    let mut config = config();
    config.server.drain.pre_stop = Duration::from_millis(300);
    let mut server = Server::start(config).await;
    let channel = server.channel();
    let request = HealthCheckRequest { service: "lab.v1.Lab".to_owned() };
    let mut health = HealthClient::new(channel.clone()).watch(request).await.unwrap().into_inner();
    while health.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}

    server.stop.cancel();
    assert_eq!(health.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert_eq!(http_get(server.admin, "/readyz").await, (503, "draining\n".to_owned()));
    // On a new connection, too.
    assert_eq!(Client::new(server.channel()).say("hello").await.unwrap(), "hello");

    let gone = health.message().await.unwrap_err();
    assert_eq!((gone.code(), reason(&gone)), (Code::Unavailable, "SHUTTING_DOWN".to_owned()));
    server.ended().await.unwrap();
    assert!(TcpStream::connect(server.api).await.is_err(), "the port is still open");
}

#[tokio::test]
async fn running_calls_end_in_their_own_time() {
    let mut server = Server::start(config()).await;
    let client = Client::new(server.channel());
    let mut running = JoinSet::new();
    running.spawn(async move { client.say("wait").await });
    assert_eq!(server.event().await, Event::Entered("wait".to_owned()));
    server.stop.cancel();
    // The port closes while the call still runs.
    tokio::time::timeout(PATIENCE, async { while TcpStream::connect(server.api).await.is_ok() {} }).await.unwrap();
    server.lab.gate.add_permits(1);
    assert_eq!(running.join_next().await.unwrap().unwrap().unwrap(), "wait");
    server.ended().await.unwrap();
}

#[tokio::test]
async fn what_comes_last_has_what_is_left_of_the_deadline() {
    for (calls, expected) in [(0, "ran"), (1, "began")] {
        let mut config = config();
        config.server.drain.timeout = Duration::from_millis(200);
        let (told, mut seen) = mpsc::unbounded_channel();
        let mut options = chassis::ServeOptions::new(config, Vec::new());
        options.last = Some(Box::pin(async move {
            let _ = told.send("began");
            if calls > 0 {
                std::future::pending::<()>().await;
            }
            let _ = told.send("ran");
        }));
        let stop = tokio_util::sync::CancellationToken::new();
        stop.cancel();
        let start = Instant::now();
        chassis::serve(options, stop).await.unwrap();
        assert!(start.elapsed() < PATIENCE);
        let mut last = "";
        while let Some(what) = seen.recv().await {
            last = what;
        }
        assert_eq!(last, expected);
    }
}

#[tokio::test]
async fn the_hard_deadline_holds_with_open_calls_and_jobs() {
    let mut config = config();
    config.server.drain.timeout = Duration::from_millis(200);
    let mut server = Server::start_with(config, |service| {
        service.jobs.push(Job::new("deaf", |_| futures::future::pending()));
    })
    .await;
    let client = Client::new(server.channel());
    let mut running = JoinSet::new();
    let waiting = client.clone();
    running.spawn(async move { waiting.say("wait").await });
    assert_eq!(server.event().await, Event::Entered("wait".to_owned()));
    let mut stream = client.watch(Request::new(text("watch"))).await.unwrap();
    assert_eq!(server.event().await, Event::Entered("watch".to_owned()));
    assert_eq!(stream.message().await.unwrap(), Some(text("first")));

    let started = Instant::now();
    server.stop.cancel();
    // The stream's reader is sent elsewhere at once and need not wait for the deadline.
    let gone = stream.message().await.unwrap_err();
    assert_eq!((gone.code(), reason(&gone)), (Code::Unavailable, "SHUTTING_DOWN".to_owned()));
    assert_eq!(server.event().await, Event::Dropped);
    server.ended().await.unwrap();
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(2), "{took:?}");
    assert_eq!(server.event().await, Event::Dropped, "the handler that hung was dropped");
    assert!(running.join_next().await.unwrap().unwrap().is_err());
}

#[tokio::test]
async fn jobs_are_told_to_stop_and_waited_for() {
    let (told, mut stopped) = mpsc::unbounded_channel();
    let mut server = Server::start_with(config(), |service| {
        service.jobs.push(Job::new("relay", |stop| async move {
            stop.cancelled().await;
            tokio::task::yield_now().await;
            told.send("released").unwrap();
        }));
    })
    .await;
    server.stop.cancel();
    server.ended().await.unwrap();
    assert_eq!(stopped.try_recv(), Ok("released"));
}

#[tokio::test]
async fn a_job_that_ends_by_itself_takes_the_process_down() {
    for panics in [true, false] {
        let mut server = Server::start_with(config(), |service| {
            service
                .jobs
                .push(Job::new("relay", move |_| async move { assert!(!panics, "the job was asked to panic") }));
        })
        .await;
        let error = server.ended().await.unwrap_err();
        assert_eq!(error.to_string(), "the job relay ended although nobody stopped it");
    }
}
