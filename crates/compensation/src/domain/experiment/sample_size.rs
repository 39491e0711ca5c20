//! How many outcomes an arm needs to see the effect that was declared.
//!
//! Shares: Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 3rd edition 2003, formula 4.14 without
//! the correction for continuity. Means: the usual formula for two means with one known deviation (ibid. and every
//! textbook). Both are for one look at the end; spending the level like O'Brien and Fleming adds a few percent at most.

use super::normal::point_above;

/// Outcomes per arm to tell two shares apart, at a two-sided level and a power.
pub fn for_shares(control: f64, other: f64, alpha: f64, power: f64) -> f64 {
    let mean = f64::midpoint(control, other);
    let by_chance = point_above(alpha / 2.0) * (2.0 * mean * (1.0 - mean)).sqrt();
    let by_effect = point_above(1.0 - power) * (control * (1.0 - control) + other * (1.0 - other)).sqrt();
    ((by_chance + by_effect) / (control - other)).powi(2)
}

/// Outcomes per arm to tell two means apart whose values have this deviation.
pub fn for_means(deviation: f64, effect: f64, alpha: f64, power: f64) -> f64 {
    2.0 * ((point_above(alpha / 2.0) + point_above(1.0 - power)) * deviation / effect).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of R's `power.prop.test(p1 = .50, p2 = .75, power = .90)` gives 76.7 by the same formula. The textbook
    /// case of means, half a deviation at 0.05 and 0.80, is 2 · (1.95996 + 0.84162)² / 0.25 = 62.8.
    #[test]
    fn published_values() {
        assert!((for_shares(0.50, 0.75, 0.05, 0.90) - 76.7).abs() < 0.05);
        assert!((for_means(1.0, 0.5, 0.05, 0.80) - 62.79).abs() < 0.01);
        assert!((for_means(3.0, 1.5, 0.05, 0.80) - 62.79).abs() < 0.01, "twice the deviation shows twice the effect");
        let up = for_shares(0.60, 0.65, 0.05, 0.80);
        assert!((up - 1_470.5).abs() < 0.1, "{up}");
        assert!((for_shares(0.40, 0.35, 0.05, 0.80) - up).abs() < 1e-6, "what goes up is what the other goes down");
    }
}
