//! Random remedies under every arm: what the law demands and what gives back a loss stays what it is.

use kernel::{Currency, Money};
use proptest::prelude::*;

use super::*;
use crate::domain::event::{FailureEvent, Severity};
use crate::domain::gate::RecoveryContext;
use crate::domain::line::{Benefit, Consent, OfferOption, Origin};
use crate::domain::remedy::RemedyState;

fn line() -> impl Strategy<Value = RemedyLine> {
    let basis = prop::sample::select(vec![Basis::Statutory, Basis::Restitution, Basis::Time, Basis::Gesture]);
    (basis, 1..100_000_i64, any::<bool>()).prop_map(|(basis, minor, voucher)| {
        let amount = Money::new(Currency::parse("EUR").expect("a currency"), minor);
        RemedyLine {
            id: format!("line-{minor}"),
            basis,
            benefit: if voucher { Benefit::Voucher(amount) } else { Benefit::Money(amount) },
            description: format!("{basis:?}"),
            arithmetic: String::new(),
            origin: Origin::default(),
            refund: false,
        }
    })
}

fn lines() -> impl Strategy<Value = Vec<RemedyLine>> {
    prop::collection::vec(line(), 0..4)
}

fn assessment() -> impl Strategy<Value = Assessment> {
    (lines(), prop::collection::vec(lines(), 0..4), lines()).prop_map(|(automatic, options, plus)| {
        let option = |(index, lines)| OfferOption {
            id: format!("option-{index}"),
            description: "an option".to_owned(),
            lines,
            consent: Consent::None,
            holds_after: None,
        };
        let choice_of: Vec<_> = options.into_iter().enumerate().map(option).collect();
        // What comes with a choice comes with one only.
        let plus = if choice_of.is_empty() { Vec::new() } else { plus };
        Assessment { automatic, choice_of, plus, ..Assessment::default() }
    })
}

fn arm(gestures: Gestures, hours: u64) -> Arm {
    Arm {
        id: "other".to_owned(),
        description: String::new(),
        weight: 1,
        control: false,
        apology: ApologyKind::Usual,
        gestures,
        offer_after: Duration::from_secs(hours * 3_600),
    }
}

fn remedy(assessment: Assessment, treatment: Treatment) -> Remedy {
    let id = uuid::Uuid::from_u128(7);
    let at = Timestamp::from_seconds(1_000);
    Remedy {
        id: id.into(),
        case: id.into(),
        customer: id.into(),
        state: RemedyState::NothingOwed,
        event: FailureEvent {
            kind: "a".to_owned(),
            occurred_at: at,
            reference: String::new(),
            facts: std::collections::BTreeMap::new(),
        },
        severity: Severity::Low,
        payee: String::new(),
        assessment,
        offer: None,
        recovery: RecoveryContext::default(),
        gate: None,
        experiment: Some(treatment),
        apology_at: Some(at),
        version: 1,
        created_at: at,
        updated_at: at,
    }
}

/// All that is no gesture, in its place.
fn untouchable(assessment: &Assessment) -> Vec<(String, RemedyLine)> {
    let placed = |place: &str, lines: &[RemedyLine]| {
        lines.iter().filter(|line| !is_gesture(line)).map(|line| (place.to_owned(), line.clone())).collect::<Vec<_>>()
    };
    let mut all = placed("automatic", &assessment.automatic);
    all.extend(placed("plus", &assessment.plus));
    all.extend(assessment.choice_of.iter().flat_map(|option| placed(&option.id, &option.lines)));
    all
}

fn gestures(assessment: &Assessment) -> usize {
    let options = assessment.choice_of.iter().flat_map(|option| &option.lines);
    assessment.automatic.iter().chain(&assessment.plus).chain(options).filter(|line| is_gesture(line)).count()
}

proptest! {
    #[test]
    fn what_is_owed_is_untouched(assessed in assessment(), none: bool, hours in 0..200_u64) {
        let arm = arm(if none { Gestures::None } else { Gestures::AsJudged }, hours);
        let waiting: Vec<_> = assessed.lines().filter(|line| is_gesture(line)).cloned().collect();
        let mut to_approve = waiting.clone();
        let (treated, treatment) = treat("e", &arm, assessed.clone(), &mut to_approve);
        prop_assert_eq!(to_approve.as_slice(), if none { &[] } else { waiting.as_slice() });
        prop_assert_eq!(untouchable(&treated), untouchable(&assessed));
        // What comes with a choice still has one to come with.
        prop_assert!(treated.plus.is_empty() || !treated.choice_of.is_empty());
        if none {
            prop_assert_eq!(gestures(&treated), 0);
            prop_assert_eq!(treatment.withheld.len(), gestures(&assessed) + waiting.len());
        } else {
            prop_assert_eq!(&treated, &assessed);
        }
        let remedy = remedy(treated, treatment);
        if let Some(at) = remedy.offer_at() {
            prop_assert_eq!(at, Timestamp::from_seconds(1_000).plus(Duration::from_secs(hours * 3_600)));
            let waits = remedy.assessment.choice_of.iter().flat_map(|option| &option.lines).chain(&remedy.assessment.plus);
            prop_assert!(waits.into_iter().all(|line| !matches!(line.basis, Basis::Statutory | Basis::Restitution)));
        } else {
            let owed = remedy.assessment.choice_of.iter().flat_map(|option| &option.lines).chain(&remedy.assessment.plus)
                .any(|line| matches!(line.basis, Basis::Statutory | Basis::Restitution));
            prop_assert!(hours == 0 || owed || remedy.assessment.choice_of.is_empty());
        }
    }
}

#[test]
fn what_is_left_out_is_said() {
    let amount = Money::new(Currency::parse("EUR").expect("a currency"), 1_000);
    let gift = RemedyLine {
        id: "gift".to_owned(),
        basis: Basis::Gesture,
        benefit: Benefit::Voucher(amount),
        description: "A voucher".to_owned(),
        arithmetic: String::new(),
        origin: Origin::default(),
        refund: false,
    };
    let assessed = Assessment { automatic: vec![gift], ..Assessment::default() };
    let (treated, treatment) = treat("e", &arm(Gestures::None, 0), assessed, &mut Vec::new());
    assert_eq!(treatment.withheld, ["A voucher (EUR 10.00)"]);
    assert!(
        treated.summary.ends_with("Left out by experiments/e, arm other: A voucher (EUR 10.00)."),
        "{}",
        treated.summary
    );
}

/// An option of nothing but gestures goes with them, unless something that is no gesture comes with the choice; one that
/// never had a line is no gesture.
#[test]
fn an_option_that_is_left_with_nothing_goes() {
    let line = |basis: Basis| RemedyLine {
        id: format!("{basis:?}"),
        basis,
        benefit: Benefit::Service,
        description: String::new(),
        arithmetic: String::new(),
        origin: Origin::default(),
        refund: false,
    };
    let option = |id: &str, bases: &[Basis]| OfferOption {
        id: id.to_owned(),
        description: String::new(),
        lines: bases.iter().map(|basis| line(*basis)).collect(),
        consent: Consent::None,
        holds_after: None,
    };
    let left = |plus: &[Basis]| {
        let choice_of = vec![
            option("gift", &[Basis::Gesture, Basis::NoFaultGoodwill]),
            option("mixed", &[Basis::Gesture, Basis::Time]),
            option("words", &[]),
        ];
        let plus = plus.iter().map(|basis| line(*basis)).collect();
        let assessed = Assessment { choice_of, plus, ..Assessment::default() };
        let (treated, _) = treat("e", &arm(Gestures::None, 0), assessed, &mut Vec::new());
        treated.choice_of.iter().map(|option| (option.id.clone(), option.lines.len())).collect::<Vec<_>>()
    };
    let is =
        |options: &[(&str, usize)]| options.iter().map(|(id, lines)| ((*id).to_owned(), *lines)).collect::<Vec<_>>();
    assert_eq!(left(&[]), is(&[("mixed", 1), ("words", 0)]));
    assert_eq!(left(&[Basis::Gesture]), is(&[("mixed", 1), ("words", 0)]));
    assert_eq!(left(&[Basis::Time]), is(&[("gift", 0), ("mixed", 1), ("words", 0)]));
}
