//! Documents are read strictly, and say all that is wrong with them.

use std::collections::BTreeSet;

use super::document::MAX_BYTES;
use super::*;

fn with(kind: PolicyKind, find: &str, replace: &str) -> Vec<String> {
    let text = kind.shipped();
    assert!(text.contains(find), "{find} is not in the document");
    parse(&text.replacen(find, replace, 1)).expect_err("a wrong document")
}

#[test]
fn what_is_shipped_is_right() {
    for kind in PolicyKind::ALL {
        let policy = parse(kind.shipped()).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert!(policy.kind() == kind && policy.version.starts_with("shipped-"), "{}", policy.version);
        assert_eq!((PolicyKind::parse(kind.as_str()), PolicyKind::from_id(kind.id())), (Some(kind), Some(kind)));
    }
}

#[test]
fn all_problems_of_a_document_are_told_with_their_paths() {
    let authority = "kind: AUTHORITY\nversion: ''\neffective_from: 2026-13-01\nwindow_days: 0\ndefault_role: chef\nroles:\n\
        - id: Agent\n  limits:\n  - {kind: GOLD, per_case: [1 ounce], per_customer: [], per_agent_day: []}\n\
        - id: agent\n  limits:\n  - {kind: MONEY, per_case: [EUR 1.00, EUR 2.00, 5 percent], per_customer: [], per_agent_day: []}\n\
        \x20 - {kind: MONEY, per_case: [], per_customer: [], per_agent_day: []}\n- {id: agent, limits: []}\n";
    assert_eq!(
        parse(authority).expect_err("wrong"),
        [
            "window_days: `0` is not 1 to 3660 days",
            "roles[0].id: `Agent` is not 1 to 60 characters of a-z, 0-9 and '-', from a letter on",
            "roles[0].limits[0].per_case[0]: `1 ounce` is not a limit such as EUR 50.00",
            "roles[0].limits[0].kind: `GOLD` is not one of MONEY, VOUCHER, DISCOUNT, SERVICE",
            "roles[1].limits[0].per_case[1]: `EUR 2.00`: there is a limit in this unit already",
            "roles[1].limits[0].per_case[2]: `5 percent` is not a limit such as EUR 50.00",
            "roles[1].limits[1].kind: `MONEY` is taken",
            "roles[2].id: `agent` is taken",
            "default_role: `chef` is none of the roles",
            "roles: none approves: what is above the limits would wait for ever",
            "version: must have 1 to 32 characters",
            "effective_from: `2026-13-01` is not a day such as 2026-01-01",
        ]
    );
    let budgets = "kind: BUDGETS\nversion: '1'\neffective_from: 2026-01-01\nlifetime_value_fact: Worth\nbands:\n\
        - {id: a, limits: [{window_days: 1, amounts: [EUR 1]}, {window_days: 1, amounts: [EUR 1.00, EUR 2.00]}]}\n\
        - {id: a, at_least: [EUR 5.00], limits: []}\n";
    assert_eq!(
        parse(budgets).expect_err("wrong"),
        [
            "lifetime_value_fact: `Worth` is not the key of a fact",
            "bands[0].at_least: every band has one but the last, which takes the customers that are in no other",
            "bands[0].limits[0].amounts[0]: `EUR 1` is not an amount such as EUR 50.00",
            "bands[0].limits[1].window_days: `1` is taken",
            "bands[0].limits[1].amounts[1]: `EUR 2.00`: there is an amount in this currency already",
            "bands[1].id: `a` is taken",
            "bands[1].at_least: every band has one but the last, which takes the customers that are in no other",
        ]
    );
    let abuse = "kind: ABUSE\nversion: '1'\neffective_from: 2026-01-01\nsignals:\n- {dimension: MOOD, at: 1, window_days: 1}\n\
        - {dimension: PAYEE, at: 2, window_days: 1}\n- {dimension: PAYEE, at: 2, window_days: 1}\n";
    assert_eq!(
        parse(abuse).expect_err("wrong"),
        [
            "signals[0].at: must be 2 to 10000: what happens once is no repetition",
            "signals[0].dimension: `MOOD` is not one of CUSTOMER, PAYEE, REFERENCE",
            "signals[2].dimension: `PAYEE` is taken",
        ]
    );
    assert_eq!(
        parse("kind: LUCK").expect_err("wrong"),
        ["kind: `LUCK` is not one of AUTHORITY, BUDGETS, ABUSE, CATALOGUE"]
    );
    assert_eq!(parse(&"#".repeat(65_537)).expect_err("wrong"), ["has 65537 bytes; allowed are 65536"]);
    for unreadable in ["", "- 1", "kind: [", "kind: ABUSE"] {
        assert_eq!(parse(unreadable).expect_err(unreadable).len(), 1);
    }
}

/// Budgets with one band, of this id and by this fact.
fn named(id: &str, fact: &str) -> Result<Policy, Vec<String>> {
    let head = "kind: BUDGETS\nversion: '1'\neffective_from: 2026-01-01\n";
    parse(&format!("{head}lifetime_value_fact: '{fact}'\nbands:\n- {{id: '{id}', limits: []}}\n"))
}

#[test]
fn names_begin_with_a_letter_and_are_of_the_characters_that_are_told() {
    let long = "a".repeat(64);
    for id in ["a", "a-1", "z9-", &long[..60]] {
        assert!(named(id, "worth").is_ok(), "{id}");
    }
    for id in ["", "-a", "1a", "A", "aB", "a_b", "a b", "a\u{e4}", &long[..61]] {
        let problem = format!("bands[0].id: `{id}` is not 1 to 60 characters of a-z, 0-9 and '-', from a letter on");
        assert_eq!(named(id, "worth").expect_err(id), [problem]);
    }
    for fact in ["a", "a_1", "z9_", &long[..63]] {
        assert!(named("all", fact).is_ok(), "{fact}");
    }
    for fact in ["", "_a", "1a", "A", "aB", "a-b", "a b", "a\u{e4}", &long] {
        let problem = format!("lifetime_value_fact: `{fact}` is not the key of a fact");
        assert_eq!(named("all", fact).expect_err(fact), [problem]);
    }
}

#[test]
fn a_document_of_the_most_bytes_is_read() {
    let text = format!("{}\n", PolicyKind::Abuse.shipped());
    assert!(parse(&(text.clone() + &"#".repeat(MAX_BYTES - text.len()))).is_ok());
    assert!(parse(&(text.clone() + &"#".repeat(MAX_BYTES + 1 - text.len()))).is_err());
}

#[test]
fn a_list_has_as_many_items_as_are_allowed() {
    let head = "kind: BUDGETS\nversion: '1'\neffective_from: 2026-01-01\nlifetime_value_fact: worth\nbands:";
    let band = |number: usize| format!("- {{id: b{number}, at_least: [EUR {number}.00], limits: []}}\n");
    let of = |bands: usize| {
        let most: String = (1..bands).map(band).collect();
        parse(&format!("{head}\n{most}- {{id: rest, limits: []}}\n"))
    };
    assert!(of(16).is_ok());
    assert_eq!(of(17).expect_err("too many"), ["bands: has 17 items; allowed are 1 to 16"]);
    assert_eq!(parse(&format!("{head} []\n")).expect_err("none"), ["bands: has 0 items; allowed are 1 to 16"]);
}

#[test]
fn all_problems_of_a_catalogue_are_told_with_their_paths() {
    let catalogue = "kind: CATALOGUE\nversion: '1'\neffective_from: 2026-01-01\nprice_facts: [price, Price]\nitems:\n\
        - {id: a, description: '', cost: [], perceived_value: [EUR 1]}\n\
        - {id: a, description: \"two\\nlines\", cost: [EUR 1.00, USD 1.00], perceived_value: [USD 2.00, EUR 2.00]}\n\
        - {id: b, description: B, cost: [1001 percent], perceived_value: [-1 percent]}\n\
        - {id: c, description: C, cost: [10 percent, EUR 1.00], perceived_value: [1000 percent]}\n\
        - {id: d, description: D, cost: [EUR 0.00], perceived_value: [20 percent]}\n";
    assert_eq!(
        parse(catalogue).expect_err("wrong"),
        [
            "price_facts[1]: `Price` is not the key of a fact",
            "items[0].description: must have 1 to 300 characters, without line breaks",
            "items[0].cost: needs amounts such as EUR 50.00, or one share of the price such as 60 percent",
            "items[0].perceived_value[0]: `EUR 1` is not an amount such as EUR 50.00",
            "items[1].id: `a` is taken",
            "items[1].description: must have 1 to 300 characters, without line breaks",
            "items[1].perceived_value: must name the currencies of cost, in their order: what something is worth is compared with what it costs",
            "items[2].cost: `1001 percent` is not a share such as 60 percent, at most 1000 percent",
            "items[2].perceived_value: `-1 percent` is not a share such as 60 percent, at most 1000 percent",
            "items[3].cost[0]: `10 percent` is not an amount such as EUR 50.00",
        ]
    );
    let item =
        |number: usize| format!("- {{id: i{number}, description: D, cost: [EUR 0.00], perceived_value: [EUR 1.00]}}\n");
    let head = "kind: CATALOGUE\nversion: '1'\neffective_from: 2026-01-01\nprice_facts: [price]\nitems:\n";
    let of = |items: usize| head.to_owned() + &(0..items).map(item).collect::<String>();
    assert!(parse(&of(500)).is_ok());
    assert_eq!(parse(&of(501)).expect_err("too many"), ["items: has 501 items; allowed are 0 to 500"]);
}

/// The keys that the parser takes at each level, from its own complaint about an unknown one.
fn accepted_keys(kind: PolicyKind, find: &str, replace: &str) -> BTreeSet<String> {
    let found = with(kind, find, replace);
    let list = found[0].split("expected one of ").nth(1).or_else(|| found[0].split("expected ").nth(1));
    let list = list.unwrap_or_else(|| panic!("{found:?}"));
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_json_schema_and_the_parser_take_the_same_keys() {
    use PolicyKind as K;
    let schema = include_str!("../../../policies/policy.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).expect("the schema is JSON");
    let levels = [
        ("authority", K::Authority, "window_days:", "zzz: 1\nwindow_days:"),
        ("role", K::Authority, "    approves:", "    zzz: 1\n    approves:"),
        ("limit", K::Authority, "        per_case:", "        zzz: 1\n        per_case:"),
        ("budgets", K::Budgets, "bands:", "zzz: 1\nbands:"),
        ("band", K::Budgets, "    limits:", "    zzz: 1\n    limits:"),
        ("budget", K::Budgets, "        amounts:", "        zzz: 1\n        amounts:"),
        ("abuse", K::Abuse, "signals:", "zzz: 1\nsignals:"),
        ("signal", K::Abuse, "    at:", "    zzz: 1\n    at:"),
        ("catalogue", K::Catalogue, "items:", "zzz: 1\nitems:"),
        ("item", K::Catalogue, "    cost:", "    zzz: 1\n    cost:"),
    ];
    for (level, kind, find, replace) in levels {
        let definition = &schema["$defs"][level];
        let properties = definition["properties"].as_object().expect("an object");
        let accepted = accepted_keys(kind, find, replace);
        assert_eq!(properties.keys().cloned().collect::<BTreeSet<_>>(), accepted, "{level}");
        assert_eq!(definition["additionalProperties"], serde_json::json!(false), "{level}");
    }
}
