//! A look at an experiment: due when every arm has its share of the sample, and decided by the boundaries alone.

use serde::{Deserialize, Serialize};

use super::boundary::{Spending, boundaries};
use super::figures::Counts;
use super::state::ExperimentEvent;
use super::{Experiment, StopRule};

/// What was seen at a look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Its place, from 1.
    pub number: u32,
    /// Standard errors that an arm had to be better by.
    pub benefit: f64,
    /// Standard errors that an arm had to be worse by.
    pub harm: f64,
    /// How much better each arm was than the control, in standard errors; 0 for the control.
    pub better: Vec<f64>,
    /// Microseconds.
    pub taken_at: i64,
    /// What was decided, in words.
    pub decision: String,
}

/// Boundaries of the looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// Of benefit.
    pub benefit: Vec<f64>,
    /// Of harm.
    pub harm: Vec<f64>,
}

impl StopRule {
    /// The boundaries, where so many arms are compared with the control. The level of benefit is shared out among them
    /// (Bonferroni); that of harm is not: to stop too early costs nothing but the answer.
    pub fn bounds(&self, comparisons: usize) -> Bounds {
        let alpha = self.alpha / 2.0 / comparisons.max(1) as f64;
        Bounds {
            benefit: boundaries(Spending::OBrienFleming, alpha, &self.looks),
            harm: boundaries(Spending::Pocock, self.harm_alpha, &self.looks),
        }
    }
}

impl Experiment {
    /// Outcomes that every arm needs at a look, which is counted from 0; none after the last one.
    pub fn needed_at(&self, look: usize) -> Option<i64> {
        let share = self.stop.looks.get(look)?;
        Some((share * f64::from(self.sample_per_arm)).ceil() as i64)
    }

    /// The next look, when it is due, with what it leads to. `counts` are those of the arms, in their order.
    pub fn look(&self, taken: usize, counts: &[Counts], now: i64) -> Option<(Look, Option<ExperimentEvent>)> {
        let needed = self.needed_at(taken)?;
        if counts.iter().any(|counts| counts.sample(self.metric) < needed) {
            return None;
        }
        let control = counts.get(self.control())?;
        let better: Vec<f64> = counts.iter().map(|counts| counts.better_than(control, self.metric)).collect();
        let bounds = self.stop.bounds(self.arms.len().saturating_sub(1));
        let (benefit, harm) = (*bounds.benefit.get(taken)?, *bounds.harm.get(taken)?);
        let named = |beyond: &dyn Fn(f64) -> bool| -> Vec<String> {
            let arms = self.arms.iter().zip(&better).filter(|(arm, better)| !arm.control && beyond(**better));
            arms.map(|(arm, better)| format!("{} by {:.2}", arm.id, better.abs())).collect()
        };
        let (worse, winners) = (named(&|better| better <= -harm), named(&|better| better >= benefit));
        let is_last = taken + 1 == self.stop.looks.len();
        // Harm first: an arm that harms ends the experiment, whatever another one does.
        let (event, decision) = if !worse.is_empty() {
            let text =
                format!("worse than the control: {}; the boundary is {harm:.2} standard errors", worse.join(", "));
            (Some(ExperimentEvent::HarmSeen), text)
        } else if !winners.is_empty() {
            let text = format!(
                "better than the control: {}; the boundary is {benefit:.2} standard errors",
                winners.join(", ")
            );
            (Some(ExperimentEvent::BenefitSeen), text)
        } else if is_last {
            let text = "the sample is complete, and no arm differs from the control beyond a boundary".to_owned();
            (Some(ExperimentEvent::SampleReached), text)
        } else {
            (None, "goes on: no arm is beyond a boundary".to_owned())
        };
        let number = u32::try_from(taken + 1).unwrap_or(u32::MAX);
        Some((Look { number, benefit, harm, better, taken_at: now, decision }, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::experiment::document::parse;

    fn experiment() -> Experiment {
        parse(include_str!("../../../experiments/apology-alone.yaml")).expect("the example is right")
    }

    fn shares(recovered: i64, ended: i64) -> Counts {
        Counts { recovered, lapsed: ended - recovered, ..Counts::default() }
    }

    fn seen(taken: usize, control: Counts, other: Counts) -> Option<(Look, Option<ExperimentEvent>)> {
        experiment().look(taken, &[control, other], 7)
    }

    #[test]
    fn a_look_is_due_when_every_arm_has_its_share() {
        let (first, all) = (experiment().needed_at(0).expect("a look"), i64::from(experiment().sample_per_arm));
        assert_eq!(first, all / 2);
        assert_eq!(seen(0, shares(0, all), shares(0, first - 1)), None);
        assert!(seen(0, shares(60, first), shares(60, first)).is_some());
        assert!(seen(0, shares(60, first + 1), shares(60, all)).is_some());
        assert_eq!(seen(0, shares(0, first - 1), shares(0, first - 1)), None);
        assert_eq!(seen(2, shares(0, all), shares(0, all)), None, "there are two looks");
    }

    /// Benefit is shared out among those who are compared, harm is not.
    #[test]
    fn more_arms_have_a_higher_boundary_of_benefit() {
        let rule = experiment().stop;
        let (one, three) = (rule.bounds(1), rule.bounds(3));
        assert_eq!(one.benefit, boundaries(Spending::OBrienFleming, 0.025, &rule.looks));
        assert_eq!(three.benefit, boundaries(Spending::OBrienFleming, 0.025 / 3.0, &rule.looks));
        assert_eq!((one.harm, rule.bounds(0)), (three.harm, rule.bounds(1)));
    }

    #[test]
    fn the_boundary_decides_and_nothing_else() {
        let all = i64::from(experiment().sample_per_arm);
        let half = all / 2;
        let even = |share: i64| shares(half * share / 100, half);
        let (look, event) = seen(0, even(60), even(62)).expect("due");
        assert_eq!((event, look.number, look.taken_at), (None, 1, 7));
        assert!((look.benefit - 2.9626).abs() < 2e-3 && look.harm < 2.2, "{look:?}");
        let (look, event) = seen(0, even(60), even(80)).expect("due");
        assert_eq!(event, Some(ExperimentEvent::BenefitSeen));
        assert!(look.better[0] == 0.0 && look.decision.contains("apology-alone"), "{look:?}");
        let (_, event) = seen(0, even(60), even(50)).expect("due");
        assert_eq!(event, Some(ExperimentEvent::HarmSeen));
        let (_, event) = seen(1, shares(all * 60 / 100, all), shares(all * 61 / 100, all)).expect("due");
        assert_eq!(event, Some(ExperimentEvent::SampleReached));
    }
}
