//! What comes again after the log of answered requests was swept has no second effect.

use api::compensation as wire;
use durable::KeptAnswers;
use tokio_util::sync::CancellationToken;

use crate::harness::{DAY, Desk, TEMPLATE, as_client, event, integer, minor, money, remedy};

/// Everything that money is known by.
async fn books(desk: &Desk) -> Vec<String> {
    let mut books = vec![format!("{:?}", desk.balances().await)];
    let mut executed: Vec<_> =
        desk.executed().await.into_iter().map(|(key, payout)| format!("{key} {}", payout.requests)).collect();
    executed.sort();
    books.extend(executed);
    for table in
        ["remedies", "offers", "vouchers", "payouts", "ledger_transactions", "voucher_redemptions", "outbound_calls"]
    {
        books.push(format!("{table} {}", desk.count(&format!("SELECT count(*) AS n FROM {table}")).await));
    }
    books
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn no_money_moves_twice_however_late(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let open = desk.open_request(remedy(event(&desk, "flight.delayed", &[("arrival_delay_minutes", integer(200))])));
        let given = desk.api.clone().open_remedy(as_client(open.clone())).await.unwrap().into_inner();
        let voucher = desk.get_voucher(&given.vouchers[0]).await;
        let amount = voucher.amount.clone().unwrap();
        let (_, payout) = desk.refund("ada", ("EUR", 100)).await;
        let redeem = wire::RedeemVoucherRequest {
            request_id: desk.fresh(),
            code: voucher.code.clone(),
            amount: Some(money(&amount.currency_code, minor(&amount) / 4)),
            order: "order 17".to_owned(),
            presented_by: String::new(),
        };
        desk.ledger.clone().redeem_voucher(as_client(redeem.clone())).await.unwrap();
        desk.run_due().await;
        assert_eq!(desk.get_payout(&payout.name).await.state(), wire::payout::State::Confirmed);

        desk.clock.advance(DAY * 31);
        desk.run_due().await;
        let before = books(&desk).await;
        let own = "SELECT count(*) AS n FROM inbound_requests WHERE client = 'service:compensation'";
        assert!(desk.count(own).await > 0);
        let swept = desk.engine.sweep_answers(KeptAnswers::OfEveryMethod, &CancellationToken::new()).await.unwrap();
        assert!(swept.removed > 0 && !swept.more, "{swept:?}");
        assert_eq!(desk.count(own).await, 0, "the service's calls to itself are gone from the log");

        // The log still has what clients were given: there is nothing else that tells two parts of a voucher apart.
        let again = desk.ledger.clone().redeem_voucher(as_client(redeem)).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        let again = desk.api.clone().open_remedy(as_client(open)).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        // The service's own calls find their subjects done with.
        let done: Vec<_> =
            desk.recorded(compensation::NAME).await.into_iter().filter(|call| call.state != "pending").collect();
        assert!(!done.is_empty());
        for call in &done {
            desk.deliver(call).await.unwrap();
        }
        assert_eq!(books(&desk).await, before);
        desk.assert_ledger_balances().await;
    }
}
