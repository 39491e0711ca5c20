//! The checker of the books finds nothing in sound ones, and each tampering with them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use amends::role::Role;
use api::compensation as wire;
use api::compensation::compensation_service_client::CompensationServiceClient;
use api::compensation::ledger_service_client::LedgerServiceClient;
use durable::sql;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use testkit::Backend;

use amends_tests::checker::Checker;
use amends_tests::in_process::InProcess;

use crate::support::{event, integer, money, tamper};

/// A payout that was paid and came back in part, one that was refused, vouchers in every state, an order, and vouchers that
/// were signed for in the place of its refund, one of them used in part and voided.
async fn fill(suite: &InProcess) {
    let mut remedies = CompensationServiceClient::new(suite.channel());
    let mut ledger = LedgerServiceClient::new(suite.channel());
    let mut number = 0_u32;
    let mut id = || {
        number += 1;
        format!("books-{number}")
    };
    let amount = |cents: i64| match money("USD", cents).value {
        Some(api::common::fact::Value::Money(money)) => Some(money),
        _ => None,
    };
    let order = api::common::Fact { value: Some(api::common::fact::Value::Text("A-1".to_owned())) };
    let capture = wire::RecordCaptureRequest {
        request_id: id(),
        order: "A-1".to_owned(),
        capture: "c".to_owned(),
        amount: amount(5_000),
    };
    ledger.record_capture(capture).await.unwrap();
    let mut opened = Vec::new();
    for payee in ["ada", "decline:bob"] {
        let facts = [("overcharged_amount", money("USD", 1_000)), ("order", order.clone())];
        let remedy = wire::Remedy {
            case: format!("cases/{}", uuid::Uuid::from_u128(7)),
            customer: format!("customers/{}", uuid::Uuid::from_u128(8)),
            event: Some(event("bill.wrong", kernel::Clock::now(&suite.clock), facts)),
            payee: payee.to_owned(),
            ..wire::Remedy::default()
        };
        let request = wire::OpenRemedyRequest { request_id: id(), remedy_id: String::new(), remedy: Some(remedy) };
        opened.push(remedies.open_remedy(request).await.unwrap().into_inner());
    }
    let text = |text: &str| api::common::Fact { value: Some(api::common::fact::Value::Text(text.to_owned())) };
    let mut signed = Vec::new();
    for (case, cents) in [(10, 700), (11, 800)] {
        let facts = [
            ("origin", text("JFK")),
            ("destination", text("LAX")),
            ("ticket_price", money("USD", cents)),
            ("order", order.clone()),
        ];
        let remedy = wire::Remedy {
            case: format!("cases/{}", uuid::Uuid::from_u128(case)),
            customer: format!("customers/{}", uuid::Uuid::from_u128(8)),
            event: Some(event("flight.cancelled", kernel::Clock::now(&suite.clock), facts)),
            recovery: Some(wire::RecoveryContext { apologised: true, ..wire::RecoveryContext::default() }),
            ..wire::Remedy::default()
        };
        let request = wire::OpenRemedyRequest { request_id: id(), remedy_id: String::new(), remedy: Some(remedy) };
        let opened = remedies.open_remedy(request).await.unwrap().into_inner();
        let sign = wire::RespondToOfferRequest {
            request_id: id(),
            name: opened.offer,
            response: Some(wire::respond_to_offer_request::Response::AcceptOption("voucher".to_owned())),
            consent: "archive/7.pdf".to_owned(),
        };
        remedies.respond_to_offer(sign).await.unwrap();
        let given = remedies.get_remedy(wire::GetRemedyRequest { name: opened.name }).await.unwrap().into_inner();
        for name in given.vouchers {
            let voucher = remedies.get_voucher(wire::GetVoucherRequest { name }).await.unwrap().into_inner();
            signed.extend((voucher.amount == amount(cents)).then_some(voucher));
        }
    }
    let mut vouchers = Vec::new();
    for _ in 0..4 {
        let remedy = wire::Remedy {
            case: format!("cases/{}", uuid::Uuid::from_u128(9)),
            customer: format!("customers/{}", uuid::Uuid::from_u128(8)),
            event: Some(event(
                "flight.delayed",
                kernel::Clock::now(&suite.clock),
                [("arrival_delay_minutes", integer(200))],
            )),
            ..wire::Remedy::default()
        };
        let request = wire::OpenRemedyRequest { request_id: id(), remedy_id: String::new(), remedy: Some(remedy) };
        let given = remedies.open_remedy(request).await.unwrap().into_inner();
        let get = wire::GetVoucherRequest { name: given.vouchers[0].clone() };
        vouchers.push(remedies.get_voucher(get).await.unwrap().into_inner());
    }
    for (voucher, cents) in [(&vouchers[0], 100), (&vouchers[1], 200), (&signed[0], 300)] {
        let request = wire::RedeemVoucherRequest {
            request_id: id(),
            code: voucher.code.clone(),
            amount: amount(cents),
            ..wire::RedeemVoucherRequest::default()
        };
        ledger.redeem_voucher(request).await.unwrap();
    }
    suite.pass(Duration::from_secs(3_600)).await;
    for (grant, cents) in [(&vouchers[1].name, None), (&signed[0].name, None), (&opened[0].payouts[0], Some(400))] {
        let request = wire::ReverseGrantRequest {
            request_id: id(),
            grant: grant.clone(),
            amount: cents.and_then(amount),
            reason: "a test".to_owned(),
            reversed_by: "Ada".to_owned(),
        };
        ledger.reverse_grant(request).await.unwrap();
    }
}

/// Each tampering, the invariant that it breaks, and how it is undone.
const TAMPERINGS: [(&str, &str, &str); 16] = [
    (
        "I8",
        "UPDATE vouchers SET redeemed_minor = 99 WHERE redeemed_minor = 100",
        "UPDATE vouchers SET redeemed_minor = 100 WHERE redeemed_minor = 99",
    ),
    (
        "I8",
        "UPDATE ledger_entries SET side = CASE side WHEN 'DEBIT' THEN 'CREDIT' ELSE 'DEBIT' END WHERE account = 'expense'",
        "UPDATE ledger_entries SET side = CASE side WHEN 'DEBIT' THEN 'CREDIT' ELSE 'DEBIT' END WHERE account = 'expense'",
    ),
    (
        "I8",
        "UPDATE voucher_redemptions SET amount_minor = 101 WHERE amount_minor = 100",
        "UPDATE voucher_redemptions SET amount_minor = 100 WHERE amount_minor = 101",
    ),
    (
        "I9",
        "UPDATE payouts SET state = 'UNKNOWN' WHERE state = 'CONFIRMED'",
        "UPDATE payouts SET state = 'CONFIRMED' WHERE state = 'UNKNOWN'",
    ),
    (
        "I9",
        "UPDATE payouts SET amount_minor = 1001 WHERE state = 'CONFIRMED'",
        "UPDATE payouts SET amount_minor = 1000 WHERE state = 'CONFIRMED'",
    ),
    (
        "I9",
        "UPDATE vouchers SET state = 'EXPIRED' WHERE state = 'VOIDED'",
        "UPDATE vouchers SET state = 'VOIDED' WHERE state = 'EXPIRED'",
    ),
    (
        "I9",
        "UPDATE ledger_transactions SET kind = 'PAYOUT_POSTED' WHERE kind = 'PAYOUT_VOIDED'",
        "UPDATE ledger_transactions SET kind = 'PAYOUT_VOIDED' WHERE kind = 'PAYOUT_POSTED' AND reverses_id IS NULL AND subject = (SELECT 'payouts/' || lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-' || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)) FROM payouts WHERE state = 'DECLINED')",
    ),
    (
        "I10",
        "UPDATE ledger_entries SET amount_minor = amount_minor + 100000 WHERE transaction_id IN (SELECT id FROM ledger_transactions WHERE reverses_id IS NOT NULL)",
        "UPDATE ledger_entries SET amount_minor = amount_minor - 100000 WHERE transaction_id IN (SELECT id FROM ledger_transactions WHERE reverses_id IS NOT NULL)",
    ),
    (
        "I21",
        "UPDATE orders SET refunded_minor = refunded_minor - 1",
        "UPDATE orders SET refunded_minor = refunded_minor + 1",
    ),
    (
        "I21",
        "UPDATE captures SET amount_minor = amount_minor - 1",
        "UPDATE captures SET amount_minor = amount_minor + 1",
    ),
    (
        "I21",
        "UPDATE order_refunds SET state = 'HELD' WHERE state = 'RELEASED'",
        "UPDATE order_refunds SET state = 'RELEASED' WHERE payout_id IN (SELECT id FROM payouts WHERE state = 'DECLINED')",
    ),
    (
        "I21",
        "UPDATE order_vouchers SET held_minor = held_minor - 1",
        "UPDATE order_vouchers SET held_minor = held_minor + 1",
    ),
    (
        "I25",
        "INSERT INTO ledger_totals VALUES ('default', 'expense', 'CHF', 1, 0)",
        "DELETE FROM ledger_totals WHERE currency = 'CHF'",
    ),
    (
        "I25",
        "INSERT INTO ledger_tail VALUES (-1, 'default', 'expense', 'CHF', 1, 1)",
        "DELETE FROM ledger_tail WHERE id = -1",
    ),
    (
        "I25",
        "INSERT INTO experiment_arms VALUES ('default', 'e', 'a', 1, 1, 0, 0, 0, 0, 0, 0)",
        "DELETE FROM experiment_arms",
    ),
    ("I10", "UPDATE ledger_transactions SET reverses_id = NULL", ""),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_tampering_is_found() {
    let suite = InProcess::start(Backend::Sqlite, "checker-books").await;
    fill(&suite).await;
    // Stopped, or the service would go on with what was tampered with.
    let databases = suite.stop().await;
    let checker = Checker::of_databases(&databases).await;
    checker.check_books().await.assert_none();
    let database = databases.connect(Role::Compensation).await;
    let states = "SELECT count(DISTINCT state) AS n FROM vouchers";
    let rows = database.query_all_raw(Statement::from_string(DbBackend::Sqlite, states)).await.unwrap();
    assert_eq!(sql::column::<i64>(&rows[0], "n").unwrap(), 2, "issued and voided ones");
    // The guards of the books stand in the way of every tampering that they can see: away with them.
    for guard in [
        "ledger_entries_no_UPDATE",
        "ledger_transactions_no_UPDATE",
        "voucher_redemptions_no_UPDATE",
        "captures_no_UPDATE",
    ] {
        tamper(&database, &format!("DROP TRIGGER {guard}")).await;
    }
    for (invariant, change, undo) in TAMPERINGS {
        tamper(&database, change).await;
        let found = checker.check_books().await;
        let told = found.lines().iter().any(|line| line.starts_with(&format!("{invariant}:")));
        assert!(told, "{change}: {:?}", found.lines());
        if !undo.is_empty() {
            tamper(&database, undo).await;
            checker.check_books().await.assert_none();
        }
    }
}
