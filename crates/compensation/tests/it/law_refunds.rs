//! Refunds that the law demands: no more than was captured, however many ask at once, and never dropped in silence.

use api::compensation as wire;
use api::compensation::{offer, remedy};
use api::reason::compensation::REFUND_ABOVE_CAPTURE;
use wire::remedy_line::{Basis, Kind};

use crate::by_law::sign;
use crate::harness::{
    Desk, TEMPLATE, again, as_client, event, integer, minor, money, money_fact, option, remedy as remedy_for,
    remedy_of, text_fact, yes_no,
};

async fn capture(desk: &Desk, order: &str, amount: i64) {
    let request = wire::RecordCaptureRequest {
        request_id: desk.fresh(),
        order: order.to_owned(),
        capture: "c1".to_owned(),
        amount: Some(money("USD", amount)),
    };
    desk.ledger.clone().record_capture(as_client(request)).await.unwrap();
}

/// Refunded and left.
async fn funds(desk: &Desk, order: &str) -> (i64, i64) {
    let request = wire::GetOrderFundsRequest { order: order.to_owned() };
    let answer = desk.ledger.clone().get_order_funds(as_client(request)).await.unwrap().into_inner();
    let funds = answer.funds.unwrap();
    (minor(funds.refunded.as_ref().unwrap()), minor(funds.left.as_ref().unwrap()))
}

/// A bag that came two days late, for which a fee was paid: 14 CFR 260.5.
fn late_bag(desk: &Desk, order: Option<&str>, fee: i64) -> wire::Remedy {
    let mut facts = vec![
        ("origin", text_fact("JFK")),
        ("destination", text_fact("LAX")),
        ("bag_reported", yes_no(true)),
        ("bag_delay_minutes", integer(2_880)),
        ("bag_fee", money_fact("USD", fee)),
    ];
    facts.extend(order.map(|order| ("order", text_fact(order))));
    remedy_for(event(desk, "bag.delayed", &facts))
}

/// A cancelled flight within the United States: the money back, or another flight.
fn cancelled(desk: &Desk, number: u128, order: &str, price: i64) -> wire::Remedy {
    let facts = [
        ("origin", text_fact("JFK")),
        ("destination", text_fact("LAX")),
        ("ticket_price", money_fact("USD", price)),
        ("order", text_fact(order)),
    ];
    remedy_of(number, event(desk, "flight.cancelled", &facts))
}

/// The voucher of a remedy that has an amount.
async fn signed_for(desk: &Desk, remedy: &str) -> wire::Voucher {
    for name in desk.get_remedy(remedy).await.vouchers {
        let voucher = desk.get_voucher(&name).await;
        if voucher.amount.is_some() {
            return voucher;
        }
    }
    panic!("{remedy} gave no voucher of an amount");
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn it_is_cut_with_the_reason_and_the_rest_goes_to_people(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        capture(&desk, "B-1", 5_000).await;
        let whole = desk.remedy(late_bag(&desk, Some("B-1"), 3_500)).await;
        let line = &whole.assessment.as_ref().unwrap().automatic[0];
        assert!(line.refund && line.basis() == Basis::Statutory, "{line:?}");
        assert_eq!(funds(&desk, "B-1").await, (3_500, 1_500));
        let part = desk.remedy(late_bag(&desk, Some("B-1"), 3_500)).await;
        assert_eq!(funds(&desk, "B-1").await, (5_000, 0));
        assert_eq!(minor(desk.get_payout(&part.payouts[0]).await.amount.as_ref().unwrap()), 1_500);
        let lines = part.assessment.unwrap().automatic;
        assert!(lines[0].arithmetic.contains("cut from USD 35.00: order B-1 has USD 15.00 left of USD 50.00 captured"));
        assert_eq!((lines[1].kind(), lines[1].basis(), lines[1].refund), (Kind::Service, Basis::Statutory, false));
        assert!(lines[1].description.contains("USD 20.00 of order B-1"));

        // Nothing is known of the order: people find out. Nothing is said of an order: there is no bound to hold.
        let unknown = desk.remedy(late_bag(&desk, Some("B-2"), 3_500)).await;
        assert_eq!((unknown.payouts.len(), unknown.state()), (0, remedy::State::Settled));
        assert!(unknown.assessment.unwrap().automatic[0].arithmetic.contains("no capture is known of order B-2"));
        assert_eq!(desk.remedy(late_bag(&desk, None, 3_500)).await.payouts.len(), 1);

        // Compensation by law is no refund.
        let facts = [
            ("origin", text_fact("FRA")),
            ("destination", text_fact("CDG")),
            ("arrival_delay_minutes", integer(200)),
            ("order", text_fact("B-1")),
        ];
        let late = desk.remedy(remedy_for(event(&desk, "flight.delayed", &facts))).await;
        assert_eq!(minor(desk.get_payout(&late.payouts[0]).await.amount.as_ref().unwrap()), 25_000);
        assert_eq!(funds(&desk, "B-1").await, (5_000, 0));
        desk.run_due().await;
        desk.assert_ledger_balances().await;
    }

    async fn a_hundred_at_once_do_not_overdraw(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        capture(&desk, "B-1", 1_000).await;
        let all = (0..100).map(|_| desk.remedy(late_bag(&desk, Some("B-1"), 30)));
        let opened = futures::future::join_all(all).await;
        assert_eq!(opened.iter().filter(|remedy| !remedy.payouts.is_empty()).count(), 34, "33 whole ones and what is left");
        assert_eq!(funds(&desk, "B-1").await, (1_000, 0));
        assert_eq!(desk.count("SELECT CAST(sum(amount_minor) AS BIGINT) AS n FROM payouts").await, 1_000);
        desk.run_due().await;
        desk.assert_ledger_balances().await;
    }

    /// Forty customers of one order take the money, decline, or do not answer, all at once.
    async fn choices_at_once_do_not_overdraw(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        capture(&desk, "B-1", 100_000).await;
        let mut offers = Vec::new();
        for number in 1..=40 {
            offers.push(desk.remedy(cancelled(&desk, number, "B-1", 3_000)).await.offer);
        }
        desk.clock.advance(std::time::Duration::from_secs(72 * 3_600 - 1));
        let all = offers.iter().enumerate().filter(|(index, _)| index % 2 == 0).map(|(index, offer)| {
            let desk = &desk;
            async move {
                let response = match index % 4 {
                    0 => wire::respond_to_offer_request::Response::AcceptOption("refund".to_owned()),
                    _ => wire::respond_to_offer_request::Response::Decline(wire::Decline::default()),
                };
                let request = wire::RespondToOfferRequest {
                    request_id: desk.fresh(),
                    name: offer.clone(),
                    response: Some(response),
                    consent: String::new(),
                };
                again(|| async { desk.api.clone().respond_to_offer(as_client(request.clone())).await }).await.unwrap();
            }
        });
        futures::future::join_all(all).await;
        assert_eq!(funds(&desk, "B-1").await, (60_000, 40_000));
        desk.clock.advance(std::time::Duration::from_secs(1));
        let ends = offers.iter().map(|offer| {
            let desk = &desk;
            let request = wire::ExpireOfferRequest { request_id: desk.fresh(), name: offer.clone() };
            again(move || {
                let (mut api, request) = (desk.api.clone(), request.clone());
                async move { api.expire_offer(as_client(request)).await }
            })
        });
        for ended in futures::future::join_all(ends).await {
            ended.unwrap();
        }
        assert_eq!(funds(&desk, "B-1").await, (100_000, 0));
        assert_eq!(desk.count("SELECT CAST(sum(amount_minor) AS BIGINT) AS n FROM payouts").await, 100_000);
        desk.run_due().await;
        desk.assert_ledger_balances().await;
    }

    /// The customer cannot mend a capture that is not known, and is not refused what the law demands.
    async fn who_accepts_it_is_not_refused(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        capture(&desk, "B-1", 20_000).await;
        let opened = desk.remedy(cancelled(&desk, 7, "B-1", 30_000)).await;
        desk.accept(&opened.offer, "refund").await.unwrap();
        desk.run_due().await;
        let settled = desk.get_remedy(&opened.name).await;
        assert_eq!((settled.state(), settled.payouts.len()), (remedy::State::Settled, 1));
        assert_eq!(minor(desk.get_payout(&settled.payouts[0]).await.amount.as_ref().unwrap()), 20_000);
        let told = desk.milestones(&settled.case).await;
        let last = &told.last().unwrap().summary;
        assert!(last.contains("To be done: Check by hand whether USD 100.00 of order B-1 is to be refunded"), "{last}");
        assert!(last.contains("Given: Refund of the ticket, within 7 business days to a card (USD 200.00)"), "{last}");

        // Nothing is left: all of it is for people.
        let none = desk.remedy(cancelled(&desk, 8, "B-1", 30_000)).await;
        desk.accept(&none.offer, "refund").await.unwrap();
        let none = desk.get_remedy(&none.name).await;
        assert_eq!((none.state(), none.payouts.len()), (remedy::State::Settled, 0));
    }

    /// A voucher that the customer signed for in the place of the price is the price: it is not refunded a second time, until
    /// the voucher is taken back.
    async fn a_signed_voucher_holds_its_part_of_the_order(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        capture(&desk, "B-1", 40_000).await;
        let first = desk.remedy(cancelled(&desk, 7, "B-1", 30_000)).await;
        let sign = sign(&desk, &first.offer);
        let signed = || async { again(|| async { desk.api.clone().respond_to_offer(as_client(sign.clone())).await }).await };
        assert_eq!(signed().await.unwrap(), signed().await.unwrap());
        assert_eq!(funds(&desk, "B-1").await, (30_000, 10_000), "held once");
        let voucher = signed_for(&desk, &first.name).await;

        let second = desk.remedy(cancelled(&desk, 8, "B-1", 30_000)).await;
        desk.accept(&second.offer, "refund").await.unwrap();
        let second = desk.get_remedy(&second.name).await;
        assert_eq!(minor(desk.get_payout(&second.payouts[0]).await.amount.as_ref().unwrap()), 10_000);
        assert_eq!(funds(&desk, "B-1").await, (40_000, 0));

        // What was used of it stays used, and held.
        let used = wire::RedeemVoucherRequest {
            request_id: desk.fresh(),
            code: voucher.code,
            amount: Some(money("USD", 12_000)),
            ..Default::default()
        };
        desk.ledger.clone().redeem_voucher(as_client(used)).await.unwrap();
        let void = wire::ReverseGrantRequest {
            request_id: desk.fresh(),
            grant: voucher.name,
            amount: None,
            reason: "signed by somebody else".to_owned(),
            reversed_by: "Ada".to_owned(),
        };
        let voided = || async { again(|| async { desk.ledger.clone().reverse_grant(as_client(void.clone())).await }).await };
        assert_eq!(voided().await.unwrap(), voided().await.unwrap());
        assert_eq!(funds(&desk, "B-1").await, (22_000, 18_000), "given back once");
        let third = desk.remedy(cancelled(&desk, 9, "B-1", 30_000)).await;
        desk.accept(&third.offer, "refund").await.unwrap();
        assert_eq!(funds(&desk, "B-1").await, (40_000, 0));
        desk.run_due().await;
        desk.assert_ledger_balances().await;
    }

    /// A voucher that lapsed was signed for all the same.
    async fn a_signed_voucher_that_ran_out_still_holds(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        capture(&desk, "B-1", 30_000).await;
        let opened = desk.remedy(cancelled(&desk, 7, "B-1", 30_000)).await;
        desk.api.clone().respond_to_offer(as_client(sign(&desk, &opened.offer))).await.unwrap();
        desk.clock.advance(crate::harness::DAY * 20 * 365);
        desk.run_due().await;
        assert_eq!(signed_for(&desk, &opened.name).await.state(), wire::voucher::State::Expired);
        assert_eq!(funds(&desk, "B-1").await, (30_000, 0));
    }

    /// An agent's line is a refund where the law has no other reason for it, whether the agent says so or not.
    async fn an_agent_who_does_not_call_it_a_refund_is_refused(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        capture(&desk, "B-1", 20_000).await;
        let opened = desk.remedy(cancelled(&desk, 7, "B-1", 20_000)).await;
        let declined = desk.decline(&opened.offer, "no").await.unwrap();
        assert_eq!(declined.explanation, "The customer declined: the law demands money, so that option refund holds.");
        desk.run_due().await;
        assert_eq!(funds(&desk, "B-1").await, (20_000, 0));
        let mut again = option("back", Kind::Money, Some(("USD", 1)));
        again.lines[0].basis = Basis::Statutory.into();
        let refused = desk.make_offer(&opened.name, vec![again.clone()]).await.unwrap_err();
        assert_eq!((refused.reason.as_str(), refused.metadata["left"].as_str()), (REFUND_ABOVE_CAPTURE, "USD 0.00"));
        // With room for it, somebody else must agree that it is still owed, because it was paid once.
        let request = wire::RecordCaptureRequest {
            request_id: desk.fresh(),
            order: "B-1".to_owned(),
            capture: "c2".to_owned(),
            amount: Some(money("USD", 20_000)),
        };
        desk.ledger.clone().record_capture(as_client(request)).await.unwrap();
        let waits = desk.make_offer(&opened.name, vec![again]).await.unwrap();
        assert_eq!(waits.state(), offer::State::PendingApproval);
    }
}
