//! Payouts through the sandbox: every misbehaviour ends right, and nothing is executed twice.

use std::time::Duration;

use api::compensation as wire;
use api::compensation::remedy_line::Kind;
use api::compensation::{payout, remedy};

use crate::harness::{DAY, Desk, TEMPLATE, as_client, by, case, config, option};

const HOUR: Duration = Duration::from_secs(3_600);

/// Runs what the service planned for the next `within`, and then it is that late.
async fn settle(desk: &Desk, within: Duration) {
    let end = desk.engine.now().plus(within);
    while desk.next_due().await.is_some_and(|due| due <= end) && desk.run_next().await {}
    desk.clock.advance_to(end);
}

testkit::on_both_databases! {
    template: TEMPLATE;

    /// The first answer is lost; the same bytes under the same key get the first execution's answer.
    async fn a_lost_answer_is_asked_for_again(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (opened, first) = desk.refund("timeout-after-execute:ada", ("EUR", 1_001)).await;
        desk.run_due().await;
        let lost = desk.get_payout(&first.name).await;
        assert_eq!((lost.state(), lost.attempts), (payout::State::Unknown, 1));
        assert!(desk.told(&case(7)).await.is_empty());
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Granting);
        desk.assert_ledger_balances().await;

        settle(&desk, HOUR).await;
        let paid = desk.get_payout(&first.name).await;
        assert_eq!((paid.state(), paid.attempts), (payout::State::Confirmed, 2));
        let entry = &desk.executed().await[&paid.payout_key];
        assert_eq!((entry.executions, entry.requests), (1, 2));
        assert_eq!(desk.told(&case(7)).await, ["PAYOUT_CONFIRMED", "REMEDY_SETTLED"]);
        desk.assert_ledger_balances().await;
    }

    /// The provider gives the same error to the same key for ever: only a look-up after the key's time can tell.
    async fn an_error_after_the_execution_is_looked_up(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let began = desk.engine.now();
        let (_, first) = desk.refund("error-after-execute:ada", ("EUR", 1_002)).await;
        settle(&desk, DAY * 3).await;
        let paid = desk.get_payout(&first.name).await;
        assert_eq!(paid.state(), payout::State::Confirmed);
        let key_ended = chassis::wire::to_timestamp(began.plus(HOUR * 18));
        assert!(paid.update_time.is_some_and(|at| at.seconds >= key_ended.seconds), "sent again while the key was valid");
        let entry = &desk.executed().await[&paid.payout_key];
        assert_eq!((entry.executions, entry.requests), (1, i64::from(paid.attempts)));
        assert!(paid.attempts > 5 && paid.provider_reference == entry.reference);
        desk.assert_ledger_balances().await;
    }

    /// Executed, but the provider's look-up does not know it yet: not found is no proof.
    async fn a_late_look_up_is_waited_for(database: testkit::TestDatabase) {
        let mut config = config(&database);
        config.sandbox.lookup_lag = HOUR * 30;
        let desk = Desk::with(config).await;
        let (_, first) = desk.refund("lookup-lag:ada", ("EUR", 1_003)).await;
        settle(&desk, DAY).await;
        let unknown = desk.get_payout(&first.name).await;
        assert_eq!(unknown.state(), payout::State::Unknown);
        assert!(unknown.reason.contains("proves nothing"), "{}", unknown.reason);
        settle(&desk, DAY * 2).await;
        assert_eq!(desk.get_payout(&first.name).await.state(), payout::State::Confirmed);
        assert_eq!(desk.executed().await[&first.payout_key].executions, 1);
        desk.assert_ledger_balances().await;
    }

    /// Nothing ever arrives: after the key's time and two look-ups a settlement apart a person is asked. The money stays
    /// set aside, and nobody is told that it was paid.
    async fn what_cannot_be_found_out_goes_to_a_person(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let began = desk.engine.now();
        let (opened, first) = desk.refund("timeout-before-execute:ada", ("EUR", 1_004)).await;
        settle(&desk, DAY * 5).await;
        let stuck = desk.get_payout(&first.name).await;
        assert_eq!(stuck.state(), payout::State::Manual);
        let soonest = chassis::wire::to_timestamp(began.plus(HOUR * (18 + 24)));
        assert!(stuck.update_time.is_some_and(|at| at.seconds >= soonest.seconds), "two look-ups, a settlement apart");
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::NeedsAttention);
        let told = desk.milestones(&case(7)).await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].kind().as_str_name(), "KIND_PAYOUT_NEEDS_ATTENTION");
        assert!(told[0].attributes["reason"].contains("proves nothing"));
        assert!(desk.executed().await.is_empty());
        desk.assert_ledger_balances().await;
        let refused = desk.make_offer(&opened.name, vec![option("gift", Kind::Service, None)]).await.unwrap_err();
        assert_eq!(refused.metadata["state"], "NEEDS_ATTENTION", "it may have been paid: no second offer beside it");
        assert!(!desk.run_next().await, "nothing is planned for a payout that a person has");
    }

    /// A refusal for good releases the money, and an agent can offer something else.
    async fn a_refusal_is_released_and_replaced(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (opened, first) = desk.refund("decline:ada", ("EUR", 1_005)).await;
        desk.run_due().await;
        assert_eq!(desk.get_payout(&first.name).await.state(), payout::State::Declined);
        assert!(desk.balances().await.is_empty());
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::NeedsAttention);
        assert_eq!(desk.told(&case(7)).await, ["PAYOUT_NEEDS_ATTENTION"]);
        assert_eq!(desk.executed().await[&first.payout_key].executions, 0);

        desk.clock.advance(HOUR);
        let gift = vec![option("gift", Kind::Voucher, Some(("EUR", 1_200)))];
        let made = desk.make_offer(&opened.name, gift).await.unwrap();
        desk.accept(&made.name, "gift").await.unwrap();
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Settled);
        desk.assert_ledger_balances().await;
    }

    /// The caller stops waiting, the provider goes on.
    async fn a_slow_provider_pays_once(database: testkit::TestDatabase) {
        let mut config = config(&database);
        config.provider.timeout = Duration::from_millis(40);
        config.sandbox.slow_by = Duration::from_millis(400);
        let desk = Desk::with(config).await;
        let (_, first) = desk.refund("slow:ada", ("EUR", 1_006)).await;
        settle(&desk, DAY).await;
        let paid = desk.get_payout(&first.name).await;
        assert_eq!(paid.state(), payout::State::Confirmed);
        assert!(paid.attempts >= 2, "the first answer came too late");
        assert_eq!(desk.executed().await[&paid.payout_key].executions, 1);
    }

    /// Late, twice, at once, by hand: a step is taken by one of them.
    async fn steps_at_once_are_one_step(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (_, first) = desk.refund("timeout-after-execute:ada", ("EUR", 1_007)).await;
        let advance = || wire::AdvancePayoutRequest { request_id: desk.fresh(), name: first.name.clone(), look_up: false };
        let at_once = futures::future::join_all((0..40).map(|_| {
            let (mut api, request) = (desk.api.clone(), advance());
            async move { api.advance_payout(as_client(request)).await }
        }))
        .await;
        assert!(at_once.iter().all(Result::is_ok));
        assert_eq!(desk.get_payout(&first.name).await.attempts, 1);
        assert_eq!(desk.executed().await[&first.payout_key].requests, 1);

        // The call that was planned for the first step comes late and finds it taken.
        let planned = desk.recorded(compensation::NAME).await;
        let cancelled: Vec<_> = planned.iter().filter(|call| call.state == "cancelled").collect();
        assert_eq!(cancelled.len(), 1);
        desk.deliver(cancelled[0]).await.unwrap();
        assert_eq!(desk.get_payout(&first.name).await.attempts, 1);

        // By hand before its time: nothing. In time: the second attempt. Again, with the same request id: nothing.
        desk.api.clone().advance_payout(as_client(advance())).await.unwrap();
        assert_eq!(desk.get_payout(&first.name).await.attempts, 1);
        desk.clock.advance(HOUR);
        let by_hand = advance();
        let paid = desk.api.clone().advance_payout(as_client(by_hand.clone())).await.unwrap().into_inner();
        assert_eq!((paid.state(), paid.attempts), (payout::State::Confirmed, 2));
        let again = desk.api.clone().advance_payout(as_client(by_hand)).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        assert_eq!(again.into_inner(), paid);
        assert!(!desk.run_next().await, "nothing is left to do");
    }

    /// The call that is to take the next step must not be used up by coming early.
    async fn an_own_step_that_comes_early_comes_again(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (_, first) = desk.refund("timeout-after-execute:ada", ("EUR", 1_008)).await;
        desk.run_due().await;
        let planned = desk.recorded(compensation::NAME).await;
        let next = planned.iter().find(|call| call.state == "pending").unwrap().clone();
        let early = desk.deliver(&next).await.unwrap_err();
        assert_eq!((early.reason.as_str(), early.is_definitive()), (api::reason::compensation::TOO_EARLY, false));
        assert!(early.retry_after.is_some_and(|wait| wait == next.due_at.since(desk.engine.now())));
        desk.clock.advance_to(next.due_at);
        desk.deliver(&next).await.unwrap();
        assert_eq!(desk.get_payout(&first.name).await.state(), payout::State::Confirmed);
        let unknown = wire::AdvancePayoutRequest { request_id: desk.fresh(), name: format!("payouts/{}", desk.engine.new_id()), look_up: false };
        let missing = desk.api.clone().advance_payout(by("service:compensation", unknown)).await.unwrap_err();
        assert_eq!(missing.code(), tonic::Code::NotFound);
    }
}
