//! A call is repeated when that is safe and of use, always as the same request.

use std::time::Duration;

use api::intake::{Case, OpenCaseRequest, OpenCaseResponse};
use kernel::{ErrorCode, ServiceError, reason};
use tokio::io::AsyncReadExt as _;

use super::server::Server;
use super::{CASE, run, run_with};
use crate::client::session::Patience;

const OPEN: [&str; 6] = ["case", "open", "--customer", "email=ann@example.com", "--event", "parcel.lost"];

fn unavailable() -> ServiceError {
    ServiceError::unavailable(reason::STORAGE_UNAVAILABLE, "the database is away", Duration::from_millis(1))
}

fn opened() -> OpenCaseResponse {
    OpenCaseResponse { case: Some(Case { name: CASE.into(), ..Case::default() }), recent: Vec::new() }
}

#[tokio::test]
async fn every_attempt_is_the_same_request() {
    let server = Server::start().await;
    server.script.refuse("open_case", unavailable());
    server
        .script
        .refuse("open_case", ServiceError::new(ErrorCode::Aborted, "CONCURRENT_CHANGE", "somebody was faster"));
    server.script.refuse("open_case", unavailable());
    server.script.answer("open_case", &opened());
    let ran = run(&server, &OPEN).await;
    assert!(ran.answer().contains(CASE), "{ran:?}");
    let seen = server.script.seen();
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|attempt| attempt.bytes == seen[0].bytes));
    let request = &server.script.requests::<OpenCaseRequest>("open_case")[0];
    assert_eq!(request.request_id.len(), 36, "{request:?}");
}

#[tokio::test]
async fn a_call_that_came_too_soon_comes_again_when_it_is_due() {
    let server = Server::start().await;
    let mut soon = ServiceError::new(ErrorCode::ResourceExhausted, chassis::front_reason::RATE_LIMITED, "too often");
    soon.retry_after = Some(Duration::from_millis(1));
    server.script.refuse("open_case", soon);
    server.script.answer("open_case", &opened());
    let ran = run(&server, &OPEN).await;
    assert!(ran.answer().contains(CASE), "{ran:?}");
    assert_eq!(server.script.seen().len(), 2);
}

#[tokio::test]
async fn another_run_has_another_request_id() {
    let server = Server::start().await;
    for _ in 0..2 {
        server.script.answer("open_case", &opened());
        run(&server, &OPEN).await.answer();
    }
    let requests = server.script.requests::<OpenCaseRequest>("open_case");
    assert_ne!(requests[0].request_id, requests[1].request_id);
}

#[tokio::test]
async fn it_gives_up_after_three_repeats_and_says_how_to_go_on() {
    let server = Server::start().await;
    for _ in 0..5 {
        server.script.refuse("open_case", unavailable());
    }
    let ran = run(&server, &OPEN).await;
    let requests = server.script.requests::<OpenCaseRequest>("open_case");
    assert_eq!(requests.len(), 4);
    let event = requests[0].case.as_ref().unwrap().event.as_ref().unwrap();
    let hint = format!(
        "it is safe to repeat the same command with --request-id {} --at {}",
        requests[0].request_id,
        crate::client::output::date_time(event.occurred_at.as_ref())
    );
    assert!(ran.error.starts_with("STORAGE_UNAVAILABLE: the database is away\n"), "{}", ran.error);
    assert!(ran.error.ends_with(&hint), "{}\n{hint}", ran.error);

    server.script.refuse("open_case", ServiceError::not_found("nothing"));
    let words: Vec<&str> = hint.rsplit_once("with ").unwrap().1.split(' ').collect();
    run(&server, &[&OPEN[..], &words].concat()).await;
    let again = server.script.requests::<OpenCaseRequest>("open_case");
    assert_eq!(again.last(), again.first(), "repeated by the words of the error, the request is the same");
}

#[tokio::test]
async fn a_pause_that_the_deadline_does_not_allow_ends_the_call() {
    let server = Server::start().await;
    let mut error = unavailable();
    error.retry_after = Some(Duration::from_secs(3600));
    server.script.refuse("open_case", error);
    let ran = run(&server, &OPEN).await;
    assert!(ran.error.contains("try again in 3600000 ms"), "{ran:?}");
    assert_eq!(server.script.seen().len(), 1);
}

#[tokio::test]
async fn a_definitive_refusal_is_not_repeated() {
    for error in [
        ServiceError::not_found(CASE),
        ServiceError::precondition("ACKNOWLEDGE_FIRST", "the customer has not heard from us"),
        ServiceError::new(ErrorCode::Aborted, reason::VERSION_MISMATCH, "the case has changed"),
        ServiceError::new(ErrorCode::ResourceExhausted, reason::OVERLOADED, "too much"),
    ] {
        let server = Server::start().await;
        server.script.refuse("ask_question", error.clone());
        let ran = run(&server, &["case", "ask", CASE, "Which door?"]).await;
        assert!(ran.error.starts_with(&error.reason), "{ran:?}");
        assert_eq!(server.script.seen().len(), 1, "{error}");
    }
}

#[tokio::test]
async fn an_unreachable_server_is_tried_again_and_nothing_was_done() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let patience = Patience { pause: Duration::from_millis(1), ..Patience::default() };
    let ran = run_with(&address, patience, &OPEN).await;
    assert!(ran.error.starts_with(&format!("no server answers at {address}: ")), "{}", ran.error);
    assert!(ran.error.ends_with("start one with `amends dev`, or say where it is with --address or AMENDS_ADDRESS"));
}

/// A server's connections end with their age, and one that dies takes the calls on it along.
#[tokio::test]
async fn a_call_goes_over_the_next_connection_when_its_own_breaks() {
    let server = Server::start().await;
    server.script.answer("open_case", &opened());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let behind = server.address.trim_start_matches("http://").to_owned();
    let between = async {
        let (mut first, _) = listener.accept().await.unwrap();
        first.read_exact(&mut [0; 24]).await.expect("the preface of HTTP/2");
        drop(first);
        let (mut next, _) = listener.accept().await.unwrap();
        let mut server = tokio::net::TcpStream::connect(behind).await.unwrap();
        tokio::io::copy_bidirectional(&mut next, &mut server).await
    };
    let patience = Patience { pause: Duration::from_millis(1), ..Patience::default() };
    let ran = tokio::select! {
        ran = run_with(&address, patience, &OPEN) => ran,
        ended = between => panic!("the second connection ended first: {ended:?}"),
    };
    assert!(ran.answer().contains(CASE), "{ran:?}");
    assert_eq!(server.script.seen().len(), 1, "the first connection brought nothing");
}
