//! Vouchers are used in parts, once for each request, and never beyond their amount.

use api::compensation as wire;
use api::reason::compensation::{
    TOO_MANY_UNKNOWN_CODES, UNKNOWN_VOUCHER_CODE, VOUCHER_CURRENCY, VOUCHER_INSUFFICIENT, VOUCHER_NOT_USABLE,
};
use api::reason::{IDEMPOTENCY_KEY_REUSED, INVALID_FIELDS};
use kernel::{ErrorCode, ServiceError};
use wire::voucher::State;

use crate::harness::{DAY, Desk, TEMPLATE, again, as_client, error, event, integer, minor, money, of_tenant, remedy};

/// A voucher with an amount, in its currency.
async fn voucher(desk: &Desk) -> (wire::Voucher, String, i64) {
    let given = desk.remedy(remedy(event(desk, "flight.delayed", &[("arrival_delay_minutes", integer(200))]))).await;
    let voucher = desk.get_voucher(&given.vouchers[0]).await;
    let amount = voucher.amount.clone().unwrap();
    (voucher, amount.currency_code.clone(), minor(&amount))
}

/// A discount, issued by an accepted offer.
async fn discount(desk: &Desk) -> wire::Voucher {
    let offered = desk.remedy(remedy(event(desk, "flight.cancelled", &[]))).await;
    let offer = desk.get_offer(&offered.offer).await;
    desk.accept(&offered.offer, &offer.options[0].id).await.unwrap();
    let given = desk.get_remedy(&offered.name).await;
    for name in &given.vouchers {
        let voucher = desk.get_voucher(name).await;
        if voucher.percent > 0 {
            return voucher;
        }
    }
    panic!("no discount in {given:?}");
}

fn request(desk: &Desk, code: &str, amount: Option<(&str, i64)>) -> wire::RedeemVoucherRequest {
    wire::RedeemVoucherRequest {
        request_id: desk.fresh(),
        code: code.to_owned(),
        amount: amount.map(|(currency, minor)| money(currency, minor)),
        order: "order 17".to_owned(),
        presented_by: String::new(),
    }
}

async fn send(desk: &Desk, request: wire::RedeemVoucherRequest) -> Result<wire::VoucherRedemption, ServiceError> {
    again(|| async { desk.ledger.clone().redeem_voucher(as_client(request.clone())).await }).await
}

fn left(redemption: &wire::VoucherRedemption) -> i64 {
    minor(redemption.voucher.as_ref().unwrap().remaining.as_ref().unwrap())
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_voucher_is_used_in_parts_and_the_books_follow(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (it, currency, amount) = voucher(&desk).await;
        let account = |name: &str| format!("{name} {currency}");
        let first = send(&desk, request(&desk, &it.code.to_lowercase(), Some((&currency, 400)))).await.unwrap();
        assert_eq!((left(&first), first.order.as_str(), minor(first.amount.as_ref().unwrap())), (amount - 400, "order 17", 400));
        let balances = desk.balances().await;
        assert_eq!(balances[&account("voucher_liability")], -(amount - 400));
        assert_eq!(balances[&account("voucher_clearing")], -400);
        assert_eq!(balances[&account("expense")], amount);
        let shown = desk.get_voucher(&it.name).await;
        assert_eq!((shown.state(), minor(shown.remaining.as_ref().unwrap())), (State::Issued, amount - 400));

        let above = send(&desk, request(&desk, &it.code, Some((&currency, amount - 399)))).await.unwrap_err();
        assert_eq!(above.reason, VOUCHER_INSUFFICIENT);
        assert!(above.metadata["remaining"].contains(&currency));
        let rest = send(&desk, request(&desk, &it.code, Some((&currency, amount - 400)))).await.unwrap();
        assert_eq!((left(&rest), rest.voucher.as_ref().unwrap().state()), (0, State::Redeemed));
        assert!(!desk.balances().await.contains_key(&account("voucher_liability")), "nothing is owed any more");
        let again = send(&desk, request(&desk, &it.code, Some((&currency, 1)))).await.unwrap_err();
        assert_eq!((again.reason.as_str(), again.metadata["state"].as_str()), (VOUCHER_NOT_USABLE, "REDEEMED"));
        // Its timer has been taken back, and would find nothing to do.
        assert_eq!(desk.next_due().await, None);
        let expire = wire::ExpireVoucherRequest { request_id: desk.fresh(), name: it.name.clone() };
        desk.clock.advance(DAY * 366);
        let expired = desk.api.clone().expire_voucher(as_client(expire)).await.unwrap().into_inner();
        assert_eq!(expired.state(), State::Redeemed);
        desk.assert_ledger_balances().await;
    }

    async fn the_end_of_its_time_books_the_rest_only(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (it, currency, amount) = voucher(&desk).await;
        send(&desk, request(&desk, &it.code, Some((&currency, 100)))).await.unwrap();
        desk.clock.advance(DAY * 366);
        let late = send(&desk, request(&desk, &it.code, Some((&currency, 100)))).await.unwrap_err();
        assert_eq!((late.reason.as_str(), late.metadata["state"].as_str()), (VOUCHER_NOT_USABLE, "EXPIRED"));
        desk.run_due().await;
        assert_eq!(desk.get_voucher(&it.name).await.state(), State::Expired);
        let balances = desk.balances().await;
        assert_eq!(balances[&format!("expense {currency}")], 100, "what was used is what it cost");
        assert_eq!(balances[&format!("voucher_clearing {currency}")], -100);
        assert!(!balances.contains_key(&format!("voucher_liability {currency}")));
        let booked = "SELECT sum(e.amount_minor) AS n FROM ledger_entries e JOIN ledger_transactions t \
                      ON t.tenant_id = e.tenant_id AND t.id = e.transaction_id \
                      WHERE t.kind = 'VOUCHER_EXPIRED' AND e.side = 'DEBIT'";
        assert_eq!(desk.count(&booked.replace("sum(e.amount_minor)", "CAST(sum(e.amount_minor) AS BIGINT)")).await, amount - 100);
    }

    async fn a_discount_is_used_once(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let it = discount(&desk).await;
        let with_amount = send(&desk, request(&desk, &it.code, Some(("EUR", 1)))).await.unwrap_err();
        assert_eq!((with_amount.reason.as_str(), with_amount.violations[0].field.as_str()), (INVALID_FIELDS, "amount"));
        let used = send(&desk, request(&desk, &it.code, None)).await.unwrap();
        assert_eq!((used.percent, used.amount, used.voucher.unwrap().state()), (it.percent, None, State::Redeemed));
        assert_eq!(send(&desk, request(&desk, &it.code, None)).await.unwrap_err().reason, VOUCHER_NOT_USABLE);
        assert_eq!(desk.count("SELECT count(*) AS n FROM ledger_transactions WHERE kind = 'VOUCHER_REDEEMED'").await, 0);
    }

    async fn wrong_requests_change_nothing_and_say_how_to_mend(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (it, currency, amount) = voucher(&desk).await;
        let other = if currency == "JPY" { "EUR" } else { "JPY" };
        let wrong = send(&desk, request(&desk, &it.code, Some((other, 1)))).await.unwrap_err();
        assert_eq!((wrong.reason.as_str(), wrong.metadata["currency"].as_str()), (VOUCHER_CURRENCY, currency.as_str()));
        let missing = send(&desk, request(&desk, &it.code, None)).await.unwrap_err();
        assert_eq!((missing.reason.as_str(), missing.violations[0].field.as_str()), (INVALID_FIELDS, "amount"));
        let unknown = send(&desk, request(&desk, "0000000-0000000", Some((&currency, 1)))).await.unwrap_err();
        assert_eq!((unknown.code, unknown.reason.as_str()), (ErrorCode::NotFound, UNKNOWN_VOUCHER_CODE));
        let bad = wire::RedeemVoucherRequest {
            request_id: String::new(),
            code: "no code".to_owned(),
            amount: Some(money(&currency, 0)),
            order: "x".repeat(129),
            presented_by: "x".repeat(129),
        };
        let bad = send(&desk, bad).await.unwrap_err();
        let fields: Vec<_> = bad.violations.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(fields, ["request_id", "code", "amount", "order", "presented_by"]);
        let foreign = request(&desk, &it.code, Some((&currency, 1)));
        let foreign = desk.ledger.clone().redeem_voucher(of_tenant("other", "desk", foreign)).await.unwrap_err();
        assert_eq!(error(foreign).reason, UNKNOWN_VOUCHER_CODE, "another tenant's code does not exist");
        assert_eq!(minor(&desk.get_voucher(&it.name).await.remaining.unwrap()), amount);
        assert_eq!(desk.count("SELECT count(*) AS n FROM voucher_redemptions").await, 0);
    }

    async fn the_same_request_has_one_effect_and_one_answer(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (it, currency, amount) = voucher(&desk).await;
        let same = request(&desk, &it.code, Some((&currency, 100)));
        let all = (0..100).map(|_| send(&desk, same.clone()));
        let answers: Vec<_> = futures::future::join_all(all).await.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(minor(&desk.get_voucher(&it.name).await.remaining.unwrap()), amount - 100);
        assert_eq!(desk.count("SELECT count(*) AS n FROM ledger_transactions WHERE kind = 'VOUCHER_REDEEMED'").await, 1);
        let other = wire::RedeemVoucherRequest { amount: Some(money(&currency, 200)), ..same };
        assert_eq!(send(&desk, other).await.unwrap_err().reason, IDEMPOTENCY_KEY_REUSED);
        assert_eq!(minor(&desk.get_voucher(&it.name).await.remaining.unwrap()), amount - 100);
    }

    async fn a_hundred_at_once_use_no_more_than_there_is(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (it, currency, amount) = voucher(&desk).await;
        let part = amount / 37;
        let all = (0..100).map(|_| send(&desk, request(&desk, &it.code, Some((&currency, part)))));
        let results = futures::future::join_all(all).await;
        let used = i64::try_from(results.iter().filter(|result| result.is_ok()).count()).unwrap();
        assert_eq!(used, amount / part);
        for refused in results.into_iter().filter_map(Result::err) {
            assert!([VOUCHER_INSUFFICIENT, VOUCHER_NOT_USABLE].contains(&refused.reason.as_str()), "{refused}");
        }
        assert_eq!(minor(&desk.get_voucher(&it.name).await.remaining.unwrap()), amount - used * part);
        let booked = desk.balances().await[&format!("voucher_clearing {currency}")];
        assert_eq!(booked, -used * part);
        desk.assert_ledger_balances().await;
    }

    async fn who_guesses_has_to_wait_and_stops_nobody_else(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (it, currency, _) = voucher(&desk).await;
        let guess = |by: &str| wire::RedeemVoucherRequest {
            presented_by: by.to_owned(),
            ..request(&desk, "0000000-0000000", Some((&currency, 1)))
        };
        let repeated = guess("mallory");
        for _ in 0..30 {
            // One request that comes again and again is one guess.
            assert_eq!(send(&desk, repeated.clone()).await.unwrap_err().reason, UNKNOWN_VOUCHER_CODE);
        }
        for _ in 1..20 {
            assert_eq!(send(&desk, guess("mallory")).await.unwrap_err().reason, UNKNOWN_VOUCHER_CODE);
        }
        let stopped = send(&desk, guess("mallory")).await.unwrap_err();
        assert_eq!((stopped.code, stopped.reason.as_str()), (ErrorCode::ResourceExhausted, TOO_MANY_UNKNOWN_CODES));
        assert!(stopped.retry_after.is_some());
        assert_eq!(send(&desk, repeated).await.unwrap_err().reason, UNKNOWN_VOUCHER_CODE, "answered before");
        assert_eq!(send(&desk, guess("ada")).await.unwrap_err().reason, UNKNOWN_VOUCHER_CODE);
        let honest = wire::RedeemVoucherRequest {
            presented_by: "ada".to_owned(),
            ..request(&desk, &it.code, Some((&currency, 1)))
        };
        send(&desk, honest).await.unwrap();
        desk.clock.advance(DAY / 24);
        assert_eq!(send(&desk, guess("mallory")).await.unwrap_err().reason, UNKNOWN_VOUCHER_CODE);
        let kept = "SELECT count(*) AS n FROM voucher_misses WHERE presented_by = 'mallory'";
        assert_eq!(desk.count(kept).await, 1, "what is over is forgotten");
    }

    async fn the_liability_is_told_by_currency_and_age(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let report = || async {
            let request = wire::GetVoucherLiabilityRequest {};
            desk.ledger.clone().get_voucher_liability(as_client(request)).await.unwrap().into_inner()
        };
        assert_eq!(report().await.lines, []);
        let (it, currency, amount) = voucher(&desk).await;
        desk.clock.advance(DAY * 30);
        voucher(&desk).await;
        discount(&desk).await;
        send(&desk, request(&desk, &it.code, Some((&currency, 100)))).await.unwrap();
        let told = report().await;
        let days = |age: &Option<prost_types::Duration>| age.as_ref().map(|age| age.seconds / 86_400);
        let lines: Vec<_> = told
            .lines
            .iter()
            .map(|line| {
                let (issued, outstanding) = (line.issued.as_ref().unwrap(), line.outstanding.as_ref().unwrap());
                (days(&line.min_age), days(&line.max_age), line.vouchers, minor(issued), minor(outstanding))
            })
            .collect();
        assert_eq!(lines, [(Some(0), Some(30), 1, amount, amount), (Some(30), Some(90), 1, amount, amount - 100)]);
        let booked = &told.booked[0];
        let owed = minor(booked.credits.as_ref().unwrap()) - minor(booked.debits.as_ref().unwrap());
        assert_eq!(owed, 2 * amount - 100, "the books hold what the lines sum up to");
        desk.clock.advance(DAY * 330);
        let oldest = report().await;
        let lines: Vec<_> = oldest.lines.iter().map(|line| (days(&line.min_age), days(&line.max_age))).collect();
        assert_eq!(lines, [(Some(90), Some(365))], "330 and 360 days");
    }
}
