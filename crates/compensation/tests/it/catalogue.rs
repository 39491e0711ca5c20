//! The catalogue of extras: what a service in kind costs and is worth, wherever it is given, offered, limited or told.

use api::compensation as wire;
use api::compensation::offer::State;
use api::compensation::remedy_line::Kind;
use kernel::{ErrorCode, ServiceError};
use tonic::Response;

use crate::authority::{declined, offer_by, waiting};
use crate::harness::{Desk, TEMPLATE, as_client, error, event, minor, money_fact, of_tenant, option, remedy_of};
use crate::policies::apply;

const OWN: &str = "
kind: CATALOGUE
version: own
effective_from: 2000-01-01
price_facts: [price, ticket_price]
items:
  - { id: call, description: A call by the founder, cost: [EUR 0.00], perceived_value: [EUR 5.00] }
  - { id: free-upgrade, description: An upgrade, cost: [USD 300.00], perceived_value: [USD 900.00] }
  - { id: lounge, description: A day in the lounge, cost: [25 percent], perceived_value: [60 percent] }
";

fn item(id: &str) -> wire::Option {
    let mut option = option(id, Kind::Service, None);
    option.lines[0].catalogue_item = format!("catalogueItems/{id}");
    option
}

async fn extras(
    desk: &Desk,
    request: wire::ListCatalogueItemsRequest,
) -> Result<wire::ListCatalogueItemsResponse, ServiceError> {
    desk.authority.clone().list_catalogue_items(as_client(request)).await.map(Response::into_inner).map_err(error)
}

fn of(remedy: &str) -> wire::ListCatalogueItemsRequest {
    wire::ListCatalogueItemsRequest { remedy: remedy.to_owned(), ..Default::default() }
}

/// An order that came wrong, for EUR 100.00.
async fn wrong_order(desk: &Desk, number: u128) -> wire::Remedy {
    let facts = [("price", money_fact("EUR", 10_000)), ("lifetime_value", money_fact("EUR", 50_000))];
    desk.remedy(remedy_of(number, event(desk, "order.wrong", &facts))).await
}

fn lines(remedy: &wire::Remedy) -> Vec<wire::RemedyLine> {
    let options = remedy.assessment.iter().flat_map(|assessment| &assessment.choice_of);
    options.flat_map(|option| option.lines.clone()).collect()
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn what_rules_give_is_priced_once_and_keeps_its_price(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = wrong_order(&desk, 1).await;
        let priced: Vec<_> = lines(&opened)
            .iter()
            .filter(|line| !line.catalogue_item.is_empty())
            .map(|line| {
                let amount = |money: &Option<_>| money.as_ref().map(minor);
                (line.catalogue_item.clone(), amount(&line.cost), amount(&line.perceived_value), line.catalogue_version.clone())
            })
            .collect();
        let expected = |id: &str, cost, worth| (format!("catalogueItems/{id}"), Some(cost), Some(worth), "shipped-1".to_owned());
        assert_eq!(priced, [expected("free-replacement", 6_000, 10_000), expected("free-upgrade", 1_000, 5_000)]);
        // The dearest option is the replacement; the voucher beside it waits for a person, because the gate gives no more.
        let value = opened.assessment.as_ref().unwrap().value.clone().unwrap();
        assert_eq!(value.costs.iter().map(minor).collect::<Vec<_>>(), [6_000]);
        assert_eq!(value.retained_value.as_ref().map(minor), Some(50_000 - 6_000));

        apply(&desk, OWN).await.unwrap();
        assert_eq!(lines(&desk.get_remedy(&opened.name).await), lines(&opened), "its price is that of its time");
        let assess = |as_of| wire::AssessRequest {
            event: opened.event.clone(),
            severity: api::common::Severity::Medium.into(),
            as_of_time: as_of,
        };
        let now = desk.api.clone().assess(as_client(assess(None))).await.unwrap().into_inner();
        let told = now.value.as_ref().unwrap();
        assert_eq!(told.costs.iter().map(minor).max(), Some(30_000), "priced before it is valued");
        let all = |assessment: &wire::Assessment| -> Vec<(Option<i64>, String)> {
            let lines = assessment.choice_of.iter().flat_map(|option| &option.lines);
            let items = lines.filter(|line| !line.catalogue_item.is_empty());
            items.map(|line| (line.cost.as_ref().map(minor), line.catalogue_version.clone())).collect()
        };
        let own = [(None, String::new()), (Some(30_000), "own".to_owned())];
        assert_eq!(all(&now), own, "one without a replacement, which is given anyway");
        let before = Some(chassis::wire::to_timestamp(desk.engine.now().minus(std::time::Duration::from_secs(1))));
        let then = desk.api.clone().assess(as_client(assess(before))).await.unwrap().into_inner();
        let later = Some(chassis::wire::to_timestamp(desk.engine.now().plus(std::time::Duration::from_secs(1))));
        let refused = error(desk.api.clone().assess(as_client(assess(later))).await.unwrap_err());
        assert_eq!((refused.violations[0].field.as_str(), refused.violations[0].reason.as_str()), ("as_of_time", "TIMESTAMP_RANGE"));
        assert_eq!(all(&then)[0], (Some(6_000), "shipped-1".to_owned()), "as it was known then");
    }

    /// A gesture in kind takes what it costs from the budget, and waits when that is used up.
    async fn a_gesture_in_kind_counts_what_it_costs(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        apply(&desk, "{ kind: BUDGETS, version: small, effective_from: 2000-01-01, lifetime_value_fact: lifetime_value, \
            bands: [{ id: all, limits: [{ window_days: 2, amounts: [EUR 15.00] }] }] }").await.unwrap();
        // 10.00 for the upgrade among the options; the voucher is left to a person by the gate.
        let first = wrong_order(&desk, 1).await;
        assert!(lines(&first).iter().any(|line| line.catalogue_item == "catalogueItems/free-upgrade"));
        let reasons = |approvals: Vec<wire::Approval>| approvals.into_iter().flat_map(|a| a.reasons).collect::<Vec<_>>();
        let passed = "the budget of band all for 2 days, EUR 15.00, would be passed: EUR 10.00 before, EUR 10.00 now";
        assert!(!reasons(waiting(&desk).await).contains(&passed.to_owned()));
        wrong_order(&desk, 2).await;
        let told = reasons(waiting(&desk).await);
        assert!(told.contains(&passed.to_owned()), "{told:?}");
    }

    /// An extra that costs nothing asks no budget, and does not keep the sum of what does from being read.
    async fn what_costs_nothing_leaves_the_budget_of_the_rest_alone(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        apply(&desk, "{ kind: BUDGETS, version: small, effective_from: 2000-01-01, lifetime_value_fact: lifetime_value, \
            bands: [{ id: all, limits: [{ window_days: 2, amounts: [EUR 15.00] }] }] }").await.unwrap();
        apply(&desk, "{ kind: CATALOGUE, version: free, effective_from: 2000-01-01, price_facts: [price], \
            items: [{ id: free-upgrade, description: Up, cost: [EUR 0.00], perceived_value: [EUR 9.00] }] }").await.unwrap();
        // A voucher of EUR 10.00, which the gate lets pass, beside the upgrade.
        let late = |number| {
            let facts = [("price", money_fact("EUR", 10_000)), ("lifetime_value", money_fact("EUR", 10_000))];
            desk.remedy(remedy_of(number, event(&desk, "order.late", &facts)))
        };
        let first = late(1).await;
        assert_eq!(first.assessment.unwrap().automatic.len(), 1);
        let spent = "SELECT CAST(sum(amount) AS BIGINT) AS n FROM spending_days WHERE scope = 'BUDGET'";
        assert_eq!(desk.count(spent).await, 1_000);
        let second = late(2).await;
        assert!(second.assessment.unwrap().automatic.is_empty(), "EUR 10.00 of EUR 15.00 are gone");
        assert_eq!((waiting(&desk).await.len(), desk.count(spent).await), (1, 1_000));
    }

    async fn what_an_item_costs_must_be_known_to_be_decided_alone(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        apply(&desk, OWN).await.unwrap();
        let opened = declined(&desk, 1).await;
        let asked = offer_by(&desk, &opened.name, "Ada", "", vec![item("lounge")]).await.unwrap();
        assert_eq!(asked.state(), State::PendingApproval);
        let reasons = waiting(&desk).await.remove(0).reasons;
        assert_eq!(reasons, ["what lounge costs cannot be told: the event has no price among price, ticket_price"]);
    }

    async fn an_agents_item_is_limited_by_number_and_by_cost(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        apply(&desk, OWN).await.unwrap();
        let opened = declined(&desk, 1).await;
        let mut bare = item("free-upgrade");
        bare.lines[0].description = String::new();
        let made = offer_by(&desk, &opened.name, "Ada", "", vec![bare]).await.unwrap();
        assert_eq!(made.state(), State::Open);
        let line = &made.options[0].lines[0];
        assert_eq!((line.description.as_str(), line.cost.as_ref().map(minor)), ("An upgrade", Some(30_000)));
        let decisions = wire::ListAutonomousDecisionsRequest::default();
        let decided = desk.authority.clone().list_autonomous_decisions(as_client(decisions)).await.unwrap().into_inner();
        assert_eq!(decided.autonomous_decisions[0].costs.iter().map(minor).collect::<Vec<_>>(), [30_000]);

        // A second one is within ten services of a case, but above what services may cost in one.
        desk.decline(&made.name, "no").await.unwrap();
        let asked = offer_by(&desk, &opened.name, "Ada", "", vec![item("free-upgrade"), item("call")]).await.unwrap();
        assert_eq!(asked.state(), State::Open, "what was declined is counted no more");
        desk.accept(&asked.name, "free-upgrade").await.unwrap();
        let second = desk.remedy(remedy_of(1, event(&desk, "flight.cancelled", &[]))).await;
        desk.decline(&second.offer, "no").await.unwrap();
        let asked = offer_by(&desk, &second.name, "Ada", "", vec![item("free-upgrade")]).await.unwrap();
        assert_eq!(asked.state(), State::PendingApproval);
        let reasons = waiting(&desk).await.remove(0).reasons;
        assert_eq!(
            reasons,
            ["SERVICE of USD 600.00 for this case would be above USD 500.00: USD 300.00 before, USD 300.00 now"]
        );
    }

    async fn what_is_no_item_is_refused_with_all_that_is_wrong(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = declined(&desk, 1).await;
        let refused = offer_by(&desk, &opened.name, "Ada", "", vec![item("moon"), item("free-upgrade"), item("sun")]).await;
        let refused = refused.unwrap_err();
        assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::InvalidArgument, "INVALID_FIELDS"));
        let told: Vec<_> = refused.violations.iter().map(|v| (v.field.as_str(), v.reason.as_str())).collect();
        assert_eq!(told, [
            ("offer.options[0].lines[0].catalogue_item", "UNKNOWN_ITEM"),
            ("offer.options[2].lines[0].catalogue_item", "UNKNOWN_ITEM"),
        ]);
        assert!(refused.violations[0].description.contains("shipped-1; ListCatalogueItems"), "{refused:?}");

        let mut money = option("money", Kind::Money, Some(("USD", 100)));
        money.lines[0].catalogue_item = "upgrade".to_owned();
        let mut wordless = option("wordless", Kind::Service, None);
        wordless.lines[0].description = String::new();
        let refused = offer_by(&desk, &opened.name, "Ada", "", vec![money, wordless]).await.unwrap_err();
        let told: Vec<_> = refused.violations.iter().map(|v| (v.field.as_str(), v.reason.as_str())).collect();
        assert_eq!(told, [
            ("offer.options[0].lines[0].catalogue_item", "NOT_ALLOWED"),
            ("offer.options[0].lines[0].catalogue_item", "RESOURCE_NAME"),
            ("offer.options[1].lines[0].description", "REQUIRED"),
        ]);
        assert_eq!(desk.count("SELECT count(*) AS n FROM approval_requests").await, 0);
    }

    async fn extras_are_listed_most_worth_for_their_cost_first(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        apply(&desk, OWN).await.unwrap();
        let opened = wrong_order(&desk, 1).await;
        let all = extras(&desk, of(&opened.name)).await.unwrap();
        let told: Vec<_> = all
            .catalogue_items
            .iter()
            .map(|item| (item.name.as_str(), item.cost.as_ref().map(minor), item.perceived_value.as_ref().map(minor), item.leverage_percent))
            .collect();
        assert_eq!(told, [
            ("catalogueItems/call", Some(0), Some(500), 0),
            ("catalogueItems/free-upgrade", Some(30_000), Some(90_000), 300),
            ("catalogueItems/lounge", Some(2_500), Some(6_000), 240),
        ]);
        assert_eq!(all.catalogue_version, "own");

        let mut paged = Vec::new();
        let mut request = wire::ListCatalogueItemsRequest { page_size: 2, ..of(&opened.name) };
        loop {
            let page = extras(&desk, request.clone()).await.unwrap();
            assert!(page.catalogue_items.len() <= 2);
            paged.extend(page.catalogue_items);
            if page.next_page_token.is_empty() { break }
            request.page_token = page.next_page_token;
        }
        assert_eq!(paged, all.catalogue_items);
        // A place in one version means nothing in another.
        desk.clock.advance(crate::harness::DAY);
        apply(&desk, &OWN.replace("version: own", "version: next")).await.unwrap();
        assert_eq!(extras(&desk, request).await.unwrap_err().reason, api::reason::BAD_PAGE_TOKEN);

        let unpriced = desk.remedy(remedy_of(2, event(&desk, "flight.cancelled", &[]))).await;
        let last = extras(&desk, of(&unpriced.name)).await.unwrap().catalogue_items.pop().unwrap();
        assert_eq!((last.name.as_str(), last.cost), ("catalogueItems/lounge", None), "a share of a price that nobody told");
        let nobody = "remedies/01980000-0000-7000-8000-000000000005";
        assert_eq!(extras(&desk, of(nobody)).await.unwrap_err().code, ErrorCode::NotFound);
        let other = desk.authority.clone().list_catalogue_items(of_tenant("other", "desk", of(&opened.name))).await;
        assert_eq!(error(other.unwrap_err()).code, ErrorCode::NotFound);
        assert_eq!(extras(&desk, of("")).await.unwrap_err().violations[0].field, "remedy");
    }
}
