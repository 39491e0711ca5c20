//! Affected customers leave in batches that can be sent again.

use std::fmt::Write as _;
use std::time::Duration;

use api::intake::{AddAffectedRequest, AddAffectedResponse};
use kernel::ServiceError;

use super::run;
use super::server::Server;

const DISRUPTION: &str = "disruptions/01980000-0000-7000-8000-000000000009";

fn shape(server: &Server) -> Vec<(String, usize)> {
    let batches = server.script.requests::<AddAffectedRequest>("add_affected");
    batches.into_iter().map(|batch| (batch.request_id, batch.affected.len())).collect()
}

#[tokio::test]
async fn a_file_is_sent_in_batches_of_500() {
    let server = Server::start().await;
    let mut lines = String::new();
    for i in 0..501 {
        writeln!(lines, "{{\"customer\": \"crm={i}\", \"facts\": {{\"seat\": \"{i}A\"}}}}").unwrap();
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines).unwrap();
    let path = file.path().display().to_string();
    let arguments = ["disruption", "add-affected", DISRUPTION, "--file", &path, "--request-id", "r"];
    let ran = run(&server, &arguments).await;
    assert_eq!(shape(&server), [("r-1".to_owned(), 500), ("r-2".to_owned(), 1)]);
    assert_eq!(ran.answer().lines().count(), 502, "a head and a line for each customer");
    assert!(ran.answer().ends_with("cases/500  -         -\n"));
}

#[tokio::test]
async fn a_broken_stream_is_sent_again_under_the_same_ids() {
    let server = Server::start().await;
    let away = ServiceError::unavailable("STORAGE_UNAVAILABLE", "away", Duration::from_millis(1));
    server.script.refuse("add_affected", away.clone());
    let arguments =
        ["disruption", "add-affected", DISRUPTION, "--customer", "crm=1", "--customer", "crm=2", "--request-id", "r"];
    let ran = run(&server, &arguments).await;
    assert!(ran.answer().contains("cases/1") && ran.answer().contains("cases/2"), "{ran:?}");
    assert_eq!(shape(&server), [("r-1".to_owned(), 2), ("r-1".to_owned(), 2)]);

    for _ in 0..4 {
        server.script.refuse("add_affected", away.clone());
    }
    let ran = run(&server, &arguments).await;
    assert!(ran.error.ends_with("it is safe to repeat the same command with --request-id r"), "{ran:?}");
}

#[tokio::test]
async fn a_stream_has_20_batches_and_the_answer_all_results() {
    let server = Server::start().await;
    let lines: String = (0..10_001).map(|i| format!("{{\"customer\": \"crm={i}\"}}\n")).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines).unwrap();
    let path = file.path().display().to_string();
    let ran = run(&server, &["disruption", "add-affected", DISRUPTION, "--file", &path, "--output", "json"]).await;
    let answer: serde_json::Value = serde_json::from_str(ran.answer()).unwrap();
    assert_eq!(answer["results"].as_array().unwrap().len(), 10_001);
    assert_eq!(shape(&server).len(), 21);
    assert_eq!(shape(&server)[20].1, 1);
}

#[tokio::test]
async fn what_was_added_before_a_failure_is_told() {
    let server = Server::start().await;
    for _ in 0..20 {
        server.script.answer("add_affected", &AddAffectedResponse::default());
    }
    server.script.refuse("add_affected", ServiceError::not_found(DISRUPTION));
    let lines: String = (0..10_001).map(|i| format!("{{\"customer\": \"crm={i}\"}}\n")).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines).unwrap();
    let path = file.path().display().to_string();
    let ran = run(&server, &["disruption", "add-affected", DISRUPTION, "--file", &path]).await;
    assert_eq!(ran.notes, "10000 customers were added before it failed\n");
    assert!(ran.error.starts_with("RESOURCE_NOT_FOUND"), "{ran:?}");
}

#[tokio::test]
async fn nothing_is_sent_while_a_line_is_wrong() {
    let server = Server::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{\"customer\": \"crm=1\"}\n{\"customer\": 1}\n").unwrap();
    let path = file.path().display().to_string();
    let ran = run(&server, &["disruption", "add-affected", DISRUPTION, "--file", &path]).await;
    let words = format!("{path} is not what it should be: nothing was sent\n  line 2: a text or an array of texts");
    assert!(ran.error.starts_with(&words), "{ran:?}");
    assert!(server.script.seen().is_empty());
}
