//! The figures of an arm, and how two arms are compared.
//!
//! Shares by the z test with the pooled share (Fleiss, Levin and Paik 2003, 3.3), their intervals by Wilson (JASA 22,
//! 1927); means by Welch's statistic (Biometrika 34, 1947), held against the normal distribution, from which its own
//! differs by less than 2 % at the 50 outcomes that are the least.

use super::Metric;
use super::normal::point_above;
use super::outcome::{Outcome, OutcomeResult};

/// What is counted of an arm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Cases assigned.
    pub assigned: i64,
    /// Right again.
    pub recovered: i64,
    /// Not right again.
    pub not_recovered: i64,
    /// Nobody answered.
    pub lapsed: i64,
    /// Came back.
    pub reopened: i64,
    /// Scores.
    pub scored: i64,
    /// Their sum.
    pub score_sum: i64,
    /// The sum of their squares.
    pub score_squares: i64,
}

impl Counts {
    /// What one outcome adds, times `sign`: 1, or -1 to take it back.
    pub fn of(outcome: Outcome, sign: i64) -> Self {
        let is = |result| if outcome.result == result { sign } else { 0 };
        let score = i64::from(outcome.score.unwrap_or_default());
        Self {
            assigned: 0,
            recovered: is(OutcomeResult::Recovered),
            not_recovered: is(OutcomeResult::NotRecovered),
            lapsed: is(OutcomeResult::Lapsed),
            reopened: is(OutcomeResult::Reopened),
            scored: if outcome.score.is_some() { sign } else { 0 },
            score_sum: score * sign,
            score_squares: score * score * sign,
        }
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            assigned: self.assigned + other.assigned,
            recovered: self.recovered + other.recovered,
            not_recovered: self.not_recovered + other.not_recovered,
            lapsed: self.lapsed + other.lapsed,
            reopened: self.reopened + other.reopened,
            scored: self.scored + other.scored,
            score_sum: self.score_sum + other.score_sum,
            score_squares: self.score_squares + other.score_squares,
        }
    }

    /// Cases whose customers said how it was.
    pub const fn answered(&self) -> i64 {
        self.recovered + self.not_recovered + self.reopened
    }

    /// Recoveries that have ended. Silence is an end: it is neither recovered nor back.
    pub const fn ended(&self) -> i64 {
        self.answered() + self.lapsed
    }

    /// Outcomes that a metric counts.
    pub const fn sample(&self, metric: Metric) -> i64 {
        match metric {
            Metric::RecoveredShare | Metric::ReopenedShare => self.ended(),
            Metric::MeanScore => self.scored,
        }
    }

    fn share(&self, metric: Metric) -> Share {
        let hits = if metric == Metric::ReopenedShare { self.reopened } else { self.recovered };
        Share { hits: hits as f64, of: self.ended() as f64 }
    }

    fn mean(&self) -> Mean {
        Mean::of(self.scored as f64, self.score_sum as f64, self.score_squares as f64)
    }

    /// The metric with its interval of 95 %; none before there are outcomes.
    pub fn estimate(&self, metric: Metric) -> Option<Estimate> {
        if self.sample(metric) == 0 {
            return None;
        }
        Some(match metric {
            Metric::RecoveredShare | Metric::ReopenedShare => self.share(metric).wilson(),
            Metric::MeanScore => self.mean().interval(),
        })
    }

    /// How much better this arm is than the control, in standard errors; 0 when it cannot be told.
    pub fn better_than(&self, control: &Self, metric: Metric) -> f64 {
        match metric {
            Metric::RecoveredShare => self.share(metric).z(&control.share(metric)),
            Metric::ReopenedShare => control.share(metric).z(&self.share(metric)),
            Metric::MeanScore => self.mean().welch(&control.mean()),
        }
    }
}

/// A value and the interval of 95 % around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Where the interval begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
}

/// A share.
#[derive(Clone, Copy, Debug)]
struct Share {
    hits: f64,
    of: f64,
}

impl Share {
    fn z(&self, other: &Self) -> f64 {
        let pooled = (self.hits + other.hits) / (self.of + other.of);
        let error = (pooled * (1.0 - pooled) * (1.0 / self.of + 1.0 / other.of)).sqrt();
        finite((self.hits / self.of - other.hits / other.of) / error)
    }

    fn wilson(&self) -> Estimate {
        let (z, share) = (point_above(0.025), self.hits / self.of);
        let shrink = 1.0 + z * z / self.of;
        let middle = (share + z * z / (2.0 * self.of)) / shrink;
        let half = z / shrink * (share * (1.0 - share) / self.of + z * z / (4.0 * self.of * self.of)).sqrt();
        Estimate { value: share, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
    }
}

/// A mean.
#[derive(Clone, Copy, Debug)]
pub struct Mean {
    /// How many values.
    pub of: f64,
    /// Their mean.
    pub value: f64,
    /// Their variance.
    pub variance: f64,
}

impl Mean {
    /// Of the number of values, their sum, and the sum of their squares.
    pub fn of(of: f64, sum: f64, squares: f64) -> Self {
        let value = sum / of;
        let variance = ((squares - sum * value) / (of - 1.0).max(1.0)).max(0.0);
        Self { of, value, variance }
    }

    fn error(&self) -> f64 {
        self.variance / self.of
    }

    /// Welch's statistic; without any variance a difference is as large as can be.
    pub fn welch(&self, other: &Self) -> f64 {
        let difference = self.value - other.value;
        let error = (self.error() + other.error()).sqrt();
        if error == 0.0 && difference != 0.0 { difference.signum() * CERTAIN } else { finite(difference / error) }
    }

    fn interval(&self) -> Estimate {
        let half = point_above(0.025) * self.error().sqrt();
        Estimate { value: self.value, low: (self.value - half).max(0.0), high: (self.value + half).min(10.0) }
    }
}

/// Standard errors of a difference that has no chance in it.
const CERTAIN: f64 = 1_000.0;

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(recovered: i64, ended: i64) -> Counts {
        Counts { recovered, not_recovered: ended - recovered, ..Counts::default() }
    }

    fn near(found: f64, published: f64, by: f64) {
        assert!((found - published).abs() < by, "{found} is not {published}");
    }

    /// Abeler et al. 2009 as it is always told, 45 % against 23 %, here of 300 customers each: Pearson's X² of that table,
    /// by its own formula 600 (135 · 231 − 165 · 69)² / (204 · 396 · 300 · 300), is 32.353, the square of z. Wilson's
    /// interval of 8 of 10 is 0.4902 to 0.9433.
    #[test]
    fn shares_are_compared_as_published() {
        let z = shares(135, 300).better_than(&shares(69, 300), Metric::RecoveredShare);
        near(z * z, 32.353, 0.001);
        near(shares(69, 300).better_than(&shares(135, 300), Metric::RecoveredShare), -z, 1e-12);
        let wilson = shares(8, 10).estimate(Metric::RecoveredShare).expect("outcomes");
        near(wilson.low, 0.4902, 0.0001);
        near(wilson.high, 0.9433, 0.0001);
        let (few, many) = (Counts { reopened: 10, ..shares(90, 90) }, Counts { reopened: 30, ..shares(70, 70) });
        assert!(few.better_than(&many, Metric::ReopenedShare) > 3.0, "coming back less is better");
        assert_eq!(Counts::default().better_than(&few, Metric::RecoveredShare), 0.0);
        assert_eq!(Counts::default().estimate(Metric::MeanScore), None);
    }

    /// The examples that the encyclopedias give of Welch's test: n, mean and variance of both, and t.
    #[test]
    fn means_are_compared_as_published() {
        let mean = |of, value, variance| Mean { of, value, variance };
        for (one, other, t) in [
            (mean(15.0, 20.82, 7.9), mean(15.0, 22.98, 3.8), -2.46),
            (mean(10.0, 20.6, 9.0), mean(20.0, 22.1, 0.9), -1.57),
            (mean(10.0, 19.4, 1.4), mean(20.0, 21.6, 17.1), -2.22),
        ] {
            // Their means and variances are printed rounded.
            near(one.welch(&other), t, 0.03);
        }
        let scores = [7_i64, 9, 8, 8, 10];
        let counts = scores.iter().fold(Counts::default(), |counts, score| {
            let score = Some(u8::try_from(*score).expect("small"));
            counts.plus(Counts::of(Outcome { result: OutcomeResult::Recovered, score, delta: None }, 1))
        });
        near(counts.mean().value, 8.4, 1e-9);
        near(counts.mean().variance, 1.3, 1e-9);
        // 8.4 ± 1.959964 · √(1.3 / 5), and never outside of the scale.
        let interval = counts.estimate(Metric::MeanScore).expect("scores");
        near(interval.low, 7.400_611, 1e-6);
        near(interval.high, 9.399_389, 1e-6);
        assert_eq!((Mean::of(2.0, 19.0, 181.0).interval().high, Mean::of(2.0, 1.0, 1.0).interval().low), (10.0, 0.0));
        let fixed = Mean::of(20.0, 100.0, 500.0);
        assert_eq!(fixed.welch(&Mean::of(20.0, 80.0, 320.0)), CERTAIN);
        assert_eq!(fixed.welch(&fixed), 0.0);
    }

    #[test]
    fn every_count_is_added() {
        let one = Counts {
            assigned: 1,
            recovered: 2,
            not_recovered: 3,
            lapsed: 4,
            reopened: 5,
            scored: 6,
            score_sum: 7,
            score_squares: 8,
        };
        let double = Counts {
            assigned: 2,
            recovered: 4,
            not_recovered: 6,
            lapsed: 8,
            reopened: 10,
            scored: 12,
            score_sum: 14,
            score_squares: 16,
        };
        assert_eq!(one.plus(one), double);
        assert_eq!(double.plus(one).assigned, 3);
    }

    #[test]
    fn what_is_taken_back_leaves_nothing() {
        for result in OutcomeResult::ALL {
            let outcome = Outcome { result, score: Some(7), delta: None };
            let one = Counts::of(outcome, 1);
            assert_eq!((one.ended(), one.scored), (1, 1));
            assert_eq!(one.answered(), i64::from(result != OutcomeResult::Lapsed));
            assert_eq!(one.plus(Counts::of(outcome, -1)), Counts::default());
        }
    }
}
