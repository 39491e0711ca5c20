//! The gate's table for every combination of its inputs, and what must hold whatever they are.

use std::collections::BTreeMap;
use std::time::Duration;

use kernel::{CaseId, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::event::{Fact, FailureEvent};

const DAY: Duration = Duration::from_secs(86_400);
const RULES: GateRules = GateRules {
    half_life: Duration::from_secs(180 * 86_400),
    window: Duration::from_secs(730 * 86_400),
    apology_cap: 3,
    apology_window: Duration::from_secs(365 * 86_400),
};
const YES_NO: [Option<bool>; 3] = [None, Some(false), Some(true)];

fn now() -> Timestamp {
    Timestamp::from_seconds(1_700_000_000)
}

fn case(number: u128) -> CaseId {
    Uuid::from_u128(number).into()
}

/// One combination.
#[derive(Clone, Debug)]
struct Given {
    severity: Severity,
    controllable: Option<bool>,
    foreseeable: Option<bool>,
    deliberate: Option<bool>,
    reopened: bool,
    abuse: bool,
    priors: Vec<PriorFailure>,
}

impl Given {
    fn decide(&self) -> GateDecision {
        let facts =
            [("controllable", self.controllable), ("foreseeable", self.foreseeable), ("deliberate", self.deliberate)];
        let facts: BTreeMap<_, _> = facts
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| (key.to_owned(), Fact::Boolean(value))))
            .collect();
        let event =
            FailureEvent { kind: "flight.delayed".to_owned(), occurred_at: now(), reference: "UA 1".to_owned(), facts };
        let context = RecoveryContext {
            apologised: true,
            reopened: self.reopened,
            abuse: self.abuse.then(|| "nine claims in a week".to_owned()),
        };
        let known = Known::of(&event);
        let inputs = GateInputs {
            event: &event,
            severity: self.severity,
            case: case(1),
            known,
            context: &context,
            priors: &self.priors,
            now: now(),
        };
        decide(&inputs, &RULES)
    }
}

fn prior(number: u128, kind: &str, days_ago: u32) -> PriorFailure {
    PriorFailure {
        remedy: Uuid::from_u128(number).into(),
        case: case(100 + number),
        kind: kind.to_owned(),
        reference: String::new(),
        occurred_at: now().minus(DAY * days_ago),
        apology_at: Some(now().minus(DAY * days_ago)),
    }
}

/// Earlier failures, and how far they allow to go.
fn histories() -> [(Vec<PriorFailure>, Outcome); 5] {
    [
        (vec![], Outcome::Delight),
        // 250 / 2 / 2: unlike, and a year ago.
        (vec![prior(1, "bill.wrong", 360)], Outcome::Delight),
        (vec![prior(1, "bill.wrong", 0)], Outcome::Restore),
        (vec![prior(1, "flight.delayed", 10)], Outcome::Save),
        (vec![prior(1, "bill.wrong", 0), prior(2, "parcel.lost", 0)], Outcome::Save),
    ]
}

/// The wariest of what each input allows, written down again by hand.
fn expected(given: &Given, history: Outcome) -> Outcome {
    if given.abuse {
        return Outcome::StatutoryOnly;
    }
    if given.reopened || history == Outcome::Save || given.severity == Severity::Critical {
        return Outcome::Save;
    }
    let small = matches!(given.severity, Severity::Low | Severity::Medium);
    let surprise = given.controllable == Some(false) && given.foreseeable == Some(false);
    if small && surprise && given.deliberate != Some(true) && history == Outcome::Delight {
        Outcome::Delight
    } else {
        Outcome::Restore
    }
}

#[test]
fn every_combination_has_its_outcome() {
    let mut seen = BTreeMap::new();
    for severity in Severity::ALL {
        for (priors, history) in histories() {
            for controllable in YES_NO {
                for foreseeable in YES_NO {
                    for deliberate in YES_NO {
                        for (reopened, abuse) in [(false, false), (false, true), (true, false), (true, true)] {
                            let priors = priors.clone();
                            let given =
                                Given { severity, controllable, foreseeable, deliberate, reopened, abuse, priors };
                            let decision = given.decide();
                            assert_eq!(decision.decided, expected(&given, history), "{given:?}");
                            assert_eq!(decision.reasons.len(), 7);
                            assert!(decision.reasons.iter().all(|r| !r.text.is_empty() && !r.source.is_empty()));
                            assert_eq!(decision.senior_owner, decision.decided == Outcome::Save);
                            *seen.entry(decision.decided).or_insert(0) += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(seen.values().sum::<i32>(), 2_700);
    assert_eq!(seen.len(), Outcome::ALL.len(), "{seen:?}");
}

#[test]
fn unknown_is_a_value_and_never_speaks_for_delight() {
    let given = Given {
        severity: Severity::Low,
        controllable: None,
        foreseeable: None,
        deliberate: None,
        reopened: false,
        abuse: false,
        priors: vec![],
    };
    let decision = given.decide();
    assert_eq!(decision.outcome, Outcome::Restore);
    for key in ["controllable", "foreseeable", "deliberate", "price", "service_accepted"] {
        assert_eq!(decision.inputs[key], "unknown", "{key}");
    }
    assert_eq!(decision.guidance, None, "no price, no amounts");
}

#[test]
fn a_case_with_a_remedy_before_came_back() {
    let again = PriorFailure { case: case(1), ..prior(1, "flight.delayed", 0) };
    let given = Given { priors: vec![again], ..calm() };
    let decision = given.decide();
    assert_eq!(decision.outcome, Outcome::Save);
    assert_eq!((decision.inputs["reopened"].as_str(), decision.priors.len()), ("yes", 0));
}

/// Two passengers of one booking, or a complaint about a disruption that is known: one failure, however often it is told.
#[test]
fn the_same_event_of_another_case_is_no_second_failure() {
    let same = PriorFailure { reference: "UA 1".to_owned(), ..prior(1, "flight.delayed", 0) };
    assert_eq!(Given { priors: vec![same], ..calm() }.decide().outcome, Outcome::Delight);
}

#[test]
fn the_fourth_apology_of_a_year_needs_another_kind() {
    let had = |count: u128| (1..=count).map(|n| prior(n, "bill.wrong", 300)).collect::<Vec<_>>();
    for (count, kind) in [(0, ApologyKind::Usual), (2, ApologyKind::Usual), (3, ApologyKind::AnotherKind)] {
        let advice = Given { priors: had(count), ..calm() }.decide().apology;
        assert_eq!((advice.kind, u128::from(advice.before)), (kind, count));
    }
    let long_ago: Vec<_> = (1..=5).map(|n| prior(n, "bill.wrong", 366)).collect();
    assert_eq!(Given { priors: long_ago, ..calm() }.decide().apology.kind, ApologyKind::Usual);
    // Remedies of one case, such as one that somebody approved, share its apology.
    let mut shared = had(5);
    shared.iter_mut().for_each(|prior| prior.case = Uuid::from_u128(77).into());
    let advice = Given { priors: shared, ..calm() }.decide().apology;
    assert_eq!((advice.kind, advice.before), (ApologyKind::Usual, 1));
    let meant = Given { deliberate: Some(true), priors: had(5), ..calm() }.decide();
    assert_eq!(meant.apology.kind, ApologyKind::Explanation);
}

fn calm() -> Given {
    Given {
        severity: Severity::Low,
        controllable: Some(false),
        foreseeable: Some(false),
        deliberate: Some(false),
        reopened: false,
        abuse: false,
        priors: vec![],
    }
}

#[test]
fn outcomes_read_back() {
    for outcome in Outcome::ALL {
        assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
    }
    assert!(Outcome::ALL.is_sorted());
    assert_eq!(Outcome::parse("delight"), None);
}

fn given() -> impl Strategy<Value = Given> {
    let kinds = prop::sample::select(vec!["flight.delayed", "flight.cancelled", "bill.wrong"]);
    let priors = prop::collection::vec((kinds, 0_u32..900), 0..6)
        .prop_map(|all| all.into_iter().zip(1..).map(|((kind, days), n)| prior(n, kind, days)).collect::<Vec<_>>());
    let yes_no = || prop::sample::select(YES_NO.to_vec());
    (prop::sample::select(Severity::ALL.to_vec()), yes_no(), yes_no(), yes_no(), any::<bool>(), any::<bool>(), priors)
        .prop_map(|(severity, controllable, foreseeable, deliberate, reopened, abuse, priors)| Given {
            severity,
            controllable,
            foreseeable,
            deliberate,
            reopened,
            abuse,
            priors,
        })
}

proptest! {
    /// Row S63: there is no input of failure that makes the gate bolder.
    #[test]
    fn more_failure_never_makes_the_gate_bolder(given in given(), kind in prop::sample::select(vec!["flight.delayed", "bill.wrong"]), days in 0_u32..900) {
        let before = given.decide().decided;
        let mut more = given.clone();
        more.priors.push(prior(50, kind, days));
        let worse = [
            more,
            Given { reopened: true, ..given.clone() },
            Given { abuse: true, ..given.clone() },
            Given { controllable: Some(true), ..given.clone() },
            Given { foreseeable: Some(true), ..given.clone() },
            Given { deliberate: Some(true), ..given },
        ];
        for worse in worse {
            prop_assert!(worse.decide().decided >= before);
        }
    }

    #[test]
    fn a_worse_severity_never_makes_the_gate_bolder(given in given()) {
        let known = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
        let outcomes = known.map(|severity| Given { severity, ..given.clone() }.decide().decided);
        prop_assert!(outcomes.is_sorted(), "{outcomes:?}");
        prop_assert!(outcomes[2] != Outcome::Delight && outcomes[3] != Outcome::Delight);
        let unknown = Given { severity: Severity::Unspecified, ..given }.decide().decided;
        prop_assert!(unknown != Outcome::Delight);
    }

    #[test]
    fn the_same_inputs_give_the_same_record(given in given()) {
        let decision = given.decide();
        prop_assert_eq!(serde_json::to_string(&decision).expect("json"), serde_json::to_string(&given.decide()).expect("json"));
        prop_assert_eq!(decision.decided, decision.reasons.iter().map(|r| r.allows).max().expect("reasons"));
    }
}

/// An event with a price, of which the gate knows what a person could show.
fn priced(evidence: Option<&str>) -> (GateDecision, Known) {
    let usd = kernel::Money::new(kernel::Currency::parse("USD").expect("a currency"), 10_000);
    let mut facts = BTreeMap::from([
        ("price".to_owned(), Fact::Money(usd)),
        ("controllable".to_owned(), Fact::Boolean(false)),
        ("service_accepted".to_owned(), Fact::Boolean(false)),
    ]);
    facts.extend(evidence.map(|evidence| ("evidence_ref".to_owned(), Fact::Text(evidence.to_owned()))));
    let event =
        FailureEvent { kind: "flight.delayed".to_owned(), occurred_at: now(), reference: "UA 1".to_owned(), facts };
    let (context, known) = (RecoveryContext::default(), Known::of(&event));
    let inputs = GateInputs {
        event: &event,
        severity: Severity::Medium,
        case: case(1),
        known: Known::of(&event),
        context: &context,
        priors: &[],
        now: now(),
    };
    (decide(&inputs, &RULES), known)
}

#[test]
fn a_decision_of_a_person_changes_what_holds_and_keeps_what_was_decided() {
    let (decision, known) = priced(None);
    for outcome in [Outcome::Delight, Outcome::Restore, Outcome::Save, Outcome::StatutoryOnly] {
        let holds = decision.overridden(outcome, Severity::Medium, &known);
        assert_eq!((holds.decided, holds.outcome), (decision.decided, outcome));
        assert_eq!(holds.senior_owner, outcome == Outcome::Save, "{outcome:?}");
        assert_eq!(holds.guidance, guidance(outcome, Severity::Medium, &known), "{outcome:?}");
        assert_eq!(holds.reasons, decision.reasons);
    }
    let of = |outcome| decision.overridden(outcome, Severity::Medium, &known).guidance;
    assert_ne!(of(Outcome::Save), of(Outcome::Restore), "the guidance is that of the outcome");
}

#[test]
fn evidence_is_named_where_there_is_some() {
    let said = |evidence| {
        let reasons = priced(evidence).0.reasons;
        reasons.into_iter().find(|reason| reason.condition == "controllable").expect("it is always asked").text
    };
    assert_eq!(said(Some("METAR KEWR")), "We could not have prevented it; evidence: METAR KEWR.");
    assert!(said(None).contains("no evidence is attached"));
}
