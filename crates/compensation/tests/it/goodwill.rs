//! Goodwill that is taken waives nothing: neither money that the law demands, nor a choice that it leaves to the customer.

use api::compensation as wire;
use api::compensation::{offer, remedy};

use crate::by_law::{desk, sign};
use crate::harness::{DAY, TEMPLATE, again, as_client, case, event, minor, option, remedy as remedy_for, remedy_of};

testkit::on_both_databases! {
    template: TEMPLATE;

    /// Who takes flowers has not waived what the law demands.
    async fn goodwill_that_is_taken_waives_nothing(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.rude", &[]))).await;
        let taken = desk.accept(&opened.offer, "flowers").await.unwrap();
        assert_eq!(taken.explanation, "The law demands money as well, so that option due holds beside it.");
        desk.run_due().await;
        let settled = desk.get_remedy(&opened.name).await;
        assert_eq!((settled.state(), settled.payouts.len(), settled.vouchers.len()), (remedy::State::Settled, 1, 1));
        assert_eq!(minor(desk.get_payout(&settled.payouts[0]).await.amount.as_ref().unwrap()), 25_000);
        let other = desk.remedy(remedy_for(event(&desk, "ferry.rude", &[]))).await;
        desk.accept(&other.offer, "due").await.unwrap();
        assert_eq!(desk.get_remedy(&other.name).await.payouts.len(), 1, "once");
    }

    /// Who takes flowers has not chosen between the money and the next ferry either: that is put again, once, without goodwill.
    async fn a_choice_of_the_law_stays_open_beside_goodwill(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.lost", &[]))).await;
        let request = wire::RespondToOfferRequest {
            request_id: desk.fresh(),
            name: opened.offer.clone(),
            response: Some(wire::respond_to_offer_request::Response::AcceptOption("flowers".to_owned())),
            consent: String::new(),
        };
        let take = || async { again(|| async { desk.api.clone().respond_to_offer(as_client(request.clone())).await }).await };
        let taken = take().await.unwrap();
        assert_eq!(take().await.unwrap(), taken, "safe to repeat");
        let why = "The law leaves the choice between back or next to the customer: it is put again.";
        assert_eq!((taken.state(), taken.explanation.as_str()), (offer::State::Accepted, why));
        let open = desk.get_remedy(&opened.name).await;
        assert_eq!((open.state(), open.vouchers.len(), open.payouts.len()), (remedy::State::Offered, 2, 0));
        let put = desk.get_offer(&open.offer).await;
        let ids: Vec<_> = put.options.iter().map(|option| option.id.as_str()).collect();
        assert_eq!((ids.as_slice(), put.plus.len()), (["back", "next"].as_slice(), 0), "the meal was given");
        assert_eq!((put.state(), put.made_by.as_str()), (offer::State::Open, "packs/ferry/rules/lost"));
        assert_eq!(put.explanation, "What was taken is beside what the law demands: that choice stays open.");
        assert_eq!(desk.told(&case(7)).await, [
            "OFFER_MADE", "OFFER_ACCEPTED", "VOUCHER_ISSUED", "VOUCHER_ISSUED", "OFFER_MADE"
        ]);
        assert_eq!(desk.milestones(&case(7)).await[1].attributes["explanation"], why);
        desk.accept(&put.name, "back").await.unwrap();
        desk.run_due().await;
        let settled = desk.get_remedy(&opened.name).await;
        assert_eq!((settled.state(), settled.vouchers.len(), settled.payouts.len()), (remedy::State::Settled, 2, 1));
        let told = desk.milestones(&case(7)).await;
        let summary = "To be done: A meal. Given: Flowers (EUR 10.00); Thanks (EUR 5.00); Money back (EUR 50.00).";
        assert_eq!(told.last().unwrap().summary, summary, "all of it, whichever offer gave it");
        desk.assert_ledger_balances().await;
    }

    /// What the provider refused is not behind us because goodwill was taken: a person still has to see to it.
    async fn goodwill_does_not_stand_in_the_place_of_what_was_refused(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let failure = event(&desk, "ferry.wrecked", &[]);
        let opened = desk.remedy(wire::Remedy { payee: "decline:ada".to_owned(), ..remedy_for(failure) }).await;
        desk.run_due().await;
        desk.clock.advance(std::time::Duration::from_secs(1));
        desk.accept(&opened.offer, "flowers").await.unwrap();
        let open = desk.get_remedy(&opened.name).await;
        assert_eq!(open.state(), remedy::State::Offered);
        desk.accept(&open.offer, "next").await.unwrap();
        let stuck = desk.get_remedy(&opened.name).await;
        assert_eq!(stuck.state(), remedy::State::NeedsAttention, "the compensation was never paid");
        // An agent's offer stands in its place, and what was refused is not told as given.
        desk.clock.advance(std::time::Duration::from_secs(1));
        let made = desk.make_offer(&opened.name, vec![option("gift", wire::remedy_line::Kind::Discount, None)]).await.unwrap();
        desk.accept(&made.name, "gift").await.unwrap();
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Settled);
        let told = desk.milestones(&case(7)).await;
        let summary = "To be done: The next ferry. Given: Flowers (EUR 10.00); Something for gift (10 %).";
        assert_eq!(told.last().unwrap().summary, summary);
    }

    /// Goodwill with money of the law that an agent adds is the choice: it is not put again, and not paid twice.
    async fn money_of_the_law_that_an_agent_adds_is_the_choice(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.lost", &[]))).await;
        desk.decline(&opened.offer, "neither").await.unwrap();
        let mut cash = option("cash", wire::remedy_line::Kind::Money, Some(("EUR", 5_000))).lines.remove(0);
        cash.basis = wire::remedy_line::Basis::Statutory.into();
        let request = wire::MakeOfferRequest {
            request_id: desk.fresh(),
            offer: Some(wire::Offer {
                remedy: opened.name.clone(),
                options: vec![option("gift", wire::remedy_line::Kind::Discount, None)],
                plus: vec![cash],
                ..wire::Offer::default()
            }),
            made_by: "Kim".to_owned(),
            role: String::new(),
        };
        let made = desk.api.clone().make_offer(as_client(request.clone())).await.unwrap().into_inner();
        assert_eq!(made.state(), offer::State::Open, "the law demands it");
        desk.accept(&made.name, "gift").await.unwrap();
        desk.run_due().await;
        let settled = desk.get_remedy(&opened.name).await;
        assert_eq!((settled.state(), settled.payouts.len()), (remedy::State::Settled, 1));
        assert_eq!(desk.balances().await["provider_clearing EUR"], -5_000);

        // Nobody takes the name of the service's own offers.
        for name in ["gate", "packs/ferry/rules/lost"] {
            let taken = wire::MakeOfferRequest { request_id: desk.fresh(), made_by: name.to_owned(), ..request.clone() };
            let refused = crate::harness::error(desk.api.clone().make_offer(as_client(taken)).await.unwrap_err());
            assert!(refused.to_string().contains("made_by"), "{refused:?}");
        }
    }

    /// Goodwill that was taken counts when more is offered: 150 % of the price is for all of it together.
    async fn goodwill_that_was_taken_counts_against_the_ceiling(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let facts = [("price", crate::harness::money_fact("EUR", 1_000))];
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.lost", &facts))).await;
        desk.decline(&opened.offer, "neither").await.unwrap();
        let gift = || vec![option("gift", wire::remedy_line::Kind::Voucher, Some(("EUR", 900)))];
        let first = desk.make_offer(&opened.name, gift()).await.unwrap();
        desk.accept(&first.name, "gift").await.unwrap();
        let open = desk.get_remedy(&opened.name).await;
        desk.decline(&open.offer, "neither").await.unwrap();
        let refused = desk.make_offer(&opened.name, gift()).await.unwrap_err();
        assert_eq!(refused.reason, api::reason::INVALID_FIELDS, "{refused:?}");
        assert!(format!("{refused:?}").contains("EUR 3.00 above EUR 15.00"), "{refused:?}");
    }

    /// The same when an agent offers goodwill alone, after the choice was not made.
    async fn an_agents_goodwill_leaves_the_choice_of_the_law_open(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.lost", &[]))).await;
        desk.decline(&opened.offer, "neither").await.unwrap();
        let gift = vec![option("gift", wire::remedy_line::Kind::Discount, None)];
        for (round, meals) in [(0, 1), (1, 1)] {
            let made = desk.make_offer(&opened.name, gift.clone()).await.unwrap();
            desk.accept(&made.name, "gift").await.unwrap();
            let open = desk.get_remedy(&opened.name).await;
            assert_eq!((open.state(), open.vouchers.len()), (remedy::State::Offered, round + 1));
            let put = desk.get_offer(&open.offer).await;
            assert_eq!((put.options.len(), put.plus.len()), (2, meals), "what the law gives along was never given");
            desk.clock.advance(DAY * 14);
            desk.run_due().await;
            assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Unanswered, "silence chooses nothing");
        }
        // The choice is made once, and then it is made.
        let made = desk.make_offer(&opened.name, gift).await.unwrap();
        desk.accept(&made.name, "gift").await.unwrap();
        let open = desk.get_remedy(&opened.name).await;
        desk.accept(&open.offer, "next").await.unwrap();
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Settled);
    }

    /// A choice is made once, also where something else of the remedy could not be paid afterwards.
    async fn a_choice_that_was_made_is_not_put_again(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        for (number, option_id, put_again) in [(11, "voucher", false), (12, "next", false), (13, "back", true)] {
            let failure = event(&desk, "ferry.wrecked", &[]);
            let opened = desk.remedy(wire::Remedy { payee: "decline:ada".to_owned(), ..remedy_of(number, failure) }).await;
            let mut request = sign(&desk, &opened.offer);
            request.response = Some(wire::respond_to_offer_request::Response::AcceptOption(option_id.to_owned()));
            desk.api.clone().respond_to_offer(as_client(request)).await.unwrap();
            desk.run_due().await;
            let stuck = desk.get_remedy(&opened.name).await;
            assert_eq!(stuck.state(), remedy::State::NeedsAttention, "{option_id}: the provider refused what is automatic");
            desk.clock.advance(std::time::Duration::from_secs(1));
            let gift = desk.make_offer(&opened.name, vec![option("gift", wire::remedy_line::Kind::Discount, None)]).await.unwrap();
            desk.accept(&gift.name, "gift").await.unwrap();
            let after = desk.get_remedy(&opened.name).await;
            let expected = if put_again { remedy::State::Offered } else { remedy::State::Settled };
            assert_eq!(after.state(), expected, "{option_id}: {:?}", desk.get_offer(&after.offer).await);
        }
    }
}
