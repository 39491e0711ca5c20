//! What a decision says: why a pack does not judge, what a rule leaves out, where a line comes from.

use super::*;

/// A pack with these keys, over a number `n` and a yes or no `ok`, judges an event with these facts.
fn judged(more: &str, rules: &str, facts: &[(&str, Fact)]) -> Assessment {
    let inputs = "inputs: [{ name: n, type: INTEGER }, { name: ok, type: BOOLEAN }]";
    let text = document("p", "1", "ACTIVE", "2020-01-01", "2022-01-01", rules)
        .replace("sources: [s]", &format!("sources: [s], {inputs}{more}"));
    let facts = facts.iter().map(|(key, fact)| ((*key).to_owned(), fact.clone())).collect();
    set(&[text]).expect("valid").assess(&FailureEvent { facts, ..event("2021-01-01T00:00:00Z") }, Severity::Low)
}

fn service(id: &str, more: &str) -> String {
    format!("{{ id: {id}, basis: TIME, kind: SERVICE, description: {id}{more} }}")
}

fn rule(condition: &str, more: &str) -> String {
    format!("{{ id: r, description: D., condition: \"event.kind == 'x' && ({condition})\", {more} }}")
}

/// A pack that does not judge decides nothing and says why, with what would have to be known.
#[test]
fn a_pack_that_does_not_judge_says_why() {
    let gives = rule("true", &format!("automatic: [{}]", service("s", "")));
    let (n, claimed) = (|n: i64| ("n", Fact::Integer(n)), |claimed: bool| ("claimed", Fact::Boolean(claimed)));
    let asks = "It is given when it is asked for; the fact `claimed` does not say so.";
    for (more, facts, why, missing) in [
        (", proactive: false", vec![], asks, vec!["claimed"]),
        (", proactive: false", vec![claimed(false)], asks, vec!["claimed"]),
        (", proactive: false", vec![claimed(true)], "", vec![]),
        (", applies_when: n > 3", vec![n(4)], "", vec![]),
        (", applies_when: n > 3", vec![n(3)], "The pack is not for this event: n = 3.", vec![]),
        (
            ", applies_when: n > 3",
            vec![],
            "Whether the pack is for this event is not known: The fact `n` is missing.",
            vec!["n"],
        ),
        (
            ", applies_when: n > 3",
            vec![("n", Fact::Boolean(true))],
            "Whether the pack is for this event is not known: The fact `n` is yes or no; a whole number is needed.",
            vec![],
        ),
        (
            ", applies_when: n * n > 3",
            vec![n(i64::MAX)],
            "Whether the pack is for this event is not known: A number is out of range or divided by zero.",
            vec![],
        ),
    ] {
        let assessment = judged(more, &gives, &facts);
        let decision = &assessment.decisions[0];
        assert_eq!(
            (decision.applies, assessment.automatic.len()),
            (why.is_empty(), usize::from(why.is_empty())),
            "{more}"
        );
        assert_eq!(decision.missing, missing, "{more} {facts:?}");
        if !why.is_empty() {
            assert_eq!((decision.explanation.as_str(), decision.rule.as_str()), (why, ""), "{more}");
            assert_eq!(decision.inputs.contains_key("n"), more.contains("applies_when"), "{more}");
        }
    }
    let unlimited = document("p", "1", "ACTIVE", "2022-01-01", "", &gives);
    let over = document("p", "1", "ACTIVE", "2020-01-01", "2021-01-01", &gives);
    let withdrawn = document("p", "1", "WITHDRAWN", "2020-01-01", "", &gives);
    for (pack, why) in [
        (unlimited, "The pack holds from 2022-01-01; the event happened at 2021-01-01T00:00:00Z."),
        (over, "The pack holds from 2020-01-01 until 2021-01-01; the event happened at 2021-01-01T00:00:00Z."),
        (withdrawn, "The pack is withdrawn."),
    ] {
        let assessment = set(&[pack]).expect("valid").assess(&event("2021-01-01T00:00:00Z"), Severity::Low);
        let told: Vec<_> = assessment.decisions.iter().map(|decision| decision.explanation.as_str()).collect();
        assert_eq!((told, assessment.is_empty()), (vec![why], true));
        assert_eq!([&assessment.decisions[0].pack, &assessment.decisions[0].version], ["p", "1"]);
    }
    let other = FailureEvent { kind: "y".to_owned(), ..event("2021-01-01T00:00:00Z") };
    let named =
        document("p", "1", "ACTIVE", "2020-01-01", "", &gives).replace("sources:", "event_kinds: [x], sources:");
    assert_eq!(set(&[named]).expect("valid").assess(&other, Severity::Low).decisions, [], "it is for another kind");
}

/// A rule says what it read, and of each line or option that it leaves out why.
#[test]
fn a_rule_says_what_it_leaves_out_and_why() {
    let n = |n: i64| ("n", Fact::Integer(n));
    let ok = |ok: bool| ("ok", Fact::Boolean(ok));
    let two = |first: &str, second: &str| format!("automatic: [{}, {}]", service("a", first), service("b", second));
    let times = ", kind: MONEY, amount: { fixed: USD 1.00, times: n }";
    let paid = |id: &str, more: &str| service(id, more).replacen(", kind: SERVICE", times, 1);
    for (rules, facts, gives, why, missing) in [
        (
            rule("n > 1", &two("", "")),
            vec![n(2)],
            vec!["r.a", "r.b"],
            "D. The condition holds with kind = x, n = 2.",
            vec![],
        ),
        (rule("n > 1", &two("", "")), vec![n(1)], vec![], "The condition does not hold with kind = x, n = 1.", vec![]),
        (rule("n > 1", &two("", "")), vec![], vec![], "The fact `n` is missing.", vec!["n"]),
        (
            rule("true", &two(", when: ok", "")),
            vec![ok(false)],
            vec!["r.b"],
            "D. The condition holds with kind = x, ok = false.",
            vec![],
        ),
        (
            rule("true", &two(", when: ok", "")),
            vec![],
            vec!["r.b"],
            "D. The condition holds with kind = x. Line a is left out: The fact `ok` is missing.",
            vec!["ok"],
        ),
        (
            rule("true", &two(", when: ok", ", when: ok && n > 1")),
            vec![],
            vec![],
            "Line a is left out: The fact `ok` is missing. Line b is left out: The fact `ok` is missing.",
            vec!["ok"],
        ),
        (
            rule("true", &two(", when: ok", ", when: ok")),
            vec![ok(false)],
            vec![],
            "No line of the rule is for this event.",
            vec![],
        ),
        (
            rule("true", &format!("automatic: [{}, {}]", paid("a", ""), service("b", ""))),
            vec![],
            vec!["r.b"],
            "D. The condition holds with kind = x. The fact `n` is missing.",
            vec!["n"],
        ),
        (
            rule("true", &format!("automatic: [{}]", paid("a", ""))),
            vec![n(0)],
            vec![],
            "fixed USD 1.00 x 0 (n) is not an amount that can be paid.",
            vec![],
        ),
    ] {
        let assessment = judged("", &rules, &facts);
        let given: Vec<_> = assessment.automatic.iter().map(|line| line.id.as_str()).collect();
        assert_eq!((given, assessment.decisions[0].applies), (gives.clone(), !gives.is_empty()), "{rules}");
        assert_eq!(
            (assessment.decisions[0].explanation.as_str(), &assessment.decisions[0].missing[..]),
            (why, &missing.iter().map(|fact| (*fact).to_owned()).collect::<Vec<_>>()[..])
        );
    }
}

/// An option is put whole or not at all, and what comes along comes with a choice only.
#[test]
fn an_option_that_lacks_a_line_is_not_put() {
    let options = format!(
        "choice_of: [{{ id: whole, description: W, lines: [{}] }}, {{ id: part, description: P, lines: [{}, {}] }}, \
         {{ id: none, description: N, lines: [{}] }}], plus: [{}]",
        service("a", ""),
        service("b", ""),
        service("c", ", when: ok"),
        service("d", ", when: n > 1"),
        service("e", ""),
    );
    let put = |facts: &[(&str, Fact)]| {
        let assessment = judged("", &rule("true", &options), facts);
        let options: Vec<_> =
            assessment.choice_of.iter().map(|option| (option.id.clone(), option.lines.len())).collect();
        (options, assessment.plus.len(), assessment.decisions[0].explanation.clone())
    };
    let is =
        |options: &[(&str, usize)]| options.iter().map(|(id, lines)| ((*id).to_owned(), *lines)).collect::<Vec<_>>();
    let (n, ok) = (|n: i64| ("n", Fact::Integer(n)), |ok: bool| ("ok", Fact::Boolean(ok)));
    let (options, along, _) = put(&[n(2), ok(true)]);
    assert_eq!((options, along), (is(&[("whole", 1), ("part", 2), ("none", 1)]), 1));
    let (options, _, why) = put(&[n(1), ok(false)]);
    assert_eq!(options, is(&[("whole", 1), ("part", 1)]), "a line that is not for the event lacks nothing");
    assert!(why.contains("Option none is left out: no line of it is for this event."), "{why}");
    let (options, along, why) = put(&[n(1)]);
    assert_eq!((options, along), (is(&[("whole", 1)]), 1));
    assert!(why.contains("Option part is left out: Line c is left out: The fact `ok` is missing."), "{why}");
}

/// What is written down of a line: where it comes from, its own article before the rule's, and what it read.
#[test]
fn a_line_says_where_it_comes_from() {
    let lines = format!(
        "article: \"7\", automatic: [{}, {}, {}, {}]",
        service("own", ", article: \"9\", when: ok"),
        service("sure", ", assumption: as we read it"),
        "{ id: less, basis: TIME, kind: DISCOUNT, percent: 5, description: L, assumption: for a year, never_expires: true }",
        "{ id: paid, basis: TIME, kind: VOUCHER, description: V, amount: { fixed: USD 2.00 }, assumption: a guess }",
    );
    let facts = [("n", Fact::Integer(2)), ("ok", Fact::Boolean(true))];
    let assessment = judged("", &rule("n > 1", &lines), &facts);
    let told: Vec<_> = assessment
        .automatic
        .iter()
        .map(|line| {
            (
                line.origin.article.as_str(),
                line.arithmetic.as_str(),
                line.origin.inputs.len(),
                line.origin.never_expires,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("9", "", 3, false),
            ("7", "as we read it", 2, false),
            ("7", "fixed 5 %; for a year", 2, true),
            ("7", "fixed USD 2.00; a guess", 2, false),
        ]
    );
    assert!(assessment.automatic.iter().all(|line| line.origin.rule == "p/r" && line.origin.source == "s"));
    let decision = &assessment.decisions[0];
    let from = [&decision.pack, &decision.version, &decision.rule, &decision.article, &decision.source];
    assert_eq!(from, ["p", "1", "r", "7", "s"]);
    let read = [("kind", "x"), ("n", "2"), ("ok", "true")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(decision.inputs, read.into());
    let item = rule("true", &format!("automatic: [{}]", service("seat", ", catalogue_item: free-upgrade")));
    let named = judged("", &item, &[]).automatic[0].origin.item.clone().expect("an item");
    assert_eq!(named, CatalogueItem { id: "free-upgrade".to_owned(), ..CatalogueItem::default() });
}

#[test]
fn a_text_that_is_too_long_is_cut_between_characters() {
    let long = |count: usize| "\u{e4}".repeat(count);
    assert_eq!(cut(&"a".repeat(512)), "a".repeat(512));
    assert_eq!(cut(&"a".repeat(513)), "a".repeat(512));
    assert_eq!((cut(&long(512)), cut(&long(513))), (long(512), long(512)));
}

/// A draft is told whenever it would give something, at once or as a choice.
#[test]
fn a_draft_is_in_the_shadow_when_it_would_give_something() {
    let shadow = |rules: &str| {
        let packs = set(&[document("p", "1", "DRAFT", "2020-01-01", "", rules)]).expect("valid");
        let assessment = packs.assess(&event("2021-01-01T00:00:00Z"), Severity::Low);
        assert!(assessment.is_empty());
        let words = &assessment.decisions[0].explanation;
        assert_eq!(words.starts_with("The pack is a draft"), assessment.decisions[0].applies, "{words}");
        assert!(assessment.shadow.iter().all(|one| one.pack == "p" && one.version == "1"));
        assessment.shadow.iter().map(|one| (one.automatic.len(), one.choice_of.len())).collect::<Vec<_>>()
    };
    assert_eq!(shadow(&voucher_rule("r", "USD 1.00")), [(1, 0)]);
    assert_eq!(shadow(&choice_rule("r")), [(0, 1)]);
    assert_eq!(shadow(&format!("{}, {}", choice_rule("r"), voucher_rule("s", "USD 1.00"))), [(1, 1)]);
    assert_eq!(shadow(&rule("false", &format!("automatic: [{}]", service("s", "")))), []);
}
