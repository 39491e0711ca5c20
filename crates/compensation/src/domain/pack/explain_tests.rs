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
