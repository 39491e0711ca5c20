//! A group of requests answers as if each had come alone.

use std::time::Duration;

use api::intake as pb;
use durable::{Backend, TxError, sql};
use kernel::ServiceError;
use testkit::{TestDatabase, on_both_databases};
use tokio::sync::oneshot;

use crate::harness::{Intake, SCHEMA, complaint, identity};

/// Makes the database refuse every case whose customer expected `poison`.
async fn poison(intake: &Intake) {
    let statement = match intake.engine.db().backend() {
        Backend::Postgres => "ALTER TABLE cases ADD CONSTRAINT poison CHECK (expected <> 'poison')",
        Backend::Sqlite => {
            "CREATE TRIGGER poison BEFORE INSERT ON cases WHEN NEW.expected = 'poison' \
             BEGIN SELECT RAISE(ABORT, 'poison'); END"
        }
    };
    intake
        .engine
        .run_tx("test.poison", |tx| async move {
            tx.execute(sql::statement(tx.backend(), statement, [])).await?;
            Ok(())
        })
        .await
        .unwrap();
}

/// Carries out requests while nobody can commit, so that they wait together and become groups.
async fn all_at_once(
    intake: &Intake,
    requests: Vec<pb::OpenCaseRequest>,
) -> Vec<Result<pb::OpenCaseResponse, ServiceError>> {
    let (go, wait) = oneshot::channel::<()>();
    let (held, holding) = oneshot::channel::<()>();
    let engine = intake.engine.clone();
    let slots = std::sync::Mutex::new(Some((held, wait)));
    let barrier = intake.engine.spawn(async move {
        engine
            .run_tx("test.barrier", |tx| {
                let slots = slots.lock().unwrap().take();
                async move {
                    if tx.backend() == Backend::Postgres {
                        tx.execute(sql::statement(
                            tx.backend(),
                            "LOCK TABLE inbound_requests IN ACCESS EXCLUSIVE MODE",
                            [],
                        ))
                        .await?;
                    }
                    if let Some((held, wait)) = slots {
                        held.send(()).unwrap();
                        wait.await.unwrap();
                    }
                    Ok::<_, TxError>(())
                }
            })
            .await
    });
    holding.await.unwrap();
    let calls = requests.into_iter().map(|request| intake.open(request));
    let all = async {
        let mut calls: Vec<_> = calls.map(Box::pin).collect();
        // Each call is queued when it has been polled once.
        for call in &mut calls {
            assert!(futures::poll!(call).is_pending());
        }
        go.send(()).unwrap();
        futures::future::join_all(calls).await
    };
    let answers = tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
    barrier.await.unwrap().unwrap();
    answers
}

/// What can be compared: names differ from run to run.
fn seen(answer: &Result<pb::OpenCaseResponse, ServiceError>) -> String {
    match answer {
        Ok(answer) => {
            let case = answer.case.as_ref().unwrap();
            let recent: Vec<&str> = answer.recent.iter().map(|entry| entry.kind.as_str()).collect();
            format!("{} {:?} etag {} after {recent:?}", case.event.as_ref().unwrap().reference, case.state(), case.etag)
        }
        Err(error) => format!("{:?} {} {:?}", error.code, error.reason, error.metadata.get("field")),
    }
}

/// New ones, twins, one that came before, one whose request id came before with another request, a torn customer, again
/// a customer who is new in the same group; and a poisoned row, which breaks a constraint.
fn requests(intake: &Intake, with_poison: bool) -> Vec<pb::OpenCaseRequest> {
    let with = |request_id: &str, customer: &str, reference: &str| {
        let mut request = complaint(intake, request_id, customer);
        request.case.as_mut().unwrap().event.as_mut().unwrap().reference = reference.to_owned();
        request
    };
    let mut poisoned = with("poisoned", "eve", "poisoned");
    poisoned.case.as_mut().unwrap().expected = "poison".to_owned();
    let mut torn = with("torn", "known-1", "torn");
    torn.customer.as_mut().unwrap().identities.push(identity("crm", "known-2"));
    let mut requests = vec![
        with("new", "zoe", "new"),
        with("before-1", "known-1", "before 1"),
        with("before-2", "known-1", "another request"),
        torn,
        with("twin", "tim", "twin"),
        with("twin", "tim", "twin"),
        with("again", "zoe", "again"),
        with("more", "known-2", "more"),
    ];
    if with_poison {
        requests.insert(4, poisoned);
    }
    requests.extend((0..20).map(|n| with(&format!("filler-{n}"), &format!("filler-{}", n % 7), "filler")));
    requests
}

async fn prepared(database: TestDatabase) -> Intake {
    // One worker, so that requests are carried out in the order in which they came.
    let intake = Intake::start_with(database, |config| config.store.engine.writer_workers = 1).await;
    poison(&intake).await;
    for n in ["1", "2"] {
        let mut before = complaint(&intake, &format!("before-{n}"), &format!("known-{n}"));
        before.case.as_mut().unwrap().event.as_mut().unwrap().reference = format!("before {n}");
        intake.open(before).await.unwrap();
    }
    intake
}

async fn assert_as_if_alone(backend: testkit::Backend, with_poison: bool) {
    let alone = prepared(testkit::database_from(backend, &SCHEMA, "alone").await).await;
    let mut expected = Vec::new();
    for request in requests(&alone, with_poison) {
        expected.push(seen(&alone.open(request).await));
    }
    let grouped = prepared(testkit::database_from(backend, &SCHEMA, "grouped").await).await;
    let before = grouped.engine.commits();
    let answers = all_at_once(&grouped, requests(&grouped, with_poison)).await;
    assert_eq!(answers.iter().map(seen).collect::<Vec<_>>(), expected);
    assert_eq!(grouped.written().await, alone.written().await);
    let commits = grouped.engine.commits() - before;
    assert!(with_poison || commits <= 3, "{} requests took {commits} transactions", expected.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_answers_as_if_each_came_alone_on_sqlite() {
    assert_as_if_alone(testkit::Backend::Sqlite, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_answers_as_if_each_came_alone_on_postgres() {
    assert_as_if_alone(testkit::Backend::Postgres, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_row_fails_nobody_else_on_sqlite() {
    assert_as_if_alone(testkit::Backend::Sqlite, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_row_fails_nobody_else_on_postgres() {
    assert_as_if_alone(testkit::Backend::Postgres, true).await;
}

on_both_databases! {
    template: SCHEMA;

    async fn requests_that_wait_together_share_a_transaction(database: TestDatabase) {
        let intake = Intake::start_with(database, |config| config.store.engine.writer_workers = 1).await;
        let requests: Vec<_> = (0..40).map(|n| complaint(&intake, &n.to_string(), &format!("c{}", n % 10))).collect();
        let before = intake.engine.commits();
        let answers = all_at_once(&intake, requests).await;
        assert!(answers.iter().all(Result::is_ok));
        let commits = intake.engine.commits() - before;
        assert!(commits <= 3, "40 requests took {commits} transactions");
        assert_eq!((intake.count("cases").await, intake.count("customers").await), (40, 10));
        assert_eq!(intake.count("outbound_calls").await, 80);
    }
}
