//! The normal distribution: density, tail and quantile, to about ten digits.
//!
//! Near the middle the series of Marsaglia (Evaluating the normal distribution, Journal of Statistical Software 11/4,
//! 2004); in the tail the continued fraction of Laplace (Abramowitz and Stegun 1964, 26.2.14), so that small chances
//! keep their digits.

use std::f64::consts::PI;

/// The density.
pub fn density(x: f64) -> f64 {
    (-x * x / 2.0).exp() / (2.0 * PI).sqrt()
}

/// The chance to be above `x`.
pub fn above(x: f64) -> f64 {
    if x < 0.0 {
        return 1.0 - above(-x);
    }
    if x > 3.0 {
        let fraction = (1..=60).rev().fold(x, |fraction, k| x + f64::from(k) / fraction);
        return density(x) / fraction;
    }
    let (mut term, mut sum, mut odd) = (x, x, 1.0);
    while term > 1e-17 * sum {
        odd += 2.0;
        term *= x * x / odd;
        sum += term;
    }
    0.5 - density(x) * sum
}

/// The point above which a chance between 0 and 1 lies.
pub fn point_above(chance: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if above(middle) > chance {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Abramowitz and Stegun 1964, tables 26.1 and 26.2.
    #[test]
    fn published_values() {
        for (x, upper) in [
            (0.0, 0.5),
            (1.0, 0.158_655_253_931),
            (1.96, 0.024_997_895_148),
            (2.5, 0.006_209_665_326),
            (3.0, 0.001_349_898_032),
            (3.5, 0.000_232_629_079),
            (5.0, 2.866_515_719e-7),
        ] {
            assert!((above(x) / upper - 1.0).abs() < 1e-9, "{x}: {}", above(x));
            assert!((above(-x) - (1.0 - upper)).abs() < 1e-12);
            assert!((point_above(upper) - x).abs() < 1e-9, "{upper}");
        }
        assert!((point_above(0.025) - 1.959_963_984_54).abs() < 1e-10);
    }
}
