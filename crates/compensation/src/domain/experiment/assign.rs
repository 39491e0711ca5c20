//! Which arm a unit gets: a hash decides, so that the answer is the same for ever, everywhere and in any order.

use crate::domain::share::place;

/// The place of the arm of a unit. Weights are shares against their sum; a share is exact to 2^-44 at the largest sum of
/// weights.
pub fn arm_of(experiment: &str, tenant: &str, unit: &str, weights: &[u32]) -> usize {
    let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    let place = place(&[experiment, tenant, unit], total);
    let mut upto = 0_u64;
    for (index, weight) in weights.iter().enumerate() {
        upto += u64::from(*weight);
        if place < upto {
            return index;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::arm_of;

    #[test]
    fn an_assignment_never_changes() {
        // From the first release on: another answer would move customers between arms of running experiments.
        let arms: Vec<usize> =
            (0..12).map(|unit| arm_of("apology-first", "default", &format!("customers/{unit}"), &[1, 1, 2])).collect();
        assert_eq!(arms, [2, 0, 1, 0, 0, 0, 2, 0, 2, 0, 2, 1]);
        assert_ne!(
            (0..64).map(|n| arm_of("a", "bc", &n.to_string(), &[1, 1])).collect::<Vec<_>>(),
            (0..64).map(|n| arm_of("ab", "c", &n.to_string(), &[1, 1])).collect::<Vec<_>>()
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Each arm's count is within five standard deviations of its share.
        #[test]
        fn arms_are_balanced(experiment in "[a-z]{1,12}", weights in prop::collection::vec(1..10_u32, 2..6)) {
            let units = 4_000;
            let mut counts = vec![0_u32; weights.len()];
            for unit in 0..units {
                counts[arm_of(&experiment, "default", &format!("customers/{unit}"), &weights)] += 1;
            }
            let total: u32 = weights.iter().sum();
            for (count, weight) in counts.iter().zip(&weights) {
                let share = f64::from(*weight) / f64::from(total);
                let expected = share * f64::from(units);
                let deviation = (expected * (1.0 - share)).sqrt();
                prop_assert!((f64::from(*count) - expected).abs() < 5.0 * deviation, "{count} of {expected}");
            }
        }

        /// Neither the order of units nor what came before changes anything; a larger weight of the last arm takes from
        /// the others and moves nobody among them.
        #[test]
        fn order_means_nothing(mut units in prop::collection::vec("[a-z0-9]{1,8}", 1..50), seed: u64) {
            let before: Vec<_> = units.iter().map(|unit| (unit.clone(), arm_of("e", "t", unit, &[3, 2, 1]))).collect();
            let places = units.len();
            units.rotate_left(usize::try_from(seed % places as u64).expect("small"));
            for (unit, arm) in before {
                prop_assert_eq!(arm_of("e", "t", &unit, &[3, 2, 1]), arm);
            }
            let pairs = units.iter().map(|unit| (arm_of("e", "t", unit, &[1, 1]), arm_of("e", "t", unit, &[2, 2])));
            prop_assert!(pairs.into_iter().all(|(single, double)| single == double), "only shares count");
        }
    }
}
