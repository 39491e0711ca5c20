//! Rolling windows of whole days (UTC): a window of n days is the current day and the n - 1 before it.

use kernel::Timestamp;

const DAY: i64 = 86_400_000_000;

/// The longest window of any policy: what is older is never added up.
pub const MAX_DAYS: u32 = 3_660;

/// The day of a time: days since 1970-01-01.
pub fn day_of(time: Timestamp) -> i64 {
    time.micros().div_euclid(DAY)
}

/// The first day of a window that ends with `today`.
pub fn first_day(today: i64, window_days: u32) -> i64 {
    today.saturating_sub(i64::from(window_days.max(1)) - 1)
}

/// When a day begins.
pub fn start_of(day: i64) -> Timestamp {
    Timestamp::from_micros(day.saturating_mul(DAY))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_ends_at_midnight() {
        let midnight = start_of(16_000);
        assert_eq!((day_of(midnight), day_of(Timestamp::from_micros(midnight.micros() - 1))), (16_000, 15_999));
        assert_eq!(day_of(Timestamp::from_micros(-1)), -1);
        assert_eq!((first_day(10, 1), first_day(10, 30), first_day(10, 0)), (10, -19, 10));
    }

    proptest! {
        /// Sums of buckets by day agree with looking at every gift again.
        #[test]
        fn day_buckets_agree_with_a_naive_model(
            gifts in prop::collection::vec((0..40_i64 * 24, 1..1_000_i64, any::<bool>()), 0..60),
            window in 1..35_u32,
            now in 0..45_i64 * 24,
        ) {
            let hour = |n: i64| Timestamp::from_seconds(n * 3_600);
            let mut buckets: BTreeMap<i64, i64> = BTreeMap::new();
            for (at, amount, is_released) in &gifts {
                *buckets.entry(day_of(hour(*at))).or_default() += amount;
                if *is_released {
                    *buckets.entry(day_of(hour(*at))).or_default() -= amount;
                }
            }
            let first = first_day(day_of(hour(now)), window);
            let rolled: i64 = buckets.range(first..).map(|(_, amount)| amount).sum();
            // Naive: midnight of the window's first day, and every gift since that was not released.
            let since = (now / 24 - i64::from(window) + 1) * 24;
            let naive: i64 = gifts.iter().filter(|(at, _, released)| *at >= since && !released).map(|(_, n, _)| n).sum();
            prop_assert_eq!(rolled, naive);
        }
    }
}
