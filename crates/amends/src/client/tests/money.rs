//! Vouchers, captures and the kill switch from the command line.

use api::compensation::{
    FreezePayoutsRequest, GetVoucherLiabilityResponse, GrantReversal, OrderFunds, PayoutFreeze, RecordCaptureRequest,
    RedeemVoucherRequest, ReverseGrantRequest, Voucher, VoucherLiability, VoucherRedemption, payout_freeze,
};
use api::google::r#type::Money;
use prost_types::Duration;

use super::run;
use super::server::Server;

const VOUCHER: &str = "vouchers/01980000-0000-7000-8000-000000000009";

fn eur(units: i64, nanos: i32) -> Option<Money> {
    Some(Money { currency_code: "EUR".into(), units, nanos })
}

#[tokio::test]
async fn a_voucher_is_used_and_taken_back() {
    let server = Server::start().await;
    let voucher = Voucher { name: VOUCHER.into(), remaining: eur(7, 500_000_000), ..Voucher::default() };
    let used = VoucherRedemption {
        name: "voucherRedemptions/1".into(),
        voucher: Some(voucher),
        amount: eur(12, 500_000_000),
        order: "A-17".into(),
        ..VoucherRedemption::default()
    };
    server.script.answer("redeem_voucher", &used);
    let ran = run(&server, &["voucher", "redeem", "0A1B2C3-4D5E6F7", "--amount", "EUR 12.50", "--order", "A-17"]).await;
    let out = ran.answer();
    assert!(out.contains("used        EUR 12.50") && out.contains("left        EUR 7.50"), "{out}");
    let asked = &server.script.requests::<RedeemVoucherRequest>("redeem_voucher")[0];
    assert_eq!((asked.code.as_str(), &asked.amount, asked.order.as_str()), ("0A1B2C3-4D5E6F7", &used.amount, "A-17"));

    let reversal = GrantReversal { name: format!("{VOUCHER}/reversal"), amount: eur(7, 0), ..GrantReversal::default() };
    server.script.answer("reverse_grant", &reversal);
    let ran = run(&server, &["voucher", "reverse", VOUCHER, "--by", "Kim", "--reason", "A mistake"]).await;
    assert!(ran.answer().contains("EUR 7.00"), "{ran:?}");
    let asked = &server.script.requests::<ReverseGrantRequest>("reverse_grant")[0];
    let said = (asked.grant.as_str(), asked.reason.as_str(), asked.reversed_by.as_str(), &asked.amount);
    assert_eq!(said, (VOUCHER, "A mistake", "Kim", &None));
}

#[tokio::test]
async fn the_liability_is_a_table() {
    let server = Server::start().await;
    let days = |days: i64| Some(Duration { seconds: days * 86_400, nanos: 0 });
    let line = VoucherLiability {
        min_age: days(30),
        max_age: days(90),
        vouchers: 3,
        issued: eur(30, 0),
        outstanding: eur(21, 0),
    };
    let report = GetVoucherLiabilityResponse { lines: vec![line], ..GetVoucherLiabilityResponse::default() };
    server.script.answer("get_voucher_liability", &report);
    let ran = run(&server, &["voucher", "liability"]).await;
    let row: Vec<&str> = ran.answer().lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row, ["30d", "90d", "3", "EUR", "30.00", "EUR", "21.00"]);
}

#[tokio::test]
async fn payouts_are_frozen_with_a_reason_and_captures_recorded() {
    let server = Server::start().await;
    let frozen = PayoutFreeze {
        name: "payoutFreeze".into(),
        state: payout_freeze::State::Frozen.into(),
        reason: "Twice".into(),
        changed_by: "Kim".into(),
        update_time: None,
    };
    server.script.answer("freeze_payouts", &frozen);
    server.script.answer("get_payout_freeze", &frozen);
    let ran = run(&server, &["payouts", "freeze", "--by", "Kim", "--reason", "Twice"]).await;
    let shown = ran.answer().to_owned();
    assert!(shown.contains("FROZEN") && shown.contains("Twice"), "{shown}");
    let asked = &server.script.requests::<FreezePayoutsRequest>("freeze_payouts")[0];
    assert_eq!((asked.reason.as_str(), asked.changed_by.as_str()), ("Twice", "Kim"));
    assert_eq!(run(&server, &["payouts", "status"]).await.answer(), shown);

    let funds = OrderFunds { order: "A-17".into(), captured: eur(89, 0), refunded: eur(0, 0), left: eur(89, 0) };
    server.script.answer("record_capture", &funds);
    let words = ["capture", "record", "--order", "A-17", "--capture", "ch_1", "--amount", "EUR 89.00"];
    assert!(run(&server, &words).await.answer().contains("left      EUR 89.00"));
    let asked = &server.script.requests::<RecordCaptureRequest>("record_capture")[0];
    assert_eq!((asked.capture.as_str(), &asked.amount), ("ch_1", &eur(89, 0)));
}
