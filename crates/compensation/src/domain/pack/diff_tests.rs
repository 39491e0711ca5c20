//! Changes of a pack, told in words.

use super::*;

const OLD: &str = r#"
id: delays
version: 1.0.0
effective_from: "2013-01-01"
sources: [one]
rules:
  - id: late
    description: A long delay gives a voucher.
    condition: event.kind == "flight.delayed" && event.facts.minutes > 180
    automatic: [{ id: food, kind: VOUCHER, amount: { fixed: USD 15.00 } }]
  - id: cancelled
    condition: event.kind == "flight.cancelled"
    choice_of:
      - id: refund
        lines: [{ id: price, kind: MONEY, amount: { from_fact: price, percent: 100 } }]
    plus: [{ id: more, kind: DISCOUNT, percent: 10 }]
"#;

fn changes(replacements: &[(&str, &str)]) -> Vec<String> {
    let new = replacements.iter().fold(OLD.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let changes = diff(OLD, &new).expect("both are YAML");
    changes.iter().map(|change| format!("{} {}: {}", change.what, change.kind, change.words)).collect()
}

#[test]
fn equal_packs_have_no_changes_and_neither_have_blanks_and_comments() {
    assert!(changes(&[]).is_empty());
    assert!(changes(&[("minutes > 180", "minutes   >   180"), ("id: delays", "# new\nid: delays")]).is_empty());
}

#[test]
fn amounts_and_numbers_are_told_with_how_much_they_change() {
    for (from, to, told) in [
        (
            "USD 15.00",
            "USD 20.00",
            "rule late, line food, amount, fixed changed: from USD 15.00 to USD 20.00 (+33.3 %)",
        ),
        (
            "USD 15.00",
            "USD 12.00",
            "rule late, line food, amount, fixed changed: from USD 15.00 to USD 12.00 (-20.0 %)",
        ),
        ("USD 15.00", "EUR 15.00", "rule late, line food, amount, fixed changed: from USD 15.00 to EUR 15.00"),
        ("percent: 10 ", "percent: 25 ", "rule cancelled, line more, percent changed: from 10 to 25 (+150.0 %)"),
        ("percent: 10 ", "percent: ten ", "rule cancelled, line more, percent changed: from 10 to ten"),
        ("percent: 10 ", "percent: 0 ", "rule cancelled, line more, percent changed: from 10 to 0 (-100.0 %)"),
        ("percent: 10 ", "percent: -1 ", "rule cancelled, line more, percent changed: from 10 to -1"),
        (
            "from_fact: price,",
            "from_fact: fare,",
            "rule cancelled, option refund, line price, amount, from fact changed: from price to fare",
        ),
    ] {
        assert_eq!(changes(&[(from, to)]), [told]);
    }
}

#[test]
fn thresholds_are_told_apart_from_other_conditions() {
    for (to, told) in [
        ("> 120", "threshold from 180 to 120; now event.kind == \"flight.delayed\" && event.facts.minutes > 120"),
        (
            ">= 180",
            "threshold from > 180 to >= 180; now event.kind == \"flight.delayed\" && event.facts.minutes >= 180",
        ),
        (
            ">= 120",
            "threshold from > 180 to >= 120; now event.kind == \"flight.delayed\" && event.facts.minutes >= 120",
        ),
    ] {
        assert_eq!(changes(&[("> 180", to)]), [format!("rule late, condition changed: {told}")]);
    }
    // Everything else is told whole: another name beside a number, other words, blanks that the text is written with.
    for (from, to) in [
        ("> 180", "> limit"),
        ("> 180", "== 180"),
        ("> 180", "!= 120"),
        ("event.facts.minutes > 180", "event.facts.minutes>180"),
        ("event.facts.minutes > 180", "180 > event.facts.minutes"),
        ("event.facts.minutes > 180", "180 >= event.facts.minutes"),
    ] {
        let told = format!(
            "rule late, condition changed: from event.kind == \"flight.delayed\" && event.facts.minutes > 180 to \
             event.kind == \"flight.delayed\" && {}",
            "event.facts.minutes > 180".replace(from, to)
        );
        assert_eq!(changes(&[(from, to)]), [told]);
    }
    let words = |old: &str, new: &str| {
        let document = |condition: &str| format!("condition: {condition}");
        diff(&document(old), &document(new)).expect("both are YAML")[0].words.clone()
    };
    assert_eq!(
        words("a > 180 && b < 60 && c < d", "a >= 180 && b < 90 && c < d"),
        "thresholds from > 180 to >= 180, from 60 to 90; now a >= 180 && b < 90 && c < d"
    );
    assert_eq!(
        words("c == d && a > 180 && 60 < b", "c == d && a >= 180 && 90 < b"),
        "thresholds from > 180 to >= 180, from 60 to 90; now c == d && a >= 180 && 90 < b"
    );
    // A number in a text is no threshold.
    for text in ["'train 2'", "\"it's 2\"", "'an \"x 2'"] {
        let (old, new) = (format!("a == {text} && b > 1"), format!("a == {} && b > 1", text.replace('2', "3")));
        let yaml = |condition: &str| format!("condition: >-\n  {condition}\n");
        let told = diff(&yaml(&old), &yaml(&new)).expect("both are YAML");
        assert_eq!(told[0].words, format!("from {old} to {new}"));
    }
    assert_eq!(words("c < d", "c <= d"), "from c < d to c <= d");
    assert_eq!(words("c < 5", "c <= d"), "from c < 5 to c <= d");
    assert_eq!(words("c < d", "c <= 5"), "from c < d to c <= 5");
    assert_eq!(
        changes(&[("flight.delayed", "train 2")]),
        ["rule late, condition changed: from event.kind == \"flight.delayed\" && event.facts.minutes > 180 \
          to event.kind == \"train 2\" && event.facts.minutes > 180"]
    );
}

#[test]
fn rules_options_lines_and_fields_come_and_go() {
    let condition = r#"condition: event.kind == "flight.delayed" && event.facts.minutes > 180"#;
    let rule = format!(
        "description: A long delay gives a voucher., {condition}, automatic: [id: food, kind: VOUCHER, amount: {{fixed: USD 15.00}}]"
    );
    assert_eq!(
        changes(&[("id: late", "id: tardy"), ("version: 1.0.0", "version: 1.1.0"), ("[one]", "[two]")]),
        [
            "version changed: from 1.0.0 to 1.1.0".to_owned(),
            "sources removed: one".to_owned(),
            "sources added: two".to_owned(),
            format!("rule late removed: {rule}"),
            format!("rule tardy added: {rule}"),
        ]
    );
    assert_eq!(
        changes(&[
            ("id: more", "id: extra"),
            ("kind: MONEY, amount: { from_fact: price, percent: 100 }", "kind: SERVICE")
        ]),
        [
            "rule cancelled, option refund, line price, kind changed: from MONEY to SERVICE",
            "rule cancelled, option refund, line price, amount removed: from_fact: price, percent: 100",
            "rule cancelled, line more removed: kind: DISCOUNT, percent: 10",
            "rule cancelled, line extra added: kind: DISCOUNT, percent: 10",
        ]
    );
    assert_eq!(changes(&[("[one]", "[one]\nuntil: 2014")]), ["until added: 2014"]);
}

#[test]
fn lists_without_ids_tell_their_order() {
    let told = diff("a: [x, y]", "a: [y, x]").expect("both are YAML");
    assert_eq!(told[0].words, "from [x, y] to [y, x]");
    assert!(diff("a: [", "a: 1").is_err());
    let nested = |depth: usize| format!("a: {}1{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(diff(&nested(60), &nested(60)).map(|changes| changes.len()), Ok(0));
    assert_eq!(diff("a: []", &nested(3)).expect("both are YAML")[0].words, "[[1]]");
    let refused = diff(&nested(1_000), &nested(1_000)).expect_err("nobody writes that");
    assert!(refused.contains("recursion limit"), "{refused}");
}

#[test]
fn what_comes_or_goes_is_cut_after_four_hundred_characters() {
    for (length, is_cut) in [(MAX_SHOWN, false), (MAX_SHOWN + 1, true)] {
        let text = "é".repeat(length);
        let told = diff("a: 1", &format!("a: 1\nb: {text}")).expect("both are YAML");
        let expected = if is_cut { format!("{}…", "é".repeat(MAX_SHOWN)) } else { text };
        assert_eq!(told[0].words, expected);
    }
}
