//! What vouchers that are out may still cost, by how long ago they were issued.

use std::time::Duration;

use kernel::Money;

const DAY: u64 = 86_400;

/// Where each age begins: under 30 days, 30 to 90, 90 to 365, and older.
pub const AGES: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(30 * DAY), Duration::from_secs(90 * DAY), Duration::from_secs(365 * DAY)];

/// The vouchers of one currency and one age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liability {
    /// Which of [`AGES`].
    pub age: usize,
    /// How many are out.
    pub vouchers: i64,
    /// What they were issued for.
    pub issued: Money,
    /// What is left of them.
    pub outstanding: Money,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_apart_at_30_90_and_365_days() {
        let days = AGES.map(|age| (age.as_secs() / (24 * 60 * 60), age.as_secs() % (24 * 60 * 60)));
        assert_eq!(days, [(0, 0), (30, 0), (90, 0), (365, 0)]);
    }
}
