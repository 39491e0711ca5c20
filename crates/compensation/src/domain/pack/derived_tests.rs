//! What is derived from two times: by the clocks on the wall, and by what passed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Function, Value};
use crate::domain::event::{FailureEvent, Severity};
use crate::domain::pack::read::instant;
use crate::domain::pack::set::PackSet;

fn derived(function: Function, from: &str, to: &str, airport: &str) -> Option<i64> {
    let [from, to] = [from, to].map(|text| Value::Time(instant(text).expect("a time")));
    let mut arguments = vec![from, to];
    if function.arguments().len() == 3 {
        arguments.push(Value::Text(Cow::Borrowed(airport)));
    }
    match function.call(&arguments) {
        Some(Value::Integer(value)) => Some(value),
        _ => None,
    }
}

/// From ten in the morning to ten in the morning two weeks later is two weeks, whatever the clocks did between.
#[test]
fn two_weeks_are_as_long_as_ever_by_the_clock_on_the_wall() {
    const DAY: i64 = 86_400;
    for (airport, from, to, elapsed_hours) in [
        ("FRA", "2026-03-22T09:00:00Z", "2026-04-05T08:00:00Z", -1),
        ("FRA", "2026-10-18T08:00:00Z", "2026-11-01T09:00:00Z", 1),
        ("LIS", "2026-03-22T10:00:00Z", "2026-04-05T09:00:00Z", -1),
        ("JFK", "2026-03-01T15:00:00Z", "2026-03-15T14:00:00Z", -1),
        ("JFK", "2026-10-25T14:00:00Z", "2026-11-08T15:00:00Z", 1),
        ("SYD", "2026-03-28T23:00:00Z", "2026-04-12T00:00:00Z", 1),
        ("KEF", "2026-03-22T10:00:00Z", "2026-04-05T10:00:00Z", 0),
    ] {
        let local = derived(Function::LocalSeconds, from, to, airport);
        assert_eq!(local, Some(14 * DAY), "{airport} from {from}");
        let minutes = derived(Function::ElapsedMinutes, from, to, airport).expect("minutes");
        assert_eq!(minutes, 14 * 24 * 60 + elapsed_hours * 60, "{airport} from {from}");
        let back = derived(Function::LocalSeconds, to, from, airport);
        assert_eq!(back, Some(-14 * DAY), "{airport} back to {from}");
    }
}

#[test]
fn what_passed_is_told_in_whole_minutes_that_are_over() {
    let minutes = |to: &str| derived(Function::ElapsedMinutes, "2026-03-29T00:30:00Z", to, "");
    assert_eq!(minutes("2026-03-29T03:29:59Z"), Some(179));
    assert_eq!(minutes("2026-03-29T03:30:00Z"), Some(180));
    assert_eq!(minutes("2026-03-29T00:29:59Z"), Some(-1));
}

#[test]
fn an_airport_that_is_not_known_has_no_clock() {
    assert_eq!(derived(Function::LocalSeconds, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "QQQ"), None);
}

/// Events say a delay themselves, and not the two times of it: the delay is what is asked for. A distance nobody says, but
/// the airports.
#[test]
fn what_is_missing_is_what_events_usually_say() {
    let missing = |condition: &str| {
        let yaml = format!(
            "{{ id: p, display_name: P, version: \"1\", status: ACTIVE, effective_from: \"2020-01-01\", sources: [s], \
             inputs: [{{ name: due, type: TIME }}, {{ name: came, type: TIME }}, {{ name: from, type: TEXT }}, \
             {{ name: late, type: INTEGER, derived: {{ function: elapsed_minutes, of: [due, came] }} }}, \
             {{ name: country, type: TEXT, derived: {{ function: country, of: [from] }} }}], rules: [{{ id: r, description: D., \
             condition: \"{condition}\", automatic: [{{ id: a, basis: TIME, kind: SERVICE, description: A }}] }}] }}"
        );
        let packs =
            PackSet::from_documents([("test", yaml.as_str())]).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let event = FailureEvent {
            kind: "x".to_owned(),
            occurred_at: instant("2026-01-01T00:00:00Z").expect("a time"),
            reference: String::new(),
            facts: BTreeMap::new(),
        };
        packs.assess(&event, Severity::Low).decisions[0].missing.clone()
    };
    assert_eq!(missing("late > 180"), ["late"]);
    assert_eq!(missing("country == 'DE'"), ["from"]);
}

/// What is worked out is shown as it is; what only a default says is shown as assumed, and what the event says never is.
#[test]
fn what_is_worked_out_is_not_called_assumed() {
    use crate::domain::event::Fact;
    let yaml = "{ id: p, display_name: P, version: '1', status: ACTIVE, effective_from: '2020-01-01', sources: [s], \
                inputs: [{ name: airport, type: TEXT }, { name: country, type: TEXT, default: FR, \
                derived: { function: country, of: [airport] } }], rules: [{ id: r, description: D., \
                condition: \"country != ''\", automatic: [{ id: a, basis: TIME, kind: SERVICE, description: A }] }] }";
    let packs = PackSet::from_documents([("test", yaml)]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let shown = |facts: &[(&str, &str)]| {
        let event = FailureEvent {
            kind: "x".to_owned(),
            occurred_at: instant("2026-01-01T00:00:00Z").expect("a time"),
            reference: String::new(),
            facts: facts.iter().map(|(key, text)| ((*key).to_owned(), Fact::Text((*text).to_owned()))).collect(),
        };
        packs.assess(&event, Severity::Low).decisions[0].inputs["country"].clone()
    };
    assert_eq!(shown(&[("airport", "FRA")]), "DE");
    assert_eq!(shown(&[]), "FR (assumed)");
    assert_eq!(shown(&[("airport", "CDG")]), "FR (assumed)", "which is the default");
    assert_eq!(shown(&[("country", "FR")]), "FR");
}
