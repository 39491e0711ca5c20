//! What a decision of rules costs against what the customer is worth (row S64): on record with the remedy.

use api::compensation as wire;

use crate::harness::{Desk, TEMPLATE, as_client, event, integer, money, money_fact, remedy};
use crate::policies::apply;

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_decision_of_rules_says_what_it_costs_and_what_is_kept(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        // USD 15 at once for the long delay; the customer's worth is known, or not, or in another currency.
        for (worth, kept) in [
            (Some(("USD", 100_000)), Some(("USD", 98_500))),
            (Some(("USD", 1_000)), Some(("USD", -500))),
            (Some(("EUR", 100_000)), None),
            (None, None),
        ] {
            let mut facts = vec![("arrival_delay_minutes", integer(200))];
            facts.extend(worth.map(|(code, minor)| ("lifetime_value", money_fact(code, minor))));
            let failure = event(&desk, "flight.delayed", &facts);
            let opened = desk.remedy(remedy(failure.clone())).await;
            let value = opened.assessment.as_ref().unwrap().value.clone().unwrap();
            assert_eq!(value.costs, [money("USD", 1_500)]);
            assert_eq!(value.lifetime_value, worth.map(|(code, minor)| money(code, minor)));
            assert_eq!(value.retained_value, kept.map(|(code, minor)| money(code, minor)), "{worth:?}");
            let stored = desk.get_remedy(&opened.name).await;
            assert_eq!(stored.assessment.unwrap().value, Some(value.clone()));
            let request = wire::AssessRequest { event: Some(failure), severity: 2, as_of_time: None };
            let assessed = desk.api.clone().assess(as_client(request)).await.unwrap().into_inner();
            assert_eq!(assessed.value, Some(value), "Assess tells the same");
        }
    }

    /// Rules, budgets and agents take a customer's worth from one fact: the one that the policy of budgets in force names.
    async fn the_policy_of_budgets_says_which_fact_tells_the_worth(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        apply(&desk, "{ kind: BUDGETS, version: clv, effective_from: 2000-01-01, lifetime_value_fact: clv, bands: [{ id: all, limits: [] }] }")
            .await
            .unwrap();
        let facts = [
            ("arrival_delay_minutes", integer(200)),
            ("lifetime_value", money_fact("USD", 100_000)),
            ("clv", money_fact("USD", 50_000)),
        ];
        let failure = event(&desk, "flight.delayed", &facts);
        let worth = |assessment: Option<wire::Assessment>| {
            let value = assessment.unwrap().value.unwrap();
            (value.lifetime_value.unwrap(), value.retained_value.unwrap())
        };
        let expected = (money("USD", 50_000), money("USD", 48_500));
        let opened = desk.remedy(remedy(failure.clone())).await;
        assert_eq!(worth(opened.assessment), expected);
        let request = wire::AssessRequest { event: Some(failure), severity: 2, as_of_time: None };
        let assessed = desk.api.clone().assess(as_client(request)).await.unwrap().into_inner();
        assert_eq!(worth(Some(assessed)), expected);
    }

    /// Of a choice the dearest option counts.
    async fn a_choice_costs_its_dearest_option(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let facts = [("ticket_price", money_fact("USD", 21_450)), ("lifetime_value", money_fact("USD", 50_000))];
        let offered = desk.remedy(remedy(event(&desk, "flight.cancelled", &facts))).await;
        let assessment = offered.assessment.unwrap();
        assert!(assessment.choice_of.len() > 1, "{assessment:?}");
        let value = assessment.value.unwrap();
        assert_eq!((value.costs, value.retained_value), (vec![money("USD", 21_450)], Some(money("USD", 28_550))));
    }
}
