//! What a history tells: how far payouts have come, what was given, and what the law still demands.

use std::collections::BTreeMap;

use kernel::{Currency, Money};

use super::*;
use crate::domain::assessment::Assessment;
use crate::domain::event::{FailureEvent, Severity};
use crate::domain::gate::RecoveryContext;
use crate::domain::line::{Basis, Benefit, Consent, OfferOption};
use crate::domain::offer::{OfferEvent, OfferState};
use crate::domain::records::OfferDraft;
use crate::domain::remedy::RemedyState;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn eur(minor: i64) -> Benefit {
    Benefit::Money(Money::new(Currency::parse("EUR").expect("a currency"), minor))
}

fn line(id: &str, basis: Basis, benefit: Benefit) -> RemedyLine {
    RemedyLine::plain(id, basis, benefit)
}

fn option(id: &str, lines: &[RemedyLine]) -> OfferOption {
    OfferOption {
        id: id.to_owned(),
        description: String::new(),
        lines: lines.to_vec(),
        consent: Consent::None,
        holds_after: None,
    }
}

fn refund() -> RemedyLine {
    line("refund", Basis::Statutory, eur(25_000))
}

fn flight() -> RemedyLine {
    line("flight", Basis::Restitution, Benefit::Service)
}

/// Compensation at once; the price back or a flight, with a meal.
fn remedy() -> Remedy {
    let id = Uuid::from_u128(7);
    let (kind, reference) = ("flight.cancelled".to_owned(), String::new());
    let assessment = Assessment {
        automatic: vec![line("comp", Basis::Statutory, eur(40_000))],
        choice_of: vec![option("refund", &[refund()]), option("flight", &[flight()])],
        plus: vec![line("meal", Basis::Statutory, Benefit::Service)],
        ..Assessment::default()
    };
    Remedy {
        id: id.into(),
        case: id.into(),
        customer: id.into(),
        state: RemedyState::Offered,
        event: FailureEvent { kind, occurred_at: at(0), reference, facts: BTreeMap::new() },
        severity: Severity::Medium,
        payee: String::new(),
        assessment,
        offer: None,
        recovery: RecoveryContext::default(),
        gate: None,
        experiment: None,
        apology_at: None,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// The offer with this number, made at that second by somebody, that gave these lines.
fn gave(number: u32, by: &str, lines: &[RemedyLine]) -> Offer {
    let draft = OfferDraft {
        options: vec![option("chosen", lines)],
        plus: Vec::new(),
        made_by: by.to_owned(),
        expires_at: at(1_000),
    };
    let made_at = at(i64::from(number));
    let mut offer = draft.open(Uuid::from_u128(u128::from(number)).into(), &remedy(), made_at);
    offer.take(OfferEvent::Accept, made_at).expect("it is open");
    offer.accepted_option = "chosen".to_owned();
    offer.given = Some(lines.to_vec());
    offer
}

fn payout(grant: u128, line: &str, state: PayoutState, seconds: i64) -> PastPayout {
    PastPayout { grant: Uuid::from_u128(grant), line: line.to_owned(), state, created_at: at(seconds) }
}

#[test]
fn only_a_persons_offer_stands_in_the_place_of_what_was_refused() {
    let refused = payout(7, "comp", PayoutState::Declined, 0);
    let progress = |offers: &[Offer], payouts: &[PastPayout]| {
        History { offers: offers.to_vec(), payouts: payouts.to_vec() }.progress()
    };
    let (rules, gate, kim) =
        (gave(1, "packs/p/rules/r", &[flight()]), gave(2, "gate", &[flight()]), gave(3, "Kim", &[flight()]));
    assert_eq!(progress(&[], &[]), Progress::Given);
    for offers in [vec![], vec![rules.clone()], vec![rules.clone(), gate.clone()]] {
        assert_eq!(progress(&offers, std::slice::from_ref(&refused)), Progress::Refused);
    }
    for offers in [vec![kim.clone()], vec![rules.clone(), kim.clone()], vec![kim.clone(), gate, rules]] {
        assert_eq!(
            progress(&offers, std::slice::from_ref(&refused)),
            Progress::Given,
            "also when the service offers again after it"
        );
    }
    for (second, expected) in [(2, Progress::Given), (3, Progress::Refused), (4, Progress::Refused)] {
        assert_eq!(progress(std::slice::from_ref(&kim), &[payout(3, "cash", PayoutState::Declined, second)]), expected);
    }
    let open = payout(7, "comp", PayoutState::Reserved, 0);
    assert_eq!(progress(&[kim], &[refused, open]), Progress::Open, "what may be paid is never behind us");
}

#[test]
fn what_was_given_is_everything_but_what_was_refused() {
    let gift = line("gift", Basis::Gesture, eur(500));
    let offers = vec![gave(1, "Kim", std::slice::from_ref(&gift)), gave(2, "Kim", &[refund()])];
    let ids = |payouts: Vec<PastPayout>| -> Vec<String> {
        let history = History { offers: offers.clone(), payouts };
        history.given(&remedy()).into_iter().map(|line| line.id).collect()
    };
    assert_eq!(ids(vec![]), ["comp", "gift", "refund"]);
    for state in PayoutState::ALL {
        let told = ids(vec![payout(7, "comp", state, 0)]);
        assert_eq!(told.contains(&"comp".to_owned()), state.may_be_paid(), "{state:?}");
    }
    assert_eq!(ids(vec![payout(2, "refund", PayoutState::Declined, 2)]), ["comp", "gift"]);
    let others = vec![payout(1, "refund", PayoutState::Declined, 2), payout(9, "gift", PayoutState::Declined, 2)];
    assert_eq!(ids(others), ["comp", "gift", "refund"], "of another grant");
    // An offer from before what it gave was written down: what was chosen of it.
    let old = History { offers: vec![Offer { given: None, ..gave(1, "Kim", &[gift]) }], payouts: vec![] };
    assert_eq!(old.given(&remedy()).len(), 2);
    // And one that nobody answered, of which the law's money was paid: when nothing came after it.
    let mut expired = Offer { given: None, ..gave(1, "", &[refund()]) };
    (expired.state, expired.accepted_option) = (OfferState::Expired, String::new());
    let mut settled = Remedy { state: RemedyState::Settled, ..remedy() };
    settled.assessment.choice_of.truncate(1);
    let told = |offers: Vec<Offer>| -> Vec<String> {
        let given = History { offers, payouts: vec![] }.given(&settled);
        given.into_iter().map(|line| line.id).collect()
    };
    assert_eq!(told(vec![expired.clone()]), ["comp", "refund"]);
    assert_eq!(told(vec![expired, gave(2, "Kim", &[flight()])]), ["comp", "flight"]);
}

/// A choice is made once: what was not chosen is owed no more, what was chosen until it is paid.
#[test]
fn what_was_paid_or_not_chosen_is_owed_no_more() {
    let owed = |offers: &[Offer], payouts: &[PastPayout], was_refused: bool| -> Vec<String> {
        let history = History { offers: offers.to_vec(), payouts: payouts.to_vec() };
        history.still_owed(&remedy(), was_refused).into_iter().map(|line| line.id).collect()
    };
    assert_eq!(owed(&[], &[], false), ["refund", "meal"]);
    assert_eq!(owed(&[], &[], true), ["comp", "refund", "meal"]);
    assert_eq!(owed(&[], &[payout(7, "comp", PayoutState::Confirmed, 0)], true), ["refund", "meal"]);
    let gift =
        gave(1, "Kim", &[line("gift", Basis::Gesture, eur(500)), line("meal", Basis::Statutory, Benefit::Service)]);
    assert_eq!(
        owed(std::slice::from_ref(&gift), &[], false),
        ["refund", "meal"],
        "goodwill is no choice, and a meal neither"
    );
    for chosen in [flight(), line("agents", Basis::Statutory, eur(100)), line("taxi", Basis::Restitution, eur(100))] {
        assert_eq!(
            owed(&[gave(1, "Kim", std::slice::from_ref(&chosen)), gift.clone()], &[], false),
            ["meal"],
            "{}",
            chosen.id
        );
    }
    let refunded = gave(1, "packs/p/rules/r", &[refund()]);
    assert_eq!(owed(std::slice::from_ref(&refunded), &[], false), ["refund", "meal"], "until it is paid");
    assert_eq!(
        owed(std::slice::from_ref(&refunded), &[payout(1, "refund", PayoutState::Declined, 1)], false),
        ["refund", "meal"]
    );
    assert_eq!(
        owed(std::slice::from_ref(&refunded), &[payout(1, "refund", PayoutState::Reserved, 1)], false),
        ["meal"]
    );
    assert_eq!(owed(&[refunded, gave(2, "Kim", &[flight()])], &[], false), ["meal"], "the last choice holds");
}
