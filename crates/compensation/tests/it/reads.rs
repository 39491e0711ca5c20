//! Lists come by page, in their order, and a page token belongs to its query.

use api::compensation as wire;
use api::reason::BAD_PAGE_TOKEN;
use std::time::Duration;

use crate::harness::{Desk, TEMPLATE, as_client, case, error, event, integer, money_fact, remedy_of};

async fn seeded(database: &testkit::TestDatabase) -> Desk {
    let desk = Desk::open(database).await;
    for number in 0..5_i64 {
        let minutes = [("arrival_delay_minutes", integer(200 + number))];
        desk.remedy(remedy_of(7, event(&desk, "flight.delayed", &minutes))).await;
        let price = [("overcharged_amount", money_fact("EUR", 100 + number))];
        desk.remedy(remedy_of(8, event(&desk, "bill.wrong", &price))).await;
        desk.remedy(remedy_of(8, event(&desk, "parcel.lost", &[]))).await;
        // Two share each moment: the id decides between them.
        if number % 2 == 1 {
            desk.clock.advance(Duration::from_secs(1));
        }
    }
    desk
}

macro_rules! pages {
    ($desk:expr, $method:ident, $request:ident, $items:ident, $case:expr) => {{
        let (mut names, mut token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let request = wire::$request { case: $case, page_size: 2, page_token: token };
            let page = $desk.api.clone().$method(as_client(request)).await.unwrap().into_inner();
            assert!(page.$items.len() <= 2);
            names.extend(
                page.$items
                    .iter()
                    .map(|item| (item.create_time.clone().map(|t| (t.seconds, t.nanos)), item.name.clone())),
            );
            token = page.next_page_token;
            pages += 1;
            if token.is_empty() {
                break (names, pages);
            }
        }
    }};
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn everything_is_listed_once_and_in_order(database: testkit::TestDatabase) {
        let desk = seeded(&database).await;
        let (remedies, pages) = pages!(desk, list_remedies, ListRemediesRequest, remedies, case(8));
        assert_eq!((remedies.len(), pages), (10, 5));
        let (offers, _) = pages!(desk, list_offers, ListOffersRequest, offers, case(8));
        let (vouchers, pages) = pages!(desk, list_vouchers, ListVouchersRequest, vouchers, case(7));
        assert_eq!((offers.len(), vouchers.len(), pages), (5, 5, 3));
        let (payouts, _) = pages!(desk, list_payouts, ListPayoutsRequest, payouts, case(8));
        let (of_case, _) =
            pages!(desk, list_ledger_transactions, ListLedgerTransactionsRequest, ledger_transactions, case(8));
        let (all, _) =
            pages!(desk, list_ledger_transactions, ListLedgerTransactionsRequest, ledger_transactions, String::new());
        assert_eq!((payouts.len(), of_case.len(), all.len()), (5, 5, 10));
        for oldest_first in [&remedies, &vouchers, &payouts, &of_case, &all] {
            assert!(oldest_first.is_sorted() && oldest_first.windows(2).all(|two| two[0] != two[1]));
        }
        assert!(offers.iter().rev().is_sorted(), "newest first");
    }

    async fn a_ledger_transaction_shows_its_entries(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (opened, payout) = desk.refund("ada", ("EUR", 1_250)).await;
        desk.run_due().await;
        let request = wire::ListLedgerTransactionsRequest { case: opened.case.clone(), ..Default::default() };
        let ledger = desk.api.clone().list_ledger_transactions(as_client(request)).await.unwrap().into_inner();
        let mut shown: Vec<_> = ledger
            .ledger_transactions
            .iter()
            .map(|transaction| {
                assert_eq!((&transaction.subject, &transaction.case), (&payout.name, &opened.case));
                let entries = transaction.entries.iter().map(|entry| {
                    assert!(entry.debit.is_some() != entry.credit.is_some());
                    format!("{}{}", if entry.debit.is_some() { '+' } else { '-' }, entry.account)
                });
                (transaction.kind.clone(), entries.collect::<Vec<_>>().join(" "))
            })
            .collect();
        // Both were written in the same moment of the virtual clock.
        shown.sort();
        assert_eq!(shown, [
            (
                "PAYOUT_POSTED".to_owned(),
                "+customer_payable -provider_clearing +expense -budget_reserved".to_owned()
            ),
            ("PAYOUT_RESERVED".to_owned(), "+budget_reserved -customer_payable".to_owned()),
        ]);
        let read = desk.get_remedy(&opened.name).await;
        assert_eq!(read.payouts, [payout.name]);
        assert_eq!(read.etag, "2");
    }

    async fn a_page_token_of_another_query_is_refused(database: testkit::TestDatabase) {
        let desk = seeded(&database).await;
        let list = |case: String, page_token: String| wire::ListRemediesRequest { case, page_size: 2, page_token };
        let mut api = desk.api.clone();
        let token = api.list_remedies(as_client(list(case(8), String::new()))).await.unwrap().into_inner().next_page_token;
        let forged = format!("{}A", &token[..token.len() - 1]);
        for (case, token) in [(case(7), token.clone()), (case(8), forged), (case(8), "%".to_owned())] {
            let refused = error(api.list_remedies(as_client(list(case, token))).await.unwrap_err());
            assert_eq!(refused.reason, BAD_PAGE_TOKEN);
        }
        let other = wire::ListPayoutsRequest { case: case(8), page_size: 2, page_token: token };
        assert_eq!(error(api.list_payouts(as_client(other)).await.unwrap_err()).reason, BAD_PAGE_TOKEN);
    }
}
