//! What expressions may say, what they say of events, and what is refused.

use std::collections::BTreeMap;

use kernel::{Currency, Money, Timestamp};

use super::*;
use crate::domain::event::{Fact, FailureEvent};

fn input(name: &str, kind: Type) -> Input {
    Input { name: name.to_owned(), kind, description: String::new(), default: None, derived: None }
}

fn inputs() -> Vec<Input> {
    vec![
        input("minutes", Type::Integer),
        input("extraordinary", Type::Boolean),
        input("cause", Type::Text),
        input("price", Type::Money),
        input("told_at", Type::Time),
        input("other", Type::Integer),
        input("fare", Type::Money),
    ]
}

fn event(facts: &[(&str, Fact)]) -> FailureEvent {
    FailureEvent {
        kind: "flight.delayed".to_owned(),
        occurred_at: Timestamp::from_seconds(1_360_000_600),
        reference: String::new(),
        facts: facts.iter().map(|(key, fact)| ((*key).to_owned(), fact.clone())).collect::<BTreeMap<_, _>>(),
    }
}

fn facts() -> Vec<(&'static str, Fact)> {
    let price = Fact::Money(Money::new(Currency::parse("USD").expect("known"), 21_450));
    vec![
        ("minutes", Fact::Integer(181)),
        ("extraordinary", Fact::Boolean(false)),
        ("cause", Fact::Text("weather".to_owned())),
        ("price", price),
        ("fare", Fact::Money(Money::new(Currency::parse("EUR").expect("known"), 1))),
        ("told_at", Fact::Time(Timestamp::from_seconds(1_360_000_000))),
    ]
}

fn judge(source: &str, event: &FailureEvent) -> Result<bool, Stop> {
    let inputs = inputs();
    let names = Names { inputs: &inputs, terms: &[] };
    let condition = Expression::condition(source, names).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    let scope = Scope::new(event, Severity::Medium, &inputs, &[]);
    let verdict = scope.holds(&condition);
    assert!(scope.steps() <= condition.steps(), "{source}: {} of {} steps", scope.steps(), condition.steps());
    verdict
}

#[test]
fn conditions_read_the_event() {
    let event = event(&facts());
    for (condition, verdict) in [
        ("event.kind == 'flight.delayed' && event.facts.minutes > 180", Ok(true)),
        ("event.facts['minutes'] > 181", Ok(false)),
        ("minutes > 180", Ok(true)),
        ("minutes >= 181 && minutes <= 181 && !(minutes < 181) && minutes != 180", Ok(true)),
        ("!event.facts.extraordinary", Ok(true)),
        ("extraordinary", Ok(false)),
        ("cause in ['weather', 'strike']", Ok(true)),
        ("cause in []", Ok(false)),
        ("cause > 'strike' && cause <= 'weather' && !(cause < 'weather')", Ok(true)),
        ("price >= price && price <= price && !(price < price) && price != fare", Ok(true)),
        ("price > fare", Err(Stop::Arithmetic)),
        ("minutes > -(-9223372036854775808)", Err(Stop::Arithmetic)),
        ("price.currency == 'USD' && price.minor >= 21450", Ok(true)),
        ("event.occurred_at - told_at < 14 * 86400", Ok(true)),
        ("told_at + 600 == event.occurred_at && event.occurred_at - 601 < told_at", Ok(true)),
        ("told_at >= timestamp('2013-02-04T17:46:40Z') && told_at < timestamp('2013-02-04T17:46:41Z')", Ok(true)),
        ("event.severity >= MEDIUM && event.severity < HIGH", Ok(true)),
        ("has(event.facts.minutes)", Ok(true)),
        ("has(event.facts.other)", Ok(false)),
        ("['flight.', 'train.'].exists(p, event.kind.startsWith(p))", Ok(true)),
        ("['flight.', 'train.'].all(p, event.kind.startsWith(p))", Ok(false)),
        ("[180, 181].all(m, minutes >= m)", Ok(true)),
        ("cause.endsWith('er') && cause.contains('eat')", Ok(true)),
        ("event.facts.minutes > 180 ? event.kind == 'x' : true", Ok(false)),
        ("-7 / 2 == -3 && -7 % 2 == -1 && -(minutes) == -181", Ok(true)),
        ("other > 180", Err(Stop::Missing(5))),
        ("event.kind == 'parcel.lost' && other > 180", Ok(false)),
        ("other > 180 && event.kind == 'parcel.lost'", Ok(false)),
        ("other > 180 || minutes > 180", Ok(true)),
        ("minutes * 9223372036854775807 > 0", Err(Stop::Arithmetic)),
        ("minutes / (minutes - 181) > 0", Err(Stop::Arithmetic)),
        ("minutes in [181, minutes / (minutes - 181)]", Err(Stop::Arithmetic)),
    ] {
        assert_eq!(judge(condition, &event), verdict, "{condition}");
    }
}

#[test]
fn a_fact_of_another_type_is_told() {
    let event = event(&[("minutes", Fact::Text("many".to_owned()))]);
    assert_eq!(judge("minutes > 180", &event), Err(Stop::WrongType(0, Type::Text)));
}

#[test]
fn what_was_read_says_what_is_missing_and_what_is_assumed() {
    let mut inputs = inputs();
    inputs[1].default = Some(Fact::Boolean(false));
    let names = Names { inputs: &inputs, terms: &[] };
    let condition = Expression::condition("event.kind == 'x' || minutes > 180 || extraordinary || other == 1", names);
    let event = event(&[("minutes", Fact::Integer(7))]);
    let scope = Scope::new(&event, Severity::Low, &inputs, &[]);
    let read = scope.read(condition.expect("valid").reads());
    let read: Vec<_> = read.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(read, ["extraordinary=false (assumed)", "kind=flight.delayed", "minutes=7", "other=missing"]);
}

#[test]
fn terms_are_worked_out_once() {
    let inputs = inputs();
    let mut terms: Vec<Term> = Vec::new();
    for (name, source) in [("late", "minutes > 180"), ("twice", "late && late"), ("four", "twice && twice && late")] {
        let names = Names { inputs: &inputs, terms: &terms };
        let is = Expression::condition(source, names).expect("valid");
        terms.push(Term { name: name.to_owned(), is });
    }
    let event = event(&facts());
    let scope = Scope::new(&event, Severity::Low, &inputs, &terms);
    let whole = Expression::condition("four && !four", Names { inputs: &inputs, terms: &terms }).expect("valid");
    assert_eq!(scope.holds(&whole), Ok(false));
    assert_eq!(whole.reads().inputs.iter().copied().collect::<Vec<_>>(), [0]);
    // The whole has 4 nodes, `four` 5, `twice` 3, `late` 3; no term is walked again.
    assert_eq!(scope.steps(), 15);
}

#[test]
fn what_may_not_run_is_refused_with_the_reason() {
    let six_deep = "[1].map(a, [1].map(b, [1].map(c, [1].map(d, [1].map(e, [1].map(f, 1)))))) == []";
    let long = format!("event.kind == '{}'", "x".repeat(MAX_BYTES));
    let brackets = format!("{}1{} == 1", "(".repeat(1_500), ")".repeat(1_500));
    let negations = format!("{}minutes", "!-".repeat(1_900));
    let sum = format!("minutes{} == 1", " + minutes".repeat(300));
    let ternaries = format!("{}true", "true ? true : ".repeat(280));
    let elements = (0..65).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let list = format!("minutes in [{elements}]");
    let wide = format!(
        "[{}].all(x, minutes + x > 0 && minutes + x > 1 && minutes + x > 2 && minutes - x < 9 && minutes - x < 8 && minutes - x < 7 && minutes - x < 6)",
        (0..64).map(|n| n.to_string()).collect::<Vec<_>>().join(",")
    );
    let inputs = inputs();
    for (condition, reason) in [
        ("event.kind ==", "is not a CEL expression"),
        ("", "is not a CEL expression"),
        (long.as_str(), "at most 4000"),
        (brackets.as_str(), "nests brackets"),
        (negations.as_str(), "is not a CEL expression"),
        (sum.as_str(), "levels deep"),
        (ternaries.as_str(), "is not a CEL expression"),
        (list.as_str(), "has a list of 65 elements"),
        (wide.as_str(), "takes more than 2000 steps"),
        (six_deep, "uses exists_one, map or filter"),
        ("[1].exists(a, [2].exists(b, b == a))", "nests a comprehension"),
        ("[1].map(a, a) == [1]", "uses exists_one, map or filter"),
        ("[1].exists_one(a, a == 1)", "uses exists_one, map or filter"),
        ("event.facts.exists(a, a == 'x')", "over something else than a list"),
        ("event.facts == 1", "uses event.facts as a whole"),
        ("event.sort == 1", "which no event has"),
        ("delay > 180", "`delay`, which is declared neither"),
        ("event.facts.delay > 180", "`delay`, which is declared neither"),
        ("event == 1", "name a field"),
        ("ship.facts.minutes > 1", "`ship`, which is declared neither"),
        ("minutes + 1", "must say yes or no"),
        ("[1, 2]", "a list stands only"),
        ("minutes > 180 ? 1 : 2", "must say yes or no"),
        ("minutes > 180 ? 1 : 'x'", "both must be of one type"),
        ("a.exists(x, x == 1)", "over something else than a list"),
        ("cause > 180", "compares text with a whole number"),
        ("cause", "must say yes or no"),
        ("minutes && extraordinary", "has a whole number where yes or no is needed"),
        ("told_at > 180", "compares a time with a whole number"),
        ("told_at > timestamp('2013')", "takes a time that is written out"),
        ("told_at > timestamp(cause)", "takes a time that is written out"),
        ("price > 100", "compares an amount of money with a whole number"),
        ("price.cents > 100", "which has .currency and .minor"),
        ("minutes > 1.5", "not a plain whole number"),
        ("cause + 'x' == 'x'", "works out a number from text and text"),
        ("size(cause) > 3", "calls size(), which is not available"),
        ("cause.matches('(a+)+b')", "calls matches(), which is not available"),
        ("extraordinary > false", "compares yes or no by size"),
        ("{'a': 1}.a == 1", "must not build maps"),
        ("1 / 0 == 1", "divides by zero"),
        ("5 / (-(1) + 1) == 1", "divides by zero"),
    ] {
        let error = Expression::condition(condition, Names { inputs: &inputs, terms: &[] }).expect_err(condition);
        assert!(error.iter().any(|error| error.contains(reason)), "{condition:.80}: {error:?}");
    }
}

/// Each bound from both sides.
#[test]
fn what_is_just_within_is_taken() {
    let inputs = inputs();
    let compiled = |source: &str| Expression::condition(source, Names { inputs: &inputs, terms: &[] });
    let takes = |source: &str| compiled(source).is_ok();
    let full = |more: usize| format!("event.kind == '{}'", "x".repeat(MAX_BYTES - 16 + more));
    assert_eq!(full(0).len(), MAX_BYTES);
    assert_eq!(compiled(&full(0)).expect("it fits").source(), full(0));
    assert!(!takes(&full(1)));
    let nested = |depth: usize| format!("{}minutes > 1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(takes(&nested(12)) && !takes(&nested(13)));
    let list = |length: i64| (0..length).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    assert!(takes(&format!("minutes in [{}]", list(64))) && !takes(&format!("minutes in [{}]", list(65))));
    assert!(takes(&format!("[{}].all(x, x > 1)", list(64))) && !takes(&format!("[{}].all(x, x > 1)", list(65))));
    // Wide is not deep: 40 levels are counted, whatever stands beside each other.
    assert!(takes(&["minutes > 1"; 200].join(" && ")));
    let sums = (1..100).filter(|parts| takes(&format!("minutes{} == 1", " + minutes".repeat(*parts))));
    assert_eq!(sums.max(), Some(38), "`==`, 38 sums, and what they add up");
    // Twenty in a list that each element looks through: 1 + 20 * (2 + 20) steps.
    let steps = |length: i64| compiled(&format!("[{}].all(x, minutes in [{}])", list(length), list(length)));
    assert_eq!(steps(20).map(|compiled| compiled.steps()), Ok(441));
    assert!(steps(43).is_ok_and(|compiled| compiled.steps() == 1_936) && steps(44).is_err());
}

/// The longest that is allowed needs more stack than a test's thread has; it is compiled all the same.
#[test]
fn the_stack_grows_with_what_is_written() {
    let inputs = inputs();
    let compile = |source: &str| Expression::condition(source, Names { inputs: &inputs, terms: &[] });
    assert!(compile(&format!("{}minutes{} == 1", "(".repeat(12), ")".repeat(12))).is_ok());
    let longest = format!("{} == 1", ["1"; 1_990].join("+"));
    assert!(compile(&longest).is_err_and(|told| told[0].contains("levels deep")));
}
