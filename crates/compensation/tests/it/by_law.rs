//! Money that the law demands, beside a voucher that would need a signature: nobody answers.

use api::compensation as wire;
use api::compensation::{offer, remedy};
use api::reason::INVALID_TRANSITION;
use api::reason::compensation::OFFER_NOT_OPEN;

use crate::harness::{
    DAY, Desk, TEMPLATE, again, as_client, by, case, config, event, minor, option, remedy as remedy_for,
};

const PACK: &str = "
id: ferry
display_name: Ferries for tests
version: '1'
status: ACTIVE
jurisdiction: EU
reviewed: '2026-11-22'
effective_from: 2000-01-01
sources:
  - { id: test, title: This test, url: 'https://example.com/law' }
rules:
  - id: late
    description: Late.
    condition: event.kind == 'ferry.late'
    choice_of:
      - id: voucher
        description: A voucher
        consent: SIGNED
        lines:
          - { id: voucher, basis: STATUTORY, kind: VOUCHER, description: A voucher, amount: { fixed: EUR 400.00 } }
      - id: cash
        description: Money
        lines:
          - { id: cash, basis: STATUTORY, kind: MONEY, description: Money, amount: { fixed: EUR 250.00 } }
    plus:
      - { id: gift, basis: GESTURE, kind: VOUCHER, description: A gift, amount: { fixed: EUR 10.00 } }
  - id: gone
    description: Gone.
    condition: event.kind == 'ferry.cancelled'
    choice_of:
      - id: back
        description: Money back
        lines:
          - { id: back, basis: STATUTORY, kind: MONEY, description: Money back, amount: { fixed: EUR 50.00 } }
      - id: next
        description: The next ferry
        lines:
          - { id: next, basis: STATUTORY, kind: SERVICE, description: The next ferry }
";

async fn desk(database: &testkit::TestDatabase) -> (Desk, tempfile::TempDir) {
    let packs = tempfile::tempdir().unwrap();
    std::fs::create_dir(packs.path().join("ferry")).unwrap();
    std::fs::write(packs.path().join("ferry/pack.yaml"), PACK).unwrap();
    let mut config = config(database);
    config.packs.directory = Some(packs.path().to_owned());
    (Desk::with(config).await, packs)
}

fn sign(desk: &Desk, offer: &str) -> wire::RespondToOfferRequest {
    wire::RespondToOfferRequest {
        request_id: desk.fresh(),
        name: offer.to_owned(),
        response: Some(wire::respond_to_offer_request::Response::AcceptOption("voucher".to_owned())),
        consent: "archive/0042.pdf".to_owned(),
    }
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn what_the_law_demands_is_paid_once_though_nobody_answers(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.late", &[]))).await;
        assert_eq!((opened.state(), opened.payouts.len()), (remedy::State::Offered, 0));
        desk.clock.advance(DAY * 14);
        let request = wire::ExpireOfferRequest { request_id: desk.fresh(), name: opened.offer.clone() };
        let expire = |request: &wire::ExpireOfferRequest| {
            let (mut api, request) = (desk.api.clone(), by("service:compensation", request.clone()));
            async move { api.expire_offer(request).await.unwrap().into_inner() }
        };
        let expired = expire(&request).await;
        assert_eq!((expired.state(), expired.accepted_option.as_str()), (offer::State::Expired, ""));
        assert_eq!(expired.explanation, "Nobody answered: the law demands money, so that option cash holds.");
        let granting = desk.get_remedy(&opened.name).await;
        assert_eq!((granting.state(), granting.payouts.len(), granting.vouchers.len()), (remedy::State::Granting, 1, 0));
        assert_eq!(minor(desk.get_payout(&granting.payouts[0]).await.amount.as_ref().unwrap()), 25_000);

        // The same request, the timer, and anybody else: nothing more.
        assert_eq!(expire(&request).await, expired);
        let other = wire::ExpireOfferRequest { request_id: desk.fresh(), ..request };
        assert_eq!(expire(&other).await, expired);
        desk.run_due().await;
        let refused = desk.api.clone().respond_to_offer(as_client(sign(&desk, &opened.offer))).await.unwrap_err();
        assert_eq!(crate::harness::error(refused).reason, OFFER_NOT_OPEN);
        let gift = vec![option("gift", wire::remedy_line::Kind::Discount, None)];
        assert_eq!(desk.make_offer(&opened.name, gift).await.unwrap_err().reason, INVALID_TRANSITION);

        let settled = desk.get_remedy(&opened.name).await;
        assert_eq!((settled.state(), settled.payouts.len(), settled.vouchers.len()), (remedy::State::Settled, 1, 0));
        assert_eq!(desk.told(&case(7)).await, ["OFFER_MADE", "OFFER_EXPIRED", "PAYOUT_CONFIRMED", "REMEDY_SETTLED"]);
        assert_eq!(desk.milestones(&case(7)).await[3].summary, "Given: Money (EUR 250.00).");
        let log = desk.executed().await;
        assert_eq!(log.values().map(|entry| entry.executions).collect::<Vec<_>>(), [1]);
        assert_eq!(desk.balances().await.get("expense EUR"), Some(&25_000));
        assert_eq!(desk.count("SELECT count(*) AS n FROM spending_counted").await, 0, "the gift is not counted any more");
        desk.assert_ledger_balances().await;
    }

    async fn a_signature_in_time_gives_the_voucher_and_no_money(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.late", &[]))).await;
        desk.api.clone().respond_to_offer(as_client(sign(&desk, &opened.offer))).await.unwrap();
        desk.clock.advance(DAY * 14);
        desk.run_due().await;
        let settled = desk.get_remedy(&opened.name).await;
        assert_eq!((settled.state(), settled.payouts.len(), settled.vouchers.len()), (remedy::State::Settled, 0, 2));
    }

    async fn a_choice_of_the_law_is_not_made_by_silence(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.cancelled", &[]))).await;
        desk.clock.advance(DAY * 14);
        desk.run_due().await;
        let after = desk.get_remedy(&opened.name).await;
        assert_eq!((after.state(), after.payouts.len()), (remedy::State::Unanswered, 0));
        assert_eq!(desk.get_offer(&opened.offer).await.explanation, "");
    }

    /// Forty timers and forty repeats by others at once: one payout.
    async fn ends_at_once_pay_once(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.late", &[]))).await;
        desk.clock.advance(DAY * 14);
        let same = desk.fresh();
        let ends = (0..40).map(|number| {
            let request_id = if number % 2 == 0 { same.clone() } else { desk.fresh() };
            let (desk, name) = (&desk, opened.offer.clone());
            again(move || {
                let request = wire::ExpireOfferRequest { request_id: request_id.clone(), name: name.clone() };
                let mut api = desk.api.clone();
                async move { api.expire_offer(as_client(request)).await }
            })
        });
        for ended in futures::future::join_all(ends).await {
            assert_eq!(ended.unwrap().state(), offer::State::Expired);
        }
        assert_eq!(desk.count("SELECT count(*) AS n FROM payouts").await, 1);
        desk.run_due().await;
        assert_eq!(desk.balances().await.get("provider_clearing EUR"), Some(&-25_000));
        desk.assert_ledger_balances().await;
    }
}
