//! Webhooks and settlements through the SettlementService.

use std::collections::BTreeMap;
use std::time::Duration;

use api::compensation as wire;
use api::compensation::settlement_discrepancy::State as Found;
use api::compensation::settlement_service_client::SettlementServiceClient;
use api::compensation::{SettlementLine, payout, remedy};
use chassis::config::Secret;
use compensation::sandbox::{Payment, payments, sign};
use futures::stream;
use kernel::{ErrorCode, ServiceError, Timestamp};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::harness::{DAY, Desk, TEMPLATE, as_client, by, case, config, error, money, of_tenant};

const SECRET: &str = "a secret for tests only";

pub async fn desk(database: &testkit::TestDatabase) -> Desk {
    let mut config = config(database);
    config.provider.webhook_secrets = vec![Secret::new(SECRET)];
    Desk::with(config).await
}

pub fn settlements(desk: &Desk) -> SettlementServiceClient<Routes> {
    desk.settlements.clone()
}

/// A webhook about a payout, signed by whoever has `secret`, sent at `at`.
fn webhook(desk: &Desk, event: &str, key: &str, secret: &str, at: Timestamp) -> wire::RecordProviderEventRequest {
    let body = format!(r#"{{"type": "payout.executed", "data": {{"payout_key": "{key}"}}}}"#).into_bytes();
    let timestamp = at.to_seconds_nanos().0.to_string();
    let signature = sign(secret.as_bytes(), event, &timestamp, &body);
    wire::RecordProviderEventRequest {
        request_id: desk.fresh(),
        event: event.to_owned(),
        timestamp,
        signature,
        body: body.into(),
    }
}

async fn told(
    desk: &Desk,
    request: wire::RecordProviderEventRequest,
) -> Result<wire::RecordProviderEventResponse, ServiceError> {
    settlements(desk).record_provider_event(as_client(request)).await.map(Response::into_inner).map_err(error)
}

/// Until the payout needs a person or has ended.
pub async fn to_the_end(desk: &Desk) {
    while desk.run_next().await {}
}

fn line(number: i64, payment: &Payment) -> SettlementLine {
    SettlementLine {
        number,
        payout_key: payment.payout_key.clone(),
        provider_reference: payment.reference.clone(),
        amount: Some(chassis::wire::to_money(payment.amount)),
        execute_time: Some(chassis::wire::to_timestamp(payment.executed_at)),
    }
}

async fn paid(desk: &Desk) -> Vec<Payment> {
    payments(desk.engine.read(), (Timestamp::from_micros(0), Timestamp::from_micros(i64::MAX)), None, 500)
        .await
        .unwrap()
}

fn day(desk: &Desk) -> String {
    desk.engine.now().to_string()[..10].to_owned()
}

fn batches(
    desk: &Desk,
    file: &str,
    day: &str,
    lines: &[SettlementLine],
    size: usize,
) -> Vec<wire::ReconcileSettlementRequest> {
    let mut batches: Vec<_> = lines
        .chunks(size)
        .map(|lines| wire::ReconcileSettlementRequest {
            request_id: desk.fresh(),
            file: file.to_owned(),
            day: day.to_owned(),
            lines: lines.to_vec(),
            last: false,
        })
        .collect();
    if batches.is_empty() {
        batches.push(wire::ReconcileSettlementRequest {
            request_id: desk.fresh(),
            file: file.to_owned(),
            day: day.to_owned(),
            ..Default::default()
        });
    }
    batches.last_mut().unwrap().last = true;
    batches
}

async fn reconcile(
    desk: &Desk,
    file: &str,
    day: &str,
    lines: &[SettlementLine],
) -> Result<wire::ReconcileSettlementResponse, ServiceError> {
    send(desk, batches(desk, file, day, lines, 3)).await
}

async fn send(
    desk: &Desk,
    batches: Vec<wire::ReconcileSettlementRequest>,
) -> Result<wire::ReconcileSettlementResponse, ServiceError> {
    let answer = settlements(desk).reconcile_settlement(as_client(stream::iter(batches))).await;
    answer.map(Response::into_inner).map_err(error)
}

async fn discrepancies(desk: &Desk, show_resolved: bool) -> Vec<wire::SettlementDiscrepancy> {
    let request = wire::ListSettlementDiscrepanciesRequest { show_resolved, ..Default::default() };
    let answer = settlements(desk).list_settlement_discrepancies(as_client(request)).await;
    answer.unwrap().into_inner().settlement_discrepancies
}

fn kinds(found: &[wire::SettlementDiscrepancy]) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for found in found {
        *kinds.entry(found.kind().as_str_name().trim_start_matches("KIND_")).or_default() += 1;
    }
    kinds
}

testkit::on_both_databases! {
    template: TEMPLATE;

    /// A webhook brings the look-up forward, whatever it says; it counts once; it proves nothing.
    async fn a_webhook_is_a_hint(database: testkit::TestDatabase) {
        let desk = desk(&database).await;
        let (_, lost) = desk.refund("error-after-execute:ada", ("EUR", 1_001)).await;
        let (_, never) = desk.refund("timeout-before-execute:ada", ("EUR", 1_002)).await;
        let now = desk.engine.now();
        // Before anything was sent there is nothing to look up.
        let early = told(&desk, webhook(&desk, "e0", &lost.payout_key, SECRET, now)).await.unwrap();
        assert_eq!((early.payout.as_str(), early.looks_up), (lost.name.as_str(), false));
        desk.run_due().await;
        assert_eq!(desk.get_payout(&lost.name).await.state(), payout::State::Unknown);

        let first = webhook(&desk, "e1", &lost.payout_key, SECRET, now);
        let answer = told(&desk, first.clone()).await.unwrap();
        assert_eq!((answer.payout.as_str(), answer.looks_up, answer.repeated_event), (lost.name.as_str(), true, false));
        let again = settlements(&desk).record_provider_event(as_client(first.clone())).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        let twice = told(&desk, wire::RecordProviderEventRequest { request_id: desk.fresh(), ..first.clone() }).await.unwrap();
        assert!(twice.repeated_event && !twice.looks_up, "the same event under another request id");
        assert_eq!(desk.run_due().await, 1, "one look-up");
        assert_eq!(desk.get_payout(&lost.name).await.state(), payout::State::Confirmed);
        assert_eq!(desk.executed().await[&lost.payout_key].requests, 1, "nothing was sent again");
        // The stored answer comes after the webhook's time as well.
        desk.clock.advance(DAY);
        assert_eq!(told(&desk, first).await.unwrap(), answer);

        told(&desk, webhook(&desk, "e2", &never.payout_key, SECRET, desk.engine.now())).await.unwrap();
        desk.run_due().await;
        let unknown = desk.get_payout(&never.name).await;
        assert_eq!(unknown.state(), payout::State::Unknown, "said to be executed, and was not");
        let stranger = told(&desk, webhook(&desk, "e3", "nobody's", SECRET, desk.engine.now())).await.unwrap();
        assert_eq!((stranger.payout.as_str(), stranger.looks_up), ("", false));
        desk.assert_ledger_balances().await;
    }

    async fn a_webhook_that_is_not_the_providers_is_refused(database: testkit::TestDatabase) {
        let desk = desk(&database).await;
        let (_, first) = desk.refund("timeout-after-execute:ada", ("EUR", 1_001)).await;
        let now = desk.engine.now();
        let forged = told(&desk, webhook(&desk, "e", &first.payout_key, "somebody else's secret", now)).await.unwrap_err();
        assert_eq!((forged.code, forged.reason.as_str()), (ErrorCode::Unauthenticated, "BAD_SIGNATURE"));
        for at in [now.minus(Duration::from_secs(301)), now.plus(Duration::from_secs(302))] {
            let old = told(&desk, webhook(&desk, "e", &first.payout_key, SECRET, at)).await.unwrap_err();
            assert_eq!((old.code, old.reason.as_str()), (ErrorCode::InvalidArgument, "WEBHOOK_TOO_OLD"));
        }
        let mut nonsense = webhook(&desk, "e", &first.payout_key, SECRET, now);
        nonsense.body = b"{}".as_slice().into();
        nonsense.signature = sign(SECRET.as_bytes(), "e", &nonsense.timestamp, b"{}");
        assert_eq!(told(&desk, nonsense).await.unwrap_err().violations[0].field, "body");
        let empty = told(&desk, wire::RecordProviderEventRequest::default()).await.unwrap_err();
        let fields: Vec<_> = empty.violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["request_id", "event", "timestamp", "signature", "body"]);
        // Of another tenant: nobody's payout.
        let foreign = of_tenant("other", "desk", webhook(&desk, "e", &first.payout_key, SECRET, now));
        assert_eq!(settlements(&desk).record_provider_event(foreign).await.unwrap().into_inner().payout, "");
        assert_eq!(desk.count("SELECT count(*) AS n FROM provider_events").await, 1);

        let elsewhere = testkit::database_from(database.backend(), &TEMPLATE, "without").await;
        let without = Desk::with(config(&elsewhere)).await;
        let refused = told(&without, webhook(&desk, "e", &first.payout_key, SECRET, now)).await.unwrap_err();
        assert_eq!(refused.reason, "WEBHOOKS_NOT_CONFIGURED");
    }

    /// The sandbox's own webhooks: before its answer, three times, forged, lying, old.
    async fn webhooks_of_the_sandbox_settle_nothing_by_themselves(database: testkit::TestDatabase) {
        let desk = desk(&database).await;
        let mut ends = Vec::new();
        for (behaviour, minor) in
            ["early-webhook", "duplicate-webhook", "stale-webhook", "forged-webhook", "lying-webhook"].into_iter().zip(1_001..)
        {
            ends.push((behaviour, desk.refund(&format!("{behaviour}:ada"), ("EUR", minor)).await.1));
        }
        desk.run_due().await;
        to_the_end(&desk).await;
        for (behaviour, payout) in ends {
            let expected = if matches!(behaviour, "forged-webhook" | "lying-webhook") {
                payout::State::Manual
            } else {
                payout::State::Confirmed
            };
            assert_eq!(desk.get_payout(&payout.name).await.state(), expected, "{behaviour}");
            let executions = desk.executed().await.get(&payout.payout_key).map_or(0, |entry| entry.executions);
            assert_eq!(executions, i64::from(expected == payout::State::Confirmed), "{behaviour}");
        }
        desk.assert_ledger_balances().await;
    }

    /// Every difference is listed once, what can be adopted is, and the same file again changes nothing.
    async fn a_settlement_is_compared_line_by_line(database: testkit::TestDatabase) {
        let desk = desk(&database).await;
        let today = day(&desk);
        let mut named = BTreeMap::new();
        for (payee, minor) in [
            "honest", "error-after-execute", "decline", "hidden-wrong-amount", "forgets-keys", "timeout-before-execute",
        ].into_iter().zip(1_001..) {
            named.insert(payee, desk.refund(&format!("{payee}:ada"), ("EUR", minor)).await.1);
        }
        desk.run_due().await;
        desk.clock.advance(Duration::from_secs(60));
        desk.run_due().await;
        let mut lines: Vec<_> = (1..).zip(&paid(&desk).await).map(|(number, payment)| line(number, payment)).collect();
        assert_eq!(lines.len(), 5, "honest, error, wrong amount, and two of the key that was forgotten");
        let next = |lines: &[SettlementLine]| i64::try_from(lines.len()).unwrap() + 1;
        let declined = SettlementLine { number: next(&lines), payout_key: named["decline"].payout_key.clone(), provider_reference: "x".to_owned(), amount: Some(money("EUR", 1_003)), execute_time: lines[0].execute_time };
        lines.push(declined);
        lines.push(SettlementLine { number: next(&lines), payout_key: "nobody's".to_owned(), ..lines[0].clone() });

        let taken = reconcile(&desk, "f1", &today, &lines).await.unwrap();
        assert_eq!((taken.lines, taken.lines_matched, taken.payouts_adopted, taken.discrepancies), (7, 1, 1, 5), "{taken:?}");
        let adopted = desk.get_payout(&named["error-after-execute"].name).await;
        assert_eq!(adopted.state(), payout::State::Confirmed);
        assert_eq!(adopted.provider_reference, desk.executed().await[&adopted.payout_key].reference);
        let found = discrepancies(&desk, false).await;
        assert_eq!(kinds(&found), BTreeMap::from([("DUPLICATE", 1), ("NOT_EXPECTED", 1), ("UNKNOWN_PAYOUT", 1), ("WRONG_AMOUNT", 1), ("WRONG_REFERENCE", 1)]));
        let told = desk.told(&case(7)).await;
        assert_eq!(told.iter().filter(|kind| *kind == "PAYOUT_NEEDS_ATTENTION").count(), 5, "one refusal, four discrepancies: {told:?}");
        desk.assert_ledger_balances().await;

        let again = reconcile(&desk, "f1", &today, &lines).await.unwrap();
        assert_eq!((again.lines_taken_before, again.discrepancies, again.payouts_adopted), (7, 0, 0));
        assert_eq!(discrepancies(&desk, false).await, found);
        // The same lines in another file are not the payouts' one line.
        let other = reconcile(&desk, "f2", &today, &lines[..1]).await.unwrap();
        assert_eq!(other.discrepancies, 1);
        assert_eq!(kinds(&discrepancies(&desk, false).await)["DUPLICATE"], 2);
        // A file is known by its id for ever.
        let mut changed = lines.clone();
        changed[0].provider_reference = "another".to_owned();
        for (file_day, lines) in [(today.as_str(), &changed[..1]), ("2020-01-01", &lines[..1])] {
            assert_eq!(reconcile(&desk, "f1", file_day, lines).await.unwrap_err().reason, "SETTLEMENT_FILE_CHANGED");
        }
        let more = SettlementLine { number: 99, ..lines[0].clone() };
        assert_eq!(reconcile(&desk, "f1", &today, &[more]).await.unwrap_err().reason, "SETTLEMENT_FILE_CHANGED");
        // The tenant next door knows nothing of all this.
        let theirs = batches(&desk, "f1", &today, &lines[..1], 3);
        let answer = settlements(&desk).reconcile_settlement(of_tenant("other", "desk", stream::iter(theirs))).await.unwrap();
        assert_eq!(answer.into_inner().discrepancies, 1, "a payout of another tenant is none");
    }

    /// What no file has is listed once the provider had its time; it stays as it is, and a later file clears it up.
    async fn what_is_in_no_settlement_is_evidence_and_no_more(database: testkit::TestDatabase) {
        let desk = desk(&database).await;
        let today = day(&desk);
        let (_, honest) = desk.refund("ada", ("EUR", 1_001)).await;
        let (opened, never) = desk.refund("timeout-before-execute:ada", ("EUR", 1_002)).await;
        desk.run_due().await;
        reconcile(&desk, "f1", &today, &[]).await.unwrap();
        assert!(discrepancies(&desk, false).await.is_empty(), "the provider still has its time");
        to_the_end(&desk).await;
        let found = discrepancies(&desk, false).await;
        assert_eq!(kinds(&found), BTreeMap::from([("NOT_IN_SETTLEMENT", 2)]));
        let stuck = desk.get_payout(&never.name).await;
        assert_eq!(stuck.state(), payout::State::Manual, "evidence releases nothing");
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::NeedsAttention);

        // Another complete file of the day lists nothing twice; one that has the payout clears it up.
        let lines: Vec<_> = (1..).zip(&paid(&desk).await).map(|(number, payment)| line(number, payment)).collect();
        reconcile(&desk, "f2", &today, &lines).await.unwrap();
        to_the_end(&desk).await;
        let left = discrepancies(&desk, false).await;
        assert_eq!((left.len(), left[0].payout.as_str()), (1, never.name.as_str()));
        let all = discrepancies(&desk, true).await;
        let cleared = all.iter().find(|found| found.payout == honest.name).unwrap();
        assert_eq!((cleared.state(), cleared.resolved_by.as_str()), (Found::Resolved, "settlement"));

        let resolve = wire::ResolveSettlementDiscrepancyRequest {
            request_id: desk.fresh(),
            name: left[0].name.clone(),
            resolution: "the provider never had it".to_owned(),
        };
        let foreign = of_tenant("other", "desk", wire::ResolveSettlementDiscrepancyRequest { request_id: desk.fresh(), ..resolve.clone() });
        assert_eq!(settlements(&desk).resolve_settlement_discrepancy(foreign).await.unwrap_err().code(), tonic::Code::NotFound);
        let first = settlements(&desk).resolve_settlement_discrepancy(as_client(resolve.clone())).await.unwrap().into_inner();
        assert_eq!((first.state(), first.resolved_by.as_str()), (Found::Resolved, "desk"));
        let again = settlements(&desk).resolve_settlement_discrepancy(as_client(resolve.clone())).await.unwrap();
        assert_eq!(again.into_inner(), first);
        let twice = wire::ResolveSettlementDiscrepancyRequest { request_id: desk.fresh(), ..resolve };
        let refused = error(settlements(&desk).resolve_settlement_discrepancy(as_client(twice)).await.unwrap_err());
        assert_eq!(refused.reason, "INVALID_TRANSITION");
        assert!(discrepancies(&desk, false).await.is_empty());
        assert_eq!(desk.get_payout(&never.name).await.state(), payout::State::Manual, "it changes no payout");
    }

    /// A payout that a person has is adopted when a settlement has it.
    async fn a_manual_payout_in_a_settlement_is_confirmed(database: testkit::TestDatabase) {
        let mut config = config(&database);
        config.sandbox.lookup_lag = DAY * 30;
        let desk = Desk::with(config).await;
        let (opened, late) = desk.refund("lookup-lag:ada", ("EUR", 1_001)).await;
        let today = day(&desk);
        to_the_end(&desk).await;
        assert_eq!(desk.get_payout(&late.name).await.state(), payout::State::Manual);
        let refused = reconcile(&desk, "f", &today, &[line(1, &paid(&desk).await[0])]).await.unwrap();
        assert_eq!(refused.payouts_adopted, 1);
        assert_eq!(desk.get_payout(&late.name).await.state(), payout::State::Confirmed);
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Settled);
        assert_eq!(desk.told(&case(7)).await, ["PAYOUT_NEEDS_ATTENTION", "PAYOUT_CONFIRMED", "REMEDY_SETTLED"]);
        desk.assert_ledger_balances().await;
    }

    async fn bad_requests_list_everything(database: testkit::TestDatabase) {
        let desk = desk(&database).await;
        let fields = |status: Status| -> Vec<String> { error(status).violations.into_iter().map(|v| v.field).collect() };
        let bad = wire::SettlePayoutRequest { name: "payouts/7".to_owned(), outcome: 9, evidence: " ".to_owned(), ..Default::default() };
        let refused = settlements(&desk).settle_payout(as_client(bad)).await.unwrap_err();
        assert_eq!(fields(refused), ["request_id", "name", "outcome", "evidence"]);
        let refused = settlements(&desk).approve_payout_settlement(as_client(wire::ApprovePayoutSettlementRequest::default())).await.unwrap_err();
        assert_eq!(fields(refused), ["request_id", "name", "reason"]);
        let broken = SettlementLine { number: 0, amount: Some(money("EUR", -1)), ..Default::default() };
        let batch = wire::ReconcileSettlementRequest { day: "yesterday".to_owned(), lines: vec![broken.clone(), broken], ..Default::default() };
        let refused = settlements(&desk).reconcile_settlement(as_client(stream::iter([batch]))).await.unwrap_err();
        let found = fields(refused);
        for field in ["request_id", "file", "day", "lines[0].number", "lines[0].payout_key", "lines[0].amount", "lines[1].number", "lines[1].execute_time"] {
            assert!(found.iter().any(|one| one == field), "{field} in {found:?}");
        }
        let nothing = settlements(&desk).reconcile_settlement(as_client(stream::iter([]))).await.unwrap_err();
        assert_eq!(fields(nothing), ["file"]);
        assert_eq!(desk.count("SELECT count(*) AS n FROM settlement_files").await, 0);
    }

    /// The sandbox's settlement, page by page, of the tenant's own payouts only; reconciled, it agrees.
    async fn the_sandbox_settles_a_day(database: testkit::TestDatabase) {
        let desk = desk(&database).await;
        let today = day(&desk);
        for minor in 1_001..1_004 {
            desk.refund("ada", ("EUR", minor)).await;
        }
        desk.run_due().await;
        let lines = |request: Request<wire::GetSandboxSettlementRequest>| {
            let mut api = settlements(&desk);
            async move {
                let mut pages = api.get_sandbox_settlement(request).await.unwrap().into_inner();
                let mut lines = Vec::new();
                while let Some(page) = pages.message().await.unwrap() {
                    lines.extend(page.lines);
                }
                lines
            }
        };
        let of_day = |day: &str| wire::GetSandboxSettlementRequest { day: day.to_owned() };
        let settled = lines(as_client(of_day(&today))).await;
        assert_eq!(settled.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(lines(as_client(of_day("2020-01-01"))).await.is_empty());
        assert!(lines(of_tenant("other", "desk", of_day(&today))).await.is_empty());
        let taken = reconcile(&desk, "day", &today, &settled).await.unwrap();
        assert_eq!((taken.lines_matched, taken.discrepancies, taken.complete), (3, 0, true));
        to_the_end(&desk).await;
        assert!(discrepancies(&desk, true).await.is_empty());
    }
}

/// A hundred at once on PostgreSQL: one step, one request, one execution; and a hundred of one file: each line once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_at_once_are_one() {
    let database = testkit::database_from(testkit::Backend::Postgres, &TEMPLATE, "hundred").await;
    let desk = desk(&database).await;
    let (_, first) = desk.refund("ada", ("EUR", 1_001)).await;
    let own = desk.recorded(compensation::NAME).await;
    let advance = wire::AdvancePayoutRequest {
        request_id: own[0].message_id.to_string(),
        name: first.name.clone(),
        look_up: false,
    };
    let calls = (0..100).map(|n| {
        let (mut api, mut request) = (desk.api.clone(), advance.clone());
        // Half of them the same request, half of them others.
        if n % 2 == 0 {
            request.request_id = desk.fresh();
        }
        async move { api.advance_payout(by("service:compensation", request)).await }
    });
    let answers = futures::future::join_all(calls).await;
    let taken = answers.iter().filter(|answer| answer.is_ok()).count();
    let entry = &desk.executed().await[&first.payout_key];
    assert_eq!((entry.executions, entry.requests), (1, 1));
    assert_eq!(desk.get_payout(&first.name).await.state(), payout::State::Confirmed);
    assert!(
        taken >= 1
            && answers
                .iter()
                .filter_map(|answer| answer.as_ref().err())
                .all(|status| { matches!(status.code(), tonic::Code::ResourceExhausted | tonic::Code::Unavailable) }),
        "who is not answered may come again"
    );

    let today = day(&desk);
    let lines = [line(1, &paid(&desk).await[0])];
    let files = (0..100).map(|_| reconcile(&desk, "f", &today, &lines));
    let answers = futures::future::join_all(files).await;
    let matched: i64 = answers.iter().flatten().map(|taken| taken.lines_matched).sum();
    assert_eq!(matched, 1, "one of them took the line");
    assert_eq!(desk.count("SELECT count(*) AS n FROM settlement_lines").await, 1);
    assert_eq!(desk.count("SELECT count(*) AS n FROM settlement_discrepancies").await, 0);
    desk.assert_ledger_balances().await;
}
