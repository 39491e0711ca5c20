//! What a pack's document may hold, and how its problems are told.

use std::collections::{BTreeMap, BTreeSet};

use kernel::Timestamp;

use super::*;
use crate::domain::pack::BenefitRule;
use crate::domain::pack::amount::Base;

pub const GOOD: &str = r#"
id: p
display_name: P
version: "1"
status: ACTIVE
effective_from: "2020-01-01"
effective_to: "2021-01-01"
inputs:
  - { name: price, type: MONEY, default: { money: USD 1.00 } }
  - { name: from, type: TEXT }
  - { name: to, type: TEXT }
  - { name: km, type: INTEGER, derived: { function: distance_km, of: [from, to] } }
terms:
  - { name: far, is: km > 1500 }
set_off:
  - { group: g, policy: HIGHEST, first_when: far }
sources: [a book, { id: law, title: A law, url: "https://example.org/law" }]
rules:
  - id: r
    description: D
    condition: event.kind == "x"
    automatic:
      - { id: a, basis: TIME, kind: MONEY, description: A, amount: { from_fact: price, percent: 50, adjust: [{ when: far, percent: 50, because: B }] } }
    choice_of:
      - id: o
        description: O
        lines:
          - { id: b, basis: RESTITUTION, kind: SERVICE, description: B }
    plus:
      - id: d
        basis: TIME
        kind: MONEY
        description: D
        amount: { table: { by: km, rows: [{ up_to: 1500, amount: USD 1.00 }, { amount: USD 2.00 }] } }
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
    assert_eq!((rule.automatic.len(), rule.choice_of.len(), rule.plus.len()), (1, 1, 2));
    let BenefitRule::Money(half) = &rule.automatic[0].benefit else { panic!("{rule:?}") };
    assert_eq!((half.base, half.share, half.adjust.len()), (Base::Input(0), 5_000, 1));
    assert_eq!(rule.reads.inputs.iter().copied().collect::<Vec<_>>(), [0, 3]);
}

#[test]
fn an_unknown_key_is_named_with_its_path() {
    for (find, replace, path) in [
        ("version:", "versoin:", "versoin"),
        ("    condition:", "    when: x\n    condition:", "rules[0]: unknown field `when`"),
        (
            "kind: MONEY, description: A",
            "kind: MONEY, description: A, amuont: 1",
            "rules[0].automatic[0]: unknown field `amuont`",
        ),
        ("percent: 50, adjust", "percnt: 50, adjust", "rules[0].automatic[0].amount: unknown field `percnt`"),
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
        .replace("[a book, { id: law, title: A law, url: \"https://example.org/law\" }]", "[]")
        .replace("event.kind == \"x\"", "event.kind ==")
        .replace("percent: 50, adjust", "percent: 0, adjust")
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
            "rules[0].plus[1]",
            "rules[0].condition"
        ]
    );
}

#[test]
fn every_part_must_fit() {
    for (find, replace, problem) in [
        ("from_fact: price, percent: 50", "fixed: USD 1", "is not a positive amount"),
        ("from_fact: price, percent: 50", "fixed: USD 0.00", "is not a positive amount"),
        ("from_fact: price, percent: 50", "fixed: USD 1.00, from_fact: price", "give fixed, from_fact or table"),
        ("from_fact: price, percent: 50", "percent: 50", "give fixed, from_fact or table"),
        ("from_fact: price", "from_fact: fare", "`fare` is not declared under inputs"),
        ("from_fact: price", "from_fact: km", "`km` is a whole number; an amount of money is needed"),
        ("percent: 50, adjust", "percent: 12.345, adjust", "at most two decimal places"),
        ("percent: 50, adjust", "times: price, adjust", "`price` is an amount of money; a whole number is needed"),
        ("percent: 50, adjust", "divide_by: 0, adjust", "must be 1 to 10000"),
        ("when: far", "when: fra", "declared neither under inputs nor under terms"),
        ("kind: MONEY, description: A", "kind: SERVICE, description: A", "neither amount nor percent"),
        ("kind: DISCOUNT", "kind: VOUCHER", "needs an amount"),
        ("kind: MONEY, description: A", "kind: DISCOUNT, description: A", "needs a percent"),
        ("2020-01-01", "1 January 2020", "is not a day"),
        ("2020-01-01", "20200101", "is not a day"),
        ("sources:", "time_zone: Mars/Olympus\nsources:", "is not the IANA name of a time zone"),
        ("sources:", "event_kinds: [Flight]\nsources:", "is not a kind of event"),
        ("sources:", "applies_when: km\nsources:", "applies_when: is a whole number; it must say yes or no"),
        ("https://", "http://", "must start with https://"),
        ("money: USD 1.00", "time: 2020-01-01T00:00:00Z", "inputs[0].default: is a time, not an amount of money"),
        ("of: [from, to]", "of: [from]", "distance_km takes 2 arguments"),
        ("of: [from, to]", "of: [from, price]", "`price` is an amount of money; text is needed"),
        ("of: [from, to]", "of: [from, there]", "`there` is not an input that is declared before"),
        ("name: km, type: INTEGER", "name: km, type: TEXT", "distance_km is a whole number, not text"),
        ("name: from", "name: price", "`price` is taken"),
        ("name: from", "name: event", "`event` is not 1 to 63 characters"),
        ("    condition:", "    source: lwa\n    condition:", "`lwa` is not the id of a source"),
        ("    condition:", "    set_off: h\n    condition:", "`h` is not declared under set_off"),
        ("up_to: 1500", "up_to: USD 1.00", "must be a whole number, as the input that the table goes by"),
        ("up_to: 1500", "up_to: 1500, below: 1500", "give one"),
        ("up_to: 1500, amount: USD 1.00", "up_to: 1500, percent: 50", "needs an amount, and neither percent"),
        ("by: km, rows", "rows", "needs `by` in the table"),
        ("basis: TIME, kind: MONEY", "basis: STATUTORY, kind: MONEY", "reviewed: is required for statutory lines"),
        ("basis: GESTURE", "basis: STATUTORY", "gives a voucher for what the law demands"),
        (
            "kind: MONEY, description: A",
            "kind: MONEY, refund: true, description: A",
            "automatic[0].refund: marks MONEY that",
        ),
        (
            "kind: SERVICE, description: B",
            "kind: SERVICE, refund: true, description: B",
            "lines[0].refund: marks MONEY that",
        ),
        ("    condition:", "    answer_within_hours: 1\n    condition:", "answer_within_hours: needs if_unanswered"),
        ("    condition:", "    if_unanswered: o\n    condition:", "answer_within_hours: must be 1 to 8760"),
        ("    condition:", "    if_unanswered: o\n    answer_within_hours: 0\n    condition:", "must be 1 to 8760"),
        ("    condition:", "    if_unanswered: o\n    answer_within_hours: 8761\n    condition:", "must be 1 to 8760"),
        (
            "    condition:",
            "    if_unanswered: p\n    answer_within_hours: 1\n    condition:",
            "`p` is no option of the rule",
        ),
        (
            "    condition:",
            "    if_unanswered: o\n    answer_within_hours: 1\n    condition:",
            "that is not money by law alone",
        ),
    ] {
        let found = problems(find, replace);
        assert!(found.iter().any(|text| text.contains(problem)), "{replace}: {found:?}");
    }
}

/// Each is allowed at its bounds, and one step beyond them is not.
#[test]
fn a_bound_is_allowed_and_what_is_beyond_it_is_not() {
    let many = |count: usize, one: &str| format!("[{}]", vec![one; count].join(", "));
    let lines = |count: usize, name: &str| {
        let line = |n: usize| format!("{{ id: {name}{n}, basis: TIME, kind: SERVICE, description: S }}");
        (0..count).map(line).collect::<Vec<_>>().join(", ")
    };
    let adjust = "adjust: [{ when: far, percent: 50, because: B }]";
    let adjusts = |count: usize| format!("adjust: {}", many(count, "{ when: far, percent: 50, because: B }"));
    let rows = "rows: [{ up_to: 1500, amount: USD 1.00 }, { amount: USD 2.00 }]";
    let row = "{ up_to: 1500, amount: USD 1.00 }";
    let only = "- { id: b, basis: RESTITUTION, kind: SERVICE, description: B }";
    for (find, within, beyond, problem) in [
        (adjust, vec![adjusts(64)], vec![adjusts(65)], "adjust: has more than 64 entries"),
        (
            rows,
            vec![format!("rows: {}", many(1, row)), format!("rows: {}", many(64, row))],
            vec!["rows: []".to_owned(), format!("rows: {}", many(65, row))],
            "must have 1 to 64 rows",
        ),
        (
            "percent: 50, adjust",
            ["0.01", "12.34", "1000"].map(|share| format!("percent: {share}, adjust")).to_vec(),
            ["0.004", "0.015", "-50", "1000.01"].map(|share| format!("percent: {share}, adjust")).to_vec(),
            "must be 0.01 to 1000, with at most two decimal places",
        ),
        (
            "percent: 50, adjust",
            ["1", "10000"].map(|by| format!("divide_by: {by}, adjust")).to_vec(),
            ["0", "10001"].map(|by| format!("divide_by: {by}, adjust")).to_vec(),
            "must be 1 to 10000",
        ),
        (
            "percent: 50, adjust",
            ["1", "1000", "km"].map(|times| format!("times: {times}, adjust")).to_vec(),
            ["0", "-1", "1001"].map(|times| format!("times: {times}, adjust")).to_vec(),
            "must be 1 to 1000, or an input",
        ),
        (
            "percent: 10",
            vec!["percent: 1".to_owned(), "percent: 100".to_owned()],
            vec!["percent: 0".to_owned(), "percent: 101".to_owned()],
            "needs a percent of 1 to 100",
        ),
        (
            only,
            vec![format!("[{}]", lines(8, "b"))],
            vec!["[]".to_owned(), format!("[{}]", lines(9, "b"))],
            "lines; allowed are 1 to 8",
        ),
    ] {
        for good in within {
            parse(&GOOD.replace(find, &good)).unwrap_or_else(|found| panic!("{good}: {found:?}"));
        }
        for bad in beyond {
            let found = problems(find, &bad);
            assert!(found.iter().any(|text| text.contains(problem)), "{bad}: {found:?}");
        }
    }
    let head = &GOOD[..GOOD.find("    automatic:").expect("lines")];
    let options = |count: usize| {
        let option = |n: usize| {
            format!(
                "{{ id: o{n}, description: O, lines: [{{ id: c{n}, basis: TIME, kind: SERVICE, description: S }}] }}"
            )
        };
        (0..count).map(option).collect::<Vec<_>>().join(", ")
    };
    for (automatic, choice_of, plus, is_allowed) in
        [(8, 8, 8, true), (9, 8, 8, false), (8, 9, 8, false), (8, 8, 9, false), (0, 1, 0, true), (1, 0, 0, true)]
    {
        let (automatic, plus) = (lines(automatic, "a"), lines(plus, "p"));
        let choice_of = options(choice_of);
        let read =
            parse(&format!("{head}    automatic: [{automatic}]\n    choice_of: [{choice_of}]\n    plus: [{plus}]\n"));
        match read {
            Ok(_) => assert!(is_allowed),
            Err(found) => {
                assert_eq!(
                    (found, is_allowed),
                    (vec!["rules[0]: has more than 8 lines or options in one list".to_owned()], false)
                );
            }
        }
    }
}

#[test]
fn a_rule_gives_something_and_what_comes_along_has_a_choice_to_come_with() {
    let head = &GOOD[..GOOD.find("    automatic:").expect("lines")];
    let line = "{ id: a, basis: TIME, kind: SERVICE, description: A }";
    let nothing = "rules[0]: gives nothing: name lines under automatic or options under choice_of";
    let alone = "rules[0].plus: needs choice_of: it comes with a chosen option";
    for (body, problem) in [
        (String::new(), nothing),
        (format!("    plus: [{line}]\n"), nothing),
        (format!("    automatic: [{line}]\n    plus: [{}]\n", line.replace("id: a", "id: b")), alone),
    ] {
        assert_eq!(parse(&format!("{head}{body}")).expect_err(problem), [problem]);
    }
}

/// The option that holds without an answer is money by law, as long as the rule says.
#[test]
fn money_by_law_may_hold_without_an_answer() {
    let reviewed = "jurisdiction: US\nreviewed: \"2020-01-01\"\nsources:";
    let line = |id: &str, more: &str| format!("{{ id: {id}, basis: STATUTORY, {more}, description: B }}");
    let cash = "kind: MONEY, amount: { fixed: USD 1.00 }";
    let read = |lines: &str, consent: &str, hours: u32| {
        let lines = format!(
            "consent: {consent}\n        lines: [{lines}]\n    if_unanswered: o\n    answer_within_hours: {hours}\n    #"
        );
        parse(&GOOD.replace("sources:", reviewed).replace("lines:\n          -", &lines))
    };
    for hours in [1, 8_760] {
        let pack = read(&line("b", cash), "NONE", hours).unwrap_or_else(|found| panic!("{found:?}"));
        let holds_after = pack.rules[0].choice_of[0].holds_after;
        assert_eq!(holds_after, Some(std::time::Duration::from_secs(u64::from(hours) * 60 * 60)));
    }
    let voucher = line("c", "kind: VOUCHER, amount: { fixed: USD 1.00 }");
    let fair = line("c", cash).replace("STATUTORY", "RESTITUTION");
    for (lines, consent) in [
        (line("b", cash), "SIGNED"),
        (format!("{}, {voucher}", line("b", cash)), "SIGNED"),
        (format!("{}, {fair}", line("b", cash)), "NONE"),
        (fair, "NONE"),
        (line("b", "kind: SERVICE"), "NONE"),
    ] {
        let found = read(&lines, consent, 1).expect_err("it is not money by law alone");
        assert!(
            found[0].starts_with("rules[0].if_unanswered: names an option that is not money by law alone"),
            "{found:?}"
        );
    }
    assert_eq!(parse(GOOD).expect("a good document").rules[0].choice_of[0].holds_after, None);
}

/// What only some kinds of line may say.
#[test]
fn a_line_says_only_what_its_kind_can() {
    let line = "- { id: b, basis: RESTITUTION, kind: SERVICE, description: B }";
    let read = |consent: &str, more: &str| {
        let reviewed = "jurisdiction: US\nreviewed: \"2020-01-01\"\nsources:";
        let text = GOOD
            .replace("sources:", reviewed)
            .replace("        lines:", &format!("        consent: {consent}\n        lines:"));
        assert!(text.contains(line));
        parse(&text.replace(line, &format!("- {{ id: b, description: B, {more} }}")))
    };
    let amount = "amount: { fixed: USD 1.00 }";
    let voucher = format!("kind: VOUCHER, {amount}");
    let cash = format!("kind: MONEY, {amount}");
    let discount = "kind: DISCOUNT, percent: 5";
    for (consent, more) in [
        ("NONE", format!("basis: TIME, never_expires: true, {voucher}")),
        ("NONE", format!("basis: TIME, never_expires: true, {discount}")),
        ("NONE", "basis: TIME, kind: SERVICE, catalogue_item: free-upgrade".to_owned()),
        ("NONE", format!("basis: TIME, {voucher}")),
        ("NONE", format!("basis: STATUTORY, refund: true, {cash}")),
        ("SIGNED", format!("basis: STATUTORY, {voucher}")),
        ("SIGNED", format!("basis: STATUTORY, refund: true, {voucher}")),
        ("SIGNED", format!("basis: STATUTORY, {discount}")),
    ] {
        let pack = read(consent, &more).unwrap_or_else(|found| panic!("{more}: {found:?}"));
        let line = &pack.rules[0].choice_of[0].lines[0];
        assert_eq!(line.never_expires, more.contains("never_expires"), "{more}");
        assert_eq!(line.refund, more.contains("refund"), "{more}");
        assert_eq!(line.catalogue_item.is_some(), more.contains("catalogue_item"), "{more}");
    }
    for (consent, more, problem) in [
        ("NONE", format!("basis: TIME, never_expires: true, {cash}"), "never expires, which only a voucher"),
        ("NONE", "basis: TIME, never_expires: true, kind: SERVICE".to_owned(), "never expires, which only a voucher"),
        ("NONE", format!("basis: TIME, catalogue_item: free-upgrade, {cash}"), "is for SERVICE only"),
        (
            "NONE",
            "basis: TIME, kind: SERVICE, catalogue_item: Upgrade".to_owned(),
            "catalogue_item: `Upgrade` is not 1 to 60",
        ),
        ("NONE", format!("basis: STATUTORY, {voucher}"), "gives a voucher for what the law demands"),
        ("NONE", format!("basis: STATUTORY, {discount}"), "gives a voucher for what the law demands"),
        ("SIGNED", format!("basis: STATUTORY, refund: true, {discount}"), "marks MONEY that is STATUTORY"),
        ("SIGNED", format!("basis: GESTURE, refund: true, {voucher}"), "marks MONEY that is STATUTORY"),
        ("NONE", format!("basis: TIME, refund: true, {cash}"), "marks MONEY that is STATUTORY"),
        ("NONE", format!("basis: TIME, kind: MONEY, percent: 5, {amount}"), "needs an amount, and no percent"),
        ("NONE", format!("basis: TIME, {discount}, {amount}"), "needs a percent of 1 to 100, and no amount"),
        ("NONE", format!("basis: TIME, kind: SERVICE, {amount}"), "it has neither amount nor percent"),
    ] {
        let found = read(consent, &more).expect_err(&more);
        assert!(found.iter().any(|text| text.contains(problem)), "{more}: {found:?}");
    }
}

/// A table gives either amounts, where it is all that there is, or shares of what stands beside it; never a mixture.
#[test]
fn a_table_gives_amounts_or_shares() {
    let read = |amount: &str| {
        let found = "amount: { table: { by: km, rows: [{ up_to: 1500, amount: USD 1.00 }, { amount: USD 2.00 }] } }";
        assert!(GOOD.contains(found));
        parse(&GOOD.replace(found, &format!("amount: {{ {amount} }}")))
    };
    for good in [
        "fixed: USD 1.00, table: { by: km, rows: [{ up_to: 9, percent: 5 }] }",
        "from_fact: price, table: { rows: [{ divide_by: 2 }, { percent: 5, divide_by: 3 }] }",
        "table: { by: price, rows: [{ below: USD 5.00, amount: USD 1.00 }] }",
    ] {
        read(good).unwrap_or_else(|found| panic!("{good}: {found:?}"));
    }
    for (bad, problem) in [
        ("fixed: USD 1.00, table: { rows: [{ amount: USD 1.00 }] }", "needs percent or divide_by, and no amount"),
        ("from_fact: price, table: { rows: [{ amount: USD 1.00 }] }", "needs percent or divide_by, and no amount"),
        ("fixed: USD 1.00, table: { rows: [{ amount: USD 1.00, percent: 5 }] }", "needs percent or divide_by, and no"),
        ("fixed: USD 1.00, table: { rows: [{}] }", "needs percent or divide_by, and no amount"),
        ("table: { rows: [{ amount: USD 1.00, divide_by: 2 }] }", "needs an amount, and neither percent nor divide_by"),
        ("table: { rows: [{}] }", "needs an amount, and neither percent nor divide_by"),
        ("table: { by: price, rows: [{ below: 5, amount: USD 1.00 }] }", "must be an amount of money, as the input"),
        ("table: { by: price, rows: [{ below: much, amount: USD 1.00 }] }", "must be an amount of money, as the input"),
        ("table: { by: from, rows: [{ amount: USD 1.00 }] }", "`from` is text; a whole number or an amount of money"),
        ("fixed: USD 1.00, from_fact: price, table: { rows: [{ percent: 5 }] }", "give fixed, from_fact or table"),
    ] {
        let found = read(bad).expect_err(bad);
        assert!(found.iter().any(|text| text.contains(problem)), "{bad}: {found:?}");
    }
}

#[test]
fn a_pack_takes_no_more_steps_than_allowed() {
    let inputs: String = (0..4).map(|n| format!("  - {{ name: n{n}, type: INTEGER }}\n")).collect();
    let list = (0..40).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let rules: String = (0..64)
        .map(|n| {
            format!(
                "  - {{ id: r{n}, description: D, condition: \"[{list}].all(x, n0 + x > n1 && n2 - x < n3)\", \
                 automatic: [{{ id: a, basis: TIME, kind: SERVICE, description: A }}] }}\n"
            )
        })
        .collect();
    let yaml = format!(
        "id: p\ndisplay_name: P\nversion: \"1\"\nstatus: ACTIVE\neffective_from: \"2020-01-01\"\nsources: [s]\n\
         inputs:\n{inputs}rules:\n{rules}"
    );
    let found = parse(&yaml).expect_err("must be refused");
    assert!(found.iter().any(|problem| problem.contains("steps together; at most 20000")), "{found:?}");
}

/// The keys that the parser takes at each level, from its own complaint about an unknown one.
fn accepted_keys(find: &str, replace: &str) -> BTreeSet<String> {
    let found = problems(find, replace);
    let list = found[0].split(", expected ").nth(1).unwrap_or_else(|| panic!("{found:?}"));
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
        ("line", accepted_keys("kind: MONEY, description: A", "zzz: 1, kind: MONEY, description: A")),
        ("amount", accepted_keys("percent: 50, adjust", "zzz: 50, adjust")),
        ("adjustment", accepted_keys("{ when: far", "{ zzz: 1, when: far")),
        ("table", accepted_keys("by: km, rows", "zzz: 1, rows")),
        ("row", accepted_keys("up_to: 1500", "zzz: 1")),
        ("input", accepted_keys("name: from", "zzz: 1, name: from")),
        ("derived", accepted_keys("of: [from, to]", "zzz: 1")),
        ("term", accepted_keys("is: km > 1500", "zzz: 1")),
        ("set_off", accepted_keys("policy: HIGHEST", "zzz: 1")),
    ]);
    for (level, accepted) in levels {
        let definition = &schema["$defs"][level];
        let properties = definition["properties"].as_object().expect("an object");
        assert_eq!(properties.keys().cloned().collect::<BTreeSet<_>>(), accepted, "{level}");
        assert_eq!(definition["additionalProperties"], serde_json::json!(false), "{level}");
    }
}
