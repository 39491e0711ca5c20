//! What conditions may say, and what they say about events.

use kernel::{Currency, Money, Timestamp};

use super::*;

fn event(facts: &[(&str, Fact)]) -> FailureEvent {
    FailureEvent {
        kind: "flight.delayed".to_owned(),
        occurred_at: Timestamp::from_seconds(1_360_368_000),
        reference: String::new(),
        facts: facts.iter().map(|(key, fact)| ((*key).to_owned(), fact.clone())).collect(),
    }
}

fn judge(condition: &str, facts: &[(&str, Fact)]) -> Verdict {
    Condition::compile(condition).expect("a valid condition").judge(&Scope::of(&event(facts), Severity::Medium))
}

#[test]
fn conditions_read_the_event() {
    let price = Fact::Money(Money::new(Currency::parse("USD").expect("known"), 21_450));
    let facts = [
        ("minutes", Fact::Integer(181)),
        ("extraordinary", Fact::Boolean(false)),
        ("cause", Fact::Text("weather".to_owned())),
        ("price", price),
        ("told_at", Fact::Time(Timestamp::from_seconds(1_360_000_000))),
    ];
    for (condition, verdict) in [
        ("event.kind == 'flight.delayed' && event.facts.minutes > 180", Verdict::Holds),
        ("event.facts['minutes'] > 181", Verdict::Fails),
        ("!event.facts.extraordinary", Verdict::Holds),
        ("event.facts.extraordinary", Verdict::Fails),
        ("event.facts.cause in ['weather', 'strike']", Verdict::Holds),
        ("event.facts.price.currency == 'USD' && event.facts.price.minor >= 21450", Verdict::Holds),
        ("event.occurred_at - event.facts.told_at < 14 * 86400", Verdict::Holds),
        ("event.severity >= MEDIUM && event.severity < HIGH", Verdict::Holds),
        ("has(event.facts.minutes)", Verdict::Holds),
        ("has(event.facts.other)", Verdict::Fails),
        ("['flight.', 'train.'].exists(p, event.kind.startsWith(p))", Verdict::Holds),
        ("event.facts.minutes > 180 ? event.kind == 'x' : true", Verdict::Fails),
        ("event.facts.cause", Verdict::WrongType),
        ("event.facts.cause > 180", Verdict::WrongType),
        ("event.facts.other > 180", Verdict::Missing("other".to_owned())),
        ("event.kind == 'parcel.lost' && event.facts.other > 180", Verdict::Fails),
        ("event.facts.other > 180 && event.kind == 'parcel.lost'", Verdict::Fails),
    ] {
        assert_eq!(judge(condition, &facts), verdict, "{condition}");
    }
}

#[test]
fn inputs_are_what_was_read() {
    let condition = Condition::compile("event.kind == 'x' || event.facts.minutes > 180 || event.facts.gone == 1");
    let inputs = condition.expect("valid").inputs(&event(&[("minutes", Fact::Integer(7))]), Severity::Low);
    let inputs: Vec<_> = inputs.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(inputs, ["gone=missing", "kind=flight.delayed", "minutes=7"]);
}

#[test]
fn what_may_not_run_is_refused_with_the_reason() {
    let six_deep = "[1].map(a, [1].map(b, [1].map(c, [1].map(d, [1].map(e, [1].map(f, 1)))))) == []";
    let long = format!("event.kind == '{}'", "x".repeat(MAX_BYTES));
    let brackets = format!("{}1{} == 1", "(".repeat(1_500), ")".repeat(1_500));
    let negations = format!("{}event.facts.a", "!-".repeat(1_900));
    let sum = format!("1{} == 1", " + 1".repeat(900));
    let ternaries = format!("{}true", "true ? true : ".repeat(280));
    for (condition, reason) in [
        ("event.kind ==", "is not a CEL expression"),
        ("", "is not a CEL expression"),
        (long.as_str(), "at most 4000"),
        (brackets.as_str(), "nests brackets"),
        (negations.as_str(), "is not a CEL expression"),
        (sum.as_str(), "levels deep"),
        (ternaries.as_str(), "is not a CEL expression"),
        (six_deep, "nests a comprehension"),
        ("[[1]].exists(a, a.exists(b, b == 1))", "nests a comprehension"),
        ("[1].map(a, a).exists(b, b == 1)", "nests a comprehension"),
        ("event.sort == 1", "which no event has"),
        ("delay > 180", "event.facts.delay"),
        ("event == 1", "name a field"),
        ("event.facts.minutes + 1", "must say yes or no"),
        ("[1, 2]", "must say yes or no"),
        ("event.facts.minutes > 180 ? 1 : 2", "must say yes or no"),
        ("a.exists(x, x == 1)", "`a`"),
    ] {
        let error = Condition::compile(condition).expect_err("must be refused");
        assert!(error.contains(reason), "{condition:.80}: {error}");
    }
}
