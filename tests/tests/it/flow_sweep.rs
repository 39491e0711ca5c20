//! The sweep of the services' logs, after a recovery: nothing is lost from the books of durable calls, and what is lost
//! is found.

use amends::role::Role;
use amends_tests::checker::Checker;
use amends_tests::in_process::InProcess;
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{AddAffectedRequest, ReportDisruptionRequest};
use durable::{KeptAnswers, sql};
use testkit::Backend;
use tokio_util::sync::CancellationToken;

use crate::support::{affected, days, disruption, event, integer};

async fn received(suite: &InProcess) -> u64 {
    let mut all = 0;
    for engine in suite.engines.values() {
        all += engine.calls_received().await.expect("a count").into_values().sum::<u64>();
    }
    all
}

async fn the_books_of_calls_outlive_the_sweep(backend: Backend) {
    // What a sender keeps is as old as what its receiver keeps.
    let suite = InProcess::start_with(backend, "flow_sweep", |config| {
        for role in Role::ALL {
            let store = config.store_mut(role);
            store.relay.park_after_s = 1;
            store.relay.keep_done_s = 30 * 86_400;
            store.engine.keep_answers_s = 30 * 86_400 + 2;
        }
    })
    .await;
    let mut intake = IntakeServiceClient::new(suite.channel());
    let failure = event("flight.delayed", kernel::Clock::now(&suite.clock), [("arrival_delay_minutes", integer(181))]);
    let request =
        ReportDisruptionRequest { request_id: "report".to_owned(), disruption: Some(disruption("F1", failure)) };
    let reported = intake.report_disruption(request).await.expect("the disruption is taken").into_inner();
    let batch = AddAffectedRequest {
        request_id: "batch-1".to_owned(),
        disruption: reported.name,
        affected: ["ann@example.com", "bob@example.com"].map(|email| affected(email, [])).to_vec(),
    };
    intake.add_affected(futures::stream::iter([batch])).await.expect("the customers are added");
    suite.quiet().await;
    suite.pass(days(31) + days(1) / 2).await;

    let before = received(&suite).await;
    let mut removed = 0;
    for engine in suite.engines.values() {
        let swept = engine.sweep_answers(KeptAnswers::OfMethods(&[]), &CancellationToken::new()).await;
        removed += swept.expect("the log can be swept").removed;
    }
    assert!(removed > 10, "{removed} answers were old");
    assert_eq!(received(&suite).await, before);
    let checker = Checker::of_engines(&suite.engines);
    let (findings, counted) = checker.check().await;
    findings.assert_none();
    assert!(counted.delivered > 0 && counted.lanes > 0, "{counted:?}");

    // Two receipts more are gone than the receiver has counted: one that is young, and an old one.
    let engine = &suite.engines[&Role::Intake];
    for change in [
        "DELETE FROM inbound_requests WHERE lane IS NOT NULL AND created_at = (SELECT max(created_at) FROM inbound_requests \
         WHERE lane IS NOT NULL)",
        "UPDATE inbound_removed SET requests = 0",
    ] {
        let work = |tx: durable::Tx| async move { Ok(tx.execute(sql::statement(tx.backend(), change, [])).await?) };
        assert!(engine.run_tx("test.tamper", work).await.expect("the books can be tampered with") > 0, "{change}");
        let (findings, _) = checker.check().await;
        assert!(findings.lines().iter().any(|line| line.starts_with("I13:") || line.starts_with("I14:")), "{change}");
    }
    suite.stop().await;
}

mod the_books_of_calls_outlive_the_sweep {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        super::the_books_of_calls_outlive_the_sweep(testkit::Backend::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        super::the_books_of_calls_outlive_the_sweep(testkit::Backend::Postgres).await;
    }
}
