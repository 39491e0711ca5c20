//! Rules of one group: one gives, the others say which and why. Versions that take over from each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::event::{Fact, FailureEvent, Severity};
use crate::domain::pack::document::parse;
use crate::domain::pack::read::instant;
use crate::domain::pack::set::PackSet;

fn pack(id: &str, amount: &str, policy: &str, more: &str) -> String {
    format!(
        "{{ id: {id}, display_name: P, version: \"1\", status: ACTIVE, effective_from: \"2020-01-01\", sources: [s], \
         inputs: [{{ name: here, type: TEXT, default: x }}], event_kinds: [x], \
         set_off: [{{ group: g, policy: {policy}{more} }}], rules: [{{ id: {id}-r, description: D., set_off: g, \
         automatic: [{{ id: m, basis: RESTITUTION, kind: MONEY, description: M, amount: {{ fixed: {amount} }} }}] }}] }}"
    )
}

fn set(documents: &[String]) -> PackSet {
    PackSet::from_documents(documents.iter().map(|text| ("test", text.as_str()))).expect("valid packs")
}

fn event(here: &str) -> FailureEvent {
    FailureEvent {
        kind: "x".to_owned(),
        occurred_at: instant("2021-01-01T00:00:00Z").expect("a time"),
        reference: String::new(),
        facts: BTreeMap::from([("here".to_owned(), Fact::Text(here.to_owned()))]),
    }
}

/// The rule that gives, and the words of those that gave way.
fn settled(documents: &[String], here: &str) -> (Vec<String>, Vec<String>) {
    let assessment = set(documents).assess(&event(here), Severity::Low);
    let given = assessment.automatic.iter().map(|line| line.origin.rule.clone()).collect();
    let lost =
        assessment.decisions.iter().filter(|d| !d.set_off_by.is_empty()).map(|d| d.explanation.clone()).collect();
    (given, lost)
}

#[test]
fn the_higher_amount_gives() {
    let (given, lost) = settled(&[pack("a", "EUR 250.00", "HIGHEST", ""), pack("b", "EUR 400.00", "HIGHEST", "")], "x");
    assert_eq!(given, ["b/b-r"]);
    let words = "Set off against b/b-r, which stands for the same loss and gives the highest amount, EUR 400.00; \
                 gave: M (EUR 250.00).";
    assert!(lost[0].starts_with(words), "{lost:?}");
}

/// The pack `a`, by the highest amount, with these lines at once and these options.
fn gives(automatic: &str, options: &[&str]) -> String {
    let amounts = |lines: &str, ids: &str| {
        let line = |(index, amount): (usize, &str)| {
            format!("{{ id: {ids}{index}, basis: RESTITUTION, kind: {amount}, description: M }}")
        };
        lines.split(" + ").filter(|line| !line.is_empty()).enumerate().map(line).collect::<Vec<_>>().join(", ")
    };
    let option = |(index, lines): (usize, &&str)| {
        format!("{{ id: o{index}, description: O, lines: [{}] }}", amounts(lines, &format!("o{index}-")))
    };
    let options = options.iter().enumerate().map(option).collect::<Vec<_>>().join(", ");
    format!(
        "{{ id: a, display_name: P, version: \"1\", status: ACTIVE, effective_from: \"2020-01-01\", sources: [s], \
         event_kinds: [x], set_off: [{{ group: g, policy: HIGHEST, order: 9 }}], rules: [{{ id: a-r, description: D., \
         set_off: g, automatic: [{}], choice_of: [{options}] }}] }}",
        amounts(automatic, "m")
    )
}

/// A rule is worth what it gives at once and with its best option; a service and a discount are worth nothing here.
#[test]
fn what_a_rule_is_worth_is_all_its_money_with_the_best_option() {
    let money = |text: &str| format!("MONEY, amount: {{ fixed: {text} }}");
    let (one, two, three) = (money("EUR 100.00"), money("EUR 200.00"), money("EUR 300.00"));
    let voucher = two.replace("MONEY", "VOUCHER");
    let both = format!("{two} + {voucher}");
    for (automatic, options, worth) in [
        (&one, vec![], Some("100.00")),
        (&voucher, vec![], Some("200.00")),
        (&both, vec![], Some("400.00")),
        (&String::new(), vec![one.as_str(), three.as_str(), two.as_str()], Some("300.00")),
        (&String::new(), vec![three.as_str(), both.as_str()], Some("400.00")),
        (&String::new(), vec![voucher.as_str(), one.as_str()], Some("200.00")),
        (&one, vec![two.as_str(), one.as_str()], Some("300.00")),
        (&one, vec!["SERVICE", "DISCOUNT, percent: 50"], Some("100.00")),
        (&format!("{one} + {}", money("USD 900.00")), vec![], None),
        (&one, vec![&money("USD 900.00")], None),
        (&"SERVICE".to_owned(), vec![], None),
    ] {
        let rules = gives(automatic, &options);
        let against = |amount: &str| {
            let assessment =
                set(&[rules.clone(), pack("b", amount, "HIGHEST", ", order: 1")]).assess(&event("x"), Severity::Low);
            let lost = assessment
                .decisions
                .into_iter()
                .find(|decision| !decision.set_off_by.is_empty())
                .expect("one gives way");
            (lost.set_off_by, lost.explanation)
        };
        let Some(worth) = worth else {
            let (by, why) = against("EUR 1.00");
            assert!(by == "b/b-r" && why.contains("comes first; their amounts are in different currencies"), "{why}");
            continue;
        };
        let whole = worth.strip_suffix(".00").expect("whole euros");
        let less: i64 = whole.parse::<i64>().expect("a number") - 1;
        let (by, why) = against(&format!("EUR {less}.99"));
        assert!(
            by == "a/a-r" && why.contains(&format!("gives the highest amount, EUR {worth}")),
            "{automatic} {options:?}: {why}"
        );
        let (by, _) = against(&format!("EUR {whole}.01"));
        assert_eq!(by, "b/b-r", "{automatic} {options:?}");
    }
}

#[test]
fn a_rule_that_is_alone_in_its_group_or_gives_nothing_sets_nothing_off() {
    let alone = [
        pack("a", "EUR 1.00", "HIGHEST", ""),
        pack("b", "EUR 2.00", "HIGHEST", "").replace("group: g", "group: h").replace("set_off: g", "set_off: h"),
    ];
    assert_eq!(settled(&alone, "x").0, ["a/a-r", "b/b-r"]);
    let none = pack("b", "EUR 2.00", "HIGHEST", "").replace("set_off: g, ", "");
    assert_eq!(settled(&[alone[0].clone(), none], "x").0, ["a/a-r", "b/b-r"], "one is in no group");
    let does_not_apply =
        pack("b", "EUR 2.00", "HIGHEST", "").replace("set_off: g, ", "set_off: g, condition: here == 'b', ");
    assert_eq!(settled(&[alone[0].clone(), does_not_apply.clone()], "x"), (vec!["a/a-r".to_owned()], vec![]));
    assert_eq!(settled(&[alone[0].clone(), does_not_apply], "b").0, ["b/b-r"]);
}

#[test]
fn amounts_of_different_currencies_are_not_compared() {
    let documents = [pack("a", "EUR 250.00", "HIGHEST", ", order: 2"), pack("b", "GBP 1.00", "HIGHEST", ", order: 1")];
    let (given, lost) = settled(&documents, "x");
    assert_eq!(given, ["b/b-r"]);
    assert!(lost[0].contains("comes first; their amounts are in different currencies"), "{lost:?}");
}

#[test]
fn the_first_is_told_by_its_condition_then_by_its_order_then_by_its_id() {
    let first = |a: &str, b: &str, here: &str| {
        settled(&[pack("a", "EUR 1.00", "FIRST", a), pack("b", "EUR 9.00", "FIRST", b)], here).0
    };
    assert_eq!(first("", "", "x"), ["a/a-r"]);
    assert_eq!(first(", order: 2", ", order: 1", "x"), ["b/b-r"]);
    let when = ", order: 9, first_when: here == 'b'";
    assert_eq!(first(", order: 1", when, "b"), ["b/b-r"]);
    assert_eq!(first(", order: 1", when, "a"), ["a/a-r"]);
}

#[test]
fn packs_settle_a_group_by_one_policy() {
    let documents = [pack("a", "EUR 1.00", "FIRST", ""), pack("b", "EUR 9.00", "HIGHEST", "")];
    let problems =
        PackSet::from_documents(documents.iter().map(|text| ("test", text.as_str()))).expect_err("they differ");
    assert_eq!(problems, ["b: group `g` is settled otherwise by a"]);
}

/// London to Paris and back: both regulations hold, and the one of the place of departure gives.
#[test]
fn eu261_and_uk261_are_settled_by_the_place_of_departure() {
    let packs = PackSet::shipped().expect("shipped packs load");
    for (from, to, owed, set_off) in
        [("LHR", "CDG", "GBP 220.00", "eu261-delay"), ("CDG", "LHR", "EUR 250.00", "uk261-delay")]
    {
        let mut event = event("x");
        event.kind = "flight.delayed".to_owned();
        event.facts = BTreeMap::from([
            ("origin".to_owned(), Fact::Text(from.to_owned())),
            ("destination".to_owned(), Fact::Text(to.to_owned())),
            ("community_carrier".to_owned(), Fact::Boolean(true)),
            ("uk_carrier".to_owned(), Fact::Boolean(true)),
            ("arrival_delay_minutes".to_owned(), Fact::Integer(180)),
        ]);
        let assessment = packs.assess(&event, Severity::Medium);
        let amounts: Vec<_> = assessment.automatic.iter().map(|line| line.benefit.to_string()).collect();
        assert_eq!(amounts, [format!("MONEY {owed}")], "{from} to {to}");
        let lost: Vec<_> = assessment.decisions.iter().filter(|d| !d.set_off_by.is_empty()).collect();
        assert_eq!(lost.iter().map(|d| d.rule.as_str()).collect::<Vec<_>>(), [set_off]);
    }
}

#[test]
fn a_version_that_is_applied_later_judges_its_time() {
    let base = set(&[pack("a", "EUR 1.00", "FIRST", "")]);
    let applied = |version: &str, status: &str, from: &str, amount: &str| {
        let text = pack("a", amount, "FIRST", "").replace("version: \"1\"", &format!("version: \"{version}\""));
        let text = text.replace("status: ACTIVE", &format!("status: {status}")).replace("2020-01-01", from);
        Arc::new(parse(&text).expect("a valid pack"))
    };
    let given = |applied: &[Arc<crate::domain::pack::Pack>]| {
        let packs = base.with_applied(applied);
        let assessment = packs.assess(&event("x"), Severity::Low);
        (assessment.automatic.iter().map(|line| line.benefit.to_string()).collect::<Vec<_>>(), assessment.shadow.len())
    };
    let one = vec!["MONEY EUR 1.00".to_owned()];
    assert_eq!(given(&[]), (one.clone(), 0));
    assert_eq!(given(&[applied("2", "ACTIVE", "2021-01-01", "EUR 2.00")]), (vec!["MONEY EUR 2.00".to_owned()], 0));
    assert_eq!(given(&[applied("2", "ACTIVE", "2021-01-02", "EUR 2.00")]), (one.clone(), 0), "not its time yet");
    assert_eq!(given(&[applied("2", "DRAFT", "2021-01-01", "EUR 2.00")]), (one, 1), "a draft replaces nothing");
    assert_eq!(given(&[applied("2", "WITHDRAWN", "2021-01-01", "EUR 2.00")]), (vec![], 0));
    let again = [applied("2", "DRAFT", "2021-01-01", "EUR 2.00"), applied("3", "ACTIVE", "2021-01-01", "EUR 3.00")];
    assert_eq!(given(&again), (vec!["MONEY EUR 3.00".to_owned()], 0), "what is active takes the place of its draft");
}
