//! Which tenants a share is about, what they and the others are judged by, and what a configuration may not say.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::{ALL, CanaryRule};
use crate::domain::event::{Fact, FailureEvent, Severity};
use crate::domain::pack::document::parse;
use crate::domain::pack::read::instant;
use crate::domain::pack::set::PackSet;
use crate::domain::share::place;

fn document(id: &str, version: &str, from: &str, amount: &str) -> String {
    format!(
        "{{ id: {id}, display_name: P, version: \"{version}\", status: ACTIVE, effective_from: \"{from}\", sources: [s], \
         inputs: [{{ name: here, type: TEXT, default: x }}], event_kinds: [x], rules: [{{ id: {id}-r, description: D., \
         automatic: [{{ id: m, basis: RESTITUTION, kind: MONEY, description: M, amount: {{ fixed: {amount} }} }}] }}] }}"
    )
}

fn rule(pack: &str, version: &str, per_mille: u32) -> CanaryRule {
    CanaryRule { pack: pack.to_owned(), version: version.to_owned(), per_mille }
}

fn load(documents: &[String], rules: &[CanaryRule]) -> Result<PackSet, Vec<(String, String)>> {
    PackSet::with_canaries(documents.iter().map(|text| ("test", text.as_str())), rules)
}

/// Two versions of one pack from the same day on; the canary begins even earlier, which must not make it the older one.
fn set(per_mille: u32) -> PackSet {
    let documents = [document("a", "1", "2020-01-01", "EUR 1.00"), document("a", "2", "2019-01-01", "EUR 2.00")];
    load(&documents, &[rule("a", "2", per_mille)]).expect("valid packs")
}

fn event() -> FailureEvent {
    FailureEvent {
        kind: "x".to_owned(),
        occurred_at: instant("2021-01-01T00:00:00Z").expect("a time"),
        reference: String::new(),
        facts: BTreeMap::from([("here".to_owned(), Fact::Text("y".to_owned()))]),
    }
}

/// The version that judges for a tenant.
fn judged_by(set: &PackSet, tenant: &str) -> String {
    let assessment = set.for_tenant(tenant).assess(&event(), Severity::Low);
    assert_eq!(assessment.decisions.len(), 1, "one version judges");
    let decision = &assessment.decisions[0];
    assert_eq!(decision.canary, decision.version == "2");
    assert_eq!(decision.explanation.starts_with("By canary: version 2 is in force"), decision.canary);
    let amount = format!("MONEY EUR {}.00", decision.version);
    assert_eq!(assessment.automatic[0].benefit.to_string(), amount);
    decision.version.clone()
}

#[test]
fn a_share_of_nobody_and_one_of_all() {
    for tenant in 0..200 {
        let tenant = format!("tenant-{tenant}");
        assert_eq!(judged_by(&set(0), &tenant), "1");
        assert_eq!(judged_by(&set(ALL), &tenant), "2");
    }
}

/// A canary is known by its pack and version together, also as what is tried against versions that are applied later.
#[test]
fn a_canary_is_a_version_of_a_pack() {
    let documents = [
        document("a", "1", "2020-01-01", "EUR 1.00"),
        document("a", "2", "2019-01-01", "EUR 2.00"),
        document("b", "2", "2020-01-01", "EUR 3.00"),
    ];
    let packs = load(&documents, &[rule("a", "2", ALL)]).expect("valid packs").for_tenant("t");
    let canaries: Vec<_> = packs
        .known()
        .iter()
        .filter(|pack| packs.canary_of(pack).is_some())
        .map(|pack| format!("{} {}", pack.id, pack.version))
        .collect();
    assert_eq!(canaries, ["a 2"]);
    let other = Arc::new(parse(&document("c", "1", "2020-01-01", "EUR 4.00")).expect("valid"));
    let with = packs.with_applied([&other]);
    let at = instant("2021-01-01T00:00:00Z").expect("a time");
    assert_eq!(with.version_at("a", at).map(|pack| pack.version.as_str()), Some("2"), "the younger one still");
}

#[test]
fn an_assignment_never_changes() {
    // From the first release on: another answer would move tenants between versions that are in force.
    let among: Vec<_> = (0..40).filter(|n| judged_by(&set(250), &format!("tenant-{n}")) == "2").collect();
    assert_eq!(among, [2, 4, 6, 9, 16, 20, 30, 35]);
}

/// A tenant comes in with the first share above its place: the one at the first place is in no share of nobody.
#[test]
fn a_tenant_comes_in_above_its_place() {
    let with_place = |tenant: String| (place(&["a", &tenant], ALL.into()), tenant);
    let (least, first) = (0..5_000).map(|n| with_place(format!("t{n}"))).min().expect("tenants");
    assert_eq!(least, 0, "somebody is at the first place");
    for (place, tenant) in [(least, first), with_place("acme".to_owned()), with_place("tenant-2".to_owned())] {
        let place = u32::try_from(place).expect("a place");
        let among = [place, place + 1].map(|share| judged_by(&set(share), &tenant) == "2");
        assert_eq!(among, [false, true], "{tenant}");
    }
}

#[test]
fn a_pack_without_a_canary_is_the_same_for_all() {
    let plain = load(&[document("a", "1", "2020-01-01", "EUR 1.00")], &[]).expect("valid");
    assert!(plain.canary_of(&plain.packs()[0]).is_none());
    assert_eq!(judged_by(&plain, "any"), "1");
}

#[test]
fn the_version_is_known_everywhere_and_judges_for_its_share_only() {
    let (inside, outside) = (set(ALL).for_tenant("t"), set(0).for_tenant("t"));
    for known in [&inside, &outside] {
        assert_eq!(known.known().iter().map(|pack| pack.version.as_str()).collect::<Vec<_>>(), ["2", "1"]);
        assert!(known.version("a", "2").is_some());
    }
    let at = event().occurred_at;
    let current = |set: &PackSet| set.version_at("a", at).map(|pack| pack.version.clone());
    assert_eq!((current(&inside).as_deref(), current(&outside).as_deref()), (Some("2"), Some("1")));
    assert_eq!((inside.packs().len(), outside.packs().len()), (2, 1));
}

/// What a tenant applies itself comes after the canary, and is none, even when it is the same version.
#[test]
fn what_a_tenant_applies_comes_last() {
    let version = |version: &str, amount: &str| {
        Arc::new(parse(&document("a", version, "2020-06-01", amount)).expect("a valid pack"))
    };
    for share in [0, ALL] {
        let own = set(share).for_tenant("t").with_applied(&[version("3", "EUR 3.00")]);
        let assessment = own.assess(&event(), Severity::Low);
        assert_eq!(assessment.decisions[0].version, "3", "{share}");
        assert!(!assessment.decisions[0].canary);
        let same = set(share).for_tenant("t").with_applied(&[version("2", "EUR 2.00")]);
        let assessment = same.assess(&event(), Severity::Low);
        assert_eq!((assessment.decisions[0].version.as_str(), assessment.decisions[0].canary), ("2", false), "{share}");
        assert_eq!(same.known().len(), 2, "it is there once");
    }
}

#[test]
fn the_same_event_gets_the_same_bytes_whatever_the_share() {
    let tenant = "tenant-2";
    let bytes = |share: u32| {
        let set = set(share).for_tenant(tenant);
        [set.assess(&event(), Severity::Low), set.explain(&event(), Severity::Low)].map(|of| format!("{of:?}"))
    };
    assert_eq!(bytes(ALL), bytes(ALL));
    assert_eq!(bytes(250), bytes(ALL), "a higher share does not change what was said");
}

#[test]
fn everything_that_is_wrong_is_told_with_its_key() {
    let documents = [
        document("a", "1", "2020-01-01", "EUR 1.00"),
        document("a", "2", "2020-01-01", "EUR 2.00"),
        document("b", "1", "2020-01-01", "EUR 2.00").replace("ACTIVE", "DRAFT"),
        document("c", "1", "2020-01-01", "EUR 2.00"),
        document("c", "2", "2020-01-01", "EUR 2.00"),
    ];
    let rules = [rule("a", "2", 1_001), rule("a", "7", 1), rule("nothing", "1", 1), rule("b", "1", 1)];
    let problems = load(&documents, &rules).expect_err("everything is wrong");
    let told: Vec<_> = problems.iter().map(|(key, problem)| format!("{key}: {problem}")).collect();
    assert_eq!(
        told,
        [
            ": c: versions 1 and 2 hold at the same time",
            "canary[0].per_mille: is 1001; must be 0 to 1000",
            "canary[1].pack: a has a canary already; a pack has one at a time",
            "canary[1].version: a has no version \"7\"; it has 1, 2",
            "canary[2].pack: \"nothing\" is not the id of a pack that is shipped or in the directory",
            "canary[3].version: b 1 is a draft, which decides nothing",
        ]
    );
    let unread = load(&["{".to_owned()], &[rule("a", "2", 1)]).expect_err("no document");
    assert!(unread.iter().all(|(key, _)| key.is_empty()), "what could not be read is not unknown: {unread:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A higher share only adds tenants.
    #[test]
    fn a_share_grows_by_adding(tenant in "[a-z0-9-]{1,20}", low in 0..=ALL, more in 0..=ALL) {
        let high = (low + more).min(ALL);
        let among = |share| judged_by(&set(share), &tenant) == "2";
        prop_assert!(!among(low) || among(high));
    }
}

/// The share that is found is the share that is asked for: within five standard deviations of 4,000 tenants.
#[test]
fn a_share_is_what_it_says() {
    for share in [10_u32, 250, 900] {
        let set = set(share);
        let among = (0..4_000).filter(|n| set.for_tenant(&format!("t{n}")).packs().len() == 2).count();
        let p = f64::from(share) / 1_000.0;
        let deviation = (4_000.0 * p * (1.0 - p)).sqrt();
        let found = f64::from(u32::try_from(among).expect("few"));
        assert!((found - 4_000.0 * p).abs() < 5.0 * deviation, "{among} of 4000 at {share}");
    }
}
