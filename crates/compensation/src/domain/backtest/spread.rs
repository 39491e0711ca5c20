//! How amounts are spread: how many customers get which amount, in bounded memory whatever the amounts.
//!
//! What always holds: an amount counts at its first three digits, so amounts with no more digits than that are exact and
//! others are low by less than one percent; there are at most 900 counts for each power of ten.

use std::collections::BTreeMap;

/// Most amounts that are told apart in bands; with more of them, bands go from 1 to 2 to 5 to 10.
const MOST_AMOUNTS: usize = 12;

/// Customers and money at one amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    customers: u64,
    cost: i128,
}

/// How many customers get which amount of one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    counts: BTreeMap<i128, Count>,
    customers: u64,
}

/// The customers who get an amount from `from` on and below `below`, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// Least amount.
    pub from: i128,
    /// First amount beyond.
    pub below: i128,
    /// How many customers.
    pub customers: u64,
    /// What they get together, exactly.
    pub cost: i128,
}

impl Spread {
    /// Counts customers who get an amount each.
    pub fn add(&mut self, amount: i128, customers: u64) {
        let count = self.counts.entry(rounded(amount)).or_default();
        count.customers += customers;
        count.cost += amount * i128::from(customers);
        self.customers += customers;
    }

    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        for (amount, more) in &other.counts {
            let count = self.counts.entry(*amount).or_default();
            count.customers += more.customers;
            count.cost += more.cost;
        }
        self.customers += other.customers;
    }

    /// How many customers were counted.
    pub const fn customers(&self) -> u64 {
        self.customers
    }

    /// The amount that at least so many percent of the customers do not exceed, by its first three digits. `None` when
    /// nobody was counted.
    pub fn quantile(&self, percent: u32) -> Option<i128> {
        let wanted = (u128::from(self.customers) * u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0_u128;
        self.counts.iter().find_map(|(amount, count)| {
            seen += u128::from(count.customers);
            (seen >= wanted).then_some(*amount)
        })
    }

    /// The customers by amount, least first: one band for each amount while there are few of them, else bands that
    /// double. Bands without customers are left out.
    pub fn bands(&self) -> Vec<Band> {
        let limits = if self.counts.len() <= MOST_AMOUNTS { three_digits } else { one_two_five };
        let mut bands: Vec<Band> = Vec::new();
        for (amount, count) in &self.counts {
            let (from, below) = limits(*amount);
            match bands.last_mut() {
                Some(band) if band.from == from => {
                    band.customers += count.customers;
                    band.cost += count.cost;
                }
                _ => bands.push(Band { from, below, customers: count.customers, cost: count.cost }),
            }
        }
        bands
    }
}

/// The power of ten that leaves three digits of an amount.
fn unit(amount: i128) -> i128 {
    let mut unit = 1;
    while amount / unit >= 1_000 {
        unit *= 10;
    }
    unit
}

fn rounded(amount: i128) -> i128 {
    let unit = unit(amount);
    amount / unit * unit
}

fn three_digits(amount: i128) -> (i128, i128) {
    (amount, amount + unit(amount))
}

fn one_two_five(amount: i128) -> (i128, i128) {
    if amount <= 0 {
        return (0, 1);
    }
    let mut power = 1;
    while amount / power >= 10 {
        power *= 10;
    }
    match amount / power {
        1 => (power, 2 * power),
        2..=4 => (2 * power, 5 * power),
        _ => (5 * power, 10 * power),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(amounts: &[(i128, u64)]) -> Spread {
        let mut spread = Spread::default();
        amounts.iter().for_each(|(amount, customers)| spread.add(*amount, *customers));
        spread
    }

    #[test]
    fn few_amounts_are_told_apart() {
        let spread = of(&[(25_000, 3), (60_000, 1), (40_000, 6)]);
        let bands: Vec<_> = spread.bands().iter().map(|band| (band.from, band.below, band.customers)).collect();
        assert_eq!(bands, [(25_000, 25_100, 3), (40_000, 40_100, 6), (60_000, 60_100, 1)]);
        let quantiles = [1, 30, 31, 50, 90, 91, 100].map(|percent| spread.quantile(percent).expect("there are some"));
        assert_eq!(quantiles, [25_000, 25_000, 40_000, 40_000, 40_000, 60_000, 60_000]);
        assert_eq!(Spread::default().quantile(50), None);
    }

    #[test]
    fn many_amounts_are_put_into_bands_that_double() {
        let spread = of(&(1..=30).map(|i| (i * 100, 1)).collect::<Vec<_>>());
        let bands: Vec<_> = spread.bands().iter().map(|band| (band.from, band.below, band.customers)).collect();
        assert_eq!(bands, [(100, 200, 1), (200, 500, 3), (500, 1_000, 5), (1_000, 2_000, 10), (2_000, 5_000, 11)]);
    }

    #[test]
    fn an_amount_counts_at_its_first_three_digits() {
        for (amount, counted) in [(0, 0), (999, 999), (1_000, 1_000), (1_005, 1_000), (123_456, 123_000)] {
            assert_eq!(rounded(amount), counted);
        }
        assert_eq!(one_two_five(0), (0, 1));
    }

    proptest! {
        #[test]
        fn bands_have_every_customer_and_all_the_money(amounts in prop::collection::vec((0..1_000_000_000_i128, 1..9_u64), 0..60)) {
            let spread = of(&amounts);
            let bands = spread.bands();
            prop_assert_eq!(bands.iter().map(|band| band.customers).sum::<u64>(), spread.customers());
            let money: i128 = amounts.iter().map(|(amount, customers)| amount * i128::from(*customers)).sum();
            prop_assert_eq!(bands.iter().map(|band| band.cost).sum::<i128>(), money);
            prop_assert!(bands.windows(2).all(|pair| pair[0].below <= pair[1].from));
            for band in bands {
                prop_assert!(band.cost >= band.from * i128::from(band.customers));
                prop_assert!(band.cost < band.below * i128::from(band.customers));
            }
        }

        #[test]
        fn a_quantile_is_low_by_less_than_one_percent(mut amounts in prop::collection::vec(0..1_000_000_000_i128, 1..60), percent in 1..=100_u32) {
            let spread = of(&amounts.iter().map(|amount| (*amount, 1)).collect::<Vec<_>>());
            amounts.sort_unstable();
            let exact = amounts[(amounts.len() * percent as usize).div_ceil(100).max(1) - 1];
            let found = spread.quantile(percent).expect("there are some");
            prop_assert!(found <= exact && (exact - found) * 100 <= exact, "{} for {}", found, exact);
        }
    }
}
