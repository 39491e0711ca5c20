//! No more is refunded of an order than was captured for it, however many ask at once.

use api::compensation as wire;
use api::reason::compensation::{CAPTURE_EXISTS, ORDER_CURRENCY, REFUND_ABOVE_CAPTURE};
use api::reason::{IDEMPOTENCY_KEY_REUSED, RESOURCE_NOT_FOUND};
use kernel::ServiceError;
use tonic::Response;
use wire::remedy_line::{Basis, Kind};

use crate::harness::{
    Desk, TEMPLATE, again, as_client, error, event, minor, money, money_fact, of_tenant, option, remedy,
};

fn request(desk: &Desk, order: &str, capture: &str, amount: (&str, i64)) -> wire::RecordCaptureRequest {
    wire::RecordCaptureRequest {
        request_id: desk.fresh(),
        order: order.to_owned(),
        capture: capture.to_owned(),
        amount: Some(money(amount.0, amount.1)),
    }
}

async fn send(desk: &Desk, request: wire::RecordCaptureRequest) -> Result<wire::OrderFunds, ServiceError> {
    again(|| async { desk.ledger.clone().record_capture(as_client(request.clone())).await }).await
}

/// Captured, refunded and left.
async fn funds(desk: &Desk, order: &str) -> (i64, i64, i64) {
    let request = wire::GetOrderFundsRequest { order: order.to_owned() };
    let answer = desk.ledger.clone().get_order_funds(as_client(request)).await.unwrap().into_inner();
    let funds = answer.funds.unwrap();
    let of = |money: &Option<api::google::r#type::Money>| minor(money.as_ref().unwrap());
    (of(&funds.captured), of(&funds.refunded), of(&funds.left))
}

/// A wrong bill of an order, to be refunded.
fn bill(desk: &Desk, order: &str, payee: &str, amount: (&str, i64)) -> wire::Remedy {
    let order = api::common::Fact { value: Some(api::common::fact::Value::Text(order.to_owned())) };
    let facts = [("overcharged_amount", money_fact(amount.0, amount.1)), ("order", order)];
    wire::Remedy { payee: payee.to_owned(), ..remedy(event(desk, "bill.wrong", &facts)) }
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn captures_add_up_once_each(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let first = request(&desk, "A-1", "c1", ("EUR", 5_000));
        let answers = futures::future::join_all((0..100).map(|_| send(&desk, first.clone()))).await;
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(funds(&desk, "A-1").await, (5_000, 0, 5_000));
        let other = wire::RecordCaptureRequest { capture: "c2".to_owned(), ..first };
        assert_eq!(send(&desk, other).await.unwrap_err().reason, IDEMPOTENCY_KEY_REUSED);
        // The same capture by other requests, among others and with other amounts: each counts once.
        let all = (0..100).map(|n| send(&desk, request(&desk, "A-2", &format!("c{}", n % 5), ("EUR", 100 + n / 50))));
        let results = futures::future::join_all(all).await;
        assert!(results.iter().any(Result::is_ok));
        for refused in results.into_iter().filter_map(Result::err) {
            assert_eq!(refused.reason, CAPTURE_EXISTS);
        }
        let (captured, ..) = funds(&desk, "A-2").await;
        let sum = "SELECT CAST(sum(amount_minor) AS BIGINT) AS n FROM captures WHERE order_reference = 'A-2'";
        assert_eq!(desk.count(sum).await, captured);
        assert_eq!(desk.count("SELECT count(*) AS n FROM captures WHERE order_reference = 'A-2'").await, 5);
        let wrong = send(&desk, request(&desk, "A-1", "c3", ("USD", 1))).await.unwrap_err();
        assert_eq!((wrong.reason.as_str(), wrong.metadata["currency"].as_str()), (ORDER_CURRENCY, "EUR"));
        let vast = send(&desk, request(&desk, "A-1", "c4", ("EUR", i64::MAX))).await.unwrap_err();
        assert_eq!(vast.violations[0].reason, "OUT_OF_RANGE");
        let foreign = wire::GetOrderFundsRequest { order: "A-1".to_owned() };
        let foreign = desk.ledger.clone().get_order_funds(of_tenant("other", "desk", foreign)).await.unwrap_err();
        assert_eq!(error(foreign).reason, RESOURCE_NOT_FOUND);
        let bad = send(&desk, wire::RecordCaptureRequest::default()).await.unwrap_err();
        let fields: Vec<_> = bad.violations.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(fields, ["request_id", "order", "capture", "amount"]);
    }

    async fn what_is_above_is_cut_and_goes_to_people(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        send(&desk, request(&desk, "A-1", "c1", ("EUR", 5_000))).await.unwrap();
        let whole = desk.remedy(bill(&desk, "A-1", "decline:ada", ("EUR", 4_000))).await;
        assert_eq!(funds(&desk, "A-1").await, (5_000, 4_000, 1_000));
        let part = desk.remedy(bill(&desk, "A-1", "ada", ("EUR", 3_000))).await;
        assert_eq!(funds(&desk, "A-1").await, (5_000, 5_000, 0));
        assert_eq!(minor(desk.get_payout(&part.payouts[0]).await.amount.as_ref().unwrap()), 1_000);
        let lines = part.assessment.unwrap().automatic;
        assert!(lines[0].arithmetic.contains("cut from EUR 30.00: order A-1 has EUR 10.00 left of EUR 50.00 captured"));
        assert_eq!((lines[1].kind(), lines[1].description.contains("EUR 20.00")), (Kind::Service, true));
        let none = desk.remedy(bill(&desk, "A-1", "ada", ("EUR", 1))).await;
        assert!(none.payouts.is_empty());
        let unknown = desk.remedy(bill(&desk, "B-1", "ada", ("EUR", 1))).await;
        assert!(unknown.payouts.is_empty());
        assert!(unknown.assessment.unwrap().automatic[0].arithmetic.contains("no capture is known of order B-1"));

        // What was refused by the provider was not paid: it can be refunded again, once.
        desk.run_due().await;
        assert_eq!(desk.get_payout(&whole.payouts[0]).await.state(), wire::payout::State::Declined);
        assert_eq!(funds(&desk, "A-1").await, (5_000, 1_000, 4_000));
        desk.remedy(bill(&desk, "A-1", "ada", ("EUR", 4_000))).await;
        desk.run_due().await;
        assert_eq!(funds(&desk, "A-1").await, (5_000, 5_000, 0));
        desk.assert_ledger_balances().await;
        assert!(desk.sql("UPDATE orders SET refunded_minor = 5001").await.is_err(), "the database refuses it too");
    }

    async fn a_hundred_refunds_at_once_do_not_overdraw(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        send(&desk, request(&desk, "A-1", "c1", ("EUR", 1_000))).await.unwrap();
        let all = (0..100).map(|_| desk.remedy(bill(&desk, "A-1", "ada", ("EUR", 30))));
        let opened = futures::future::join_all(all).await;
        let paid = opened.iter().filter(|remedy| !remedy.payouts.is_empty()).count();
        assert_eq!(paid, 34, "33 whole ones and what is left");
        assert_eq!(funds(&desk, "A-1").await, (1_000, 1_000, 0));
        let sum = "SELECT CAST(sum(amount_minor) AS BIGINT) AS n FROM payouts";
        assert_eq!(desk.count(sum).await, 1_000);
        desk.run_due().await;
        assert_eq!(desk.balances().await["expense EUR"], 1_000);
        desk.assert_ledger_balances().await;
    }

    /// Offers of an agent: refused when they are made, and when others were faster until they are accepted.
    async fn a_choice_above_it_is_refused(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        send(&desk, request(&desk, "A-1", "c1", ("EUR", 1_000))).await.unwrap();
        let refund = |minor: i64| {
            let mut choice = option("refund", Kind::Money, Some(("EUR", minor)));
            choice.lines[0].basis = Basis::Restitution.into();
            choice
        };
        // Nothing is left to be given by itself, so that people have it in hand.
        let mut offers = Vec::new();
        for _ in 0..20 {
            let mut asked = bill(&desk, "A-1", "ada", ("EUR", 1));
            asked.event.as_mut().unwrap().kind = "flight.cancelled".to_owned();
            let opened = desk.remedy(asked).await;
            desk.decline(&opened.offer, "no").await.unwrap();
            let above = desk.make_offer(&opened.name, vec![refund(1_001)]).await.unwrap_err();
            assert_eq!((above.reason.as_str(), above.metadata["left"].as_str()), (REFUND_ABOVE_CAPTURE, "EUR 10.00"));
            offers.push(desk.make_offer(&opened.name, vec![refund(300)]).await.unwrap());
        }
        let all = offers.iter().flat_map(|offer| (0..5).map(|_| desk.accept(&offer.name, "refund")));
        let results = futures::future::join_all(all).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3, "three fit");
        assert_eq!(funds(&desk, "A-1").await, (1_000, 900, 100));
        let open = "SELECT count(*) AS n FROM offers WHERE state = 'OPEN'";
        assert_eq!(desk.count(open).await, 17, "who was refused can be offered something else");
        assert_eq!(desk.count("SELECT count(*) AS n FROM payouts").await, 3);
        // Goodwill is no refund.
        let one = &offers.iter().zip(results.chunks(5)).find(|(_, answers)| answers.iter().all(Result::is_err)).unwrap().0;
        desk.decline(&one.name, "no").await.unwrap();
        let gift = desk.make_offer(&one.remedy, vec![option("gift", Kind::Money, Some(("EUR", 5_000)))]).await.unwrap();
        desk.accept(&gift.name, "gift").await.unwrap();
        assert_eq!(funds(&desk, "A-1").await, (1_000, 900, 100));
    }

    /// One acceptance by a hundred identical requests, and of a hundred different answers one.
    async fn a_hundred_answers_to_an_offer_have_one_effect(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let offered = async || {
            let opened = desk.remedy(remedy(event(&desk, "flight.cancelled", &[]))).await;
            desk.decline(&opened.offer, "no").await.unwrap();
            let choices = vec![option("a", Kind::Money, Some(("EUR", 100))), option("b", Kind::Money, Some(("EUR", 200)))];
            desk.make_offer(&opened.name, choices).await.unwrap()
        };
        let offer = offered().await;
        let same = wire::RespondToOfferRequest {
            request_id: desk.fresh(),
            name: offer.name.clone(),
            response: Some(wire::respond_to_offer_request::Response::AcceptOption("a".to_owned())), consent: String::new(),
        };
        let all = (0..100).map(|_| {
            let (mut api, request) = (desk.api.clone(), same.clone());
            async move { api.respond_to_offer(as_client(request)).await.map(Response::into_inner) }
        });
        let answers: Vec<_> = futures::future::join_all(all).await.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(desk.count("SELECT count(*) AS n FROM payouts").await, 1);
        let offer = offered().await;
        let all = (0..100).map(|n| desk.accept(&offer.name, if n % 2 == 0 { "a" } else { "b" }));
        let results = futures::future::join_all(all).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert_eq!(desk.count("SELECT count(*) AS n FROM payouts").await, 2);
        let reserved = "SELECT count(*) AS n FROM ledger_transactions WHERE kind = 'PAYOUT_RESERVED'";
        assert_eq!(desk.count(reserved).await, 2);
    }
}
