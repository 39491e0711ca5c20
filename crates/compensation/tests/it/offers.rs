//! Offers: answered once, ended by their time, followed by another one of an agent.

use api::compensation as wire;
use api::compensation::remedy_line::Kind;
use api::compensation::{offer, remedy};
use api::reason::INVALID_TRANSITION;
use api::reason::compensation::OFFER_NOT_OPEN;
use kernel::ErrorCode;

use crate::harness::{DAY, Desk, TEMPLATE, as_client, by, case, event, money_fact, option, remedy as remedy_for};

async fn cancelled(desk: &Desk) -> wire::Remedy {
    let facts = [("ticket_price", money_fact("USD", 21_450))];
    desk.remedy(remedy_for(event(desk, "flight.cancelled", &facts))).await
}

testkit::on_both_databases! {
    template: TEMPLATE;

    /// A service is carried out by people: the settlement says what is to be done.
    async fn an_accepted_service_settles_with_what_is_to_be_done(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = cancelled(&desk).await;
        let accepted = desk.accept(&opened.offer, "rebook").await.unwrap();
        assert_eq!((accepted.state(), accepted.accepted_option.as_str()), (offer::State::Accepted, "rebook"));
        let settled = desk.get_remedy(&opened.name).await;
        assert_eq!((settled.state(), settled.vouchers.len()), (remedy::State::Settled, 1));
        assert_eq!(desk.told(&case(7)).await, ["OFFER_MADE", "OFFER_ACCEPTED", "VOUCHER_ISSUED", "REMEDY_SETTLED"]);
        let told = desk.milestones(&case(7)).await;
        assert_eq!(
            told[3].summary,
            "To be done: Rebooking on a flight of the customer's choice on the same day. \
             Given: Discount on a future flight (10 %)."
        );
        assert_eq!(told[2].attributes["percent"], "10");
        assert!(desk.balances().await.is_empty(), "a percentage has no amount to book");
        assert_eq!(desk.run_due().await, 0, "the offer's timer was taken back");
    }

    async fn accepted_money_is_settled_only_when_it_is_paid(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = cancelled(&desk).await;
        desk.accept(&opened.offer, "refund").await.unwrap();
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Granting);
        assert_eq!(desk.told(&case(7)).await, ["OFFER_MADE", "OFFER_ACCEPTED", "VOUCHER_ISSUED"]);
        desk.run_due().await;
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Settled);
        let told = desk.told(&case(7)).await;
        assert_eq!(told[3..], ["PAYOUT_CONFIRMED", "REMEDY_SETTLED"]);
        desk.assert_ledger_balances().await;
    }

    async fn a_declined_offer_can_be_followed_by_an_agents(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = cancelled(&desk).await;
        let second = || vec![option("gift", Kind::Voucher, Some(("USD", 5_000))), option("sorry", Kind::Service, None)];
        let refused = desk.make_offer(&opened.name, second()).await.unwrap_err();
        assert_eq!((refused.reason.as_str(), refused.metadata["state"].as_str()), (INVALID_TRANSITION, "OFFERED"));

        let declined = desk.decline(&opened.offer, "Not enough").await.unwrap();
        assert_eq!((declined.state(), declined.fair_ask.as_str()), (offer::State::Declined, "Twice of it"));
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Declined);
        let told = desk.milestones(&case(7)).await;
        assert_eq!(told[1].attributes["reason"], "Not enough");

        let made = desk.make_offer(&opened.name, second()).await.unwrap();
        assert_eq!((made.state(), made.made_by.as_str()), (offer::State::Open, "Ada"));
        assert_eq!(desk.get_remedy(&opened.name).await.offer, made.name);
        let tenant = kernel::TenantId::default_tenant();
        let audited = durable::audit::list(desk.engine.read(), &tenant, i64::MAX, 10).await.unwrap();
        assert_eq!(audited.len(), 1, "what an agent decides about money is on record");
        assert_eq!((audited[0].actor.as_str(), audited[0].subject.as_str()), ("Ada (desk)", made.name.as_str()));
        desk.accept(&made.name, "gift").await.unwrap();
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Settled);
        let told = desk.told(&case(7)).await;
        assert_eq!(told[2..], ["OFFER_MADE", "OFFER_ACCEPTED", "VOUCHER_ISSUED", "REMEDY_SETTLED"]);
        let after = desk.make_offer(&opened.name, second()).await.unwrap_err();
        assert_eq!(after.metadata["state"], "SETTLED");
    }

    /// The promise is kept to the moment, whether its timer has come or not.
    async fn an_offer_ends_with_its_time(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = cancelled(&desk).await;
        let expire = || wire::ExpireOfferRequest { request_id: desk.fresh(), name: opened.offer.clone() };
        let early = desk.api.clone().expire_offer(as_client(expire())).await.unwrap().into_inner();
        assert_eq!(early.state(), offer::State::Open);

        desk.clock.advance(DAY * 14);
        let refused = desk.accept(&opened.offer, "rebook").await.unwrap_err();
        assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::FailedPrecondition, OFFER_NOT_OPEN));
        assert_eq!(refused.metadata["state"], "EXPIRED");
        assert_eq!(desk.run_due().await, 1);
        assert_eq!(desk.get_offer(&opened.offer).await.state(), offer::State::Expired);
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Unanswered);
        assert_eq!(desk.told(&case(7)).await, ["OFFER_MADE", "OFFER_EXPIRED"]);
        let twice = desk.api.clone().expire_offer(by("service:compensation", expire())).await.unwrap().into_inner();
        assert_eq!(twice.state(), offer::State::Expired);
        assert_eq!(desk.told(&case(7)).await.len(), 2);
        assert!(desk.make_offer(&opened.name, vec![option("gift", Kind::Discount, None)]).await.is_ok());
    }

    async fn an_answer_comes_once_and_names_an_option(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = cancelled(&desk).await;
        let unknown = desk.accept(&opened.offer, "moon").await.unwrap_err();
        assert_eq!(unknown.violations[0].reason, "UNKNOWN_OPTION");
        assert!(unknown.violations[0].description.contains("rebook, refund"));
        desk.decline(&opened.offer, "").await.unwrap();
        for refused in [desk.accept(&opened.offer, "rebook").await, desk.decline(&opened.offer, "").await] {
            let refused = refused.unwrap_err();
            assert_eq!((refused.reason.as_str(), refused.metadata["state"].as_str()), (OFFER_NOT_OPEN, "DECLINED"));
        }
        assert_eq!(desk.count("SELECT count(*) AS n FROM vouchers").await, 0);
    }

    /// Identical and conflicting answers at once: one effect.
    async fn a_hundred_answers_at_once_have_one_effect(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = cancelled(&desk).await;
        let accept = |request_id: String, option: &str| wire::RespondToOfferRequest {
            request_id,
            name: opened.offer.clone(),
            response: Some(wire::respond_to_offer_request::Response::AcceptOption(option.to_owned())), consent: String::new(),
        };
        let same = desk.fresh();
        let identical: Vec<_> = (0..100).map(|_| accept(same.clone(), "refund")).collect();
        let answers = futures::future::join_all(identical.into_iter().map(|request| {
            let mut api = desk.api.clone();
            async move { api.respond_to_offer(as_client(request)).await }
        }))
        .await;
        let first = answers[0].as_ref().unwrap().get_ref().clone();
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap().get_ref() == &first));

        let others = (0..50).map(|_| desk.accept(&opened.offer, "rebook"));
        for refused in futures::future::join_all(others).await {
            assert_eq!(refused.unwrap_err().reason, OFFER_NOT_OPEN);
        }
        desk.run_due().await;
        assert_eq!(desk.count("SELECT count(*) AS n FROM payouts").await, 1);
        assert_eq!(desk.count("SELECT count(*) AS n FROM vouchers").await, 1);
        let log = desk.executed().await;
        assert_eq!(log.values().map(|entry| entry.executions).collect::<Vec<_>>(), [1]);
        let told = desk.told(&case(7)).await;
        assert_eq!(told, ["OFFER_MADE", "OFFER_ACCEPTED", "VOUCHER_ISSUED", "PAYOUT_CONFIRMED", "REMEDY_SETTLED"]);
        desk.assert_ledger_balances().await;
    }

    /// Fifty yes and fifty no, each with a request id of its own: the first one counts.
    async fn yes_and_no_at_once_have_one_effect(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = cancelled(&desk).await;
        let answers = futures::future::join_all((0..100).map(|number| {
            let (desk, offer) = (&desk, &opened.offer);
            async move {
                if number % 2 == 0 { desk.accept(offer, "refund").await } else { desk.decline(offer, "no").await }
            }
        }))
        .await;
        let taken: Vec<_> = answers.iter().flatten().collect();
        assert_eq!(taken.len(), 1);
        let payouts = i64::from(taken[0].state() == offer::State::Accepted);
        assert_eq!(desk.count("SELECT count(*) AS n FROM payouts").await, payouts);
        assert_eq!(desk.told(&case(7)).await.len(), if payouts == 1 { 3 } else { 2 });
    }
}
