//! Customers who say what would be fair: answered with the nearest amount, in a chain of offers that can be read.

use api::compensation as wire;
use api::compensation::remedy_line::Kind;
use api::compensation::{offer, remedy};
use api::reason::{IDEMPOTENCY_KEY_REUSED, INVALID_TRANSITION};
use kernel::ServiceError;
use tonic::Response;

use crate::harness::{
    DAY, Desk, TEMPLATE, again, as_client, case, error, event, minor, money_fact, option, remedy as remedy_for, yes_no,
};

/// A cancellation of a flight that the customer did not take: 214.50 paid.
async fn rejected(desk: &Desk) -> wire::Remedy {
    let facts = [("ticket_price", money_fact("USD", 21_450)), ("service_accepted", yes_no(false))];
    desk.remedy(remedy_for(event(desk, "flight.cancelled", &facts))).await
}

async fn counter(desk: &Desk, request: wire::CounterOfferRequest) -> Result<wire::Offer, ServiceError> {
    desk.recovery.clone().counter_offer(as_client(request)).await.map(Response::into_inner).map_err(error)
}

fn counter_request(desk: &Desk, declined: &str, options: Vec<wire::Option>, reason: &str) -> wire::CounterOfferRequest {
    wire::CounterOfferRequest {
        request_id: desk.fresh(),
        name: declined.to_owned(),
        options,
        plus: vec![],
        reason: reason.to_owned(),
        made_by: "Ada".to_owned(),
        ..Default::default()
    }
}

/// What the first option gives in all.
fn amount(offer: &wire::Offer) -> i64 {
    offer.options[0].lines.iter().map(|line| minor(line.amount.as_ref().unwrap())).sum()
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_fair_ask_is_answered_with_the_nearest_amount(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = rejected(&desk).await;
        let declined = desk.ask(&opened.offer, ("USD", 40_000)).await.unwrap();
        assert_eq!((declined.state(), declined.fair_ask_amount.as_ref().map(minor)), (offer::State::Declined, Some(40_000)));
        let answer = desk.get_offer(&declined.counter_offer).await;
        // 120 % of 214.50, as the customer rejected the service.
        assert_eq!((amount(&answer), answer.options[0].id.as_str(), answer.made_by.as_str()), (25_740, "fair", "gate"));
        assert_eq!(answer.explanation, "You call USD 400.00 fair; USD 257.40 is the nearest that we may give at once.");
        assert_eq!((answer.counter_to.as_str(), answer.state()), (opened.offer.as_str(), offer::State::Open));
        let kept: Vec<_> = answer.options.iter().map(|option| option.id.as_str()).collect();
        assert_eq!(kept, ["fair", "rebook", "refund"], "an offer is not taken back by asking");
        assert_eq!((answer.plus.len(), desk.get_remedy(&opened.name).await.state()), (1, remedy::State::Offered));

        // Within what is allowed, the customer gets just what was asked for.
        let lower = desk.ask(&answer.name, ("USD", 23_000)).await.unwrap();
        let second = desk.get_offer(&lower.counter_offer).await;
        assert_eq!((amount(&second), second.options.len()), (23_000, 3));
        // Above what is on the table and allowed: a person answers, and the case hears of it.
        let higher = desk.ask(&second.name, ("USD", 25_741)).await.unwrap();
        let third = desk.get_offer(&higher.counter_offer).await;
        assert_eq!(amount(&third), 25_740);
        let last = desk.ask(&third.name, ("USD", 90_000)).await.unwrap();
        assert_eq!(last.counter_offer, "");
        assert!(last.explanation.contains("A person answers."), "{}", last.explanation);
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Declined);
        let told = desk.told(&case(7)).await;
        assert_eq!(told, ["OFFER_MADE", "OFFER_DECLINED", "OFFER_MADE", "OFFER_DECLINED", "OFFER_MADE", "OFFER_DECLINED", "OFFER_MADE", "OFFER_DECLINED"]);
        let told = desk.milestones(&case(7)).await;
        assert_eq!((told[1].attributes["fair_ask_amount"].as_str(), told[1].attributes["counter_offer"].as_str()), ("USD 400.00", answer.name.as_str()));

        // The whole chain can be read, newest first.
        let request = wire::ListOffersRequest { case: case(7), ..Default::default() };
        let offers = desk.api.clone().list_offers(as_client(request)).await.unwrap().into_inner().offers;
        let mut names: Vec<_> = offers.iter().map(|offer| offer.name.clone()).collect();
        names.sort();
        let mut chain = vec![opened.offer.clone()];
        while let Some(next) = offers.iter().find(|offer| offer.counter_to == *chain.last().unwrap()) {
            chain.push(next.name.clone());
        }
        assert_eq!(chain.len(), 4);
        chain.sort();
        assert_eq!(chain, names);
    }

    async fn an_accepted_answer_is_paid_once(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = rejected(&desk).await;
        let request = wire::RespondToOfferRequest {
            request_id: desk.fresh(),
            name: opened.offer.clone(),
            consent: String::new(),
            response: Some(wire::respond_to_offer_request::Response::Decline(wire::Decline {
                fair_ask_amount: Some(crate::harness::money("USD", 22_000)),
                ..wire::Decline::default()
            })),
        };
        let mut api = desk.api.clone();
        let declined = api.respond_to_offer(as_client(request.clone())).await.unwrap().into_inner();
        assert_eq!(api.respond_to_offer(as_client(request.clone())).await.unwrap().into_inner(), declined);
        let other = wire::RespondToOfferRequest { name: declined.counter_offer.clone(), ..request };
        assert_eq!(error(api.respond_to_offer(as_client(other)).await.unwrap_err()).reason, IDEMPOTENCY_KEY_REUSED);
        assert_eq!(desk.count("SELECT count(*) AS n FROM offers").await, 2);
        desk.accept(&declined.counter_offer, "fair").await.unwrap();
        desk.run_due().await;
        let settled = desk.get_remedy(&opened.name).await;
        // The refund that the law demands, and the rest as goodwill.
        let mut paid = Vec::new();
        for payout in &settled.payouts {
            paid.push(minor(desk.get_payout(payout).await.amount.as_ref().unwrap()));
        }
        paid.sort_unstable();
        assert_eq!((settled.state(), paid), (remedy::State::Settled, vec![550, 21_450]));
        desk.assert_ledger_balances().await;
    }

    async fn an_answer_expires_like_any_offer(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = rejected(&desk).await;
        desk.clock.advance(DAY * 13);
        let declined = desk.ask(&opened.offer, ("USD", 100)).await.unwrap();
        desk.clock.advance(DAY * 13);
        assert_eq!(desk.run_due().await, 0, "the timer of the declined offer was taken back");
        desk.clock.advance(DAY);
        assert_eq!(desk.run_due().await, 1);
        assert_eq!(desk.get_offer(&declined.counter_offer).await.state(), offer::State::Expired);
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Unanswered);
    }

    /// Each decline gives back what its offer counted and counts its answer, under the locks of holders that all of them
    /// share: none is lost, none waits for ever, and what nobody takes is given back to the last cent.
    async fn asks_of_one_case_at_once_are_each_answered_once(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut offers = Vec::new();
        for _ in 0..12 {
            offers.push(rejected(&desk).await.offer);
        }
        for round in 0..2_i64 {
            let asks = offers.iter().map(|offer| {
                let decline = wire::Decline {
                    fair_ask_amount: Some(crate::harness::money("USD", 22_000 + round)),
                    ..wire::Decline::default()
                };
                let request = wire::RespondToOfferRequest {
                    request_id: desk.fresh(),
                    name: offer.clone(),
                    consent: String::new(),
                    response: Some(wire::respond_to_offer_request::Response::Decline(decline)),
                };
                let desk = &desk;
                again(move || {
                    let (mut api, request) = (desk.api.clone(), as_client(request.clone()));
                    async move { api.respond_to_offer(request).await }
                })
            });
            let declined: Vec<_> = futures::future::join_all(asks).await.into_iter().map(Result::unwrap).collect();
            assert!(declined.iter().all(|offer| offer.state() == offer::State::Declined));
            let left = declined.iter().filter(|offer| offer.counter_offer.is_empty());
            assert!(left.clone().all(|offer| offer.explanation.ends_with("A person answers.")));
            offers = declined.iter().map(|offer| offer.counter_offer.clone()).filter(|name| !name.is_empty()).collect();
            assert!(!offers.is_empty(), "some fit into the budget");
            let open = i64::try_from(offers.len()).unwrap();
            assert_eq!(desk.count("SELECT count(*) AS n FROM offers WHERE state = 'OPEN'").await, open);
            assert_eq!(desk.count("SELECT count(*) AS n FROM spending_counted").await, open);
        }
        assert!(desk.count("SELECT count(*) AS n FROM spending_days WHERE amount > 0").await > 0);
        desk.clock.advance(DAY * 14);
        desk.run_due().await;
        assert_eq!(desk.count("SELECT count(*) AS n FROM offers WHERE state = 'OPEN'").await, 0);
        assert_eq!(desk.count("SELECT count(*) AS n FROM spending_days WHERE amount > 0").await, 0);
    }

    /// What gives back the loss stays a refund in what is agreed on: no more of an order than was captured.
    async fn no_agreement_refunds_more_than_was_captured(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let capture = wire::RecordCaptureRequest {
            request_id: desk.fresh(),
            order: "A-1".to_owned(),
            capture: "c".to_owned(),
            amount: Some(crate::harness::money("EUR", 50_000)),
        };
        desk.ledger.clone().record_capture(as_client(capture)).await.unwrap();
        let facts = [("declared_value", money_fact("EUR", 50_000)), ("order", crate::harness::text_fact("A-1"))];
        let lost = || desk.remedy(remedy_for(event(&desk, "parcel.lost", &facts)));
        let (first, second) = (lost().await, lost().await);
        let mut answers = Vec::new();
        for opened in [&first, &second] {
            answers.push(desk.ask(&opened.offer, ("EUR", 50_000)).await.unwrap().counter_offer);
        }
        desk.accept(&answers[0], "fair").await.unwrap();
        let left = wire::GetOrderFundsRequest { order: "A-1".to_owned() };
        let left = desk.ledger.clone().get_order_funds(as_client(left)).await.unwrap().into_inner().funds.unwrap().left;
        assert_eq!(left.as_ref().map(minor), Some(0));
        let refused = desk.accept(&answers[1], "fair").await.unwrap_err();
        assert_eq!(refused.reason, api::reason::compensation::REFUND_ABOVE_CAPTURE);
        assert_eq!(desk.count("SELECT count(*) AS n FROM payouts").await, 1);
    }

    async fn an_ask_that_makes_no_sense_changes_nothing(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = rejected(&desk).await;
        for (ask, reason) in [(("EUR", 100), "CURRENCY"), (("USD", 0), "AMOUNT_RANGE")] {
            let refused = desk.ask(&opened.offer, ask).await.unwrap_err();
            assert_eq!(refused.violations[0].field, "decline.fair_ask_amount");
            assert_eq!(refused.violations[0].reason, reason, "{refused:?}");
        }
        assert_eq!(desk.get_offer(&opened.offer).await.state(), offer::State::Open);
        // No price and nothing on the table that has an amount: a person answers.
        let bare = desk.remedy(crate::harness::remedy_of(8, event(&desk, "flight.cancelled", &[]))).await;
        let declined = desk.ask(&bare.offer, ("USD", 100)).await.unwrap();
        assert_eq!(declined.counter_offer, "");
        assert!(declined.explanation.contains("price of what failed is not known"));
        assert_eq!(desk.get_remedy(&bare.name).await.state(), remedy::State::Declined);
    }

    /// Row S37: a refusal needs an alternative and a reason.
    async fn an_agents_bare_no_is_refused(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = rejected(&desk).await;
        let gift = || vec![option("gift", Kind::Voucher, Some(("USD", 10_000)))];
        let early = counter(&desk, counter_request(&desk, &opened.offer, gift(), "Better")).await.unwrap_err();
        assert_eq!((early.reason.as_str(), early.metadata["state"].as_str()), (INVALID_TRANSITION, "OPEN"));
        desk.decline(&opened.offer, "Not enough").await.unwrap();

        let bare = counter(&desk, counter_request(&desk, &opened.offer, vec![], " ")).await.unwrap_err();
        let found: Vec<_> = bare.violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(found, ["options", "reason"]);
        let above = vec![option("gift", Kind::Voucher, Some(("USD", 32_176)))];
        let above = counter(&desk, counter_request(&desk, &opened.offer, above, "A lot")).await.unwrap_err();
        assert_eq!(above.violations[0].reason, "ABOVE_CEILING");

        let request = counter_request(&desk, &opened.offer, gift(), "The flight itself went; this is for your time.");
        let made = counter(&desk, request.clone()).await.unwrap();
        assert_eq!(counter(&desk, request.clone()).await.unwrap(), made);
        let other = wire::CounterOfferRequest { reason: "Other".to_owned(), ..request };
        assert_eq!(counter(&desk, other).await.unwrap_err().reason, IDEMPOTENCY_KEY_REUSED);
        assert_eq!((made.counter_to.as_str(), made.explanation.as_str()), (opened.offer.as_str(), "The flight itself went; this is for your time."));
        assert_eq!(desk.get_offer(&opened.offer).await.counter_offer, made.name);
        let twice = counter(&desk, counter_request(&desk, &opened.offer, gift(), "Again")).await.unwrap_err();
        assert_eq!(twice.reason, INVALID_TRANSITION);
        let tenant = kernel::TenantId::default_tenant();
        let audited = durable::audit::list(desk.engine.read(), &tenant, i64::MAX, 10).await.unwrap();
        assert_eq!((audited.len(), audited[0].action.as_str()), (1, "COUNTER_OFFER_MADE"));
    }
}
