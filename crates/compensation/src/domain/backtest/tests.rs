//! Tallies do not depend on order or parts, and count what the judge gives.

use kernel::{Currency, Money};
use proptest::prelude::*;

use super::*;
use crate::domain::assessment::Decision;
use crate::domain::event::Fact;
use crate::domain::line::{Basis, Benefit, CatalogueItem, Consent, OfferOption, Origin, RemedyLine};
use crate::domain::pack::document::parse;

const OLD: &str = r#"
id: delays
display_name: Delays
version: 1.0.0
status: ACTIVE
effective_from: "2013-01-01"
effective_to: "2014-01-01"
sources: [ours]
inputs: [{ name: minutes, type: INTEGER }, { name: price, type: MONEY }]
rules:
  - id: late
    description: A long delay gives a voucher.
    condition: event.kind == "flight.delayed" && event.facts.minutes > 180
    automatic: [{ id: food, basis: TIME, kind: VOUCHER, description: Food, amount: { fixed: USD 15.00 } }]
  - id: cancelled
    description: A cancellation gives a choice.
    condition: event.kind == "flight.cancelled"
    choice_of:
      - id: rebook
        description: Another flight
        lines: [{ id: flight, basis: RESTITUTION, kind: SERVICE, description: Another flight }]
      - id: refund
        description: The price back
        lines: [{ id: price, basis: RESTITUTION, kind: MONEY, description: The price, amount: { from_fact: price } }]
    plus: [{ id: more, basis: GESTURE, kind: VOUCHER, description: More, amount: { fixed: USD 5.00 } }]
"#;

/// Pays more and earlier, and in another currency to those who paid in it.
fn new() -> String {
    OLD.replace("version: 1.0.0", "version: 2.0.0")
        .replace("status: ACTIVE", "status: DRAFT")
        .replace("> 180", ">= 120")
        .replace("USD 15.00", "USD 20.00")
}

fn trial(candidate: &str, baseline: Option<&str>, ignore_dates: bool) -> Trial {
    let pack = |yaml: &str| parse(yaml).expect("a valid pack");
    Trial::new(pack(candidate), baseline.map(pack), Catalogue::shipped(), Options { ignore_dates, examples: 4 })
}

fn event(kind: &str, day: i64, customers: u32, facts: &[(&str, Fact)]) -> HistoricEvent {
    let facts = facts.iter().map(|(key, fact)| ((*key).to_owned(), fact.clone())).collect();
    // From 2013-01-01 on.
    let occurred_at = Timestamp::from_seconds(1_356_998_400 + day * 86_400);
    let event = FailureEvent { kind: kind.to_owned(), occurred_at, reference: format!("on day {day}"), facts };
    HistoricEvent { event, severity: Severity::Medium, customers }
}

fn price(code: &str, minor: i64) -> Fact {
    Fact::Money(Money::new(usd(code), minor))
}

fn usd(code: &str) -> Currency {
    Currency::parse(code).expect("a known code")
}

fn sample() -> Vec<HistoricEvent> {
    vec![
        event("flight.delayed", 0, 2, &[("minutes", Fact::Integer(120))]),
        event("flight.delayed", 1, 1, &[("minutes", Fact::Integer(181))]),
        event("flight.delayed", 2, 1, &[]),
        event("flight.cancelled", 3, 10, &[("price", price("USD", 21_450))]),
        event("flight.cancelled", 4, 1, &[("price", price("EUR", 9_000))]),
        event("flight.cancelled", 5, 1, &[]),
        event("flight.diverted", 6, 7, &[]),
        event("flight.cancelled", 400, 1, &[]),
    ]
}

#[test]
fn events_are_counted_with_their_customers_and_costs() {
    let tally = trial(OLD, None, false).judge(&sample());
    assert_eq!((tally.events, tally.customers), (8, 24));
    let side = &tally.candidate;
    assert_eq!((side.judged, side.owed, side.customers_owed, side.undecided), (7, 4, 13, 1));
    assert_eq!(side.rules["late"], tally::RuleCount { applied: 1, customers: 1, missing: 1 });
    assert_eq!(side.rules["cancelled"], tally::RuleCount { applied: 3, customers: 12, missing: 1 });
    let dollars = &side.costs[&usd("USD")];
    // A voucher of 15 and twelve of 5; with ten tickets at most.
    assert_eq!((dollars.events, dollars.low, dollars.high), (4, 7_500, 222_000));
    assert_eq!((dollars.spread.quantile(50), dollars.spread.customers()), (Some(21_900), 13));
    let euros = &side.costs[&usd("EUR")];
    assert_eq!((euros.events, euros.low, euros.high), (1, 0, 9_000));
    let refunds = &side.lines["cancelled.price"];
    assert_eq!((refunds.offered, refunds.events, refunds.customers, refunds.kind), (true, 2, 11, "MONEY"));
    assert_eq!(refunds.cost, [(usd("EUR"), 9_000), (usd("USD"), 214_500)].into());
    assert_eq!((tally.baseline, tally.differences.all()), (None, difference::Hit::default()));
}

#[test]
fn every_rule_is_counted_from_nothing_on() {
    let nothing = trial(&new(), Some(OLD), false).tally();
    for side in [&nothing.candidate, nothing.baseline.as_ref().expect("there is one")] {
        assert_eq!(
            side.rules.iter().map(|(id, count)| (id.as_str(), *count)).collect::<Vec<_>>(),
            [("cancelled", tally::RuleCount::default()), ("late", tally::RuleCount::default()),]
        );
    }
}

#[test]
fn days_can_be_ignored() {
    let tally = trial(OLD, None, true).judge(&sample());
    assert_eq!((tally.candidate.judged, tally.candidate.owed), (8, 5));
}

#[test]
fn differing_events_are_told_with_both_outcomes_largest_change_first() {
    let both = trial(&new(), Some(OLD), false);
    let version = |pack: &Pack| pack.version.clone();
    assert_eq!(
        (version(both.candidate()), both.baseline().map(version)),
        ("2.0.0".to_owned(), Some("1.0.0".to_owned()))
    );
    let tally = both.judge(&sample());
    let differences = &tally.differences;
    assert_eq!(
        (differences.gain, differences.lose.events, differences.other.events),
        (difference::Hit { events: 2, customers: 3 }, 0, 0)
    );
    assert_eq!(differences.money, [(usd("USD"), difference::Shift { gained: 4_500, lost: 0 })].into());
    let examples: Vec<_> = differences.examples.iter().map(|example| example.event.event.reference.as_str()).collect();
    assert_eq!(examples, ["on day 0", "on day 1"]);
    let first = &differences.examples[0];
    let lines = |outcome: &Option<Outcome>| outcome.as_ref().map(|outcome| outcome.automatic.len());
    assert_eq!((lines(&first.baseline), lines(&first.candidate)), (Some(0), Some(1)));

    let back = trial(OLD, Some(&new()), false).judge(&sample()).differences;
    assert_eq!((back.lose, back.money[&usd("USD")].lost), (differences.gain, 4_500));
}

#[test]
fn other_names_and_words_are_no_difference_and_other_services_are() {
    let renamed = OLD.replace("id: late", "id: too-late").replace("description: Food", "description: Eat");
    assert_eq!(trial(&renamed, Some(OLD), false).judge(&sample()).differences.all().events, 0);
    let service = OLD.replace("kind: SERVICE, description: Another flight", "kind: SERVICE, description: A train");
    let found = trial(&service, Some(OLD), false).judge(&sample()).differences;
    assert_eq!((found.other.events, found.money.len(), found.examples.len()), (3, 0, 3));
}

#[test]
fn an_end_of_force_is_a_difference() {
    let ended = OLD.replace("2014-01-01", "2013-01-04");
    let found = trial(&ended, Some(OLD), false).judge(&sample()).differences;
    assert_eq!((found.lose.events, found.examples[0].candidate.is_none()), (3, true));
}

fn line(description: &str, benefit: Benefit) -> RemedyLine {
    RemedyLine {
        id: "line".to_owned(),
        basis: Basis::Time,
        benefit,
        description: description.to_owned(),
        arithmetic: String::new(),
        origin: Origin::default(),
        refund: false,
    }
}

fn cash(code: &str, minor: i64) -> RemedyLine {
    line("Cash", Benefit::Money(Money::new(usd(code), minor)))
}

fn option(lines: Vec<RemedyLine>) -> OfferOption {
    OfferOption { id: String::new(), description: String::new(), lines, consent: Consent::None, holds_after: None }
}

fn given(lines: Vec<RemedyLine>) -> Outcome {
    Outcome { automatic: lines, ..Outcome::default() }
}

/// What is given whatever is chosen is in both bounds; of a choice, the cheapest and the dearest option in each currency.
#[test]
fn an_outcome_costs_what_is_given_and_one_option_of_its_choice() {
    let of = |choice_of: &[OfferOption]| {
        let outcome = Outcome {
            automatic: vec![cash("USD", 1_000), line("Meal", Benefit::Voucher(Money::new(usd("USD"), 200)))],
            choice_of: choice_of.to_vec(),
            plus: vec![cash("USD", 30), line("Less", Benefit::Discount(10))],
            decisions: Vec::new(),
        };
        let costs = outcome.costs().into_iter();
        costs.map(|(currency, cost)| (currency.code().to_owned(), cost.low, cost.high)).collect::<Vec<_>>()
    };
    let cost = |code: &str, low, high| (code.to_owned(), low, high);
    assert_eq!(of(&[]), [cost("USD", 1_230, 1_230)]);
    let both = option(vec![cash("USD", 300), cash("USD", 400), cash("EUR", 2)]);
    let dollars = option(vec![cash("USD", 2_000)]);
    assert_eq!(of(&[both.clone(), dollars.clone()]), [cost("EUR", 0, 2), cost("USD", 1_930, 3_230)]);
    let ride = option(vec![line("A ride", Benefit::Service)]);
    assert_eq!(of(&[both, dollars, ride]), [cost("EUR", 0, 2), cost("USD", 1_230, 3_230)]);
}

#[test]
fn outcomes_are_the_same_when_a_customer_gets_the_same() {
    let item = |id: &str, description: &str| {
        let item = Some(CatalogueItem { id: id.to_owned(), ..CatalogueItem::default() });
        RemedyLine { origin: Origin { item, ..Origin::default() }, ..line(description, Benefit::Service) }
    };
    let outcome = |automatic: Vec<RemedyLine>, choice_of: Vec<OfferOption>, plus: Vec<RemedyLine>| Outcome {
        automatic,
        choice_of,
        plus,
        decisions: Vec::new(),
    };
    let (one, two, ride) = (cash("USD", 1), cash("USD", 2), line("A ride", Benefit::Service));
    let choice = || vec![option(vec![one.clone()]), option(vec![two.clone(), ride.clone()])];
    let whole = outcome(vec![one.clone(), two.clone()], choice(), vec![item("seat", "A seat")]);
    let eats = RemedyLine { description: "Eat".to_owned(), ..one.clone() };
    let turned = vec![option(vec![ride.clone(), two.clone()]), option(vec![one.clone()])];
    let same = outcome(vec![two.clone(), eats], turned, vec![item("seat", "Another seat")]);
    assert!(whole.gives_the_same_as(&same) && same.gives_the_same_as(&whole));
    let seat = || vec![item("seat", "A seat")];
    let both = || vec![one.clone(), two.clone()];
    let fair = RemedyLine { basis: Basis::Restitution, ..two.clone() };
    let bus = option(vec![two.clone(), line("A bus", Benefit::Service)]);
    let mut longer = choice();
    longer.push(option(Vec::new()));
    for other in [
        outcome(vec![one.clone()], choice(), seat()),
        outcome(vec![one.clone(), one.clone()], choice(), seat()),
        outcome(vec![one.clone(), fair], choice(), seat()),
        outcome(both(), vec![option(vec![one.clone()]), bus], seat()),
        outcome(both(), longer, seat()),
        outcome(both(), Vec::new(), seat()),
        outcome(both(), choice(), Vec::new()),
        outcome(both(), choice(), vec![item("bed", "A seat")]),
    ] {
        assert!(!whole.gives_the_same_as(&other) && !other.gives_the_same_as(&whole), "{other:?}");
    }
}

/// An event that gives nothing is undecided once, however many rules lack a fact; one that gives something is not.
#[test]
fn an_event_is_undecided_when_it_gives_nothing_and_a_rule_lacks_a_fact() {
    let lacks = |rule: &str, missing: &[&str]| Decision {
        rule: rule.to_owned(),
        missing: missing.iter().map(|fact| (*fact).to_owned()).collect(),
        ..Decision::default()
    };
    let event = event("x", 0, 3, &[]);
    let undecided = |decisions: Vec<Decision>, automatic: Vec<RemedyLine>| {
        let mut side = tally::Side::default();
        side.add(&event, Some(&Outcome { decisions, automatic, ..Outcome::default() }));
        (side.undecided, side.owed, side.rules.values().map(|count| count.missing).collect::<Vec<_>>())
    };
    assert_eq!(undecided(vec![lacks("a", &["f"]), lacks("b", &["g", "h"])], vec![]), (1, 0, vec![1, 1]));
    assert_eq!(undecided(vec![lacks("a", &["f"]), lacks("b", &[])], vec![]), (1, 0, vec![1, 0]));
    assert_eq!(undecided(vec![lacks("a", &[])], vec![]), (0, 0, vec![0]));
    assert_eq!(undecided(vec![lacks("", &["f"])], vec![]), (0, 0, vec![]), "the pack as a whole is no rule");
    assert_eq!(undecided(vec![lacks("a", &["f"])], vec![cash("USD", 1)]), (0, 1, vec![1]));
}

/// A line whose words come from its event is described by the least of them, whichever event came first.
#[test]
fn a_line_with_several_descriptions_keeps_the_least() {
    for words in [["A seat", "B seat", "C seat"], ["C seat", "B seat", "A seat"], ["B seat", "A seat", "C seat"]] {
        let mut whole = tally::Side::default();
        for description in words {
            whole.add(&event("x", 0, 1, &[]), Some(&given(vec![line(description, Benefit::Service)])));
        }
        assert_eq!((whole.lines["line"].description.as_str(), whole.lines["line"].events), ("A seat", 3), "{words:?}");
    }
}

/// Currencies are compared by their face value: 200 yen are more than 150 dollars, and these more than 120 dinars.
#[test]
fn examples_are_the_largest_changes_whatever_their_currency_and_their_order() {
    let nothing = Outcome::default();
    let changes = [("yen", cash("JPY", 200)), ("dollars", cash("USD", 15_000)), ("dinars", cash("KWD", 120_000))];
    let examples = |keep: usize, order: [usize; 3]| {
        let mut differences = difference::Differences::new(keep);
        for place in order {
            let (reference, line) = &changes[place];
            let mut event = event("x", 0, 1, &[]);
            (*reference).clone_into(&mut event.event.reference);
            differences.add(&event, Some(&nothing), Some(&given(vec![line.clone()])));
        }
        assert_eq!((differences.gain.events, differences.money.len()), (3, 3), "all are counted");
        differences.examples.into_iter().map(|example| example.event.event.reference).collect::<Vec<_>>()
    };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(examples(3, order), ["yen", "dollars", "dinars"]);
        assert_eq!(examples(2, order), ["yen", "dollars"]);
        assert!(examples(0, order).is_empty());
    }
}

/// Of changes that are as large, the earliest events are the examples.
#[test]
fn of_equal_changes_the_earliest_events_are_kept() {
    for days in [[1, 2, 3], [3, 2, 1], [2, 3, 1]] {
        for line in [cash("USD", 1), line("A ride", Benefit::Service)] {
            let mut differences = difference::Differences::new(2);
            for day in days {
                differences.add(&event("x", day, 1, &[]), None, Some(&given(vec![line.clone()])));
            }
            let kept: Vec<_> = differences.examples.iter().map(|kept| kept.event.event.reference.as_str()).collect();
            assert_eq!(kept, ["on day 1", "on day 2"], "{days:?}");
        }
    }
}

#[test]
fn more_of_one_currency_for_less_of_another_is_neither_a_gain_nor_a_loss() {
    let mut differences = difference::Differences::new(1);
    let (dollars, euros) = (given(vec![cash("USD", 5)]), given(vec![cash("EUR", 7)]));
    differences.add(&event("x", 0, 10, &[]), Some(&dollars), Some(&euros));
    let hit = difference::Hit { events: 1, customers: 10 };
    assert_eq!((differences.other, differences.all()), (hit, hit));
    let shift = |gained, lost| difference::Shift { gained, lost };
    assert_eq!(differences.money, [(usd("EUR"), shift(70, 0)), (usd("USD"), shift(0, 50))].into());
    differences.add(&event("x", 1, 1, &[]), Some(&euros), None);
    assert_eq!((differences.lose.customers, differences.all().customers), (1, 11));
    assert_eq!(differences.money[&usd("EUR")], shift(70, 7));
}

fn any_event() -> impl Strategy<Value = HistoricEvent> {
    let kind = prop::sample::select(vec!["flight.delayed", "flight.cancelled", "flight.diverted"]);
    let code = prop::sample::select(vec!["USD", "EUR", "JPY", "KWD"]);
    let minutes = prop::option::of(0..400_i64);
    let paid = prop::option::of((code, 1..5_000_000_i64));
    (kind, 0..420_i64, 1..200_u32, minutes, paid).prop_map(|(kind, day, customers, minutes, paid)| {
        let mut facts = Vec::new();
        facts.extend(minutes.map(|minutes| ("minutes", Fact::Integer(minutes))));
        facts.extend(paid.map(|(code, minor)| ("price", price(code, minor))));
        event(kind, day, customers, &facts)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn order_does_not_matter(events in prop::collection::vec(any_event(), 0..40), seed in any::<u64>()) {
        let trial = trial(&new(), Some(OLD), false);
        let mut shuffled = events.clone();
        let keys: Vec<u64> = (0..shuffled.len() as u64).map(|i| (i + 1).wrapping_mul(seed | 1).rotate_left(17)).collect();
        let mut order: Vec<usize> = (0..shuffled.len()).collect();
        order.sort_by_key(|index| keys[*index]);
        shuffled = order.into_iter().map(|index| shuffled[index].clone()).collect();
        prop_assert_eq!(trial.judge(&shuffled), trial.judge(&events));
    }

    #[test]
    fn parts_add_up_to_the_whole(events in prop::collection::vec(any_event(), 0..40), part in 1..7_usize, backwards in any::<bool>(), dearer in any::<bool>()) {
        let trial = if dearer { trial(&new(), Some(OLD), false) } else { trial(OLD, Some(&new()), false) };
        let mut parts: Vec<_> = events.chunks(part).map(|part| trial.judge(part)).collect();
        if backwards {
            parts.reverse();
        }
        let mut merged = trial.tally();
        parts.into_iter().for_each(|part| merged.merge(part));
        prop_assert_eq!(merged, trial.judge(&events));
    }

    #[test]
    fn what_is_gained_less_what_is_lost_is_the_difference_of_the_costs(events in prop::collection::vec(any_event(), 0..40)) {
        let tally = trial(&new(), Some(OLD), false).judge(&events);
        let baseline = tally.baseline.expect("there is one");
        for (currency, shift) in &tally.differences.money {
            let high = |side: &tally::Side| side.costs.get(currency).map_or(0, |count| count.high);
            prop_assert_eq!(shift.gained - shift.lost, high(&tally.candidate) - high(&baseline));
        }
    }
}
