//! What belongs to another tenant does not exist.

use api::compensation as wire;
use kernel::ErrorCode;
use tonic::{Request, Response};

use crate::harness::{Desk, TEMPLATE, as_client, case, error, event, integer, money_fact, of_tenant, remedy};

fn foreign<T>(message: T) -> Request<T> {
    of_tenant("other", "desk", message)
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn another_tenants_resources_answer_like_unknown_ones(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let offered = desk.remedy(remedy(event(&desk, "flight.cancelled", &[]))).await;
        let given = desk.remedy(remedy(event(&desk, "flight.delayed", &[("arrival_delay_minutes", integer(200))]))).await;
        let (_, payout) = desk.refund("ada", ("EUR", 100)).await;
        let rid = || desk.fresh();
        let mut api = desk.api.clone();
        let accept = wire::respond_to_offer_request::Response::AcceptOption("rebook".to_owned());
        let (offer, voucher) = (offered.offer.clone(), given.vouchers[0].clone());
        let refused = [
            api.get_remedy(foreign(wire::GetRemedyRequest { name: offered.name.clone() })).await.map(drop),
            api.get_offer(foreign(wire::GetOfferRequest { name: offer.clone() })).await.map(drop),
            api.get_voucher(foreign(wire::GetVoucherRequest { name: voucher.clone() })).await.map(drop),
            api.get_payout(foreign(wire::GetPayoutRequest { name: payout.name.clone() })).await.map(drop),
            api.respond_to_offer(foreign(wire::RespondToOfferRequest { request_id: rid(), name: offer.clone(), response: Some(accept), consent: String::new() })).await.map(drop),
            api.expire_offer(foreign(wire::ExpireOfferRequest { request_id: rid(), name: offer.clone() })).await.map(drop),
            api.expire_voucher(foreign(wire::ExpireVoucherRequest { request_id: rid(), name: voucher.clone() })).await.map(drop),
            api.advance_payout(foreign(wire::AdvancePayoutRequest { request_id: rid(), name: payout.name.clone(), look_up: false })).await.map(drop),
            api.make_offer(foreign(wire::MakeOfferRequest {
                request_id: rid(),
                offer: Some(wire::Offer {
                    remedy: offered.name.clone(),
                    options: vec![wire::Option { id: "a".to_owned(), description: "A".to_owned(), lines: vec![], ..wire::Option::default() }],
                    ..wire::Offer::default()
                }),
                made_by: "Ada".to_owned(), role: String::new(),
            })).await.map(drop),
        ];
        for (index, refused) in refused.into_iter().enumerate() {
            assert_eq!(error(refused.unwrap_err()).code, ErrorCode::NotFound, "call {index}");
        }
        assert!(desk.executed().await.is_empty());
        let list = wire::ListRemediesRequest { case: case(7), page_size: 0, page_token: String::new() };
        assert_eq!(api.list_remedies(foreign(list.clone())).await.unwrap().into_inner().remedies.len(), 0);
        assert_eq!(api.list_remedies(as_client(list)).await.unwrap().into_inner().remedies.len(), 3);
        let balances = api.get_ledger_balances(foreign(wire::GetLedgerBalancesRequest {})).await.unwrap().into_inner();
        assert!(balances.balances.is_empty());
    }

    /// Two tenants may choose the same ids: neither hears of the other.
    async fn two_tenants_may_choose_the_same_ids(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let facts = [("overcharged_amount", money_fact("EUR", 700))];
        let mut request = desk.open_request(remedy(event(&desk, "bill.wrong", &facts)));
        request.remedy_id = "0198f3a0-0000-7000-8000-000000000001".to_owned();
        let mut api = desk.api.clone();
        let first = api.open_remedy(as_client(request.clone())).await.map(Response::into_inner).unwrap();
        let second = api.open_remedy(foreign(request)).await.map(Response::into_inner).unwrap();
        assert_eq!(first.name, second.name);
        assert_ne!(first.payouts, second.payouts);
        let nothing = wire::Remedy { event: Some(event(&desk, "bill.wrong", &[])), ..remedy(event(&desk, "x", &[])) };
        let mut request = desk.open_request(nothing);
        request.remedy_id = "0198f3a0-0000-7000-8000-000000000002".to_owned();
        api.open_remedy(as_client(request.clone())).await.unwrap();
        api.open_remedy(foreign(request)).await.expect("the milestones of both have ids of their own");
    }
}
