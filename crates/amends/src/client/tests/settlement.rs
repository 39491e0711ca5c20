//! Settlement files: sent in batches, written as they are read, and what people say about payouts.

use std::fmt::Write as _;

use api::compensation::{
    ApprovePayoutSettlementRequest, GetSandboxSettlementResponse, ListSettlementDiscrepanciesResponse, Payout,
    PayoutSettlement, ReconcileSettlementRequest, SettlePayoutRequest, SettlementDiscrepancy, SettlementLine,
};

use super::run;
use super::server::Server;

const PAYOUT: &str = "payouts/01980000-0000-7000-8000-000000000004";
const DECISION: &str = "payoutSettlements/01980000-0000-7000-8000-000000000005";

fn file(lines: usize) -> tempfile::NamedTempFile {
    let mut text = "payout_key,provider_reference,amount,currency,execute_time\n".to_owned();
    for i in 1..=lines {
        writeln!(text, "key-{i},ref-{i},{i}.05,EUR,2026-08-31T10:15:00Z").unwrap();
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[tokio::test]
async fn a_file_is_sent_in_batches_under_the_hash_of_its_bytes() {
    let server = Server::start().await;
    let file = file(4_201);
    let path = file.path().display().to_string();
    let arguments = ["reconcile", "--file", &path, "--day", "2026-08-31", "--request-id", "r"];
    let ran = run(&server, &arguments).await;
    let batches = server.script.requests::<ReconcileSettlementRequest>("reconcile_settlement");
    assert_eq!(batches.len(), 22);
    assert!(batches.iter().all(|batch| batch.file == batches[0].file && batch.file.len() == 64));
    assert!(batches.iter().zip(1..).all(|(batch, n)| batch.request_id == format!("r-{n}") && batch.last == (n == 22)));
    let numbers: Vec<_> = batches.iter().flat_map(|batch| batch.lines.iter().map(|line| line.number)).collect();
    assert_eq!(numbers, (1..=4_201).collect::<Vec<_>>());
    assert!(ran.answer().contains("4201") && ran.answer().contains("yes"), "{ran:?}");
}

#[tokio::test]
async fn nothing_is_sent_while_a_line_is_wrong_and_an_empty_day_is_complete() {
    let server = Server::start().await;
    let bad = tempfile::NamedTempFile::new().unwrap();
    let head = "payout_key,provider_reference,amount,currency,execute_time\n";
    std::fs::write(bad.path(), format!("{head}k,r,1.005,EUR,2026-08-31T10:15:00Z\nk,r,1,EUR,soon\n")).unwrap();
    let path = bad.path().display().to_string();
    let ran = run(&server, &["reconcile", "--file", &path, "--day", "2026-08-31"]).await;
    assert!(ran.error.contains("nothing was sent\n  line 1: amount") && ran.error.contains("line 2: execute_time"));
    assert!(server.script.seen().is_empty());

    let empty = file(0);
    let path = empty.path().display().to_string();
    run(&server, &["reconcile", "--file", &path, "--day", "2026-08-31", "--name", "august-31"]).await.answer();
    let batches = server.script.requests::<ReconcileSettlementRequest>("reconcile_settlement");
    assert_eq!(batches.len(), 1);
    assert!(batches[0].last && batches[0].lines.is_empty() && batches[0].file == "august-31");
}

#[tokio::test]
async fn the_sandboxs_settlement_is_a_file() {
    let server = Server::start().await;
    let line = SettlementLine {
        number: 1,
        payout_key: "k".to_owned(),
        provider_reference: "r".to_owned(),
        amount: Some(api::google::r#type::Money { currency_code: "EUR".to_owned(), units: 12, nanos: 500_000_000 }),
        execute_time: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
    };
    server.script.answer("get_sandbox_settlement", &GetSandboxSettlementResponse { lines: vec![line] });
    let ran = run(&server, &["settlement", "sandbox", "--day", "1970-01-01"]).await;
    let expected = "payout_key,provider_reference,amount,currency,execute_time\nk,r,12.50,EUR,1970-01-01T00:00:00Z\n";
    assert_eq!(ran.answer(), expected);
}

#[tokio::test]
async fn people_look_settle_and_approve() {
    let server = Server::start().await;
    server.script.answer("advance_payout", &Payout { name: PAYOUT.to_owned(), ..Payout::default() });
    assert!(run(&server, &["payout", "look-up", PAYOUT]).await.answer().contains(PAYOUT));
    let decision = PayoutSettlement { name: DECISION.to_owned(), state: 1, outcome: 2, ..PayoutSettlement::default() };
    server.script.answer("settle_payout", &decision);
    let settle = ["payout", "settle", PAYOUT, "--not-executed", "--evidence", "the bank's letter"];
    let ran = run(&server, &settle).await;
    assert!(ran.answer().contains("PROPOSED") && ran.answer().contains("NOT_EXECUTED"), "{ran:?}");
    let asked = &server.script.requests::<SettlePayoutRequest>("settle_payout")[0];
    assert_eq!((asked.outcome, asked.provider_reference.as_str()), (2, ""));
    server.script.answer("approve_payout_settlement", &PayoutSettlement { state: 2, ..decision });
    run(&server, &["payout", "approve", DECISION, "--reason", "seen"]).await.answer();
    let asked = &server.script.requests::<ApprovePayoutSettlementRequest>("approve_payout_settlement")[0];
    assert_eq!((asked.name.as_str(), asked.reason.as_str()), (DECISION, "seen"));

    let found = SettlementDiscrepancy {
        kind: 2,
        state: 1,
        explanation: "it is line 7 of f already".to_owned(),
        ..SettlementDiscrepancy::default()
    };
    let page = ListSettlementDiscrepanciesResponse { settlement_discrepancies: vec![found], ..Default::default() };
    server.script.answer("list_settlement_discrepancies", &page);
    let ran = run(&server, &["settlement", "list"]).await;
    assert!(ran.answer().contains("DUPLICATE") && ran.answer().contains("line 7 of f"), "{ran:?}");
}
