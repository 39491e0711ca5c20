//! What would change a decision is told with the value that was tried.

use std::collections::BTreeMap;

use crate::domain::assessment::{Assessment, Change};
use crate::domain::event::{Fact, FailureEvent, Severity};
use crate::domain::pack::document::facts;
use crate::domain::pack::read::instant;
use crate::domain::pack::set::PackSet;

fn event(kind: &str, yaml: &str) -> FailureEvent {
    let facts: BTreeMap<String, Fact> = facts(serde_norway::from_str(yaml).expect("facts")).expect("facts");
    FailureEvent {
        kind: kind.to_owned(),
        occurred_at: instant("2026-03-10T10:00:00Z").expect("a time"),
        reference: String::new(),
        facts,
    }
}

fn explained(event: &FailureEvent) -> Assessment {
    PackSet::shipped().expect("shipped packs load").explain(event, Severity::Medium)
}

fn changes(assessment: &Assessment, rule: &str) -> Vec<String> {
    let decision =
        assessment.decisions.iter().find(|d| d.rule == rule && !d.version.starts_with("2026-06-draft")).expect(rule);
    let told = |change: &Change| format!("{} {} -> {}: {}", change.input, change.current, change.other, change.gives);
    decision.would_change.iter().map(told).collect()
}

#[test]
fn the_nearest_threshold_is_told_to_each_side_with_what_it_gives() {
    let facts = "{ origin: FRA, destination: EWR, arrival_delay_minutes: 200 }";
    let told = changes(&explained(&event("flight.delayed", facts)), "eu261-delay");
    let by_delay: Vec<_> = told.iter().filter(|change| change.starts_with("arrival_delay_minutes")).collect();
    assert_eq!(
        by_delay,
        [
            "arrival_delay_minutes 200 -> 179: nothing",
            "arrival_delay_minutes 200 -> 240: Compensation for the late arrival (EUR 600.00)"
        ]
    );
    assert!(told.contains(&"extraordinary false -> true: nothing".to_owned()), "{told:?}");
    assert!(
        told.iter()
            .any(|change| change.starts_with("distance_km") && change.contains("-> 3500: Compensation for the late")),
        "{told:?}"
    );
}

#[test]
fn a_minute_short_says_what_the_minute_would_give() {
    let facts = "{ origin_country: DE, destination_country: FR, distance_km: 900, arrival_delay_minutes: 179 }";
    let told = changes(&explained(&event("flight.delayed", facts)), "eu261-delay");
    assert_eq!(told, ["arrival_delay_minutes 179 -> 180: Compensation for the late arrival (EUR 250.00)"]);
}

#[test]
fn what_is_missing_is_told_with_what_it_would_give() {
    let facts = "{ origin_country: DE, destination_country: FR, distance_km: 900 }";
    let told = changes(&explained(&event("flight.delayed", facts)), "eu261-delay");
    let first = "arrival_delay_minutes missing -> 180: Compensation for the late arrival (EUR 250.00)";
    assert!(told.contains(&first.to_owned()), "{told:?}");
}

#[test]
fn notice_is_told_as_the_time_at_which_it_would_have_been_enough() {
    let facts = "{ origin_country: DE, destination_country: FR, distance_km: 900, rerouted: true, \
                 scheduled_departure: { time: '2026-06-20T08:00:00Z' }, informed_at: { time: '2026-06-06T08:00:01Z' } }";
    let told = changes(&explained(&event("flight.cancelled", facts)), "eu261-cancellation");
    let enough = "informed_at 2026-06-06T08:00:01Z -> 2026-06-06T08:00:00Z: nothing";
    assert!(told.contains(&enough.to_owned()), "{told:?}");
}

/// Two weeks by the clocks in Frankfurt, which went forward in between: the time is told, and not the seconds.
#[test]
fn notice_by_the_clock_on_the_wall_is_told_as_a_time_as_well() {
    let facts = "{ origin: FRA, destination: MAD, rerouted: true, \
                 scheduled_departure: { time: '2026-04-05T08:00:00Z' }, informed_at: { time: '2026-03-22T09:00:01Z' } }";
    let told = changes(&explained(&event("flight.cancelled", facts)), "eu261-cancellation");
    let enough = "informed_at 2026-03-22T09:00:01Z -> 2026-03-22T09:00:00Z: nothing";
    assert!(told.contains(&enough.to_owned()), "{told:?}");
    assert!(!told.iter().any(|change| change.starts_with("notice_seconds")), "{told:?}");
}

#[test]
fn a_pack_that_is_not_for_the_event_says_what_would_make_it() {
    let facts = "{ origin: EWR, destination: FRA, community_carrier: false, arrival_delay_minutes: 200 }";
    let assessment = explained(&event("flight.delayed", facts));
    let aside = assessment.decisions.iter().find(|d| d.pack == "eu261" && d.rule.is_empty()).expect("it says so");
    let carrier = aside.would_change.iter().find(|change| change.input == "community_carrier").expect("the carrier");
    assert_eq!((carrier.current.as_str(), carrier.other.as_str()), ("false", "true"));
}

#[test]
fn explaining_changes_nothing_but_the_explanation() {
    let facts = "{ origin: FRA, destination: EWR, arrival_delay_minutes: 200, departure_delay_minutes: 310 }";
    let event = event("flight.delayed", facts);
    let packs = PackSet::shipped().expect("shipped packs load");
    let mut explained = packs.explain(&event, Severity::Medium);
    assert_eq!(explained, packs.explain(&event, Severity::Medium));
    explained.decisions.iter_mut().for_each(|decision| decision.would_change.clear());
    assert_eq!(explained, packs.assess(&event, Severity::Medium));
}

/// What is told of a rule with this condition, and lines that give A, for these facts.
fn told_of(condition: &str, lines: &str, facts_of: &str, severity: Severity) -> Vec<String> {
    let pack = format!(
        "{{ id: p, display_name: P, version: \"1\", status: ACTIVE, effective_from: \"2020-01-01\", sources: [s], \
         inputs: [{{ name: n, type: INTEGER }}, {{ name: price, type: MONEY }}, {{ name: due, type: TIME }}, \
         {{ name: came, type: TIME }}, {{ name: ok, type: BOOLEAN }}, {{ name: word, type: TEXT }}], \
         terms: [{{ name: many, is: n > 5 }}], rules: [{{ id: r, description: D., \
         condition: \"event.kind == 'x' && ({condition})\", automatic: [{lines}] }}] }}"
    );
    let packs = PackSet::from_documents([("test", pack.as_str())]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let assessment = packs.explain(&event("x", facts_of), severity);
    let changes = assessment.decisions[0].would_change.iter().filter(|change| change.input != "kind");
    changes.map(|change| format!("{} {} -> {}: {}", change.input, change.current, change.other, change.gives)).collect()
}

const GIVES: &str = "{ id: a, basis: TIME, kind: SERVICE, description: A }";

/// The nearest value to each side with which something else comes of it, whatever is compared.
#[test]
fn each_kind_of_comparison_is_tried_on_both_sides() {
    for (condition, facts, told) in [
        ("n >= 10", "{ n: 12 }", &["n 12 -> 9: nothing"][..]),
        ("n >= 10", "{ n: 3 }", &["n 3 -> 10: A"]),
        ("n > 5 && n < 10", "{ n: 7 }", &["n 7 -> 5: nothing", "n 7 -> 10: nothing"]),
        ("n < 5 || n > 10", "{ n: 7 }", &["n 7 -> 4: A", "n 7 -> 11: A"]),
        ("n == 10", "{ n: 10 }", &["n 10 -> 9: nothing", "n 10 -> 11: nothing"]),
        ("!(n < 10)", "{ n: 9 }", &["n 9 -> 10: A"]),
        ("10 <= n", "{ n: 9 }", &["n 9 -> 10: A"]),
        ("n >= 10", "{}", &["n missing -> 10: A"]),
        ("n < -5", "{}", &["n missing -> -6: A"]),
        ("many", "{ n: 5 }", &["n 5 -> 6: A"]),
        ("ok ? n > 5 : n > 7", "{ ok: false, n: 6 }", &["n 6 -> 8: A", "ok false -> true: A"]),
        ("price.minor >= 10000", "{ price: { money: USD 99.50 } }", &["price USD 99.50 -> USD 100.00: A"]),
        ("price.minor >= 10000", "{ price: { money: USD 120.00 } }", &["price USD 120.00 -> USD 99.99: nothing"]),
        (
            "price.minor > 500 && price.minor < 1000",
            "{ price: { money: USD 8.00 } }",
            &["price USD 8.00 -> USD 10.00: nothing", "price USD 8.00 -> USD 5.00: nothing"],
        ),
        (
            "came - due >= 3600",
            "{ due: { time: '2026-03-01T10:00:00Z' }, came: { time: '2026-03-01T10:30:00Z' } }",
            &[
                "due 2026-03-01T10:00:00Z -> 2026-03-01T09:30:00Z: A",
                "came 2026-03-01T10:30:00Z -> 2026-03-01T11:00:00Z: A",
            ],
        ),
        (
            "came - due >= 3600",
            "{ due: { time: '2026-03-01T10:00:00Z' }, came: { time: '2026-03-01T12:00:00Z' } }",
            &[
                "due 2026-03-01T10:00:00Z -> 2026-03-01T11:00:01Z: nothing",
                "came 2026-03-01T12:00:00Z -> 2026-03-01T10:59:59Z: nothing",
            ],
        ),
        ("ok", "{ ok: false }", &["ok false -> true: A"]),
        ("ok", "{ ok: true }", &["ok true -> false: nothing"]),
        ("ok", "{}", &["ok missing -> true: A"]),
        ("word == 'a'", "{ word: b }", &["word b -> a: A"]),
        ("word in ['a', 'c']", "{ word: b }", &["word b -> a: A"]),
        ("event.severity >= HIGH", "{}", &["severity LOW -> HIGH: A"]),
        ("event.severity < MEDIUM", "{}", &["severity LOW -> MEDIUM: nothing"]),
    ] {
        assert_eq!(told_of(condition, GIVES, facts, Severity::Low), told, "{condition} {facts}");
    }
}

/// Lines have conditions, rows and adjustments of their own.
#[test]
fn what_changes_an_amount_is_told_as_well() {
    let money = |amount: &str| format!("{{ id: a, basis: TIME, kind: MONEY, description: A, amount: {amount} }}");
    let rows = |bound: &str| {
        money(&format!("{{ table: {{ by: n, rows: [{{ {bound}: 5, amount: USD 1.00 }}, {{ amount: USD 2.00 }}] }} }}"))
    };
    let by_when = money("{ table: { rows: [{ when: ok, amount: USD 1.00 }, { amount: USD 2.00 }] } }");
    let adjusted = money("{ fixed: USD 4.00, adjust: [{ when: n > 5, percent: 50, because: B }] }");
    let voucher = rows("up_to").replace("MONEY", "VOUCHER");
    for (lines, facts, told) in [
        (rows("up_to"), "{ n: 5 }", &["n 5 -> 6: A (USD 2.00)"][..]),
        (rows("below"), "{ n: 5 }", &["n 5 -> 4: A (USD 1.00)"]),
        (voucher, "{ n: 7 }", &["n 7 -> 5: A (USD 1.00)"]),
        (by_when, "{ ok: true }", &["ok true -> false: A (USD 2.00)"]),
        (adjusted, "{ n: 5 }", &["n 5 -> 6: A (USD 2.00)"]),
        (GIVES.replace("description: A", "description: A, when: ok"), "{ ok: false }", &["ok false -> true: A"]),
    ] {
        assert_eq!(told_of("true", &lines, facts, Severity::Low), told, "{lines}");
    }
}

/// However much a rule compares, a decision tells eight changes at most.
#[test]
fn no_more_changes_are_told_than_can_be_read() {
    let inputs: Vec<_> = (0..10).map(|n| format!("{{ name: b{n}, type: BOOLEAN, default: true }}")).collect();
    let all: Vec<_> = (0..10).map(|n| format!("b{n}")).collect();
    let pack = format!(
        "{{ id: p, display_name: P, version: \"1\", status: ACTIVE, effective_from: \"2020-01-01\", sources: [s], \
         inputs: [{}], event_kinds: [x], rules: [{{ id: r, description: D., condition: {}, automatic: [{GIVES}] }}] }}",
        inputs.join(", "),
        all.join(" && ")
    );
    let packs = PackSet::from_documents([("test", pack.as_str())]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let assessment = packs.explain(&event("x", "{}"), Severity::Low);
    let told: Vec<_> = assessment.decisions[0].would_change.iter().map(|change| change.input.as_str()).collect();
    assert_eq!(told, all[..8]);
}

/// A pack that holds on other days or judges already has nothing to tell of what would make it judge.
#[test]
fn only_the_condition_of_a_pack_is_told_as_what_would_make_it_judge() {
    let told = |from: &str, facts: &str| {
        let pack = format!(
            "{{ id: p, display_name: P, version: \"1\", status: ACTIVE, effective_from: \"{from}\", sources: [s], \
             inputs: [{{ name: n, type: INTEGER }}], event_kinds: [x], applies_when: n > 5, \
             rules: [{{ id: r, description: D., automatic: [{GIVES}] }}] }}"
        );
        let packs =
            PackSet::from_documents([("test", pack.as_str())]).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let assessment = packs.explain(&event("x", facts), Severity::Low);
        assessment.decisions[0]
            .would_change
            .iter()
            .map(|change| format!("{}: {}", change.other, change.gives))
            .collect::<Vec<_>>()
    };
    assert_eq!(told("2020-01-01", "{ n: 5 }"), ["6: what its rules say: the pack would judge the event"]);
    assert_eq!(told("2020-01-01", "{}"), ["6: what its rules say: the pack would judge the event"]);
    assert_eq!(told("2027-01-01", "{ n: 5 }"), Vec::<String>::new());
}

/// What would change a rule of its own with this condition, for an event with these facts.
fn changes_of(inputs: &str, condition: &str, facts: &str) -> Vec<String> {
    let pack = format!(
        "{{ id: p, display_name: P, version: '1', status: ACTIVE, effective_from: '2020-01-01', sources: [s], \
         inputs: [{inputs}], rules: [{{ id: r, description: D, condition: \"{condition}\", \
         automatic: [{{ id: a, basis: TIME, kind: SERVICE, description: A }}] }}] }}"
    );
    let packs = PackSet::from_documents([("p", pack.as_str())]).expect("a valid pack");
    changes(&packs.explain(&event("x", facts), Severity::Medium), "r")
}

#[test]
fn a_time_has_a_change_on_each_side_as_well() {
    let between = "at >= timestamp('2026-01-10T00:00:00Z') && at <= timestamp('2026-01-20T00:00:00Z')";
    let told = changes_of("{ name: at, type: TIME }", between, "{ at: { time: '2026-01-15T00:00:00Z' } }");
    assert_eq!(
        told,
        [
            "at 2026-01-15T00:00:00Z -> 2026-01-09T23:59:59Z: nothing",
            "at 2026-01-15T00:00:00Z -> 2026-01-20T00:00:01Z: nothing"
        ]
    );
}

/// Of what a rule compares an input with, the first 48 values are tried.
#[test]
fn so_many_values_are_tried_and_no_more() {
    let condition = |last: &str| {
        let far: Vec<_> = (1..=15).map(|n| (n * 1_000).to_string()).collect();
        format!("n in [{}, {last}]", far.join(", "))
    };
    let nearest = |last: &str| changes_of("{ name: n, type: INTEGER }", &condition(last), "{ n: 10 }");
    assert_eq!(nearest("20"), ["n 10 -> 20: A"], "the last of 48, with its neighbours");
    assert_eq!(nearest("20000, 20, 19"), ["n 10 -> 1000: A"]);
    // What was tried is not tried again.
    assert_eq!(nearest("1000, 2000, 3000, 20"), ["n 10 -> 20: A"]);
}
