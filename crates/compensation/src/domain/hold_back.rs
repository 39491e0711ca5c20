//! What of an assessment is given or offered by itself, after the gate: the rest is held back, openly.
//!
//! Pure. Statutory lines are never held back, and neither is what only gives back a loss unless nothing but the law is
//! followed. Gestures go beyond what the gate suggests only where it says DELIGHT: above it they are for a person. Lines are
//! held back whole; an option that is left with nothing is not offered. No warier outcome lets pass more of gestures.

use kernel::Money;

use super::assessment::Assessment;
use super::fair_amount::{excess, gestures_above};
use super::gate::{GateDecision, Outcome};
use super::line::{Basis, RemedyLine};

/// What the gate lets through, and what it leaves to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// What goes ahead.
    pub assessment: Assessment,
    /// Gestures beside any choice that are above what goes without a person.
    pub to_approve: Vec<RemedyLine>,
}

/// The assessment as the gate lets it through, with what was held back on record in the decision. `gestures` is the most of
/// gestures that goes without a person; none where there is no such bound.
pub fn hold_back(mut assessment: Assessment, gate: &mut GateDecision, gestures: Option<Money>) -> Passed {
    let (automatic, choice_of, plus) = (
        std::mem::take(&mut assessment.automatic),
        std::mem::take(&mut assessment.choice_of),
        std::mem::take(&mut assessment.plus),
    );
    let mut held = Held { gate, gestures, kept: Vec::new(), to_approve: Vec::new() };
    let automatic = held.through(automatic, &[Vec::new()]);
    // What comes with any option must fit beside the one that gives back most.
    let mut beside: Vec<Vec<_>> = choice_of
        .iter()
        .map(|option| option.lines.iter().filter(|line| line.basis == Basis::Restitution))
        .map(|lines| automatic.iter().chain(lines).cloned().collect())
        .collect();
    if beside.is_empty() {
        beside.push(automatic.clone());
    }
    let plus = held.through(plus, &beside);
    let to_approve = std::mem::take(&mut held.to_approve);
    let with_it = [automatic.iter().chain(&plus).cloned().collect()];
    let choice_of: Vec<_> = choice_of
        .into_iter()
        .filter_map(|mut option| {
            let had_lines = !option.lines.is_empty();
            // Options are alternatives: what one leaves out is nothing to the next.
            held.to_approve.clear();
            option.lines = held.through(option.lines, &with_it);
            (!had_lines || !option.lines.is_empty()).then_some(option)
        })
        .collect();
    let kept = std::mem::take(&mut held.kept);
    (assessment.automatic, assessment.choice_of, assessment.plus) = (automatic, choice_of, plus);
    if !kept.is_empty() {
        assessment.summary = format!("{} Held back: {}", assessment.sum_up(), kept.join(" "));
        gate.withheld = kept;
    }
    Passed { assessment, to_approve }
}

struct Held<'a> {
    gate: &'a GateDecision,
    gestures: Option<Money>,
    kept: Vec<String>,
    to_approve: Vec<RemedyLine>,
}

/// Why a line is held back.
enum Against {
    /// Nobody but a person who overrides the gate can give it.
    Gate(&'static str),
    /// A person can approve it.
    Approval(String),
}

impl Held<'_> {
    /// The lines that pass, whichever of these alternatives comes with them. Gestures are looked at last, so that none
    /// takes the room of what pays for time.
    fn through(&mut self, lines: Vec<RemedyLine>, with_it: &[Vec<RemedyLine>]) -> Vec<RemedyLine> {
        let mut passed: Vec<(usize, RemedyLine)> = Vec::new();
        let (gestures, others): (Vec<_>, Vec<_>) =
            lines.into_iter().enumerate().partition(|(_, line)| line.basis.is_gesture());
        for (place, line) in others.into_iter().chain(gestures) {
            let reason = match self.against(&line, &passed, with_it) {
                None => {
                    passed.push((place, line));
                    continue;
                }
                Some(Against::Gate(reason)) => reason.to_owned(),
                Some(Against::Approval(reason)) => {
                    self.to_approve.push(line.clone());
                    reason
                }
            };
            self.kept.push(format!("{} ({reason}).", line.in_words()));
        }
        passed.sort_by_key(|(place, _)| *place);
        passed.into_iter().map(|(_, line)| line).collect()
    }

    fn against(
        &self,
        line: &RemedyLine,
        passed: &[(usize, RemedyLine)],
        with_it: &[Vec<RemedyLine>],
    ) -> Option<Against> {
        match (self.gate.outcome, line.basis) {
            (_, Basis::Statutory) => return None,
            (Outcome::StatutoryOnly, _) => {
                return Some(Against::Gate("the gate allows no more than what the law demands"));
            }
            (_, Basis::Restitution) => return None,
            (_, Basis::Time | Basis::Gesture | Basis::NoFaultGoodwill) => {}
        }
        let all = |with: &Vec<RemedyLine>, above: &dyn Fn(Vec<&RemedyLine>) -> bool| {
            above(with.iter().chain(passed.iter().map(|(_, line)| line)).chain([line]).collect())
        };
        let any = |above: &dyn Fn(Vec<&RemedyLine>) -> bool| with_it.iter().any(|with| all(with, above));
        let ceiling = self.gate.guidance.as_ref().map(|guidance| guidance.ceiling);
        // What waits for a person comes on top of it when it is approved.
        let above = |ceiling| any(&|lines| excess(ceiling, lines.into_iter().chain(&self.to_approve)).is_some());
        if ceiling.is_some_and(above) {
            return Some(Against::Gate("with it the total is above 150 % of the price"));
        }
        let most = self.gestures.filter(|_| line.basis.is_gesture())?;
        let (outcome, has_amount) = (self.gate.outcome.as_str(), gestures_above(Money::new(most.currency, 0), [line]));
        (has_amount && any(&|lines| gestures_above(most, lines)))
            .then(|| Against::Approval(format!("under {outcome} gestures go up to {most} without a person")))
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::event::{FailureEvent, Severity};
    use crate::domain::fair_amount::gestures_of_rules;
    use crate::domain::gate::{GateInputs, GateRules, Known, RecoveryContext, decide};
    use crate::domain::line::{Benefit, OfferOption};

    fn usd(minor: i64) -> Money {
        Money::new(Currency::parse("USD").expect("a currency"), minor)
    }

    fn line(basis: Basis, minor: i64) -> RemedyLine {
        RemedyLine { description: format!("{basis:?}"), ..RemedyLine::plain("l", basis, Benefit::Money(usd(minor))) }
    }

    fn option(id: &str, lines: Vec<RemedyLine>) -> OfferOption {
        OfferOption {
            id: id.to_owned(),
            description: id.to_owned(),
            lines,
            consent: crate::domain::line::Consent::None,
            holds_after: None,
        }
    }

    fn gate(abuse: bool, price: Option<i64>) -> GateDecision {
        let outcome = if abuse { Outcome::StatutoryOnly } else { Outcome::Delight };
        decided(outcome, price)
    }

    fn known(price: Option<i64>) -> Known {
        Known { price: price.map(usd), ..Known::default() }
    }

    fn most(outcome: Outcome, price: Option<i64>) -> Option<Money> {
        gestures_of_rules(outcome, Severity::Medium, &known(price))
    }

    fn held(assessment: Assessment, outcome: Outcome, price: Option<i64>) -> (Passed, GateDecision) {
        let mut gate = decided(outcome, price);
        (hold_back(assessment, &mut gate, most(outcome, price)), gate)
    }

    fn decided(outcome: Outcome, price: Option<i64>) -> GateDecision {
        let event = FailureEvent {
            kind: "a".to_owned(),
            occurred_at: Timestamp::from_seconds(0),
            reference: String::new(),
            facts: std::collections::BTreeMap::new(),
        };
        let (context, known) = (RecoveryContext::default(), known(price));
        let day = std::time::Duration::from_secs(86_400);
        let rules = GateRules { half_life: day, window: day, apology_cap: 1, apology_window: day };
        let inputs = GateInputs {
            event: &event,
            severity: Severity::Medium,
            case: uuid::Uuid::from_u128(1).into(),
            known: known.clone(),
            context: &context,
            priors: &[],
            now: Timestamp::from_seconds(0),
        };
        decide(&inputs, &rules).overridden(outcome, Severity::Medium, &known)
    }

    fn assessed() -> Assessment {
        let mut assessment = Assessment {
            automatic: vec![line(Basis::Statutory, 25_000), line(Basis::Time, 1_000)],
            choice_of: vec![
                option("refund", vec![line(Basis::Restitution, 10_000)]),
                option("law", vec![line(Basis::Statutory, 9_000)]),
                option("talk", vec![]),
            ],
            plus: vec![line(Basis::Gesture, 4_000), line(Basis::Gesture, 1)],
            ..Assessment::default()
        };
        assessment.summary = assessment.sum_up();
        assessment
    }

    #[test]
    fn only_the_law_passes_where_abuse_is_suspected() {
        let mut gate = gate(true, Some(10_000));
        let passed = hold_back(assessed(), &mut gate, None).assessment;
        assert_eq!(passed.automatic, [line(Basis::Statutory, 25_000)]);
        assert!(passed.plus.is_empty());
        let ids: Vec<_> = passed.choice_of.iter().map(|option| option.id.as_str()).collect();
        assert_eq!(ids, ["law", "talk"]);
        assert_eq!(gate.withheld.len(), 4, "{:?}", gate.withheld);
        assert!(passed.summary.contains("Held back: Time (USD 10.00)"), "{}", passed.summary);
    }

    #[test]
    fn what_goes_above_the_ceiling_is_held_back_and_the_law_is_not() {
        let mut gate = gate(false, Some(10_000));
        let passed = hold_back(assessed(), &mut gate, None).assessment;
        // With the refund of 100.00 and 10.00 for the time, 40.00 more are exactly the ceiling.
        assert_eq!(passed.automatic.len(), 2);
        assert_eq!(passed.plus, [line(Basis::Gesture, 4_000)]);
        assert_eq!(passed.choice_of, assessed().choice_of, "giving back a loss is never too much");
        assert_eq!(gate.withheld, ["Gesture (USD 0.01) (with it the total is above 150 % of the price)."]);
    }

    #[test]
    fn without_a_price_everything_passes_as_it_is() {
        for outcome in [Outcome::Delight, Outcome::Restore, Outcome::Save] {
            let (passed, gate) = held(assessed(), outcome, None);
            assert_eq!(passed, Passed { assessment: assessed(), to_approve: Vec::new() });
            assert!(gate.withheld.is_empty());
        }
    }

    fn gestures(lines: &[i64]) -> Assessment {
        let automatic = lines.iter().map(|minor| line(Basis::Gesture, *minor)).collect();
        Assessment { automatic, ..Assessment::default() }
    }

    #[test]
    fn the_extra_step_is_for_a_person_unless_the_gate_says_delight() {
        // 10 % of 100.00 at a medium severity: exactly at it, and one cent above.
        for outcome in [Outcome::Restore, Outcome::Save] {
            let (passed, gate) = held(gestures(&[1_000]), outcome, Some(10_000));
            assert_eq!((passed.assessment.automatic.len(), passed.to_approve.len()), (1, 0), "{outcome:?}");
            assert!(gate.withheld.is_empty());
            let (passed, gate) = held(gestures(&[1_001]), outcome, Some(10_000));
            assert_eq!((passed.assessment.automatic.len(), passed.to_approve), (0, gestures(&[1_001]).automatic));
            let outcome = outcome.as_str();
            let why = format!("Gesture (USD 10.01) (under {outcome} gestures go up to USD 10.00 without a person).");
            assert_eq!(gate.withheld, [why]);
            assert!(
                passed.assessment.summary.contains("Held back: Gesture (USD 10.01)"),
                "{}",
                passed.assessment.summary
            );
        }
        let (passed, gate) = held(gestures(&[1_001]), Outcome::Delight, Some(10_000));
        assert_eq!((passed.assessment.automatic.len(), gate.withheld.len()), (1, 0));
        // A large one does not keep a small one back; together they stay within.
        let (passed, _) = held(gestures(&[600, 500, 400]), Outcome::Restore, Some(10_000));
        assert_eq!(passed.assessment.automatic, gestures(&[600, 400]).automatic);
        assert_eq!(passed.to_approve, gestures(&[500]).automatic);
    }

    #[test]
    fn to_make_whole_is_never_the_extra_step() {
        let lines = [Basis::Restitution, Basis::Time, Basis::Statutory].map(|basis| line(basis, 5_000));
        let mut assessment = Assessment { automatic: lines.to_vec(), ..Assessment::default() };
        let discount = RemedyLine { benefit: Benefit::Discount(50), ..line(Basis::Gesture, 1) };
        assessment.plus.push(discount);
        let (passed, gate) = held(assessment.clone(), Outcome::Restore, Some(10_000));
        assert_eq!((passed.assessment, gate.withheld.len()), (assessment, 0));
    }

    #[test]
    fn an_option_loses_the_extra_step_and_nobody_is_asked_for_it() {
        let choice_of = vec![
            option("more", vec![line(Basis::Restitution, 100), line(Basis::Gesture, 1_001)]),
            option("gift", vec![line(Basis::Gesture, 1_001)]),
        ];
        let assessment = Assessment { choice_of, plus: vec![line(Basis::Gesture, 1_001)], ..Assessment::default() };
        let (passed, gate) = held(assessment, Outcome::Save, Some(10_000));
        assert_eq!(passed.assessment.choice_of, [option("more", vec![line(Basis::Restitution, 100)])]);
        assert_eq!((passed.assessment.plus.len(), passed.to_approve.len(), gate.withheld.len()), (0, 1, 3));
    }

    proptest! {
        #[test]
        fn no_warier_outcome_lets_pass_more(
            price in 1..100_000_i64,
            lines in prop::collection::vec((0..4_usize, 1..60_000_i64), 0..8),
        ) {
            let bases = [Basis::Gesture, Basis::Time, Basis::Restitution, Basis::Statutory];
            let automatic: Vec<_> = lines.iter().map(|(basis, minor)| line(bases[*basis], *minor)).collect();
            let assessment = Assessment { automatic, ..Assessment::default() };
            let passed = Outcome::ALL.map(|outcome| {
                let (passed, gate) = held(assessment.clone(), outcome, Some(price));
                let lines = passed.assessment.automatic;
                let of = |basis| lines.iter().filter(|line| line.basis == basis).filter_map(|line| match line.benefit {
                    Benefit::Money(amount) => Some(amount.minor),
                    _ => None,
                }).sum::<i64>();
                // Nothing is lost on the way.
                assert_eq!(lines.len() + gate.withheld.len(), assessment.automatic.len());
                (of(Basis::Gesture), bases.map(of).iter().sum::<i64>(), of(Basis::Statutory))
            });
            for pair in passed.windows(2) {
                prop_assert!(pair[0].0 >= pair[1].0 && pair[0].1 >= pair[1].1, "{passed:?}");
                prop_assert_eq!(pair[0].2, pair[1].2, "the law is the law");
            }
        }
    }
}
