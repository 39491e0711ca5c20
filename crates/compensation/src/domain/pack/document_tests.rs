//! What a pack's document may hold, and how its problems are told.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const GOOD: &str = r#"
id: p
display_name: P
version: "1"
status: ACTIVE
effective_from: "2020-01-01"
effective_to: "2021-01-01"
sources: [a book]
rules:
  - id: r
    description: D
    condition: event.kind == "x"
    automatic:
      - { id: a, basis: TIME, kind: MONEY, description: A, amount: { from_fact: price, percent: 50 } }
    choice_of:
      - id: o
        description: O
        lines:
          - { id: b, basis: RESTITUTION, kind: SERVICE, description: B }
    plus:
      - { id: c, basis: GESTURE, kind: DISCOUNT, description: C, percent: 10 }
"#;

fn problems(find: &str, replace: &str) -> Vec<String> {
    assert!(GOOD.contains(find), "{find}");
    parse(&GOOD.replace(find, replace)).expect_err("must be refused")
}

#[test]
fn a_good_document_is_read_whole() {
    let pack = parse(GOOD).expect("a good document");
    assert!(pack.holds_at(Timestamp::from_seconds(1_577_836_800)), "its first second");
    assert!(!pack.holds_at(Timestamp::from_seconds(1_577_836_799)), "the second before");
    assert!(!pack.holds_at(Timestamp::from_seconds(1_609_459_200)), "its end");
    let rule = &pack.rules[0];
    assert_eq!((rule.automatic.len(), rule.choice_of.len(), rule.plus.len()), (1, 1, 1));
    let half = AmountRule::FromFact { fact: "price".to_owned(), percent: 50 };
    assert_eq!(rule.automatic[0].benefit, BenefitRule::Money(half));
}

#[test]
fn an_unknown_key_is_named_with_its_path() {
    for (find, replace, path) in [
        ("version:", "versoin:", "versoin"),
        ("    condition:", "    when: x\n    condition:", "rules[0]: unknown field `when`"),
        ("kind: MONEY", "kind: MONEY, amuont: 1", "rules[0].automatic[0]: unknown field `amuont`"),
        ("percent: 50", "percnt: 50", "rules[0].automatic[0].amount: unknown field `percnt`"),
        ("kind: SERVICE", "kind: SERVIC", "rules[0].choice_of[0].lines[0].kind: unknown variant `SERVIC`"),
        ("status: ACTIVE", "status: LIVE", "status: unknown variant `LIVE`"),
    ] {
        let found = problems(find, replace);
        assert!(found[0].contains(path), "{replace}: {found:?}");
    }
}

#[test]
fn all_problems_of_a_readable_document_are_listed() {
    let yaml = GOOD
        .replace("id: p", "id: P!")
        .replace("2021-01-01", "2019-01-01")
        .replace("[a book]", "[]")
        .replace("event.kind == \"x\"", "event.kind ==")
        .replace("percent: 50", "percent: 0")
        .replace("percent: 10", "percent: 101")
        .replace("id: b", "id: a");
    let found = parse(&yaml).expect_err("must be refused");
    let paths: Vec<_> = found.iter().map(|problem| problem.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(
        paths,
        [
            "id",
            "effective_to",
            "sources",
            "rules[0].automatic[0].amount.percent",
            "rules[0].choice_of[0].lines[0].id",
            "rules[0].plus[0]",
            "rules[0].condition"
        ]
    );
}

#[test]
fn amounts_and_kinds_must_fit() {
    for (find, replace, problem) in [
        ("from_fact: price, percent: 50", "fixed: USD 1", "is not a positive amount"),
        ("from_fact: price, percent: 50", "fixed: USD 0.00", "is not a positive amount"),
        ("from_fact: price, percent: 50", "fixed: USD 1.00, percent: 50", "give either fixed, or from_fact"),
        ("from_fact: price, percent: 50", "percent: 50", "give either fixed, or from_fact"),
        ("from_fact: price", "from_fact: The price", "is not the key of a fact"),
        ("kind: MONEY", "kind: SERVICE", "neither amount nor percent"),
        ("kind: DISCOUNT", "kind: VOUCHER", "needs an amount"),
        ("kind: MONEY", "kind: DISCOUNT", "needs a percent"),
        ("2020-01-01", "1 January 2020", "is not a day"),
        ("2020-01-01", "20200101", "is not a day"),
    ] {
        let found = problems(find, replace);
        assert!(found.iter().any(|text| text.contains(problem)), "{replace}: {found:?}");
    }
}

/// The keys that the parser takes at each level, from its own complaint about an unknown one.
fn accepted_keys(find: &str, replace: &str) -> BTreeSet<String> {
    let found = problems(find, replace);
    let list = found[0].split("expected one of ").nth(1).unwrap_or_else(|| panic!("{found:?}"));
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_json_schema_and_the_parser_take_the_same_keys() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../packs/pack.schema.json")).expect("the schema is JSON");
    let levels: BTreeMap<&str, BTreeSet<String>> = BTreeMap::from([
        ("pack", accepted_keys("version:", "zzz: 1\nversion:")),
        ("rule", accepted_keys("    condition:", "    zzz: 1\n    condition:")),
        ("option", accepted_keys("        lines:", "        zzz: 1\n        lines:")),
        ("line", accepted_keys("kind: MONEY", "zzz: 1, kind: MONEY")),
        ("amount", accepted_keys("percent: 50", "zzz: 50")),
    ]);
    for (level, accepted) in levels {
        let definition = &schema["$defs"][level];
        let properties = definition["properties"].as_object().expect("an object");
        assert_eq!(properties.keys().cloned().collect::<BTreeSet<_>>(), accepted, "{level}");
        assert_eq!(definition["additionalProperties"], serde_json::json!(false), "{level}");
    }
}
