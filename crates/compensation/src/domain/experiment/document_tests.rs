//! Documents: what is right passes, and every guard rail speaks for itself.

use super::document::parse;
use super::*;

const RIGHT: &str = include_str!("../../../experiments/apology-alone.yaml");
const TIMING: &str = include_str!("../../../experiments/offer-next-day.yaml");

fn with(changes: &[(&str, &str)]) -> Vec<String> {
    let document = changes.iter().fold(RIGHT.to_owned(), |document, (from, to)| {
        assert!(document.contains(from), "{from}");
        document.replacen(from, to, 1)
    });
    parse(&document).expect_err("it is wrong")
}

#[test]
fn the_examples_are_right() {
    let experiment = parse(RIGHT).expect("right");
    assert_eq!((experiment.unit, experiment.metric, experiment.control()), (Unit::Event, Metric::RecoveredShare, 0));
    assert_eq!(experiment.arms[1].gestures, Gestures::None);
    assert_eq!(experiment.starts_at.to_string(), "2026-01-01T00:00:00Z");
    let timing = parse(TIMING).expect("right");
    assert_eq!(timing.arms[1].offer_after, Duration::from_secs(86_400));
    for metric in Metric::ALL {
        assert_eq!(Metric::parse(metric.as_str()), Some(metric));
    }
}

#[test]
fn guard_rails_say_what_they_are() {
    for (changes, problem) in [
        (&[("unit: EVENT", "unit: CUSTOMER")][..], "unit: must be EVENT: arms that differ in what is given"),
        (
            &[("apology: USUAL\n    gestures", "apology: NONE\n    gestures")],
            "arms[1].apology: no arm is without an apology",
        ),
        (&[("RECOVERED_SHARE", "WITHDRAWN_RATINGS")], "metric: `WITHDRAWN_RATINGS` is about reviews or ratings"),
        (&[("RECOVERED_SHARE", "FAILURES")], "metric: `FAILURES` grows with failures"),
        (
            &[("the choice without the discount", "a voucher for a better review")],
            "arms[1].description: `review`: no benefit may depend on a review",
        ),
        (&[("sample_per_arm: 400", "sample_per_arm: 350")], "sample_per_arm: is too small: to see 0.1"),
        (&[("[0.5, 1]", "[0.5, 0.9]")], "stop.looks: must be shares"),
        (&[("[0.5, 1]", "[0.1, 1]")], "stop.looks[0]: an arm has fewer than 50 outcomes"),
        (&[("control: true", "control: false")], "arms: 0 are the control; exactly one must be"),
        (&[("gestures: NONE", "gestures: AS_JUDGED")], "arms[1]: does the same as `with-gesture`"),
        (&[("notice_days < 14", "notice < 14")], "population.condition:"),
        (&[("notice_days < 14", "notice_days + 1")], "population.condition: is a whole number; it must say yes or no"),
    ] {
        let told = with(changes);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with(problem), "{told:?} lacks {problem}");
    }
}

#[test]
fn all_problems_are_listed() {
    let told = with(&[
        ("id: apology-alone", "id: Apology"),
        ("ends_on: 2027-01-01", "ends_on: 2025-01-01"),
        ("flight.cancelled", "Flight"),
        ("weight: 1", "weight: 0"),
        ("alpha: 0.05", "alpha: 0.5"),
        ("minimum_effect: 0.1", "minimum_effect: 0.5"),
    ]);
    let paths: Vec<_> = told.iter().map(|problem| problem.split(':').next().unwrap_or_default()).collect();
    let expected = ["id", "ends_on", "population.event_kinds", "arms[0].weight", "stop.alpha", "minimum_effect"];
    assert_eq!(paths, expected, "{told:?}");
    assert_eq!(with(&[("hypothesis", "hypotheses")]).len(), 1, "an unknown key is told alone");
    let large = format!("{RIGHT}# {}", "x".repeat(document::MAX_BYTES));
    assert!(parse(&large).expect_err("too large")[0].starts_with("has "));
}

#[test]
fn the_schema_names_every_key() {
    let schema = include_str!("../../../experiments/experiment.schema.json");
    serde_json::from_str::<serde_json::Value>(schema).expect("the schema is JSON");
    for document in [RIGHT, TIMING] {
        let keys = document.lines().filter_map(|line| line.trim_start_matches([' ', '-']).split_once(": "));
        for (key, _) in keys.filter(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')) {
            assert!(schema.contains(&format!("\"{key}\"")), "{key}");
        }
    }
}

#[test]
fn a_population_is_a_kind_a_condition_and_a_time() {
    let experiment = parse(RIGHT).expect("right");
    let at = experiment.starts_at;
    let event = |kind: &str, reference: &str, notice: Option<i64>| FailureEvent {
        kind: kind.to_owned(),
        occurred_at: at,
        reference: reference.to_owned(),
        facts: notice
            .map(|days| ("notice_days".to_owned(), crate::domain::event::Fact::Integer(days)))
            .into_iter()
            .collect(),
    };
    let takes = |event: &FailureEvent, at| experiment.takes(event, Severity::Low, at);
    let cancelled = event("flight.cancelled", "UA 1", None);
    assert!(takes(&cancelled, at), "the default holds");
    assert!(!takes(&cancelled, at.minus(Duration::from_secs(1))) && !takes(&cancelled, experiment.ends_at));
    assert!(!takes(&event("flight.cancelled", "UA 1", Some(14)), at));
    assert!(!takes(&event("flight.delayed", "UA 1", None), at));
    assert!(!takes(&event("flight.cancelled", "", None), at), "nobody can tell whom else it hit");
    let customer = |n: u128| CustomerId::from(uuid::Uuid::from_u128(n));
    let tenant = TenantId::parse("default").expect("a tenant");
    let unit = experiment.unit_of(&cancelled, customer(1));
    assert_eq!(unit, experiment.unit_of(&cancelled, customer(2)), "everybody of one event");
    assert!(experiment.arm(&tenant, &unit).is_some());
}

/// Whatever packs may give to those whom an experiment is about is looked at, and nothing else.
#[test]
fn no_benefit_for_a_review_is_given_to_whom_an_experiment_is_about() {
    let experiment = parse(RIGHT).expect("right");
    let line = |name: &str, kinds: &[&str], text: &str| {
        (name.to_owned(), kinds.iter().map(|kind| (*kind).to_owned()).collect(), text.to_owned())
    };
    let found = experiment.benefits_for_reviews(vec![
        line("p/any", &[], "Five stars, five dollars"),
        line("p/same", &["flight.delayed", "flight.cancelled"], "A voucher for your review"),
        line("p/other", &["flight.delayed"], "A voucher for your review"),
        line("p/plain", &["flight.cancelled"], "A voucher"),
    ]);
    assert_eq!(
        found,
        [
            "the line p/any says `stars`: no benefit may depend on a review or a rating",
            "the line p/same says `review`: no benefit may depend on a review or a rating",
        ]
    );
}

#[test]
fn the_control_is_the_arm_that_is_marked_wherever_it_stands() {
    let marked =
        RIGHT.replace("    control: true\n", "").replace("    gestures: NONE", "    control: true\n    gestures: NONE");
    let experiment = parse(&marked).expect("right");
    assert_eq!((experiment.control(), experiment.arms[1].control), (1, true));
}

#[test]
fn the_unit_of_a_customer_is_the_same_for_every_event_and_one_without_a_reference_has_it_too() {
    let timing = parse(TIMING).expect("right");
    let event = |reference: &str| FailureEvent {
        kind: timing.population.event_kinds[0].clone(),
        occurred_at: timing.starts_at,
        reference: reference.to_owned(),
        facts: std::collections::BTreeMap::new(),
    };
    let customer = CustomerId::from(uuid::Uuid::from_u128(1));
    assert_eq!(timing.unit, Unit::Customer);
    assert_eq!(timing.unit_of(&event("UA 1"), customer), timing.unit_of(&event(""), customer));
    assert_eq!(timing.unit_of(&event(""), customer), customer.to_string());
}

/// Each bound from both sides.
#[test]
fn what_is_just_within_is_right() {
    let changed = |document: &str, changes: &[(&str, &str)]| {
        let changed = changes.iter().fold(document.to_owned(), |document, (from, to)| {
            assert!(document.contains(from), "{from}");
            document.replacen(from, to, 1)
        });
        parse(&changed).map(|_| ()).map_err(|problems| problems.join("; "))
    };
    let full = format!("{RIGHT}#{}", "x".repeat(document::MAX_BYTES - RIGHT.len() - 1));
    assert_eq!((full.len(), changed(&full, &[])), (document::MAX_BYTES, Ok(())));
    let hours = |hours: &str| changed(TIMING, &[("offer_after_hours: 24", hours)]);
    assert_eq!(hours("offer_after_hours: 168"), Ok(()));
    assert!(hours("offer_after_hours: 169").is_err_and(|told| told.contains("nobody waits longer than a week")));
    let looks = |looks: &str| changed(RIGHT, &[("[0.5, 1]", looks)]);
    assert_eq!(looks("[0.125, 1]"), Ok(()), "50 of 400");
    assert_eq!(looks("[0.5, 0.55, 1]"), Ok(()));
    for (wrong, why) in [
        ("[0.12, 1]", "stop.looks[0]: an arm has fewer than 50"),
        ("[0.5, 0.52, 1]", "stop.looks: must be shares"),
        ("[0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1]", "stop.looks: has 11; allowed are 1 to 10"),
    ] {
        assert!(looks(wrong).is_err_and(|told| told.starts_with(why)), "{wrong}");
    }
    let reopened = |expected: &str| {
        changed(RIGHT, &[("RECOVERED_SHARE", "REOPENED_SHARE"), ("expected: 0.6", expected), ("arm: 400", "arm: 4000")])
    };
    assert_eq!(reopened("expected: 0.95"), Ok(()), "less coming back is better");
    assert!(reopened("expected: 0.05").is_err_and(|told| told.starts_with("minimum_effect: with `expected`")));
    let score = |expected: &str, effect: &str| {
        let changes = [("RECOVERED_SHARE", "MEAN_SCORE"), ("expected: 0.6", expected), ("minimum_effect: 0.1", effect)];
        changed(RIGHT, &changes)
    };
    assert_eq!(score("expected: 0.5", "minimum_effect: 0.5"), Ok(()));
    for (expected, effect) in [("expected: 6", "minimum_effect: 0.5"), ("expected: 0.5", "minimum_effect: 6")] {
        assert!(
            score(expected, effect).is_err_and(|told| told.starts_with("minimum_effect: must be 0.01")),
            "{effect}"
        );
    }
}

#[test]
fn texts_and_ids_have_their_bounds() {
    let of = |from: &str, to: &str| {
        assert!(RIGHT.contains(from));
        parse(&RIGHT.replacen(from, to, 1)).map(|_| ()).map_err(|told| told.join("; "))
    };
    let hypothesis = "After a cancelled flight an apology alone brings back as many customers as one with a discount.";
    assert_eq!(of(hypothesis, &"é".repeat(1_000)), Ok(()));
    for wrong in ["''", "é".repeat(1_001).as_str()] {
        assert_eq!(of(hypothesis, wrong), Err("hypothesis: must have 1 to 1000 characters".to_owned()));
    }
    let id = |id: &str| of("id: apology-alone", &format!("id: '{id}'"));
    let longest = "a".repeat(60);
    for right in ["a", "a1-", longest.as_str()] {
        assert_eq!(id(right), Ok(()));
    }
    let too_long = "a".repeat(61);
    for wrong in ["", "1a", "-a", "Aa", "aA", "a_b", "aé", too_long.as_str()] {
        let told = format!("id: `{wrong}` is not 1 to 60 characters of a-z, 0-9 and '-', from a letter on");
        assert_eq!(id(wrong), Err(told));
    }
}

/// The sample that is told to be needed is enough, one less is not; and more arms need more.
#[test]
fn the_sample_that_is_told_is_the_one_that_is_needed() {
    let of = |document: &str, sample: u32| parse(&document.replacen("arm: 400", &format!("arm: {sample}"), 1));
    let needed = |document: &str| -> u32 {
        let told = of(document, 100).expect_err("too small").join(" ");
        let number = told.split("every arm needs ").nth(1).and_then(|rest| rest.split([' ', ';']).next());
        number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{told}"))
    };
    let third = "  - id: later\n    description: The apology, and the choice a day later.\n    weight: 1\n    apology: USUAL\n    offer_after_hours: 24\nmetric:";
    let three = RIGHT.replacen("metric:", third, 1);
    for document in [RIGHT, three.as_str()] {
        let enough = needed(document);
        assert!(of(document, enough).is_ok() && of(document, enough - 1).is_err(), "{enough}");
    }
    assert!(needed(&three) > needed(RIGHT), "the level is shared out among the arms");
}
