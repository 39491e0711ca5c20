//! Which packs of a set judge which events, which version is found, and what may not be judged by together.

use std::collections::BTreeMap;

use super::*;
use crate::domain::pack::read::instant;

struct Written<'a> {
    id: &'a str,
    version: &'a str,
    status: &'a str,
    days: (&'a str, &'a str),
    more: &'a str,
    rule: &'a str,
}

const PLAIN: Written<'static> =
    Written { id: "p", version: "1", status: "ACTIVE", days: ("2020-01-01", ""), more: "", rule: "id: r" };

fn text(written: &Written<'_>) -> String {
    let Written { id, version, status, days: (from, to), more, rule } = written;
    format!(
        "{{ id: {id}, display_name: P, version: \"{version}\", status: {status}, effective_from: \"{from}\", \
         effective_to: \"{to}\", sources: [s]{more}, rules: [{{ {rule}, description: D., \
         automatic: [{{ id: a, basis: TIME, kind: SERVICE, description: A }}] }}] }}"
    )
}

fn set(all: &[Written<'_>]) -> PackSet {
    let texts: Vec<_> = all.iter().map(text).collect();
    PackSet::from_documents(texts.iter().map(|text| ("test", text.as_str()))).expect("valid packs")
}

fn at(text: &str) -> Timestamp {
    instant(text).expect("a time")
}

/// The packs that say something about an event of a kind.
fn judging(packs: &PackSet, kind: &str) -> Vec<String> {
    let event = FailureEvent {
        kind: kind.to_owned(),
        occurred_at: at("2021-01-01T00:00:00Z"),
        reference: String::new(),
        facts: BTreeMap::new(),
    };
    packs.assess(&event, Severity::Low).decisions.into_iter().map(|decision| decision.pack).collect()
}

#[test]
fn an_event_is_judged_by_the_packs_that_name_its_kind_or_none() {
    let packs = set(&[
        Written { id: "any", rule: "id: any-r", ..PLAIN },
        Written {
            id: "named",
            rule: "id: named-r",
            more: ", event_kinds: [flight.delayed, flight.cancelled]",
            ..PLAIN
        },
        Written { id: "rule", rule: "id: rule-r, on: [flight.delayed]", ..PLAIN },
        // It says that it is not for the event; of a kind that it knows nothing of, it says nothing.
        Written { id: "away", rule: "id: away-r, on: [flight.delayed]", more: ", applies_when: 'false'", ..PLAIN },
    ]);
    assert_eq!(judging(&packs, "flight.delayed"), ["any", "away", "named", "rule"]);
    assert_eq!(judging(&packs, "flight.cancelled"), ["any", "named"]);
    assert_eq!(judging(&packs, "parcel.lost"), ["any"], "nobody names it");
}

#[test]
fn a_version_is_found_by_its_name_and_by_its_time() {
    let packs = set(&[
        Written { version: "2", days: ("2021-01-01", "2022-01-01"), ..PLAIN },
        Written { version: "1", days: ("2020-01-01", "2021-01-01"), ..PLAIN },
        Written { version: "3", status: "DRAFT", days: ("2019-01-01", ""), ..PLAIN },
        Written { id: "q", version: "2", rule: "id: q-r", ..PLAIN },
    ]);
    let by_time =
        |id: &str, time: &str| packs.version_at(id, at(time)).map(|pack| (pack.id.clone(), pack.version.clone()));
    let is = |id: &str, version: &str| Some((id.to_owned(), version.to_owned()));
    for (id, time, found) in [
        ("p", "2018-12-31T23:59:59Z", None),
        ("p", "2019-06-01T00:00:00Z", is("p", "3")),
        ("p", "2020-01-01T00:00:00Z", is("p", "1")),
        ("p", "2021-01-01T00:00:00Z", is("p", "2")),
        ("p", "2022-01-01T00:00:00Z", is("p", "3")),
        ("q", "2021-01-01T00:00:00Z", is("q", "2")),
        ("x", "2021-01-01T00:00:00Z", None),
    ] {
        assert_eq!(by_time(id, time), found, "{id} {time}");
    }
    let named =
        |id: &str, version: &str| packs.version(id, version).map(|pack| (pack.id.clone(), pack.version.clone()));
    for (id, version) in [("p", "1"), ("p", "2"), ("p", "3"), ("q", "2")] {
        assert_eq!(named(id, version), is(id, version));
    }
    assert_eq!((named("q", "1"), named("x", "1")), (None, None));
    let order: Vec<_> = packs.known().iter().map(|pack| format!("{} {}", pack.id, pack.version)).collect();
    assert_eq!(order, ["p 3", "p 1", "p 2", "q 2"], "by id and time");
}

#[test]
fn a_version_that_takes_over_judges_from_its_first_day_and_a_draft_beside_it_does_not() {
    let base = set(&[PLAIN, Written { id: "q", rule: "id: q-r", ..PLAIN }]);
    let later = |version: &str, status: &str, from: &str| {
        let text = text(&Written { version, status, days: (from, ""), ..PLAIN });
        Arc::new(document::parse(&text).expect("a valid pack"))
    };
    let packs = base.with_applied(&[later("2", "ACTIVE", "2021-01-01"), later("3", "DRAFT", "2020-06-01")]);
    let current = |time: &str| packs.version_at("p", at(time)).map(|pack| pack.version.clone());
    assert_eq!(current("2020-12-31T23:59:59Z").as_deref(), Some("1"));
    assert_eq!(current("2021-01-01T00:00:00Z").as_deref(), Some("2"));
    assert_eq!(packs.version_at("q", at("2021-01-01T00:00:00Z")).map(|pack| pack.version.as_str()), Some("1"));
    let again = packs.with_applied(&[later("2", "ACTIVE", "2023-01-01")]);
    let known: Vec<_> = again.known().iter().map(|pack| format!("{} {}", pack.id, pack.version)).collect();
    assert_eq!(known, ["p 1", "p 3", "p 2", "q 1"], "a version is there once, as it was applied last");
}

#[test]
fn packs_are_refused_together_for_a_rule_of_the_same_name_or_another_policy() {
    let group = ", set_off: [{ group: g, policy: FIRST }]";
    let packs = set(&[Written { more: group, ..PLAIN }]);
    let problems =
        |written: &Written<'_>| packs.problems_with(&Arc::new(document::parse(&text(written)).expect("valid")));
    assert_eq!(problems(&Written { more: group, ..PLAIN }), Vec::<String>::new(), "the same version again");
    assert_eq!(
        problems(&Written { version: "2", ..PLAIN }),
        Vec::<String>::new(),
        "another version, with the same rule"
    );
    assert_eq!(problems(&Written { id: "q", ..PLAIN }), ["q: rule `r` is also a rule of p"]);
    assert_eq!(problems(&Written { id: "q", rule: "id: s", more: group, ..PLAIN }), Vec::<String>::new());
    let highest = ", set_off: [{ group: g, policy: HIGHEST }]";
    assert_eq!(
        problems(&Written { id: "q", rule: "id: s", more: highest, ..PLAIN }),
        ["q: group `g` is settled otherwise by p"]
    );
    let other = ", set_off: [{ group: h, policy: HIGHEST }]";
    assert_eq!(problems(&Written { id: "q", rule: "id: s", more: other, ..PLAIN }), Vec::<String>::new());
}

#[test]
fn versions_may_follow_each_other_and_may_not_decide_at_the_same_time() {
    let read = |first: Written<'_>, second: Written<'_>| {
        let texts = [text(&first), text(&second)];
        PackSet::from_documents(texts.iter().map(|text| ("test", text.as_str()))).map(|_| ())
    };
    let version = |version, status, days| Written { version, status, days, ..PLAIN };
    let first = || version("1", "ACTIVE", ("2020-01-01", "2021-01-01"));
    let overlap = Err(vec!["p: versions 1 and 2 hold at the same time".to_owned()]);
    for (second, expected) in [
        (version("2", "ACTIVE", ("2021-01-01", "")), Ok(())),
        (version("2", "ACTIVE", ("2019-01-01", "2020-01-01")), Ok(())),
        (version("2", "ACTIVE", ("2020-12-31", "")), overlap.clone()),
        (version("2", "ACTIVE", ("2019-01-01", "2020-01-02")), overlap.clone()),
        (version("2", "ACTIVE", ("2019-01-01", "")), overlap.clone()),
        (version("2", "WITHDRAWN", ("2020-06-01", "")), overlap),
        (version("2", "DRAFT", ("2020-06-01", "")), Ok(())),
        (Written { id: "q", rule: "id: s", ..version("2", "ACTIVE", ("2020-06-01", "")) }, Ok(())),
    ] {
        assert_eq!(read(first(), second), expected);
    }
}
