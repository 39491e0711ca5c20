//! Errors are printed for people, whole.

use std::time::Duration;

use kernel::{ErrorCode, ServiceError, Violations, reason};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::server::Server;
use super::{CASE, OFFER, run, run_with};
use crate::client::session::Patience;

#[tokio::test]
async fn all_violations_are_printed_with_their_fields() {
    let server = Server::start().await;
    let mut violations = Violations::new();
    violations.within("case", |v| v.within("event", |v| v.add("kind", "PATTERN", "must be dotted words")));
    violations.add("customer.identities", "REQUIRED", "has 0 items; allowed are 1 to 16");
    server.script.refuse("open_case", violations.finish().unwrap_err());
    let ran = run(&server, &["case", "open", "--customer", "crm=1", "--event", "Bad Kind"]).await;
    assert_eq!(
        ran.error,
        "INVALID_FIELDS: fields invalid: case.event.kind, customer.identities\n  \
         case.event.kind: must be dotted words\n  \
         customer.identities: has 0 items; allowed are 1 to 16"
    );
    assert_eq!(ran.out, "");
}

#[tokio::test]
async fn the_metadata_of_a_refusal_is_printed() {
    let server = Server::start().await;
    let error = ServiceError::precondition("OFFER_NOT_OPEN", "the offer was answered").with("state", "ACCEPTED");
    server.script.refuse("respond_to_offer", error);
    let ran = run(&server, &["offer", "decline", OFFER]).await;
    assert_eq!(ran.error, "OFFER_NOT_OPEN: the offer was answered\n  state = ACCEPTED");
}

#[tokio::test]
async fn a_mutation_of_unknown_outcome_can_be_repeated_and_a_read_need_not_be() {
    let error = || ServiceError::new(ErrorCode::DeadlineExceeded, reason::DEADLINE_EXCEEDED, "not answered in time");
    let server = Server::start().await;
    server.script.refuse("reopen_case", error());
    let arguments = ["case", "reopen", CASE, "It is lost again", "--request-id", "mine-1"];
    let ran = run(&server, &arguments).await;
    assert!(ran.error.ends_with("it is safe to repeat the same command with --request-id mine-1"), "{ran:?}");
    server.script.refuse("get_case", error());
    assert_eq!(run(&server, &["case", "get", CASE]).await.error, "DEADLINE_EXCEEDED: not answered in time");
}

#[tokio::test]
async fn control_characters_of_a_server_do_not_reach_the_terminal() {
    let server = Server::start().await;
    server.script.refuse("get_case", ServiceError::precondition("BAD", "gone").with("why", "\u{1b}[2Jcleared"));
    let ran = run(&server, &["case", "get", CASE]).await;
    assert_eq!(ran.error, "BAD: gone\n  why = \u{fffd}[2Jcleared");
}

#[tokio::test]
async fn what_is_no_suite_is_not_taken_for_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // A peer that has gone by now is no failure of this test.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    let patience = Patience { pause: Duration::from_millis(1), ..Patience::default() };
    let ran = run_with(&address, patience, &["case", "get", CASE]).await;
    assert!(ran.error.ends_with(&format!("this is no answer of the suite: is {address} its address?")), "{ran:?}");
}
