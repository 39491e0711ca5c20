//! Where the gate and authority meet: offers that wait for an apology, counter-offers and answers to a fair ask.

use api::compensation as wire;
use api::compensation::remedy_line::Kind;
use api::compensation::{offer, remedy};
use api::reason::compensation::{APOLOGY_FIRST, APPROVAL_PENDING};

use crate::authority::{approve, declined, gift, waiting};
use crate::budgets::{BUDGETS, SPENT, ask, desk};
use crate::harness::{Desk, TEMPLATE, as_client, error, event, money_fact, option, remedy_of, yes_no};
use crate::policies::apply;

fn counter_request(desk: &Desk, declined: &str, minor: i64) -> wire::CounterOfferRequest {
    wire::CounterOfferRequest {
        request_id: desk.fresh(),
        name: declined.to_owned(),
        options: gift(minor),
        plus: vec![],
        reason: "This is for your time.".to_owned(),
        made_by: "Ada".to_owned(),
        ..Default::default()
    }
}

async fn apologise(desk: &Desk, remedy: &str) -> wire::Remedy {
    let request = wire::RecordApologyRequest { request_id: desk.fresh(), name: remedy.to_owned() };
    desk.recovery.clone().record_apology(as_client(request)).await.unwrap().into_inner()
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_counter_offer_above_the_limits_waits_and_keeps_what_it_answers(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = declined(&desk, 7).await;
        let mut recovery = desk.recovery.clone();
        let asked = recovery.counter_offer(as_client(counter_request(&desk, &opened.offer, 60_000))).await.unwrap().into_inner();
        assert_eq!((asked.state(), asked.counter_to.as_str()), (offer::State::PendingApproval, opened.offer.as_str()));
        assert_eq!(desk.get_offer(&opened.offer).await.counter_offer, "", "it is no answer yet");
        let second = error(recovery.counter_offer(as_client(counter_request(&desk, &opened.offer, 100))).await.unwrap_err());
        assert_eq!(second.reason, APPROVAL_PENDING);
        let name = waiting(&desk).await.remove(0).name;
        approve(&desk, &name, "Bob", "lead").await.unwrap();
        let open = desk.get_offer(&asked.name).await;
        assert_eq!((open.state(), open.counter_to.as_str()), (offer::State::Open, opened.offer.as_str()));
        assert_eq!(open.explanation, "This is for your time.");
        assert_eq!(desk.get_offer(&opened.offer).await.counter_offer, open.name);

        // Within the limits it goes ahead, and counts as the agent's own decision.
        let other = declined(&desk, 8).await;
        let made = recovery.counter_offer(as_client(counter_request(&desk, &other.offer, 50_000))).await.unwrap().into_inner();
        assert_eq!(made.state(), offer::State::Open);
        assert_eq!(desk.count("SELECT count(*) AS n FROM autonomous_decisions").await, 1);
        let used = "SELECT CAST(sum(amount) AS BIGINT) AS n FROM spending_days WHERE scope = 'AGENT'";
        assert_eq!(desk.count(used).await, 50_000);

        // A lead's answer is judged as a lead's, and waits as long as the lead says.
        let third = declined(&desk, 9).await;
        let until = chassis::wire::to_timestamp(desk.engine.now().plus(crate::harness::DAY));
        let by_lead = wire::CounterOfferRequest {
            role: "lead".to_owned(),
            expire_time: Some(until),
            ..counter_request(&desk, &third.offer, 60_000)
        };
        let made = recovery.counter_offer(as_client(by_lead.clone())).await.unwrap().into_inner();
        assert_eq!((made.state(), made.expire_time), (offer::State::Open, Some(until)));
        let now = Some(chassis::wire::to_timestamp(desk.engine.now()));
        let wrong = wire::CounterOfferRequest { request_id: desk.fresh(), role: "r".repeat(61), expire_time: now, ..by_lead };
        let wrong = error(recovery.counter_offer(as_client(wrong)).await.unwrap_err());
        let fields: Vec<_> = wrong.violations.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(fields, ["role", "expire_time"]);
    }

    async fn the_answer_to_a_fair_ask_is_under_the_budget(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let facts = [("ticket_price", money_fact("USD", 21_450)), ("service_accepted", yes_no(false))];
        let first = desk.remedy(remedy_of(1, event(&desk, "flight.cancelled", &facts))).await;
        let other = desk.remedy(remedy_of(2, event(&desk, "flight.cancelled", &facts))).await;
        // What is above the refund that the law demands, USD 15.50, is goodwill; there is room for one of these.
        let before = desk.count(SPENT).await;
        let limit = format!("USD {}.{:02}", (before + 2_000) / 100, before % 100);
        apply(&desk, &BUDGETS.replace("EUR", "USD").replace("USD 25.00", &limit)).await.unwrap();
        let answered = desk.ask(&first.offer, ("USD", 23_000)).await.unwrap();
        assert!(!answered.counter_offer.is_empty(), "{}", answered.explanation);
        let spent = desk.count(SPENT).await;
        assert!(spent >= before && spent <= before + 2_000, "{before} {spent}");

        let left = desk.ask(&other.offer, ("USD", 23_000)).await.unwrap();
        assert_eq!((left.counter_offer.as_str(), desk.get_remedy(&other.name).await.state()), ("", remedy::State::Declined));
        assert!(left.explanation.contains("the budget of band standard"), "{}", left.explanation);
        assert!(left.explanation.ends_with("A person answers."), "{}", left.explanation);
        assert_eq!(desk.get_offer(&other.offer).await.explanation, left.explanation);

        desk.decline(&answered.counter_offer, "no").await.unwrap();
        assert_eq!(desk.count(SPENT).await, before, "what was not taken is given back");
    }

    /// What waits for a person and what is given meanwhile are held to 150 % of the price together.
    async fn what_is_approved_is_held_to_the_ceiling(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let opened = desk.remedy(ask(&desk, 1, "proud", &[("price", money_fact("EUR", 10_000))])).await;
        let waits = waiting(&desk).await;
        assert_eq!((waits.len(), waits[0].lines.len()), (1, 1), "the second one would be above it with the first");
        let withheld = &opened.gate_decision.as_ref().unwrap().withheld;
        assert!(withheld.iter().any(|line| line.contains("Second") && line.contains("150 %")), "{withheld:?}");
        // An agent gives EUR 100.00 before the EUR 80.00 are approved.
        desk.decline(&opened.offer, "no").await.unwrap();
        let made = desk.make_offer(&opened.name, vec![option("gift", Kind::Voucher, Some(("EUR", 10_000)))]).await.unwrap();
        desk.accept(&made.name, "gift").await.unwrap();
        let refused = approve(&desk, &waits[0].name, "Bob", "lead").await.unwrap_err();
        assert_eq!((refused.violations[0].field.as_str(), refused.violations[0].reason.as_str()), ("name", "ABOVE_CEILING"));
        assert!(refused.violations[0].description.contains("EUR 30.00 above EUR 150.00"), "{refused:?}");
        assert_eq!(waiting(&desk).await.len(), 1, "it can be rejected");
    }

    /// What cannot be compared with the price is not decided alone.
    async fn an_agent_s_gift_in_another_currency_waits(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let opened = desk.remedy(ask(&desk, 1, "lost", &[("price", money_fact("EUR", 2_000))])).await;
        desk.decline(&opened.offer, "no").await.unwrap();
        let asked = desk.make_offer(&opened.name, vec![option("gift", Kind::Money, Some(("USD", 100)))]).await.unwrap();
        assert_eq!(asked.state(), offer::State::PendingApproval);
        let reasons = waiting(&desk).await.remove(0).reasons;
        assert!(reasons[0].starts_with("USD 1.00 cannot be compared with the price, EUR 20.00"), "{reasons:?}");
    }

    async fn what_waits_for_our_apology_counts_and_is_given_back(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        apply(&desk, BUDGETS).await.unwrap();
        let silent = |number, kind| wire::Remedy { recovery: None, ..ask(&desk, number, kind, &[]) };
        let opened = desk.remedy(silent(1, "lost")).await;
        assert_eq!((opened.state(), desk.count(SPENT).await), (remedy::State::AwaitingApology, 1_000));
        let sorry = apologise(&desk, &opened.name).await;
        assert_eq!((sorry.state(), desk.count(SPENT).await), (remedy::State::Offered, 1_000));
        assert_eq!(desk.get_offer(&sorry.offer).await.plus.len(), 1);
        desk.decline(&sorry.offer, "no").await.unwrap();
        assert_eq!(desk.count(SPENT).await, 0);

        // What is above the budget needs both: somebody's approval, and our apology before it.
        let held = desk.remedy(silent(2, "sad")).await;
        assert_eq!((held.state(), held.offer.as_str()), (remedy::State::Unanswered, ""));
        let name = waiting(&desk).await.remove(0).name;
        assert_eq!(approve(&desk, &name, "Bob", "lead").await.unwrap_err().reason, APOLOGY_FIRST);
        apologise(&desk, &held.name).await;
        let approved = approve(&desk, &name, "Bob", "lead").await.unwrap();
        assert_eq!(desk.get_remedy(&held.name).await.offer, approved.offer);
        desk.accept(&approved.offer, "flowers").await.unwrap();
        assert_eq!(desk.get_remedy(&held.name).await.state(), remedy::State::Settled);
        desk.assert_ledger_balances().await;
    }
}
