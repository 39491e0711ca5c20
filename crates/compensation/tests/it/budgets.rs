//! Budgets for gestures and signals of repetition: what is owed goes ahead, the gesture waits.

use api::common::Fact;
use api::compensation as wire;
use api::compensation::{approval, offer, remedy};

use crate::authority::{approve, offer_by, waiting};
use crate::harness::{DAY, Desk, TEMPLATE, as_client, case, config, event, money_fact, option, remedy_of};
use crate::policies::apply;

const PACK: &str = "
id: gestures
display_name: Gestures for tests
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
    condition: event.kind == 'late'
    automatic:
      - { id: law, basis: STATUTORY, kind: SERVICE, description: Owed by law }
      - { id: gift, basis: GESTURE, kind: VOUCHER, description: A gift, amount: { fixed: EUR 10.00 } }
  - id: lost
    description: Lost.
    condition: event.kind == 'lost'
    choice_of:
      - id: back
        description: Money back
        lines:
          - { id: back, basis: RESTITUTION, kind: VOUCHER, description: Money back, amount: { fixed: EUR 90.00 } }
    plus:
      - { id: extra, basis: GESTURE, kind: VOUCHER, description: An extra, amount: { fixed: EUR 10.00 } }
  - id: proud
    description: Proud.
    condition: event.kind == 'proud'
    automatic:
      - { id: first, basis: GESTURE, kind: VOUCHER, description: First, amount: { fixed: EUR 80.00 } }
      - { id: second, basis: GESTURE, kind: VOUCHER, description: Second, amount: { fixed: EUR 80.00 } }
    choice_of:
      - id: back
        description: Money back
        lines:
          - { id: proud-back, basis: TIME, kind: VOUCHER, description: Money back, amount: { fixed: EUR 20.00 } }
  - id: sad
    description: Sad.
    condition: event.kind == 'sad'
    choice_of:
      - id: flowers
        description: Flowers
        lines:
          - { id: flowers, basis: GESTURE, kind: VOUCHER, description: Flowers, amount: { fixed: EUR 30.00 } }
";

pub const BUDGETS: &str = "
kind: BUDGETS
version: small
effective_from: 2000-01-01
lifetime_value_fact: lifetime_value
bands:
  - id: high
    at_least: [EUR 1000.00]
    limits: []
  - id: standard
    limits:
      - window_days: 2
        amounts: [EUR 25.00]
";

const ABUSE: &str = "
kind: ABUSE
version: strict
effective_from: 2000-01-01
signals:
  - { dimension: CUSTOMER, at: 3, window_days: 30 }
  - { dimension: PAYEE, at: 3, window_days: 30 }
";

pub async fn desk(database: &testkit::TestDatabase) -> (Desk, tempfile::TempDir) {
    let packs = tempfile::tempdir().unwrap();
    std::fs::create_dir(packs.path().join("gestures")).unwrap();
    std::fs::write(packs.path().join("gestures/pack.yaml"), PACK).unwrap();
    let mut config = config(database);
    config.packs.directory = Some(packs.path().to_owned());
    (Desk::with(config).await, packs)
}

/// A remedy of a customer of its own, under a reference of its own.
pub fn ask(desk: &Desk, number: u128, kind: &str, facts: &[(&str, Fact)]) -> wire::Remedy {
    let mut event = event(desk, kind, facts);
    event.reference = format!("R {number}");
    remedy_of(number, event)
}

fn automatic(remedy: &wire::Remedy) -> Vec<&str> {
    let assessment = remedy.assessment.as_ref().unwrap();
    assessment.automatic.iter().map(|line| line.id.as_str()).collect()
}

pub const SPENT: &str =
    "SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) AS n FROM spending_days WHERE scope = 'BUDGET'";

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn when_the_budget_is_spent_the_gesture_waits_and_the_law_does_not(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        apply(&desk, BUDGETS).await.unwrap();
        for number in [1, 2] {
            let given = desk.remedy(ask(&desk, number, "late", &[])).await;
            assert_eq!((automatic(&given), given.vouchers.len()), (vec!["late.law", "late.gift"], 1));
        }
        let held = desk.remedy(ask(&desk, 3, "late", &[])).await;
        assert_eq!((automatic(&held), held.vouchers.len(), held.state()), (vec!["late.law"], 0, remedy::State::Settled));
        let summary = &held.assessment.as_ref().unwrap().summary;
        let said = "Waits for approval: A gift (EUR 10.00). Because the budget of band standard for 2 days, EUR 25.00, \
                    would be passed: EUR 20.00 before, EUR 10.00 now.";
        assert!(summary.ends_with(said), "{summary}");
        let told = desk.milestones(&case(3)).await;
        assert_eq!(told.last().unwrap().summary, "To be done: Owed by law.", "nothing is said of the gift");
        assert_eq!(desk.count(SPENT).await, 2_000);

        let worth = [("lifetime_value", money_fact("EUR", 100_000))];
        let other_band = desk.remedy(ask(&desk, 4, "late", &worth)).await;
        assert_eq!(automatic(&other_band).len(), 2, "another band has its own budget");

        let waits = waiting(&desk).await;
        assert_eq!((waits.len(), waits[0].lines.len(), waits[0].policies["BUDGETS"].as_str()), (1, 1, "small"));
        let approved = approve(&desk, &waits[0].name, "Bob", "lead").await.unwrap();
        let granted = desk.get_remedy(&approved.granted_remedy).await;
        assert_eq!((granted.state(), granted.vouchers.len(), granted.case.as_str()), (remedy::State::Settled, 1, case(3).as_str()));
        assert_eq!(desk.count(SPENT).await, 4_000, "what was approved counts");
        assert_eq!(desk.count("SELECT count(*) AS n FROM vouchers").await, 4);

        desk.clock.advance(DAY * 2);
        assert_eq!(automatic(&desk.remedy(ask(&desk, 5, "late", &[])).await).len(), 2, "the window has moved on");
        desk.assert_ledger_balances().await;
    }

    async fn an_offer_counts_until_it_is_answered(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        apply(&desk, BUDGETS).await.unwrap();
        let first = desk.remedy(ask(&desk, 1, "lost", &[])).await;
        let second = desk.remedy(ask(&desk, 2, "lost", &[])).await;
        assert_eq!(desk.count(SPENT).await, 2_000);
        let third = desk.remedy(ask(&desk, 3, "lost", &[])).await;
        let offer = desk.get_offer(&third.offer).await;
        assert_eq!((offer.options.len(), offer.plus.len()), (1, 0), "the choice goes ahead without the extra");
        desk.decline(&first.offer, "no").await.unwrap();
        assert_eq!(desk.count(SPENT).await, 1_000);
        desk.accept(&second.offer, "back").await.unwrap();
        assert_eq!(desk.count(SPENT).await, 1_000);
        let fourth = desk.remedy(ask(&desk, 4, "lost", &[])).await;
        assert_eq!(desk.get_offer(&fourth.offer).await.plus.len(), 1, "what was given back can be given");
        desk.clock.advance(DAY * 14);
        desk.run_due().await;
        assert_eq!(desk.count(SPENT).await, 1_000, "nobody answered the others");

        // An agent's gesture is under the same budget.
        let made = offer_by(&desk, &fourth.name, "Ada", "", vec![option("gift", wire::remedy_line::Kind::Money, Some(("EUR", 2_600)))]).await.unwrap();
        assert_eq!(made.state(), offer::State::PendingApproval);
    }

    async fn a_choice_of_gestures_waits_as_a_whole(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        apply(&desk, BUDGETS).await.unwrap();
        let opened = desk.remedy(ask(&desk, 1, "sad", &[])).await;
        assert_eq!((opened.state(), opened.offer.as_str()), (remedy::State::Unanswered, ""));
        assert!(desk.told(&case(1)).await.is_empty(), "the customer hears when it is decided");
        let waits = waiting(&desk).await.remove(0);
        assert_eq!((waits.requested_by.as_str(), waits.options.len()), ("packs/gestures/rules/sad", 1));
        approve(&desk, &waits.name, "Bob", "lead").await.unwrap();
        assert_eq!(desk.get_remedy(&opened.name).await.offer, waits.offer);
        desk.accept(&waits.offer, "flowers").await.unwrap();
        assert_eq!(desk.told(&case(1)).await, ["OFFER_MADE", "OFFER_ACCEPTED", "VOUCHER_ISSUED", "REMEDY_SETTLED"]);

        desk.remedy(ask(&desk, 2, "sad", &[])).await;
        desk.clock.advance(DAY * 3);
        desk.run_due().await;
        assert_eq!(desk.told(&case(2)).await, ["NOTHING_OWED"], "a case does not wait for ever");
    }

    /// Remedies of one group share transactions: the budget holds to the cent all the same.
    async fn many_at_once_do_not_pass_the_budget(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        apply(&desk, &BUDGETS.replace("EUR 25.00", "EUR 405.00")).await.unwrap();
        let opened = futures::future::join_all((1..=100).map(|number| desk.remedy(ask(&desk, number, "late", &[])))).await;
        assert_eq!(opened.iter().filter(|remedy| remedy.vouchers.len() == 1).count(), 40);
        assert_eq!(opened.iter().filter(|remedy| remedy.vouchers.is_empty()).count(), 60);
        assert_eq!(desk.count(SPENT).await, 40_000);
        assert_eq!(desk.count("SELECT count(*) AS n FROM approval_requests").await, 60);
    }

    async fn what_repeats_is_looked_at_first(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        apply(&desk, ABUSE).await.unwrap();
        let customer = remedy_of(1, event(&desk, "late", &[])).customer;
        let mut names = Vec::new();
        for number in [1, 2, 3] {
            let asked = wire::Remedy { customer: customer.clone(), ..ask(&desk, number, "late", &[]) };
            let opened = desk.remedy(asked).await;
            assert_eq!(automatic(&opened).len(), if number == 3 { 1 } else { 2 }, "{number}");
            names.push(opened.name);
        }
        let list = wire::ListAbuseSignalsRequest { customer: customer.clone(), ..Default::default() };
        let signals = desk.authority.clone().list_abuse_signals(as_client(list)).await.unwrap().into_inner().abuse_signals;
        assert_eq!(signals.len(), 1);
        assert_eq!(signals[0].dimension(), wire::abuse_signal::Dimension::Customer);
        assert_eq!((signals[0].count, signals[0].threshold, signals[0].policy_version.as_str()), (3, 3, "strict"));
        assert_eq!(signals[0].evidence.iter().collect::<std::collections::BTreeSet<_>>(), names[..2].iter().collect());
        assert_eq!(signals[0].reason, "3 gestures for this customer in 30 days; from 3 on a person looks first");
        assert_eq!(waiting(&desk).await[0].reasons, [signals[0].reason.clone()]);
        // Milestones go to customers: no word of it there.
        for told in desk.milestones(&case(3)).await {
            assert!(!format!("{told:?}").contains("gestures for this customer"), "{told:?}");
        }

        desk.clock.advance(DAY);
        // A payee of three customers; gestures of one customer to one payee are no signal.
        for number in [11, 12, 13] {
            let asked = wire::Remedy { payee: "IBAN 1".to_owned(), ..ask(&desk, number, "late", &[]) };
            assert_eq!(automatic(&desk.remedy(asked).await).len(), if number == 13 { 1 } else { 2 }, "{number}");
        }
        let list = wire::ListAbuseSignalsRequest { page_size: 1, ..Default::default() };
        let page = desk.authority.clone().list_abuse_signals(as_client(list)).await.unwrap().into_inner();
        assert_eq!(page.abuse_signals[0].dimension(), wire::abuse_signal::Dimension::Payee);
        assert!(!page.next_page_token.is_empty());

        desk.clock.advance(DAY * 30);
        desk.run_due().await;
        let request = wire::ListApprovalsRequest { state: approval::State::Expired.into(), ..Default::default() };
        let ended = desk.authority.clone().list_approvals(as_client(request)).await.unwrap().into_inner().approvals;
        assert_eq!(ended.len(), 2, "approvals end with their time");
        let later = wire::Remedy { customer, ..ask(&desk, 4, "late", &[]) };
        assert_eq!(automatic(&desk.remedy(later).await).len(), 2, "the window has moved on");
    }

    /// Repetition within one group and over groups at the same time is seen too: the budget's lock keeps them apart.
    async fn what_repeats_at_once_is_looked_at_too(database: testkit::TestDatabase) {
        let (desk, _packs) = desk(&database).await;
        apply(&desk, ABUSE).await.unwrap();
        let customer = remedy_of(1, event(&desk, "late", &[])).customer;
        let asks = (1..=10).map(|number| wire::Remedy { customer: customer.clone(), ..ask(&desk, number, "lost", &[]) });
        let opened = futures::future::join_all(asks.map(|asked| desk.remedy(asked))).await;
        let with_extra = opened.iter().filter(|remedy| remedy.assessment.as_ref().unwrap().plus.len() == 1).count();
        assert_eq!(with_extra, 2);
        assert_eq!(desk.count("SELECT count(*) AS n FROM approval_requests").await, 8);
    }
}
