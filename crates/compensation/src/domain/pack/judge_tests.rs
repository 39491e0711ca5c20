//! How rules and packs come together.

use std::collections::BTreeMap;

use kernel::Timestamp;

use super::*;
use crate::domain::pack::set::{PackSet, SHIPPED};
use crate::domain::pack::vectors;

fn document(id: &str, version: &str, status: &str, from: &str, to: &str, rules: &str) -> String {
    format!(
        "{{ id: {id}, display_name: P, version: \"{version}\", status: {status}, effective_from: \"{from}\", \
         effective_to: \"{to}\", sources: [s], rules: [{rules}] }}"
    )
}

fn voucher_rule(id: &str, amount: &str) -> String {
    format!(
        "{{ id: {id}, description: D., condition: \"event.kind == 'x'\", automatic: [{{ id: v, basis: TIME, \
         kind: VOUCHER, description: V, amount: {{ fixed: {amount} }} }}] }}"
    )
}

fn choice_rule(id: &str) -> String {
    format!(
        "{{ id: {id}, description: D., condition: \"event.kind == 'x'\", choice_of: [{{ id: o, description: O, \
         lines: [{{ id: s, basis: TIME, kind: SERVICE, description: S }}] }}] }}"
    )
}

fn set(documents: &[String]) -> Result<PackSet, Vec<String>> {
    PackSet::from_documents(documents.iter().map(|text| ("test", text.as_str())))
}

fn event(at: &str) -> FailureEvent {
    let at: jiff::Timestamp = at.parse().expect("a time");
    FailureEvent {
        kind: "x".to_owned(),
        occurred_at: Timestamp::from_micros(at.as_microsecond()),
        reference: String::new(),
        facts: BTreeMap::new(),
    }
}

#[test]
fn every_shipped_pack_passes_its_vectors() {
    let mut all = 0;
    for (id, pack, yaml) in SHIPPED {
        let alone = PackSet::from_documents([(id, pack)]).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let (count, failures) = vectors::run(&alone, yaml).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert!(failures.is_empty(), "{id}: {failures:#?}");
        all += count;
    }
    let packs = PackSet::shipped().expect("shipped packs load");
    assert_eq!(packs.packs().len(), SHIPPED.len());
    assert!(all >= 20, "only {all} vectors were run");
}

#[test]
fn a_vector_that_is_wrong_fails() {
    let packs = PackSet::shipped().expect("shipped packs load");
    let wrong =
        "vectors: [{ name: n, event: { kind: flight.cancelled, occurred_at: 2013-02-09T09:00:00Z }, because: moon }]";
    let (count, failures) = vectors::run(&packs, wrong).expect("a readable document");
    assert_eq!((count, failures.len()), (1, 2), "{failures:?}");
}

#[test]
fn an_event_is_judged_by_the_version_of_its_day() {
    let packs = set(&[
        document("p", "2", "ACTIVE", "2022-01-01", "", &voucher_rule("r", "USD 2.00")),
        document("p", "1", "ACTIVE", "2020-01-01", "2022-01-01", &voucher_rule("r", "USD 1.00")),
    ])
    .expect("two versions, each with its time");
    for (at, owed) in [
        ("2019-12-31T23:59:59Z", None),
        ("2020-01-01T00:00:00Z", Some("VOUCHER USD 1.00")),
        ("2021-12-31T23:59:59.999999Z", Some("VOUCHER USD 1.00")),
        ("2022-01-01T00:00:00Z", Some("VOUCHER USD 2.00")),
    ] {
        let assessment = packs.assess(&event(at), Severity::Low);
        let given = assessment.automatic.first().map(|line| line.benefit.to_string());
        assert_eq!(given.as_deref(), owed, "{at}");
        assert_eq!(assessment.decisions.len(), 2, "each version says why");
    }
}

#[test]
fn packs_that_contradict_each_other_are_not_loaded() {
    let p = |version: &str, from: &str, to: &str| {
        document("p", version, "ACTIVE", from, to, &voucher_rule("r", "USD 1.00"))
    };
    for (documents, problem) in [
        (vec![p("1", "2020-01-01", ""), p("2", "2022-01-01", "")], "hold at the same time"),
        (vec![p("1", "2020-01-01", "2021-01-01"), p("1", "2022-01-01", "")], "is there twice"),
        (
            vec![
                p("1", "2020-01-01", ""),
                document("q", "1", "ACTIVE", "2020-01-01", "", &voucher_rule("r", "USD 1.00")),
            ],
            "is also a rule of p",
        ),
    ] {
        let problems = set(&documents).expect_err("must be refused");
        assert!(problems.iter().any(|text| text.contains(problem)), "{problems:?}");
    }
    let draft = document("p", "2", "DRAFT", "2020-01-01", "", &voucher_rule("r", "USD 9.00"));
    assert!(set(&[p("1", "2020-01-01", ""), draft]).is_ok(), "a draft may stand beside the version that decides");
}

#[test]
fn a_draft_says_what_it_thinks_and_decides_nothing() {
    let packs = set(&[document("p", "1", "DRAFT", "2020-01-01", "", &voucher_rule("r", "USD 1.00"))]).expect("valid");
    let assessment = packs.assess(&event("2021-01-01T00:00:00Z"), Severity::Low);
    assert!(assessment.is_empty() && assessment.decisions[0].applies);
    assert!(assessment.decisions[0].explanation.starts_with("The pack is a draft"), "{assessment:?}");
}

#[test]
fn only_the_first_of_two_choices_is_put() {
    let rules = format!("{}, {}", choice_rule("first"), choice_rule("second"));
    let packs = set(&[document("p", "1", "ACTIVE", "2020-01-01", "", &rules)]).expect("valid");
    let assessment = packs.assess(&event("2021-01-01T00:00:00Z"), Severity::Low);
    assert_eq!(assessment.choice_of.len(), 1);
    assert_eq!(assessment.choice_of[0].lines[0].id, "first.s");
    assert!(assessment.decisions[1].explanation.starts_with("Its choice is set aside"), "{assessment:?}");
}

#[test]
fn the_same_event_always_gets_the_same_bytes() {
    let packs = PackSet::shipped().expect("shipped packs load");
    let mut event = event("2021-01-01T00:00:00Z");
    event.kind = "flight.cancelled".to_owned();
    event.facts.insert("ticket_price".to_owned(), Fact::Text("free".to_owned()));
    let bytes = || serde_json::to_vec(&packs.assess(&event, Severity::High)).expect("JSON");
    let first = bytes();
    assert!((0..50).all(|_| bytes() == first));
}

/// What is assumed about one row of a tariff is told with that row's amount and with no other's.
#[test]
fn an_assumption_about_a_row_is_told_with_it() {
    let packs = PackSet::shipped().expect("shipped packs load");
    for (at, amount, is_assumed) in [
        ("2025-03-31T22:59:59Z", "GBP 30.49", false),
        ("2025-03-31T23:00:00Z", "GBP 31.19", true),
        ("2026-03-31T22:59:59Z", "GBP 31.19", true),
        ("2026-03-31T23:00:00Z", "GBP 32.31", false),
    ] {
        let missed = FailureEvent { kind: "appointment.missed".to_owned(), ..event(at) };
        let assessment = packs.assess(&missed, Severity::Low);
        let [line] = assessment.automatic.as_slice() else { panic!("{at}: {:?}", assessment.automatic) };
        assert!(line.arithmetic.starts_with(amount), "{at}: {}", line.arithmetic);
        assert_eq!(line.arithmetic.contains("; the amount of April 2025 is from memory"), is_assumed, "{at}");
    }
}
