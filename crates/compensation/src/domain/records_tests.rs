//! What a remedy and an offer say of themselves: where an offer stands by the clock, whether our apology is still due, and
//! what was given in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use kernel::Currency;
use uuid::Uuid;

use super::*;
use crate::domain::gate::{GateInputs, GateRules, Known, decide};
use crate::domain::line::{Basis, Benefit, Consent, Origin};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn cash(description: &str, minor: i64) -> RemedyLine {
    RemedyLine {
        id: description.to_owned(),
        basis: Basis::Statutory,
        benefit: Benefit::Money(Money::new(Currency::parse("EUR").expect("a currency"), minor)),
        description: description.to_owned(),
        arithmetic: String::new(),
        origin: Origin::default(),
        refund: false,
    }
}

/// A meal at once, and an offer of cash that ends at 10.
fn remedy() -> Remedy {
    let id = Uuid::from_u128(7);
    let event = FailureEvent {
        kind: "flight.delayed".to_owned(),
        occurred_at: at(0),
        reference: String::new(),
        facts: BTreeMap::new(),
    };
    Remedy {
        id: id.into(),
        case: id.into(),
        customer: id.into(),
        state: RemedyState::Settled,
        event,
        severity: Severity::Medium,
        payee: String::new(),
        assessment: Assessment { automatic: vec![cash("Meal", 1_500)], ..Assessment::default() },
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

fn offer() -> Offer {
    let option = OfferOption {
        id: "cash".to_owned(),
        description: "the money".to_owned(),
        lines: vec![cash("Cash", 25_000)],
        consent: Consent::None,
        holds_after: None,
    };
    let draft = OfferDraft { options: vec![option], plus: Vec::new(), made_by: String::new(), expires_at: at(10) };
    draft.open(Uuid::from_u128(8).into(), &remedy(), at(1))
}

fn gate_of(remedy: &Remedy) -> GateDecision {
    let day = Duration::from_secs(86_400);
    let rules = GateRules { half_life: day, window: day, apology_cap: 3, apology_window: day };
    let inputs = GateInputs {
        event: &remedy.event,
        severity: remedy.severity,
        case: remedy.case,
        known: Known::of(&remedy.event),
        context: &remedy.recovery,
        priors: &[],
        now: at(1),
    };
    decide(&inputs, &rules)
}

#[test]
fn only_an_open_offer_runs_out_and_at_its_last_moment() {
    for state in OfferState::ALL {
        let offer = Offer { state, ..offer() };
        let late = if state == OfferState::Open { OfferState::Expired } else { state };
        assert_eq!([at(9), at(10), at(11)].map(|now| offer.state_at(now)), [state, late, late], "{state:?}");
    }
}

#[test]
fn an_answer_after_its_time_is_refused_and_the_timer_is_not() {
    let mut late = offer();
    for answer in [OfferEvent::Accept, OfferEvent::Decline] {
        late.take(answer, at(10)).expect_err("its time has passed");
        assert_eq!(late, offer(), "a refusal changes nothing");
        let mut in_time = offer();
        in_time.take(answer, at(9)).expect("its time has not passed");
        assert_eq!(in_time.updated_at, at(9));
    }
    late.take(OfferEvent::Expire, at(10)).expect("its time");
    assert_eq!((late.state, late.updated_at), (OfferState::Expired, at(10)));
}

#[test]
fn an_offer_waits_for_the_apology_that_the_gate_asks_for() {
    let before_the_gate = remedy();
    let asked = Remedy { gate: Some(gate_of(&before_the_gate)), ..remedy() };
    let apologised = Remedy { apology_at: Some(at(2)), ..asked.clone() };
    let of_old = Remedy { apology_at: Some(at(2)), ..remedy() };
    let waits = [&before_the_gate, &asked, &apologised, &of_old].map(Remedy::needs_apology);
    assert_eq!(waits, [false, true, false, false]);
}

#[test]
fn the_names_of_rules_and_of_the_gate_are_nobodys() {
    for (name, by_person) in
        [("Kim", true), ("gates", true), ("", false), ("gate", false), ("packs/eu261/rules/r", false)]
    {
        assert_eq!(Offer { made_by: name.to_owned(), ..offer() }.is_by_person(), by_person, "{name}");
        assert_eq!(is_reserved(name), !by_person && !name.is_empty());
    }
}

#[test]
fn a_settlement_is_what_was_given_at_once_and_by_offers() {
    let history = |offers: &[Offer]| History { offers: offers.to_vec(), payouts: Vec::new() };
    let mut chosen = offer();
    assert_eq!(remedy().settlement(&History::default(), &[]), "Given: Meal (EUR 15.00).");
    assert_eq!(
        remedy().settlement(&history(&[chosen.clone()]), &[]),
        "Given: Meal (EUR 15.00).",
        "it is not answered yet"
    );
    let now = [cash("Cash", 25_000)];
    let all = "Given: Meal (EUR 15.00); Cash (EUR 250.00).";
    assert_eq!(remedy().settlement(&history(&[chosen.clone()]), &now), all, "it ends just now");
    chosen.take(OfferEvent::Accept, at(2)).expect("it is open");
    chosen.accepted_option = "cash".to_owned();
    assert_eq!(remedy().settlement(&history(&[chosen]), &[]), all);
}

#[test]
fn what_a_remedy_is_for_a_later_failure_is_its_event_and_our_apology() {
    let remedy = Remedy { apology_at: Some(at(2)), ..remedy() };
    let prior = remedy.as_prior();
    assert_eq!((prior.remedy, prior.case, prior.apology_at), (remedy.id, remedy.case, Some(at(2))));
    assert_eq!((prior.kind, prior.reference, prior.occurred_at), (remedy.event.kind, String::new(), at(0)));
}
