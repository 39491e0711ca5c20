//! How rules and packs come together.

use std::collections::{BTreeMap, BTreeSet};

use kernel::Timestamp;

use super::*;
use crate::domain::line::Basis;
use crate::domain::pack::set::{PackSet, SHIPPED};
use crate::domain::pack::vectors;

#[path = "judge_words_tests.rs"]
mod words;

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

/// The first choice that the law demands is put, and of several the first that only the customer can decide; of another one
/// the money that the law demands is given at once, and nothing else of it.
#[test]
fn the_choice_that_is_put_is_the_laws_and_one_that_only_the_customer_can_decide() {
    let option = |id: &str, more: &str, basis: &str, gives: &str| {
        format!(
            "{{ id: {id}, description: O, {more}lines: [{{ id: {id}, basis: {basis}, description: {id}, kind: {gives} }}] }}"
        )
    };
    let (cash, paper) = ("MONEY, amount: { fixed: USD 9.00 }", "VOUCHER, amount: { fixed: USD 12.00 }");
    let gift = [option("gift", "", "TIME", "SERVICE"), option("extra", "", "GESTURE", paper)];
    let fair = [option("price", "", "RESTITUTION", cash)];
    let paid = [option("cash", "", "STATUTORY", cash), option("paper", "consent: SIGNED, ", "STATUTORY", paper)];
    let open = [option("refund", "", "STATUTORY", cash), option("reroute", "", "STATUTORY", "SERVICE")];
    for (rules, put, given) in [
        ([&gift[..], &fair], "a", vec![]),
        ([&fair, &gift], "a", vec![]),
        ([&gift, &paid], "b", vec![]),
        ([&paid, &gift], "a", vec![]),
        ([&gift, &open], "b", vec![]),
        ([&paid, &open], "b", vec!["a.cash"]),
        ([&open, &paid], "a", vec!["b.cash"]),
        ([&paid, &paid], "a", vec!["b.cash"]),
        ([&open, &open], "a", vec![]),
    ] {
        let rule = |(id, options): (&str, &&[String])| {
            let options = options.join(", ");
            format!("{{ id: {id}, description: D., condition: \"event.kind == 'x'\", choice_of: [{options}] }}")
        };
        let rules = ["a", "b"].into_iter().zip(&rules).map(rule).collect::<Vec<_>>().join(", ");
        let document = document("p", "1", "ACTIVE", "2020-01-01", "", &rules).replace(
            "sources: [s]",
            "jurisdiction: US, reviewed: \"2020-01-01\", sources: [{ title: S, url: \"https://example.org\" }]",
        );
        let assessment = set(&[document]).expect("valid").assess(&event("2021-01-01T00:00:00Z"), Severity::Low);
        let of: BTreeSet<_> = assessment.choice_of.iter().map(|option| option.lines[0].id[..1].to_owned()).collect();
        assert_eq!(of.into_iter().collect::<Vec<_>>(), [put], "{rules}");
        let at_once: Vec<_> = assessment.automatic.iter().map(|line| line.id.as_str()).collect();
        assert_eq!(at_once, given, "{rules}");
        let [aside] = assessment.decisions.iter().filter(|one| one.rule != put).collect::<Vec<_>>()[..] else {
            panic!()
        };
        let why = format!("Its choice is set aside: rule {put} offers one.");
        let at_once = " What the law demands of it is given at once.";
        assert!(aside.explanation.starts_with(&why), "{}", aside.explanation);
        assert_eq!(aside.explanation.contains(at_once), !given.is_empty(), "{}", aside.explanation);
    }
}

/// The choice stands for the loss; what goes beyond the loss comes along, whoever's choice is put.
#[test]
fn what_goes_beyond_the_loss_comes_along_with_anothers_choice() {
    let along = |id: &str, basis: &str| {
        let plus = format!("plus: [{{ id: p, basis: {basis}, kind: DISCOUNT, percent: 5, description: P }}] }}");
        format!("{}, {plus}", choice_rule(id).strip_suffix(" }").expect("a rule"))
    };
    for (basis, comes) in [("GESTURE", true), ("TIME", true), ("RESTITUTION", false)] {
        let rules = format!("{}, {}", choice_rule("first"), along("second", basis));
        let packs = set(&[document("p", "1", "ACTIVE", "2020-01-01", "", &rules)]).expect("valid");
        let assessment = packs.assess(&event("2021-01-01T00:00:00Z"), Severity::Low);
        assert_eq!(assessment.choice_of[0].lines[0].id, "first.s");
        let plus: Vec<_> = assessment.plus.iter().map(|line| line.id.as_str()).collect();
        assert_eq!(plus, if comes { vec!["second.p"] } else { vec![] }, "{basis}");
        let told = assessment.decisions[1].explanation.contains("What it gives beyond the loss comes along: P (5 %).");
        assert_eq!(told, comes, "{}", assessment.decisions[1].explanation);
    }
}

/// Row S52 beside the law: the law's choice is put, and the discount for future travel comes along with it.
#[test]
fn a_companys_extra_comes_along_with_the_laws_choice() {
    let packs = PackSet::shipped().expect("shipped packs load");
    let mut cancelled = FailureEvent { kind: "flight.cancelled".to_owned(), ..event("2026-02-10T15:00:00Z") };
    for (key, airport) in [("origin", "FRA"), ("destination", "MAD")] {
        cancelled.facts.insert(key.to_owned(), Fact::Text(airport.to_owned()));
    }
    let assessment = packs.assess(&cancelled, Severity::Low);
    assert!(assessment.choice_of.iter().all(|option| option.lines[0].origin.rule == "eu261/eu261-cancellation-choice"));
    let plus: Vec<_> = assessment.plus.iter().map(|line| line.id.as_str()).collect();
    assert_eq!((assessment.choice_of.len(), plus), (2, vec!["cancellation.future-travel"]));
}

/// The same lost hours are paid once, by the country where the journey begins: amounts in two currencies are not compared.
#[test]
fn toronto_to_paris_is_paid_by_one_law_and_not_by_two() {
    let packs = PackSet::shipped().expect("shipped packs load");
    for (from, to, gives, gives_way) in [
        ("YYZ", "CDG", "ca-appr/appr-large", "eu261/eu261-delay"),
        ("CDG", "YYZ", "eu261/eu261-delay", "ca-appr/appr-large"),
    ] {
        let mut delayed = FailureEvent { kind: "flight.delayed".to_owned(), ..event("2026-02-10T15:00:00Z") };
        for (key, text) in [("origin", from), ("destination", to), ("carrier_size", "LARGE")] {
            delayed.facts.insert(key.to_owned(), Fact::Text(text.to_owned()));
        }
        delayed.facts.insert("arrival_delay_minutes".to_owned(), Fact::Integer(300));
        for key in ["community_carrier", "within_control"] {
            delayed.facts.insert(key.to_owned(), Fact::Boolean(true));
        }
        let assessment = packs.assess(&delayed, Severity::Low);
        let offered = assessment.choice_of.iter().flat_map(|option| &option.lines);
        let by_law = assessment.automatic.iter().chain(offered).filter(|line| line.basis == Basis::Statutory);
        let rules: BTreeSet<_> = by_law.map(|line| line.origin.rule.as_str()).collect();
        assert_eq!(rules.into_iter().collect::<Vec<_>>(), [gives], "{from} to {to}");
        let set_off = assessment.decisions.iter().find(|decision| decision.set_off_by == gives);
        let (pack, rule) = gives_way.split_once('/').expect("pack and rule");
        assert!(set_off.is_some_and(|decision| decision.pack == pack && decision.rule == rule), "{from} to {to}");
    }
}

/// A choice of the law that is set aside is not lost: what silence would get of it is given at once. Cancelled, a flight
/// from Toronto to Paris has the Union's choice of how to go on, and Canada's money.
#[test]
fn what_the_law_demands_of_a_choice_that_is_set_aside_is_given_at_once() {
    let packs = PackSet::shipped().expect("shipped packs load");
    let mut cancelled = FailureEvent { kind: "flight.cancelled".to_owned(), ..event("2026-02-10T15:00:00Z") };
    for (key, text) in [("origin", "YYZ"), ("destination", "CDG"), ("carrier_size", "LARGE")] {
        cancelled.facts.insert(key.to_owned(), Fact::Text(text.to_owned()));
    }
    cancelled.facts.insert("arrival_delay_minutes".to_owned(), Fact::Integer(600));
    for key in ["community_carrier", "within_control"] {
        cancelled.facts.insert(key.to_owned(), Fact::Boolean(true));
    }
    let assessment = packs.assess(&cancelled, Severity::Low);
    let put: Vec<_> = assessment.choice_of.iter().map(|option| option.id.as_str()).collect();
    let money = |line: &&RemedyLine| matches!(line.benefit, Benefit::Money(_));
    let paid: Vec<_> = assessment.automatic.iter().filter(money).map(|line| line.id.as_str()).collect();
    let appr = assessment.decisions.iter().find(|decision| decision.rule == "appr-large").expect("judged");
    if put.first() == Some(&"reroute") {
        assert_eq!(paid, ["appr-large.inconvenience"], "{appr:?}");
        assert!(appr.explanation.contains("What the law demands of it is given at once."), "{}", appr.explanation);
    } else {
        panic!("{put:?} was put");
    }
}

/// What the reform leaves as it is: its draft and the regulation differ in what it gives for delays, cancellations and
/// denied boarding, and in nothing else. Otherwise a backtest of the two would show differences that nobody decided.
#[test]
fn the_reform_leaves_the_rest_of_the_regulation_as_it_is() {
    let document = |id: &str| SHIPPED.iter().find(|(known, ..)| *known == id).expect("shipped");
    let (regulation, reform) = (document("eu261"), document("eu261-reform-2026"));
    let alone = |text: &str| PackSet::from_documents([("test", text)]).expect("valid");
    let active = reform.1.replace("status: DRAFT", "status: ACTIVE");
    let (old, new) = (alone(regulation.1), alone(&active));
    let reformed = ["eu261-delay.", "eu261-cancellation.", "eu261-boarding-denied."];
    let rest = |assessment: Assessment| {
        let Assessment { automatic, choice_of, plus, .. } = assessment;
        let lines = automatic.into_iter().chain(choice_of.into_iter().flat_map(|option| option.lines)).chain(plus);
        let kept = lines.filter(|line| !reformed.iter().any(|rule| line.id.starts_with(rule)));
        kept.map(|line| format!("{} {}", line.id, line.benefit)).collect::<Vec<_>>()
    };
    let events = vectors::events(regulation.2).expect("a readable document");
    let mut kept = 0;
    for (name, event, severity) in events {
        let [old, new] = [&old, &new].map(|packs| rest(packs.assess(&event, severity)));
        kept += old.len();
        assert_eq!(new, old, "{name}");
    }
    assert!(kept > 50, "only {kept} lines were compared");
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
