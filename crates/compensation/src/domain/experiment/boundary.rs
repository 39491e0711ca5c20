//! Boundaries of a trial that is looked at more than once: how the chance of error is spent over the looks.
//!
//! Lan and DeMets, Discrete sequential boundaries for clinical trials, Biometrika 70 (1983): the level is spent by a
//! function of the share of the sample, and each look's boundary is what spends exactly its part. Computed by the
//! recursion of Armitage, McPherson and Rowe, JRSS A 132 (1969): the density of the statistic among trials that have
//! crossed no boundary, carried from look to look. Benefit is spent like O'Brien and Fleming (Biometrics 35, 1979):
//! little early; harm like Pocock (Biometrika 64, 1977): evenly, because waiting costs customers. Each side is computed
//! for itself: that a trial crosses both is so rare that the published two-sided values come out to three digits.

use super::normal::{above, density, point_above};

/// How a level is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spending {
    /// Little at first: 2 − 2Φ(z(α/2)/√t).
    OBrienFleming,
    /// Evenly: α ln(1 + (e − 1) t).
    Pocock,
}

impl Spending {
    /// What has been spent of a one-sided level at a share of the sample.
    pub fn spent(self, alpha: f64, share: f64) -> f64 {
        match self {
            Self::OBrienFleming => 2.0 * above(point_above(alpha / 2.0) / share.sqrt()),
            Self::Pocock => alpha * (1.0 + (std::f64::consts::E - 1.0) * share).ln(),
        }
    }
}

/// Intervals of the density's grid; even, for Simpson's rule.
const INTERVALS: usize = 320;
/// How many standard deviations below zero the grid begins.
const REACH: f64 = 8.0;

/// The density of the statistic among trials that go on, on a grid.
struct Carried {
    from: f64,
    step: f64,
    density: Vec<f64>,
}

impl Carried {
    /// Of trials that go on below `bound`, at a share of the sample.
    fn on_grid(bound: f64, share: f64, density_at: impl Fn(f64) -> f64) -> Self {
        let from = -REACH * share.sqrt();
        let step = (bound - from) / INTERVALS as f64;
        let density = (0..=INTERVALS).map(|place| density_at(from + step * place as f64)).collect();
        Self { from, step, density }
    }

    /// Simpson's rule over the density times a function.
    fn integral(&self, function: impl Fn(f64) -> f64) -> f64 {
        let weighted = self.density.iter().enumerate().map(|(place, density)| {
            let weight = match place {
                0 | INTERVALS => 1.0,
                inner if inner % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * density * function(self.from + self.step * place as f64)
        });
        weighted.sum::<f64>() * self.step / 3.0
    }
}

/// The boundaries of z at looks, which are ascending shares of the sample, for a one-sided level.
pub fn boundaries(spending: Spending, alpha: f64, looks: &[f64]) -> Vec<f64> {
    let mut bounds: Vec<f64> = Vec::with_capacity(looks.len());
    let mut carried: Option<Carried> = None;
    let (mut spent, mut before) = (0.0, 0.0);
    for share in looks.iter().copied() {
        let now = spending.spent(alpha, share);
        let (to_spend, deviation) = ((now - spent).max(f64::MIN_POSITIVE), (share - before).sqrt());
        // The statistic is z times the root of the share: a walk with independent steps.
        let crosses = |at: f64| match &carried {
            None => above(at / deviation),
            Some(carried) => carried.integral(|from| above((at - from) / deviation)),
        };
        let (mut low, mut high) = (-REACH, REACH * 5.0);
        for _ in 0..80 {
            let middle = f64::midpoint(low, high);
            if crosses(middle) > to_spend {
                low = middle;
            } else {
                high = middle;
            }
        }
        let bound = f64::midpoint(low, high);
        let next = Carried::on_grid(bound, share, |at| match &carried {
            None => density(at / deviation) / deviation,
            Some(carried) => carried.integral(|from| density((at - from) / deviation) / deviation),
        });
        bounds.push(bound / share.sqrt());
        (carried, spent, before) = (Some(next), now, share);
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two-sided 0.05, looks at equal distances: the values that Lan and DeMets' program (Reboussin, DeMets, Kim and
    /// Lan 2000) and the R package ldbounds print.
    #[test]
    fn published_boundaries() {
        let equal = |looks: u32| (1..=looks).map(|look| f64::from(look) / f64::from(looks)).collect::<Vec<_>>();
        for (spending, published) in [
            (Spending::OBrienFleming, vec![2.9626, 1.9686]),
            (Spending::OBrienFleming, vec![3.7103, 2.5114, 1.9930]),
            (Spending::OBrienFleming, vec![4.3326, 2.9631, 2.3590, 2.0141]),
            (Spending::OBrienFleming, vec![4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
            (Spending::Pocock, vec![2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
        ] {
            let looks = equal(u32::try_from(published.len()).expect("few"));
            let found = boundaries(spending, 0.025, &looks);
            for (found, published) in found.iter().zip(&published) {
                assert!((found - published).abs() < 2e-3, "{spending:?} {found} is not {published}");
            }
        }
        let single = boundaries(Spending::OBrienFleming, 0.025, &[1.0]);
        assert!((single[0] - 1.959_964).abs() < 1e-5, "one look is the usual test");
    }

    #[test]
    fn all_of_the_level_is_spent_at_the_end_and_none_at_the_beginning() {
        for spending in [Spending::OBrienFleming, Spending::Pocock] {
            assert!((spending.spent(0.025, 1.0) - 0.025).abs() < 1e-9);
            assert!(spending.spent(0.025, 0.001) < 0.0001);
        }
    }
}
