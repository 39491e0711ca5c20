//! A version of the policy of authority on what agents offered: what would have been decided alone, what would have waited.

use std::time::Duration;

use api::compensation as wire;
use api::reason::INVALID_FIELDS;
use kernel::ServiceError;

use crate::authority::{approve, declined, gift, offer_by, waiting};
use crate::harness::{DAY, Desk, TEMPLATE, as_client, error};

/// The shipped policy under another name.
async fn named(desk: &Desk, version: &str) -> String {
    let request = wire::GetPolicyRequest { name: "policies/authority".to_owned() };
    let shipped = desk.authority.clone().get_policy(as_client(request)).await.unwrap().into_inner().document;
    shipped.replacen("shipped-2", version, 1)
}

/// With another limit of agents for a case.
async fn with_limit(desk: &Desk, version: &str, per_case: &str) -> String {
    let named = named(desk, version).await;
    let changed = named.replacen("per_case: [USD 500.00", &format!("per_case: [USD {per_case}"), 1);
    assert_ne!(changed, named);
    changed
}

fn request(document: String) -> wire::BacktestPolicyRequest {
    wire::BacktestPolicyRequest { document, ..Default::default() }
}

async fn backtest(
    desk: &Desk,
    request: wire::BacktestPolicyRequest,
) -> Result<wire::BacktestPolicyResponse, ServiceError> {
    desk.authority.clone().backtest_policy(as_client(request)).await.map(tonic::Response::into_inner).map_err(error)
}

fn counts(side: Option<&wire::PolicyBacktestSide>) -> (i64, i64) {
    let total = side.unwrap().total.as_ref().unwrap();
    (total.alone, total.to_approve)
}

/// An offer of USD, and a minute later.
async fn offer(desk: &Desk, remedy: &wire::Remedy, (agent, role): (&str, &str), amount: i64) -> String {
    let made = offer_by(desk, &remedy.name, agent, role, gift(amount)).await.unwrap();
    desk.clock.advance(Duration::from_secs(60));
    made.name
}

/// Offers of four days: within the limits and above, taken and not, approved and waiting.
async fn four_days(desk: &Desk) {
    for number in 1..=3 {
        let remedy = declined(desk, number).await;
        let made = offer(desk, &remedy, ("Ada", ""), 40_000).await;
        if number == 1 {
            desk.accept(&made, "gift").await.unwrap();
        } else {
            desk.decline(&made, "no").await.unwrap();
            // Of what was declined nothing counts any more: as much again is within the limits.
            offer(desk, &remedy, ("Bob", ""), 45_000).await;
        }
        desk.clock.advance(DAY);
    }
    let remedy = declined(desk, 4).await;
    let asked = offer(desk, &remedy, ("Ada", ""), 60_000).await;
    let approval = waiting(desk).await.remove(0).name;
    approve(desk, &approval, "Lee", "lead").await.unwrap();
    desk.decline(&asked, "no").await.unwrap();
    offer(desk, &remedy, ("Ada", ""), 65_000).await;
    offer(desk, &declined(desk, 5).await, ("Lee", "lead"), 200_000).await;
}

testkit::on_both_databases! {
    template: TEMPLATE;

    /// The version in force, over the offers that it judged, finds what was decided.
    async fn the_version_in_force_decides_again_as_it_did(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        four_days(&desk).await;
        let alone = desk.count("SELECT count(*) AS n FROM autonomous_decisions").await;
        let asked = desk.count("SELECT count(*) AS n FROM approval_requests WHERE role <> ''").await;
        assert_eq!((alone, asked), (6, 2));
        let same = backtest(&desk, request(named(&desk, "same").await)).await.unwrap();
        assert_eq!(same.offers, 8);
        assert_eq!((counts(same.baseline.as_ref()), counts(same.candidate.as_ref())), ((6, 2), (6, 2)));
        assert_eq!((same.more_alone, same.more_to_approve, same.differences.len()), (0, 0, 0));
        let roles: Vec<_> = same.baseline.unwrap().roles.iter().map(|role| (role.role.clone(), role.alone)).collect();
        assert_eq!(roles, [("agent".to_owned(), 5), ("lead".to_owned(), 1)]);
    }

    /// A declined offer ended when it was declined, not when it was answered by another one.
    async fn an_offer_that_was_answered_later_ended_before(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let first = declined(&desk, 1).await;
        let of_case = declined(&desk, 1).await;
        let dear = offer(&desk, &first, ("Ada", ""), 40_000).await;
        desk.decline(&dear, "no").await.unwrap();
        desk.clock.advance(Duration::from_secs(60));
        // Within the case's limit of USD 500.00, because what was declined counts no more.
        offer(&desk, &of_case, ("Ada", ""), 30_000).await;
        let answer = wire::CounterOfferRequest {
            request_id: desk.fresh(),
            name: dear.clone(),
            options: gift(10_000),
            reason: "This is for your time.".to_owned(),
            made_by: "Ada".to_owned(),
            ..Default::default()
        };
        desk.recovery.clone().counter_offer(as_client(answer)).await.unwrap();
        desk.clock.advance(Duration::from_secs(60));
        assert_eq!(desk.count("SELECT count(*) AS n FROM autonomous_decisions").await, 3);
        let same = backtest(&desk, request(named(&desk, "same").await)).await.unwrap();
        assert_eq!((counts(same.baseline.as_ref()), same.offers), ((3, 0), 3));
    }

    async fn another_limit_shows_what_it_would_have_changed(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        four_days(&desk).await;
        let rows = desk.count("SELECT count(*) AS n FROM policies").await;
        let wider = backtest(&desk, request(with_limit(&desk, "wider", "650.00").await)).await.unwrap();
        assert_eq!((wider.more_alone, wider.more_to_approve), (2, 0));
        assert_eq!(counts(wider.candidate.as_ref()), (8, 0));
        assert_eq!(wider.changes.len(), 2, "{:?}", wider.changes);
        let latest = &wider.differences[0];
        assert_eq!((latest.agent.as_str(), latest.candidate_reasons.len()), ("Ada", 0));
        assert_eq!((latest.costs[0].units, latest.costs[0].currency_code.as_str()), (650, "USD"));
        assert!(latest.baseline_reasons[0].contains("for this case would be above USD 500.00"), "{latest:?}");

        let tighter = backtest(&desk, request(with_limit(&desk, "tighter", "400.00").await)).await.unwrap();
        assert_eq!((tighter.more_alone, tighter.more_to_approve), (0, 2));
        assert_eq!(counts(tighter.candidate.as_ref()), (4, 4));
        let told = wire::BacktestPolicyRequest { max_differences: 1, ..request(with_limit(&desk, "tighter", "400.00").await) };
        assert_eq!(backtest(&desk, told).await.unwrap().differences.len(), 1);

        // Only the last day: what was before counts as it was counted.
        let end = desk.engine.now();
        let late = wire::BacktestPolicyRequest {
            start_time: Some(chassis::wire::to_timestamp(end.minus(Duration::from_secs(3_600)))),
            end_time: Some(chassis::wire::to_timestamp(end)),
            ..request(with_limit(&desk, "wider", "650.00").await)
        };
        assert_eq!(backtest(&desk, late).await.unwrap().offers, 3);
        assert_eq!(desk.count("SELECT count(*) AS n FROM policies").await, rows, "nothing is kept");
    }

    async fn what_cannot_be_tried_is_refused_by_name(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let now = chassis::wire::to_timestamp(desk.engine.now());
        let wrong = wire::BacktestPolicyRequest {
            start_time: Some(now),
            end_time: Some(now),
            max_differences: 1_001,
            ..request(" ".to_owned())
        };
        let refused = backtest(&desk, wrong).await.unwrap_err();
        assert_eq!(refused.reason, INVALID_FIELDS);
        let problems: Vec<_> = refused.violations.iter().map(|one| format!("{} {}", one.field, one.reason)).collect();
        assert_eq!(problems, ["document REQUIRED", "end_time TIMESTAMP_RANGE", "max_differences OUT_OF_RANGE"]);
        let refused = backtest(&desk, request("kind: AUTHORITY\nversion: 1\nroles: 7\n".to_owned())).await.unwrap_err();
        assert!(refused.violations.iter().all(|violation| violation.field == "document"), "{refused:?}");
        assert!(!refused.violations.is_empty());
        let name = "policies/budgets".to_owned();
        let budgets = desk.authority.clone().get_policy(as_client(wire::GetPolicyRequest { name })).await.unwrap();
        let refused = backtest(&desk, request(budgets.into_inner().document)).await.unwrap_err();
        assert!(refused.violations[0].description.contains("AUTHORITY"), "{refused:?}");
    }
}
