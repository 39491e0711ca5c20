//! Money that the law demands, beside a voucher that would need a signature: nobody answers.

use api::compensation as wire;
use api::compensation::{offer, remedy};
use api::reason::INVALID_TRANSITION;
use api::reason::compensation::OFFER_NOT_OPEN;

use crate::harness::{
    DAY, Desk, TEMPLATE, again, as_client, by, case, config, event, minor, option, remedy as remedy_for, remedy_of,
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
  - id: rude
    description: Rude.
    condition: event.kind == 'ferry.rude'
    choice_of:
      - id: due
        description: What the law demands
        lines:
          - { id: due, basis: STATUTORY, kind: MONEY, description: By law, amount: { fixed: EUR 250.00 } }
      - id: flowers
        description: Flowers
        lines:
          - { id: flowers, basis: GESTURE, kind: VOUCHER, description: Flowers, amount: { fixed: EUR 30.00 } }
  - id: lost
    description: Lost.
    condition: event.kind == 'ferry.lost'
    choice_of:
      - id: back
        description: Money back
        lines:
          - { id: back, basis: STATUTORY, kind: MONEY, refund: true, description: Money back, amount: { fixed: EUR 50.00 } }
      - id: next
        description: The next ferry
        lines:
          - { id: next, basis: STATUTORY, kind: SERVICE, description: The next ferry }
      - id: flowers
        description: Flowers
        lines:
          - { id: flowers, basis: GESTURE, kind: VOUCHER, description: Flowers, amount: { fixed: EUR 10.00 } }
    plus:
      - { id: meal, basis: STATUTORY, kind: SERVICE, description: A meal }
      - { id: thanks, basis: GESTURE, kind: VOUCHER, description: Thanks, amount: { fixed: EUR 5.00 } }
  - id: wrecked
    description: Wrecked.
    condition: event.kind == 'ferry.wrecked'
    automatic:
      - { id: comp, basis: STATUTORY, kind: MONEY, description: Compensation, amount: { fixed: EUR 20.00 } }
    choice_of:
      - id: back
        description: Money back
        lines:
          - { id: wreck-back, basis: STATUTORY, kind: MONEY, refund: true, description: Money back, amount: { fixed: EUR 50.00 } }
      - id: next
        description: The next ferry
        lines:
          - { id: wreck-next, basis: STATUTORY, kind: SERVICE, description: The next ferry }
      - id: voucher
        description: A voucher instead
        consent: SIGNED
        lines:
          - { id: wreck-voucher, basis: STATUTORY, kind: VOUCHER, refund: true, description: A voucher, amount: { fixed: EUR 50.00 } }
      - id: flowers
        description: Flowers
        lines:
          - { id: wreck-flowers, basis: GESTURE, kind: VOUCHER, description: Flowers, amount: { fixed: EUR 10.00 } }
  - id: changed
    description: Changed.
    condition: event.kind == 'ferry.changed'
    if_unanswered: money
    answer_within_hours: 48
    choice_of:
      - id: money
        description: Money back
        lines:
          - { id: money, basis: STATUTORY, kind: MONEY, refund: true, description: Money back, amount: { fixed: EUR 50.00 } }
      - id: next
        description: The next ferry
        lines:
          - { id: other, basis: RESTITUTION, kind: SERVICE, description: The next ferry }
";

pub async fn desk(database: &testkit::TestDatabase) -> (Desk, tempfile::TempDir) {
    let packs = tempfile::tempdir().unwrap();
    std::fs::create_dir(packs.path().join("ferry")).unwrap();
    std::fs::write(packs.path().join("ferry/pack.yaml"), PACK).unwrap();
    let mut config = config(database);
    config.packs.directory = Some(packs.path().to_owned());
    (Desk::with(config).await, packs)
}

fn decline(desk: &Desk, offer: &str) -> wire::RespondToOfferRequest {
    wire::RespondToOfferRequest {
        request_id: desk.fresh(),
        name: offer.to_owned(),
        response: Some(wire::respond_to_offer_request::Response::Decline(wire::Decline::default())),
        consent: String::new(),
    }
}

pub fn sign(desk: &Desk, offer: &str) -> wire::RespondToOfferRequest {
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
        let why = "Nobody answered: the law leaves the choice between back or next to the customer and it stays owed. A \
                   person asks.";
        assert_eq!(desk.get_offer(&opened.offer).await.explanation, why);
        let told = desk.milestones(&case(7)).await;
        let expired = &told[1].attributes;
        assert_eq!((expired["choice_owed"].as_str(), expired["explanation"].as_str()), ("back, next", why));
        // A person asks again.
        let again = desk.make_offer(&opened.name, vec![option("gift", wire::remedy_line::Kind::Discount, None)]).await;
        assert_eq!(again.unwrap().state(), offer::State::Open);
    }

    /// A no waives nothing: paid once, beside whatever else is agreed on.
    async fn what_the_law_demands_is_paid_though_the_customer_declines(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.late", &[]))).await;
        let request = decline(&desk, &opened.offer);
        let all = (0..40).map(|number| {
            let other = wire::RespondToOfferRequest { request_id: desk.fresh(), ..request.clone() };
            let request = if number % 2 == 0 { request.clone() } else { other };
            let desk = &desk;
            again(move || {
                let (mut api, request) = (desk.api.clone(), request.clone());
                async move { api.respond_to_offer(as_client(request)).await }
            })
        });
        let answers = futures::future::join_all(all).await;
        let declined: Vec<_> = answers.into_iter().filter_map(Result::ok).collect();
        assert!(!declined.is_empty() && declined.iter().all(|answer| *answer == declined[0]));
        assert_eq!(declined[0].explanation, "The customer declined: the law demands money, so that option cash holds.");
        assert_eq!(desk.count("SELECT count(*) AS n FROM payouts").await, 1);
        desk.run_due().await;
        let after = desk.get_remedy(&opened.name).await;
        assert_eq!((after.state(), after.payouts.len(), after.vouchers.len()), (remedy::State::Declined, 1, 0));
        assert_eq!(desk.told(&case(7)).await, ["OFFER_MADE", "OFFER_DECLINED", "PAYOUT_CONFIRMED"]);
        assert_eq!(desk.milestones(&case(7)).await[1].attributes["explanation"], declined[0].explanation);

        // The same money, offered again and declined again, is not paid again.
        let mut cash = option("cash", wire::remedy_line::Kind::Money, Some(("EUR", 25_000)));
        cash.lines[0].basis = wire::remedy_line::Basis::Statutory.into();
        let waits = desk.make_offer(&opened.name, vec![cash]).await.unwrap();
        assert_eq!(waits.state(), offer::State::PendingApproval, "it is owed no more");
        desk.assert_ledger_balances().await;
        assert_eq!(desk.balances().await.get("expense EUR"), Some(&25_000));
    }

    /// Who says what would be fair is answered first; the law's money stays on the table until that ends.
    async fn an_answer_to_a_fair_ask_keeps_the_law_s_money(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let facts = [("price", crate::harness::money_fact("EUR", 5_000))];
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.late", &facts))).await;
        let declined = desk.ask(&opened.offer, ("EUR", 200)).await.unwrap();
        assert!(!declined.counter_offer.is_empty(), "{declined:?}");
        let answer = desk.get_offer(&declined.counter_offer).await;
        assert_eq!(answer.explanation, "EUR 2.00 is no more than what the law demands for you: option cash gives it.");
        assert_eq!(answer.options, desk.get_offer(&opened.offer).await.options);
        assert_eq!(desk.count("SELECT count(*) AS n FROM payouts").await, 0);
        desk.clock.advance(DAY * 14);
        desk.run_due().await;
        let settled = desk.get_remedy(&opened.name).await;
        assert_eq!((settled.state(), settled.payouts.len()), (remedy::State::Settled, 1));
        assert_eq!(minor(desk.get_payout(&settled.payouts[0]).await.amount.as_ref().unwrap()), 25_000);
    }

    /// What is agreed on is the law's money and goodwill on top, each under its own name: neither is paid in place of the other.
    async fn an_agreement_has_the_law_s_money_in_it(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let facts = [("price", crate::harness::money_fact("EUR", 20_000))];
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.late", &facts))).await;
        let declined = desk.ask(&opened.offer, ("EUR", 26_000)).await.unwrap();
        let answer = desk.get_offer(&declined.counter_offer).await;
        let lines: Vec<_> = answer.options[0]
            .lines
            .iter()
            .map(|line| (line.id.as_str(), line.basis(), minor(line.amount.as_ref().unwrap())))
            .collect();
        use wire::remedy_line::Basis;
        assert_eq!(lines, [("late.cash", Basis::Statutory, 25_000), ("fair.amount", Basis::Gesture, 1_000)]);
        desk.accept(&answer.name, "fair").await.unwrap();
        desk.run_due().await;
        let settled = desk.get_remedy(&opened.name).await;
        assert_eq!((settled.state(), settled.payouts.len()), (remedy::State::Settled, 2));
        assert_eq!(desk.balances().await["provider_clearing EUR"], -26_000);
        // Silence takes nothing but the law's.
        let silent = desk.remedy(remedy_for(event(&desk, "ferry.late", &facts))).await;
        desk.ask(&silent.offer, ("EUR", 26_000)).await.unwrap();
        desk.clock.advance(DAY * 14);
        desk.run_due().await;
        assert_eq!(desk.get_remedy(&silent.name).await.payouts.len(), 1);
        assert_eq!(desk.balances().await["provider_clearing EUR"], -26_000 - 25_000);
    }

    /// What was paid by law and is approved again is another payment, and stays counted when it is accepted.
    async fn what_is_approved_again_stays_counted(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.late", &[]))).await;
        desk.decline(&opened.offer, "no").await.unwrap();
        desk.run_due().await;
        let mut cash = option("cash", wire::remedy_line::Kind::Money, Some(("EUR", 25_000)));
        cash.lines[0].basis = wire::remedy_line::Basis::Statutory.into();
        let asked = desk.make_offer(&opened.name, vec![cash]).await.unwrap();
        let name = crate::authority::waiting(&desk).await.remove(0).name;
        crate::authority::approve(&desk, &name, "Lee", "lead").await.unwrap();
        let counted = "SELECT CAST(sum(amount) AS BIGINT) AS n FROM spending_days WHERE scope = 'CASE'";
        assert_eq!(desk.count(counted).await, 25_000);
        desk.accept(&asked.name, "cash").await.unwrap();
        assert_eq!(desk.count(counted).await, 25_000);
    }

    /// The law says what holds without an answer: in its time, once, and after a no at once.
    async fn the_option_that_the_law_names_holds(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let opened = desk.remedy(remedy_for(event(&desk, "ferry.changed", &[]))).await;
        let offer = desk.get_offer(&opened.offer).await;
        assert_eq!(offer.options[0].holds_after.as_ref().map(|after| after.seconds), Some(48 * 3_600));
        assert_eq!(offer.options[1].holds_after, None);
        desk.clock.advance(DAY * 2 - std::time::Duration::from_secs(1));
        desk.run_due().await;
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Offered);
        desk.clock.advance(std::time::Duration::from_secs(1));
        desk.run_due().await;
        let settled = desk.get_remedy(&opened.name).await;
        assert_eq!((settled.state(), settled.payouts.len()), (remedy::State::Settled, 1));
        let told = desk.told(&case(7)).await;
        assert_eq!(told, ["OFFER_MADE", "OFFER_EXPIRED", "PAYOUT_CONFIRMED", "REMEDY_SETTLED"]);
        assert_eq!(desk.milestones(&case(7)).await[1].attributes.get("choice_owed"), None);

        let second = desk.remedy(remedy_for(event(&desk, "ferry.changed", &[]))).await;
        desk.api.clone().respond_to_offer(as_client(decline(&desk, &second.offer))).await.unwrap();
        assert_eq!(desk.get_remedy(&second.name).await.payouts.len(), 1);
        // Who takes the other option has chosen.
        let third = desk.remedy(remedy_for(event(&desk, "ferry.changed", &[]))).await;
        desk.accept(&third.offer, "next").await.unwrap();
        desk.clock.advance(DAY * 14);
        desk.run_due().await;
        assert_eq!(desk.get_remedy(&third.name).await.payouts.len(), 0);
        desk.assert_ledger_balances().await;
    }

    /// An apology may be late, the law is not: its choice is put to the customer without one, and without gestures.
    async fn what_the_law_demands_waits_for_an_apology_for_a_time_only(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        let silent = |number| wire::Remedy { recovery: None, ..remedy_of(number, event(&desk, "ferry.late", &[])) };
        let opened = desk.remedy(silent(7)).await;
        assert_eq!(opened.state(), remedy::State::AwaitingApology);
        let early = wire::ReleaseOfferRequest { request_id: desk.fresh(), name: opened.name.clone() };
        let refused = desk.experiments.clone().release_offer(by("service:compensation", early)).await.unwrap_err();
        assert_eq!(crate::harness::error(refused).reason, api::reason::compensation::TOO_EARLY);
        desk.clock.advance(DAY * 3);
        desk.run_due().await;
        let offered = desk.get_remedy(&opened.name).await;
        assert_eq!(offered.state(), remedy::State::Offered);
        let offer = desk.get_offer(&offered.offer).await;
        assert_eq!(offer.explanation, "No apology of ours is on record. What the law demands does not wait for it.");
        assert!(offer.plus.is_empty(), "gestures come after our apology: {:?}", offer.plus);
        // Again, by anybody and at once: the same offer.
        let again_and_again = (0..40).map(|_| {
            let request = wire::ReleaseOfferRequest { request_id: desk.fresh(), name: opened.name.clone() };
            let desk = &desk;
            again(move || {
                let (mut api, request) = (desk.experiments.clone(), request.clone());
                async move { api.release_offer(as_client(request)).await }
            })
        });
        for answer in futures::future::join_all(again_and_again).await {
            assert_eq!(answer.unwrap().offer, offered.offer);
        }
        desk.clock.advance(DAY * 14);
        desk.run_due().await;
        let settled = desk.get_remedy(&opened.name).await;
        assert_eq!((settled.state(), settled.payouts.len()), (remedy::State::Settled, 1));

        // An apology in time takes the timer back, and the gestures come with the offer.
        let second = desk.remedy(silent(8)).await;
        let sorry = wire::RecordApologyRequest { request_id: desk.fresh(), name: second.name.clone() };
        desk.recovery.clone().record_apology(as_client(sorry)).await.unwrap();
        let offer = desk.get_remedy(&second.name).await.offer;
        assert_eq!(desk.get_offer(&offer).await.plus.len(), 1);
        let timers = "SELECT count(*) AS n FROM outbound_calls WHERE state = 'pending' AND method LIKE '%ReleaseOffer'";
        assert_eq!(desk.count(timers).await, 0);
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
