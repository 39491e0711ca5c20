//! Every mutation comes again with the same request id: the same answer, one effect. Another request with that id is
//! refused.

use api::compensation as wire;
use api::compensation::remedy_line::Kind;
use api::reason::IDEMPOTENCY_KEY_REUSED;
use tonic::{Response, Status};

use crate::harness::{DAY, Desk, TEMPLATE, as_client, error, event, integer, option, remedy};

fn same<M: prost::Message>(first: Result<Response<M>, Status>, again: Result<Response<M>, Status>) -> M {
    let (first, again) = (first.unwrap(), again.unwrap());
    assert!(first.metadata().get("idempotent-replayed").is_none());
    assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
    assert_eq!(first.get_ref().encode_to_vec(), again.get_ref().encode_to_vec());
    first.into_inner()
}

fn reused<M: std::fmt::Debug>(other: Result<Response<M>, Status>) {
    assert_eq!(error(other.unwrap_err()).reason, IDEMPOTENCY_KEY_REUSED);
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn remedies_and_offers(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut api = desk.api.clone();
        let open = desk.open_request(remedy(event(&desk, "flight.cancelled", &[])));
        let mut other = open.clone();
        other.remedy.as_mut().unwrap().severity = 4;
        let opened = same(api.open_remedy(as_client(open.clone())).await, api.open_remedy(as_client(open)).await);
        reused(api.open_remedy(as_client(other)).await);
        assert_eq!(desk.count("SELECT count(*) AS n FROM remedies").await, 1);

        let decline = wire::RespondToOfferRequest {
            request_id: desk.fresh(),
            name: opened.offer.clone(),
            response: Some(wire::respond_to_offer_request::Response::Decline(wire::Decline::default())), consent: String::new(),
        };
        let mut other = decline.clone();
        other.response = Some(wire::respond_to_offer_request::Response::AcceptOption("rebook".to_owned()));
        same(api.respond_to_offer(as_client(decline.clone())).await, api.respond_to_offer(as_client(decline)).await);
        reused(api.respond_to_offer(as_client(other)).await);

        let make = wire::MakeOfferRequest {
            request_id: desk.fresh(),
            offer: Some(wire::Offer {
                remedy: opened.name.clone(),
                options: vec![option("gift", Kind::Discount, None)],
                ..wire::Offer::default()
            }),
            made_by: "Ada".to_owned(), role: String::new(),
        };
        let other = wire::MakeOfferRequest { made_by: "Bob".to_owned(), ..make.clone() };
        let made = same(api.make_offer(as_client(make.clone())).await, api.make_offer(as_client(make)).await);
        reused(api.make_offer(as_client(other)).await);

        desk.clock.advance(DAY * 15);
        let expire = wire::ExpireOfferRequest { request_id: desk.fresh(), name: made.name.clone() };
        let other = wire::ExpireOfferRequest { name: opened.offer, ..expire.clone() };
        same(api.expire_offer(as_client(expire.clone())).await, api.expire_offer(as_client(expire)).await);
        reused(api.expire_offer(as_client(other)).await);
        assert_eq!(desk.told(&crate::harness::case(7)).await, ["OFFER_MADE", "OFFER_DECLINED", "OFFER_MADE", "OFFER_EXPIRED"]);
    }

    async fn vouchers_and_payouts(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut api = desk.api.clone();
        let given = desk.remedy(remedy(event(&desk, "flight.delayed", &[("arrival_delay_minutes", integer(200))]))).await;
        let more = desk.remedy(remedy(event(&desk, "flight.delayed", &[("arrival_delay_minutes", integer(300))]))).await;
        let (_, payout) = desk.refund("error-after-execute:ada", ("EUR", 100)).await;
        let (_, second) = desk.refund("ada", ("EUR", 200)).await;

        let advance = wire::AdvancePayoutRequest { request_id: desk.fresh(), name: payout.name.clone(), look_up: false };
        let first = api.advance_payout(as_client(advance.clone())).await;
        // Due again: only a request that is new may act.
        desk.clock.advance(DAY / 24);
        same(first, api.advance_payout(as_client(advance.clone())).await);
        assert_eq!(desk.executed().await[&payout.payout_key].requests, 1);
        reused(api.advance_payout(as_client(wire::AdvancePayoutRequest { name: second.name.clone(), ..advance })).await);
        assert!(!desk.executed().await.contains_key(&second.payout_key), "nothing was sent for a reused id");

        desk.clock.advance(DAY * 366);
        let expire = wire::ExpireVoucherRequest { request_id: desk.fresh(), name: given.vouchers[0].clone() };
        let other = wire::ExpireVoucherRequest { name: more.vouchers[0].clone(), ..expire.clone() };
        same(api.expire_voucher(as_client(expire.clone())).await, api.expire_voucher(as_client(expire)).await);
        reused(api.expire_voucher(as_client(other)).await);
        assert_eq!(desk.count("SELECT count(*) AS n FROM ledger_transactions WHERE kind = 'VOUCHER_EXPIRED'").await, 1);
    }

    /// A refusal is an answer too: it is stored, and stays when the state has changed.
    async fn a_refusal_is_repeated_as_well(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = desk.remedy(remedy(event(&desk, "flight.cancelled", &[]))).await;
        let mut api = desk.api.clone();
        let make = wire::MakeOfferRequest {
            request_id: desk.fresh(),
            offer: Some(wire::Offer {
                remedy: opened.name.clone(),
                options: vec![option("gift", Kind::Discount, None)],
                ..wire::Offer::default()
            }),
            made_by: "Ada".to_owned(), role: String::new(),
        };
        let first = error(api.make_offer(as_client(make.clone())).await.unwrap_err());
        desk.decline(&opened.offer, "no").await.unwrap();
        let again = error(api.make_offer(as_client(make)).await.unwrap_err());
        assert_eq!((first.reason, first.metadata), (again.reason, again.metadata));
        assert_eq!(desk.count("SELECT count(*) AS n FROM offers").await, 1);
    }
}
