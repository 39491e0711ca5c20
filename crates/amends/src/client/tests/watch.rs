//! Watching a case shows its story once, over however many connections.

use std::time::Duration;

use api::intake::{Case, TimelineEntry, WatchCaseResponse, case};
use kernel::ServiceError;
use prost_types::Timestamp;

use super::server::Server;
use super::{CASE, run};

fn change(state: case::State, etag: &str, entries: &[(u32, &str)]) -> WatchCaseResponse {
    let entry = |(id, kind): &(u32, &str)| TimelineEntry {
        name: format!("entries/{id}"),
        happened_at: Some(Timestamp { seconds: 1_772_366_400 + i64::from(*id), nanos: 0 }),
        source: "intake".into(),
        kind: (*kind).into(),
        summary: format!("Something about {kind}"),
        state: state.into(),
        ..TimelineEntry::default()
    };
    WatchCaseResponse {
        case: Some(Case { name: CASE.into(), state: state.into(), etag: etag.into(), ..Case::default() }),
        entries: entries.iter().map(entry).collect(),
    }
}

fn going_away() -> ServiceError {
    ServiceError::unavailable("SHUTTING_DOWN", "call again", Duration::from_millis(1))
}

#[tokio::test]
async fn changes_are_shown_once_until_the_case_is_final() {
    let server = Server::start().await;
    let opened = (1, "CASE_OPENED");
    let sent = (2, "MESSAGE_SENT");
    let recovered = (3, "RECOVERED");
    server.script.watch(vec![Ok(change(case::State::Received, "1", &[opened])), Err(going_away())]);
    // The new connection tells the story from the start; this one ends in good order, as a draining server ends it.
    server.script.watch(vec![Ok(change(case::State::Acknowledged, "2", &[opened, sent]))]);
    server.script.watch(vec![
        Ok(change(case::State::Acknowledged, "2", &[opened, sent])),
        Ok(change(case::State::Recovered, "3", &[recovered])),
        Err(ServiceError::internal("the watch goes on after the final state")),
    ]);
    let ran = run(&server, &["case", "watch", CASE]).await;
    assert_eq!(
        ran.answer(),
        "2026-03-01T12:00:01Z  intake        RECEIVED       CASE_OPENED           Something about CASE_OPENED\n\
         2026-03-01T12:00:02Z  intake        ACKNOWLEDGED   MESSAGE_SENT          Something about MESSAGE_SENT\n\
         2026-03-01T12:00:03Z  intake        RECOVERED      RECOVERED             Something about RECOVERED\n"
    );
}

#[tokio::test]
async fn as_json_each_change_is_a_line() {
    let server = Server::start().await;
    server.script.watch(vec![
        Ok(change(case::State::Received, "1", &[(1, "CASE_OPENED")])),
        Ok(change(case::State::Lapsed, "2", &[(2, "LAPSED")])),
    ]);
    let ran = run(&server, &["case", "watch", CASE, "--output", "json"]).await;
    let lines: Vec<serde_json::Value> = ran.answer().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["case"]["state"], "STATE_LAPSED");
    assert_eq!(lines[1]["entries"][0]["happenedAt"], "2026-03-01T12:00:02Z");
}

#[tokio::test]
async fn an_unknown_case_cannot_be_watched() {
    let server = Server::start().await;
    server.script.refuse("watch_case", ServiceError::not_found(CASE));
    let ran = run(&server, &["case", "watch", CASE]).await;
    assert!(ran.error.starts_with(&format!("RESOURCE_NOT_FOUND: {CASE} does not exist")), "{ran:?}");
}

#[tokio::test]
async fn it_ends_when_nobody_answers_any_more() {
    let server = Server::start().await;
    for _ in 0..4 {
        server.script.watch(vec![Err(going_away())]);
    }
    let ran = run(&server, &["case", "watch", CASE]).await;
    assert!(ran.error.starts_with("SHUTTING_DOWN: call again"), "{ran:?}");
}
