//! What is typed about authority arrives as meant, and what is answered reads well.

use api::compensation::{
    ApplyPolicyRequest, ApplyPolicyResponse, Approval, ApproveOfferRequest, AutonomousDecision, BacktestPolicyRequest,
    BacktestPolicyResponse, CatalogueItem, ListAbuseSignalsRequest, ListAbuseSignalsResponse, ListApprovalsRequest,
    ListApprovalsResponse, ListAutonomousDecisionsRequest, ListAutonomousDecisionsResponse, ListCatalogueItemsRequest,
    ListCatalogueItemsResponse, Policy, PolicyBacktestDifference, PolicyBacktestSide, PolicyBacktestTally,
    RejectOfferRequest, RemedyLine, approval,
};
use api::google::r#type::Money;
use prost_types::Timestamp;

use super::server::Server;
use super::{CASE, CUSTOMER, run};

const APPROVAL: &str = "approvals/01980000-0000-7000-8000-000000000009";
const NOON: Timestamp = Timestamp { seconds: 1_772_366_400, nanos: 0 };

fn waiting() -> Approval {
    Approval {
        name: APPROVAL.into(),
        case: CASE.into(),
        state: approval::State::Pending.into(),
        requested_by: "Kim".into(),
        role: "agent".into(),
        reasons: vec!["MONEY is above the limit".into()],
        create_time: Some(NOON),
        ..Approval::default()
    }
}

#[tokio::test]
async fn an_approval_is_listed_approved_and_rejected() {
    let server = Server::start().await;
    server.script.answer("list_approvals", &ListApprovalsResponse { approvals: vec![waiting()], ..Default::default() });
    let listed = run(&server, &["approval", "list", "--state", "pending", "--case", CASE]).await;
    assert_eq!(
        listed.answer(),
        format!(
            "APPROVAL                                        STATE    ASKED BY  WHAT  BECAUSE                   EXPIRES\n\
             {APPROVAL}  PENDING  Kim       -     MONEY is above the limit  -\n"
        )
    );
    let request = server.script.requests::<ListApprovalsRequest>("list_approvals").remove(0);
    assert_eq!((request.state(), request.case.as_str()), (approval::State::Pending, CASE));

    server.script.answer("approve_offer", &waiting());
    run(&server, &["approval", "approve", APPROVAL, "--decided-by", "Lee", "--role", "lead"]).await.answer();
    let request = server.script.requests::<ApproveOfferRequest>("approve_offer").remove(0);
    assert_eq!((request.name.as_str(), request.decided_by.as_str(), request.role.as_str()), (APPROVAL, "Lee", "lead"));

    server.script.answer("reject_offer", &waiting());
    let line = [
        "approval",
        "reject",
        APPROVAL,
        "--decided-by",
        "Lee",
        "--role",
        "lead",
        "--reason",
        "r",
        "--alternative",
        "a",
    ];
    let shown = run(&server, &line).await;
    assert!(shown.answer().contains("because   MONEY is above the limit"), "{}", shown.answer());
    let request = server.script.requests::<RejectOfferRequest>("reject_offer").remove(0);
    assert_eq!((request.reason.as_str(), request.alternative.as_str()), ("r", "a"));
}

#[tokio::test]
async fn a_policy_is_applied_from_its_file() {
    let server = Server::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "kind: ABUSE").unwrap();
    let policy = Policy { name: "policies/abuse".into(), version: "a".into(), ..Policy::default() };
    let changes = vec!["version: b becomes a".to_owned()];
    server.script.answer("apply_policy", &ApplyPolicyResponse { policy: Some(policy.clone()), changes, applied: true });
    let path = file.path().to_str().unwrap();
    let done = run(&server, &["policy", "apply", "-f", path, "--applied-by", "Lee", "--dry-run"]).await;
    assert_eq!(
        done.answer(),
        "policies/abuse version a was applied\n\nWhat it changes of the version in force:\n  version: b becomes a\n"
    );
    let request = server.script.requests::<ApplyPolicyRequest>("apply_policy").remove(0);
    assert_eq!((request.document.as_str(), request.applied_by.as_str(), request.dry_run), ("kind: ABUSE", "Lee", true));
    server.script.answer("get_policy", &policy);
    assert!(run(&server, &["policy", "get", "abuse"]).await.answer().contains("nobody: it is the shipped one"));
    let missing = run(&server, &["policy", "apply", "-f", "/nowhere/at/all", "--applied-by", "Lee"]).await;
    assert!(missing.error.contains("/nowhere/at/all"), "{}", missing.error);
}

#[tokio::test]
async fn extras_are_listed_with_what_they_cost_and_are_worth() {
    let server = Server::start().await;
    let euro = |units| Some(Money { currency_code: "EUR".into(), units, nanos: 0 });
    let item = |name: &str, cost, perceived_value, leverage_percent| CatalogueItem {
        name: format!("catalogueItems/{name}"),
        description: format!("A {name}"),
        cost,
        perceived_value,
        leverage_percent,
    };
    let catalogue_items = vec![item("upgrade", euro(10), euro(50), 500), item("moon", None, None, 0)];
    let listed = ListCatalogueItemsResponse { catalogue_items, ..Default::default() };
    server.script.answer("list_catalogue_items", &listed);
    let remedy = "01980000-0000-7000-8000-000000000005";
    assert_eq!(
        run(&server, &["remedy", "extras", remedy]).await.answer(),
        "EXTRA                   COSTS      IS WORTH   FOR ITS COST  WHAT\n\
         catalogueItems/upgrade  EUR 10.00  EUR 50.00  500 %         A upgrade\n\
         catalogueItems/moon     -          -          -             A moon\n"
    );
    let request = server.script.requests::<ListCatalogueItemsRequest>("list_catalogue_items").remove(0);
    assert_eq!(request.remedy, format!("remedies/{remedy}"));

    let line = RemedyLine { catalogue_item: "catalogueItems/upgrade".into(), cost: euro(10), ..RemedyLine::default() };
    server.script.answer("approve_offer", &Approval { lines: vec![line], ..waiting() });
    let shown = run(&server, &["approval", "approve", APPROVAL, "--decided-by", "Lee", "--role", "lead"]).await;
    let words = "[catalogueItems/upgrade: costs EUR 10.00, is worth not known]";
    assert!(shown.answer().contains(words), "{}", shown.answer());
}

#[tokio::test]
async fn a_policy_is_tried_before_it_decides() {
    let server = Server::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "kind: AUTHORITY").unwrap();
    let cost = |units| vec![Money { currency_code: "USD".into(), units, nanos: 0 }];
    let tally = |role: &str, alone, to_approve| PolicyBacktestTally {
        role: role.into(),
        alone,
        to_approve,
        costs_alone: cost(alone * 100),
        costs_to_approve: Vec::new(),
    };
    let side = |version: &str, alone, to_approve| {
        let (total, roles) = (Some(tally("", alone, to_approve)), vec![tally("agent", alone, to_approve)]);
        Some(PolicyBacktestSide { version: version.into(), total, roles })
    };
    let difference = PolicyBacktestDifference {
        offer: "offers/1".into(),
        agent: "Kim".into(),
        role: "agent".into(),
        costs: cost(650),
        candidate_reasons: vec!["it is above".into()],
        create_time: Some(NOON),
        ..Default::default()
    };
    let answer = BacktestPolicyResponse {
        offers: 1_234,
        baseline: side("a", 1_200, 34),
        candidate: side("b", 1_100, 134),
        more_to_approve: 100,
        differences: vec![difference],
        changes: vec!["roles: less".into()],
        start_time: Some(NOON),
        end_time: Some(NOON),
        ..Default::default()
    };
    server.script.answer("backtest_policy", &answer);
    let path = file.path().to_str().unwrap();
    let shown = run(&server, &["policy", "backtest", "-f", path, "--from", "2026-03-01T12:00:00Z"]).await;
    insta::assert_snapshot!(shown.answer());
    let request = server.script.requests::<BacktestPolicyRequest>("backtest_policy").remove(0);
    assert_eq!(
        (request.document.as_str(), request.start_time, request.max_differences),
        ("kind: AUTHORITY", Some(NOON), 20)
    );
}

#[tokio::test]
async fn decisions_and_signals_are_listed() {
    let server = Server::start().await;
    let decision = AutonomousDecision { agent: "Kim".into(), create_time: Some(NOON), ..AutonomousDecision::default() };
    let answer = ListAutonomousDecisionsResponse { autonomous_decisions: vec![decision], ..Default::default() };
    server.script.answer("list_autonomous_decisions", &answer);
    let shown = run(&server, &["decision", "list", "--agent", "Kim", "--from", "2026-03-01T12:00:00Z"]).await;
    assert!(shown.answer().contains("2026-03-01T12:00:00Z  Kim"), "{}", shown.answer());
    let request = server.script.requests::<ListAutonomousDecisionsRequest>("list_autonomous_decisions").remove(0);
    assert_eq!((request.agent.as_str(), request.start_time, request.end_time), ("Kim", Some(NOON), None));
    server.script.answer("list_abuse_signals", &ListAbuseSignalsResponse::default());
    assert_eq!(run(&server, &["signal", "list", "--customer", CUSTOMER]).await.answer(), "no signals\n");
    let request = server.script.requests::<ListAbuseSignalsRequest>("list_abuse_signals").remove(0);
    assert_eq!(request.customer, CUSTOMER);
}
