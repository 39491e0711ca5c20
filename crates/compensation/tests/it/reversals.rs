//! A grant is taken back once, by a transaction of its own, and never beyond what was given.

use api::compensation as wire;
use api::reason::compensation::{GRANT_NOT_REVERSIBLE, GRANT_REVERSED, REVERSAL_ABOVE_GRANT, VOUCHER_NOT_USABLE};
use api::reason::{IDEMPOTENCY_KEY_REUSED, INVALID_FIELDS, RESOURCE_NOT_FOUND};
use kernel::{ServiceError, TenantId};

use crate::harness::{DAY, Desk, TEMPLATE, again, as_client, error, event, integer, minor, money, of_tenant, remedy};

fn request(desk: &Desk, grant: &str, amount: Option<(&str, i64)>) -> wire::ReverseGrantRequest {
    wire::ReverseGrantRequest {
        request_id: desk.fresh(),
        grant: grant.to_owned(),
        amount: amount.map(|(currency, minor)| money(currency, minor)),
        reason: "given by mistake".to_owned(),
        reversed_by: "Ada".to_owned(),
    }
}

async fn send(desk: &Desk, request: wire::ReverseGrantRequest) -> Result<wire::GrantReversal, ServiceError> {
    again(|| async { desk.ledger.clone().reverse_grant(as_client(request.clone())).await }).await
}

async fn voucher(desk: &Desk) -> (wire::Voucher, String, i64) {
    let given = desk.remedy(remedy(event(desk, "flight.delayed", &[("arrival_delay_minutes", integer(200))]))).await;
    let voucher = desk.get_voucher(&given.vouchers[0]).await;
    let amount = voucher.amount.clone().unwrap();
    (voucher, amount.currency_code.clone(), minor(&amount))
}

fn redeem(desk: &Desk, voucher: &wire::Voucher, amount: (&str, i64)) -> wire::RedeemVoucherRequest {
    wire::RedeemVoucherRequest {
        request_id: desk.fresh(),
        code: voucher.code.clone(),
        amount: Some(money(amount.0, amount.1)),
        ..Default::default()
    }
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_voucher_is_voided_and_what_was_used_stays_used(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (it, currency, amount) = voucher(&desk).await;
        desk.ledger.clone().redeem_voucher(as_client(redeem(&desk, &it, (&currency, 100)))).await.unwrap();
        let reversal = send(&desk, request(&desk, &it.name, None)).await.unwrap();
        assert_eq!(minor(reversal.amount.as_ref().unwrap()), amount - 100);
        let shown = desk.get_voucher(&it.name).await;
        assert_eq!((shown.state(), minor(shown.remaining.as_ref().unwrap())), (wire::voucher::State::Voided, 0));
        let late = desk.ledger.clone().redeem_voucher(as_client(redeem(&desk, &it, (&currency, 1)))).await;
        assert_eq!(error(late.unwrap_err()).reason, VOUCHER_NOT_USABLE);
        let balances = desk.balances().await;
        assert_eq!((balances[&format!("expense {currency}")], balances[&format!("voucher_clearing {currency}")]), (100, -100));
        assert!(!balances.contains_key(&format!("voucher_liability {currency}")));
        assert_eq!(desk.next_due().await, None, "its timer has been taken back");

        let name = format!("{}/reversal", it.name);
        let get = wire::GetGrantReversalRequest { name: name.clone() };
        let got = desk.ledger.clone().get_grant_reversal(as_client(get)).await.unwrap().into_inner();
        assert_eq!((&got, got.name.as_str()), (&reversal, name.as_str()));
        let list = wire::ListLedgerTransactionsRequest::default();
        let booked = desk.api.clone().list_ledger_transactions(as_client(list)).await.unwrap().into_inner();
        let of = |kind: &str| booked.ledger_transactions.iter().find(|booked| booked.kind == kind).unwrap();
        assert_eq!(of("VOUCHER_REVERSED").name, reversal.ledger_transaction);
        assert_eq!(of("VOUCHER_REVERSED").reverses, of("VOUCHER_ISSUED").name);
        assert_eq!(send(&desk, request(&desk, &it.name, None)).await.unwrap_err().reason, GRANT_REVERSED);
        let records = durable::audit::list(desk.engine.read(), &TenantId::default_tenant(), i64::MAX, 10).await.unwrap();
        let record = &records[0];
        assert_eq!((record.action.as_str(), record.actor.as_str(), record.subject.as_str()), ("GRANT_REVERSED", "Ada (desk)", it.name.as_str()));
        desk.assert_ledger_balances().await;
    }

    async fn a_payout_that_came_back_is_booked_and_stays_paid(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (_, payout) = desk.refund("ada", ("KWD", 12_345)).await;
        let early = send(&desk, request(&desk, &payout.name, None)).await.unwrap_err();
        assert_eq!((early.reason.as_str(), early.metadata["state"].as_str()), (GRANT_NOT_REVERSIBLE, "RESERVED"));
        desk.run_due().await;
        let above = send(&desk, request(&desk, &payout.name, Some(("KWD", 12_346)))).await.unwrap_err();
        assert_eq!((above.reason.as_str(), above.metadata["paid"].as_str()), (REVERSAL_ABOVE_GRANT, "KWD 12.345"));
        let other = send(&desk, request(&desk, &payout.name, Some(("EUR", 1)))).await.unwrap_err();
        assert_eq!((other.reason.as_str(), other.violations[0].field.as_str()), (INVALID_FIELDS, "amount"));

        let back = send(&desk, request(&desk, &payout.name, Some(("KWD", 12_000)))).await.unwrap();
        assert_eq!(minor(back.amount.as_ref().unwrap()), 12_000);
        assert_eq!(desk.get_payout(&payout.name).await.state(), wire::payout::State::Confirmed);
        let balances = desk.balances().await;
        assert_eq!((balances["expense KWD"], balances["provider_clearing KWD"]), (345, -345));
        assert_eq!(send(&desk, request(&desk, &payout.name, Some(("KWD", 1)))).await.unwrap_err().reason, GRANT_REVERSED);
        assert_eq!(desk.executed().await[&payout.payout_key].requests, 1, "the provider is asked nothing");
        desk.assert_ledger_balances().await;
    }

    async fn only_what_is_there_can_be_taken_back(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (it, currency, amount) = voucher(&desk).await;
        let foreign = request(&desk, &it.name, None);
        let foreign = desk.ledger.clone().reverse_grant(of_tenant("other", "desk", foreign)).await.unwrap_err();
        assert_eq!(error(foreign).reason, RESOURCE_NOT_FOUND);
        let get = wire::GetGrantReversalRequest { name: format!("{}/reversal", it.name) };
        assert_eq!(error(desk.ledger.clone().get_grant_reversal(as_client(get)).await.unwrap_err()).reason, RESOURCE_NOT_FOUND);
        for name in ["", "vouchers/7", "vouchers/7/reversal", it.name.as_str()] {
            let get = wire::GetGrantReversalRequest { name: name.to_owned() };
            let refused = error(desk.ledger.clone().get_grant_reversal(as_client(get)).await.unwrap_err());
            assert_eq!(refused.violations[0].field, "name", "{name}");
        }
        let bad = wire::ReverseGrantRequest { amount: Some(money("EUR", 1)), reason: String::new(), ..request(&desk, &it.name, None) };
        let fields: Vec<_> = send(&desk, bad).await.unwrap_err().violations.into_iter().map(|found| found.field).collect();
        assert_eq!(fields, ["amount", "reason"]);
        let bad = wire::ReverseGrantRequest { request_id: desk.fresh(), grant: "offers/7".to_owned(), ..Default::default() };
        let fields: Vec<_> = send(&desk, bad).await.unwrap_err().violations.into_iter().map(|found| found.field).collect();
        assert_eq!(fields, ["grant", "reason", "reversed_by"]);
        desk.ledger.clone().redeem_voucher(as_client(redeem(&desk, &it, (&currency, amount)))).await.unwrap();
        let used = send(&desk, request(&desk, &it.name, None)).await.unwrap_err();
        assert_eq!((used.reason.as_str(), used.metadata["state"].as_str()), (GRANT_NOT_REVERSIBLE, "REDEEMED"));
        let (old, ..) = voucher(&desk).await;
        desk.clock.advance(DAY * 366);
        let expired = send(&desk, request(&desk, &old.name, None)).await.unwrap_err();
        assert_eq!(expired.metadata["state"], "EXPIRED", "its time is over, whether its timer has said so or not");
    }

    /// A hundred identical requests, then a hundred different ones, of which one can win.
    async fn a_hundred_at_once_reverse_once(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let reversed = "SELECT count(*) AS n FROM ledger_transactions WHERE reverses_id IS NOT NULL";
        let (it, currency, amount) = voucher(&desk).await;
        let same = request(&desk, &it.name, None);
        let answers = futures::future::join_all((0..100).map(|_| send(&desk, same.clone()))).await;
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(desk.count(reversed).await, 1);
        let other = wire::ReverseGrantRequest { reason: "another".to_owned(), ..same };
        assert_eq!(send(&desk, other).await.unwrap_err().reason, IDEMPOTENCY_KEY_REUSED);

        let (_, payout) = desk.refund("ada", ("EUR", 1_000)).await;
        desk.run_due().await;
        let all = (1..=100).map(|n| send(&desk, request(&desk, &payout.name, Some(("EUR", n * 10)))));
        let results = futures::future::join_all(all).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(results.into_iter().filter_map(Result::err).all(|refused| refused.reason == GRANT_REVERSED));
        assert_eq!(desk.count(reversed).await, 2);

        // Used and voided at once: each minor unit goes one way.
        let (both, ..) = voucher(&desk).await;
        let uses = (0..50).map(|_| async {
            let request = redeem(&desk, &both, (&currency, amount / 40));
            desk.ledger.clone().redeem_voucher(as_client(request)).await.is_ok()
        });
        let voids = (0..50).map(|_| async { send(&desk, request(&desk, &both.name, None)).await.is_ok() });
        let (used, voided) = futures::future::join(futures::future::join_all(uses), futures::future::join_all(voids)).await;
        let used = i64::try_from(used.into_iter().filter(|used| *used).count()).unwrap() * (amount / 40);
        let voided = voided.into_iter().filter(|voided| *voided).count();
        assert!(voided == 1 || (voided == 0 && used == amount), "{voided} {used}");
        assert!(!desk.balances().await.contains_key(&format!("voucher_liability {currency}")), "nothing is owed any more");
        let booked = desk.balances().await.get(&format!("voucher_clearing {currency}")).copied().unwrap_or(0);
        assert_eq!(booked, -used);
        desk.assert_ledger_balances().await;
    }
}
