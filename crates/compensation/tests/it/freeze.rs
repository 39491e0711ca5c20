//! While payouts are frozen nothing is sent, nothing is lost, nothing gets stuck; afterwards everybody is paid once.

use api::compensation as wire;
use api::reason::{IDEMPOTENCY_KEY_REUSED, INVALID_TRANSITION};
use kernel::{Clock as _, TenantId};
use tonic::Response;
use wire::payout::State;

use crate::harness::{DAY, Desk, TEMPLATE, as_client, config, error, of_tenant};

fn freeze(desk: &Desk, reason: &str) -> wire::FreezePayoutsRequest {
    wire::FreezePayoutsRequest { request_id: desk.fresh(), reason: reason.to_owned(), changed_by: "Ada".to_owned() }
}

fn unfreeze(desk: &Desk) -> wire::UnfreezePayoutsRequest {
    wire::UnfreezePayoutsRequest {
        request_id: desk.fresh(),
        reason: "reconciled".to_owned(),
        changed_by: "Ada".to_owned(),
    }
}

async fn state(desk: &Desk) -> wire::PayoutFreeze {
    let request = wire::GetPayoutFreezeRequest { name: "payoutFreeze".to_owned() };
    desk.ledger.clone().get_payout_freeze(as_client(request)).await.unwrap().into_inner()
}

const FLOWING: i32 = wire::payout_freeze::State::Flowing as i32;
const FROZEN: i32 = wire::payout_freeze::State::Frozen as i32;

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn nothing_is_sent_and_everything_comes_back(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        assert_eq!(state(&desk).await.state, FLOWING);
        let (_, lost) = desk.refund("timeout-after-execute:bob", ("EUR", 700)).await;
        desk.run_due().await;
        assert_eq!(desk.get_payout(&lost.name).await.state(), State::Unknown);
        let asked = desk.executed().await[&lost.payout_key].requests;

        desk.ledger.clone().freeze_payouts(as_client(freeze(&desk, "the provider pays twice"))).await.unwrap();
        let (_, waits) = desk.refund("ada", ("EUR", 500)).await;
        for _ in 0..12 {
            assert!(desk.run_next().await, "a payout that waits comes back");
        }
        // What was never sent still was not, its money stays set aside; what was sent has been found by a look-up.
        let waiting = desk.get_payout(&waits.name).await;
        assert_eq!((waiting.state(), waiting.attempts), (State::Reserved, 0));
        assert!(!desk.executed().await.contains_key(&waits.payout_key));
        assert_eq!(desk.balances().await["budget_reserved EUR"] , 500 + if desk.get_payout(&lost.name).await.state() == State::Confirmed { 0 } else { 700 });
        assert_eq!(desk.executed().await[&lost.payout_key].requests, asked, "nothing was sent again");
        desk.assert_ledger_balances().await;
        assert_eq!(desk.count("SELECT count(*) AS n FROM outbound_calls WHERE state = 'parked'").await, 0);

        desk.ledger.clone().unfreeze_payouts(as_client(unfreeze(&desk))).await.unwrap();
        while desk.run_next().await {}
        for payout in [&waits, &lost] {
            assert_eq!(desk.get_payout(&payout.name).await.state(), State::Confirmed);
            assert_eq!(desk.executed().await[&payout.payout_key].executions, 1);
        }
        desk.assert_ledger_balances().await;
    }

    async fn the_switch_is_on_record_and_safe_to_repeat(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut ledger = desk.ledger.clone();
        let refused = error(ledger.unfreeze_payouts(as_client(unfreeze(&desk))).await.unwrap_err());
        assert_eq!(refused.reason, INVALID_TRANSITION);
        let request = freeze(&desk, "drill");
        let first = ledger.freeze_payouts(as_client(request.clone())).await.map(Response::into_inner).unwrap();
        let again = ledger.freeze_payouts(as_client(request.clone())).await.map(Response::into_inner).unwrap();
        assert_eq!((first.state, &first), (FROZEN, &again));
        let other = wire::FreezePayoutsRequest { reason: "other".to_owned(), ..request };
        assert_eq!(error(ledger.freeze_payouts(as_client(other)).await.unwrap_err()).reason, IDEMPOTENCY_KEY_REUSED);
        let request = unfreeze(&desk);
        for _ in 0..2 {
            ledger.unfreeze_payouts(as_client(request.clone())).await.unwrap();
        }
        assert_eq!(state(&desk).await.state, FLOWING);
        ledger.freeze_payouts(as_client(freeze(&desk, "again"))).await.unwrap();
        let told = state(&desk).await;
        assert_eq!((told.state, told.reason.as_str(), told.changed_by.as_str()), (FROZEN, "again", "Ada"));
        let records = durable::audit::list(desk.engine.read(), &TenantId::default_tenant(), i64::MAX, 10).await.unwrap();
        let actions: Vec<_> = records.iter().map(|record| (record.action.as_str(), record.reason.as_str())).collect();
        assert_eq!(
            actions,
            [("PAYOUTS_FROZEN", "again"), ("PAYOUTS_UNFROZEN", "reconciled"), ("PAYOUTS_FROZEN", "drill")]
        );
        assert_eq!(records[0].actor, "Ada (desk)");
        let empty = wire::FreezePayoutsRequest { request_id: desk.fresh(), ..Default::default() };
        let fields: Vec<_> = error(ledger.freeze_payouts(as_client(empty)).await.unwrap_err()).violations;
        assert_eq!(fields.iter().map(|found| found.field.as_str()).collect::<Vec<_>>(), ["reason", "changed_by"]);
        let wrong = wire::GetPayoutFreezeRequest { name: "payouts".to_owned() };
        assert_eq!(error(ledger.get_payout_freeze(as_client(wrong)).await.unwrap_err()).violations[0].field, "name");
    }

    async fn another_tenant_is_paid_meanwhile(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        desk.ledger.clone().freeze_payouts(of_tenant("other", "desk", freeze(&desk, "drill"))).await.unwrap();
        let (_, payout) = desk.refund("ada", ("EUR", 500)).await;
        desk.run_due().await;
        assert_eq!(desk.get_payout(&payout.name).await.state(), State::Confirmed);
    }

    /// After a restore: frozen for everybody from the start, whatever the restored rows say, until somebody unfreezes.
    async fn the_configuration_can_start_frozen(database: testkit::TestDatabase) {
        let since = testkit::virtual_clock().now().plus(DAY);
        let mut config = config(&database);
        config.payouts_frozen_since = Some(since);
        let desk = Desk::with(config).await;
        let before = desk.ledger.clone().unfreeze_payouts(as_client(unfreeze(&desk))).await.unwrap().into_inner();
        assert_eq!(before.state, FROZEN, "unfrozen before the restore is not unfrozen after it");
        desk.clock.advance_to(since.plus(DAY));
        let told = state(&desk).await;
        assert!(told.state == FROZEN && told.reason.contains("configuration") && told.changed_by.is_empty(), "{told:?}");
        let (_, payout) = desk.refund("ada", ("EUR", 500)).await;
        assert!(desk.run_next().await);
        assert_eq!(desk.get_payout(&payout.name).await.state(), State::Reserved);
        desk.ledger.clone().unfreeze_payouts(as_client(unfreeze(&desk))).await.unwrap();
        assert_eq!(state(&desk).await.state, FLOWING);
        while desk.run_next().await {}
        assert_eq!(desk.get_payout(&payout.name).await.state(), State::Confirmed);
    }
}

#[test]
fn the_time_of_the_configuration_is_rfc_3339() {
    let parsed = |text: &str| serde_json::from_str::<compensation::Config>(text);
    let since = parsed(r#"{"payouts_frozen_since": "1970-01-01T00:00:01Z"}"#).unwrap().payouts_frozen_since;
    assert_eq!(since, Some(kernel::Timestamp::from_seconds(1)));
    assert_eq!(parsed("{}").unwrap().payouts_frozen_since, None);
    let wrong = parsed(r#"{"payouts_frozen_since": "yesterday"}"#).unwrap_err().to_string();
    assert!(wrong.contains("RFC 3339"), "{wrong}");
}
