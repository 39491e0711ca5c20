//! What of an assessment is given or offered by itself, after the gate: the rest is held back, openly.
//!
//! Pure. Statutory lines are never held back, and neither is what only gives back a loss unless nothing but the law is
//! followed. Lines are held back whole; an option that is left with nothing is not offered.

use super::assessment::Assessment;
use super::fair_amount::excess;
use super::gate::{GateDecision, Outcome};
use super::line::{Basis, RemedyLine};

/// The assessment as the gate lets it through, with what was held back on record in the decision.
pub fn hold_back(mut assessment: Assessment, gate: &mut GateDecision) -> Assessment {
    let (automatic, choice_of, plus) = (
        std::mem::take(&mut assessment.automatic),
        std::mem::take(&mut assessment.choice_of),
        std::mem::take(&mut assessment.plus),
    );
    let mut held = Held { gate, kept: Vec::new() };
    let automatic = held.through(automatic, &[Vec::new()]);
    // What comes with any option must fit beside the one that gives back most.
    let beside: Vec<Vec<_>> = choice_of
        .iter()
        .map(|option| option.lines.iter().filter(|line| line.basis == Basis::Restitution))
        .map(|lines| automatic.iter().chain(lines).cloned().collect())
        .collect();
    let plus = held.through(plus, &beside);
    let with_it = [automatic.iter().chain(&plus).cloned().collect()];
    let choice_of: Vec<_> = choice_of
        .into_iter()
        .filter_map(|mut option| {
            let had_lines = !option.lines.is_empty();
            option.lines = held.through(option.lines, &with_it);
            (!had_lines || !option.lines.is_empty()).then_some(option)
        })
        .collect();
    let kept = std::mem::take(&mut held.kept);
    (assessment.automatic, assessment.choice_of, assessment.plus) = (automatic, choice_of, plus);
    if kept.is_empty() {
        return assessment;
    }
    assessment.summary = format!("{} Held back: {}", assessment.sum_up(), kept.join(" "));
    gate.withheld = kept;
    assessment
}

struct Held<'a> {
    gate: &'a GateDecision,
    kept: Vec<String>,
}

impl Held<'_> {
    /// The lines that pass, whichever of these alternatives comes with them.
    fn through(&mut self, lines: Vec<RemedyLine>, with_it: &[Vec<RemedyLine>]) -> Vec<RemedyLine> {
        let mut passed: Vec<RemedyLine> = Vec::new();
        for line in lines {
            match self.against(&line, &passed, with_it) {
                Some(reason) => self.kept.push(format!("{} ({reason}).", line.in_words())),
                None => passed.push(line),
            }
        }
        passed
    }

    fn against(&self, line: &RemedyLine, passed: &[RemedyLine], with_it: &[Vec<RemedyLine>]) -> Option<&'static str> {
        match (self.gate.outcome, line.basis) {
            (_, Basis::Statutory) => None,
            (Outcome::StatutoryOnly, _) => Some("the gate allows no more than what the law demands"),
            (_, Basis::Restitution) => None,
            (_, Basis::Time | Basis::Gesture) => {
                let ceiling = self.gate.guidance.as_ref()?.ceiling;
                let above = |with: &Vec<RemedyLine>| excess(ceiling, with.iter().chain(passed).chain([line])).is_some();
                with_it.iter().any(above).then_some("with it the total is above 150 % of the price")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money, Timestamp};

    use super::*;
    use crate::domain::event::{FailureEvent, Severity};
    use crate::domain::gate::{GateInputs, GateRules, Known, RecoveryContext, decide};
    use crate::domain::line::{Benefit, OfferOption};

    fn usd(minor: i64) -> Money {
        Money::new(Currency::parse("USD").expect("a currency"), minor)
    }

    fn line(basis: Basis, minor: i64) -> RemedyLine {
        RemedyLine {
            id: "l".to_owned(),
            basis,
            benefit: Benefit::Money(usd(minor)),
            description: format!("{basis:?}"),
            arithmetic: String::new(),
            origin: crate::domain::line::Origin::default(),
        }
    }

    fn option(id: &str, lines: Vec<RemedyLine>) -> OfferOption {
        OfferOption {
            id: id.to_owned(),
            description: id.to_owned(),
            lines,
            consent: crate::domain::line::Consent::None,
        }
    }

    fn gate(abuse: bool, price: Option<i64>) -> GateDecision {
        let event = FailureEvent {
            kind: "a".to_owned(),
            occurred_at: Timestamp::from_seconds(0),
            reference: String::new(),
            facts: std::collections::BTreeMap::new(),
        };
        let context = RecoveryContext { abuse: abuse.then(|| "many claims".to_owned()), ..RecoveryContext::default() };
        let known = Known { price: price.map(usd), ..Known::default() };
        let day = std::time::Duration::from_secs(86_400);
        let rules = GateRules { half_life: day, window: day, apology_cap: 1, apology_window: day };
        let inputs = GateInputs {
            event: &event,
            severity: Severity::Low,
            case: uuid::Uuid::from_u128(1).into(),
            known,
            context: &context,
            priors: &[],
            now: Timestamp::from_seconds(0),
        };
        decide(&inputs, &rules)
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
        let passed = hold_back(assessed(), &mut gate);
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
        let passed = hold_back(assessed(), &mut gate);
        // With the refund of 100.00 and 10.00 for the time, 40.00 more are exactly the ceiling.
        assert_eq!(passed.automatic.len(), 2);
        assert_eq!(passed.plus, [line(Basis::Gesture, 4_000)]);
        assert_eq!(passed.choice_of, assessed().choice_of, "giving back a loss is never too much");
        assert_eq!(gate.withheld, ["Gesture (USD 0.01) (with it the total is above 150 % of the price)."]);
    }

    #[test]
    fn without_a_price_everything_passes_as_it_is() {
        let mut gate = gate(false, None);
        assert_eq!(hold_back(assessed(), &mut gate), assessed());
        assert!(gate.withheld.is_empty());
    }
}
