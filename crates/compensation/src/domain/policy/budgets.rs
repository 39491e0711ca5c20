//! How much may be given as a gesture in a time, by what a customer is worth over a lifetime.

use std::collections::BTreeMap;

use kernel::Money;

use super::measure::Unit;
use crate::domain::event::{Fact, FailureEvent};

/// The budgets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Version of the document.
    pub version: String,
    /// The fact of the event that says what the customer is worth.
    pub lifetime_value_fact: String,
    /// Best first; the last one takes who is in no other.
    pub bands: Vec<Band>,
}

/// Customers with one budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// Its id.
    pub id: String,
    /// From which worth on, by currency.
    pub at_least: Vec<Money>,
    /// Window in days and limits by currency. A currency that is not there is not limited.
    pub limits: Vec<(u32, BTreeMap<Unit, i64>)>,
}

/// What was given before, by band, window and unit. Takes what is given now on top, so that a whole group is judged by
/// one reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book(BTreeMap<(String, u32, Unit), i64>);

impl Book {
    /// Records a sum that was read.
    pub fn set(&mut self, band: &str, window_days: u32, unit: Unit, sum: i64) {
        self.0.insert((band.to_owned(), window_days, unit), sum);
    }
}

impl Budgets {
    /// The customer's worth, where the event tells it.
    pub fn lifetime_value(&self, event: &FailureEvent) -> Option<Money> {
        match event.facts.get(&self.lifetime_value_fact) {
            Some(Fact::Money(worth)) => Some(*worth),
            _ => None,
        }
    }

    /// The band of a customer.
    pub fn band(&self, worth: Option<Money>) -> Option<&Band> {
        let reached = |band: &&Band| {
            band.at_least.is_empty()
                || worth.is_some_and(|worth| {
                    band.at_least.iter().any(|least| least.currency == worth.currency && worth.minor >= least.minor)
                })
        };
        self.bands.iter().find(reached)
    }

    /// Takes amounts from the budget of a band: all of them or, with the reasons, nothing.
    ///
    /// # Errors
    /// One reason for each limit that would be passed.
    pub fn take(&self, book: &mut Book, band: &Band, amounts: &BTreeMap<Unit, i64>) -> Result<(), Vec<String>> {
        let mut after = Vec::new();
        let mut reasons = Vec::new();
        for (window, limits) in &band.limits {
            for (unit, asked) in amounts {
                let Some(limit) = limits.get(unit) else { continue };
                let key = (band.id.clone(), *window, unit.clone());
                let before = book.0.get(&key).copied().unwrap_or(0);
                let sum = before.saturating_add(*asked);
                if sum > *limit {
                    reasons.push(format!(
                        "the budget of band {} for {window} days, {}, would be passed: {} before, {} now",
                        band.id,
                        unit.in_words(*limit),
                        unit.in_words(before),
                        unit.in_words(*asked),
                    ));
                }
                after.push((key, sum));
            }
        }
        if reasons.is_empty() {
            book.0.extend(after);
            Ok(())
        } else {
            Err(reasons)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::measure;
    use super::*;
    use crate::domain::money::parse_amount;

    fn amounts(text: &str) -> BTreeMap<Unit, i64> {
        measure::parse(text).into_iter().collect()
    }

    fn budgets() -> Budgets {
        let at_least = vec![parse_amount("EUR 1000.00").expect("an amount")];
        let limits = vec![(1, amounts("EUR 10.00")), (30, amounts("EUR 100.00"))];
        Budgets {
            version: "1".to_owned(),
            lifetime_value_fact: "lifetime_value".to_owned(),
            bands: vec![
                Band { id: "high".to_owned(), at_least, limits: Vec::new() },
                Band { id: "standard".to_owned(), at_least: Vec::new(), limits },
            ],
        }
    }

    #[test]
    fn the_first_band_that_is_reached_is_the_customers() {
        let band = |text: &str| budgets().band(parse_amount(text)).map(|band| band.id.clone());
        assert_eq!(band("EUR 1000.00").as_deref(), Some("high"));
        for lower in ["EUR 999.99", "USD 5000.00", "nothing"] {
            assert_eq!(band(lower).as_deref(), Some("standard"), "{lower}");
        }
    }

    #[test]
    fn the_worth_of_a_customer_is_the_amount_under_the_fact_that_the_budgets_name() {
        let worth = parse_amount("EUR 1000.00").expect("an amount");
        for (key, fact, expected) in [
            ("lifetime_value", Fact::Money(worth), Some(worth)),
            ("lifetime_value", Fact::Integer(100_000), None),
            ("fare", Fact::Money(worth), None),
        ] {
            let event = FailureEvent {
                kind: String::new(),
                occurred_at: kernel::Timestamp::from_seconds(0),
                reference: String::new(),
                facts: BTreeMap::from([(key.to_owned(), fact)]),
            };
            assert_eq!(budgets().lifetime_value(&event), expected, "{key}");
        }
    }

    #[test]
    fn a_budget_holds_to_the_cent_in_every_window_and_takes_all_or_nothing() {
        let (all, mut book) = (budgets(), Book::default());
        let standard = &all.bands[1];
        let euro = amounts("EUR 1.00").into_keys().next().expect("a unit");
        book.set("standard", 30, euro, 9_500);
        all.take(&mut book, standard, &amounts("EUR 4.00")).expect("within");
        let refused = all.take(&mut book, standard, &amounts("EUR 7.00")).expect_err("above both");
        assert_eq!(refused.len(), 2, "{refused:?}");
        let refused = all.take(&mut book, standard, &amounts("EUR 1.01")).expect_err("above the longer one");
        assert_eq!(
            refused,
            ["the budget of band standard for 30 days, EUR 100.00, would be passed: EUR 99.00 before, EUR 1.01 now"]
        );
        all.take(&mut book, standard, &amounts("EUR 1.00")).expect("to the cent");
        all.take(&mut book, standard, &amounts("USD 1000000.00")).expect("a currency without a limit");
        all.take(&mut book, &all.bands[0], &amounts("EUR 1000000.00")).expect("a band without limits");
    }

    proptest! {
        /// However gifts of a group follow each other, what was taken never passes the limit, and a gift is refused
        /// only when it does not fit.
        #[test]
        fn a_group_never_passes_the_limit(gifts in prop::collection::vec(1..900_i64, 0..40), before in 0..1_000_i64) {
            let (all, mut book) = (budgets(), Book::default());
            let euro = amounts("EUR 1.00").into_keys().next().expect("a unit");
            book.set("standard", 1, euro.clone(), before);
            let mut naive = before;
            for gift in gifts {
                let fits = naive + gift <= 1_000;
                let taken = all.take(&mut book, &all.bands[1], &BTreeMap::from([(euro.clone(), gift)])).is_ok();
                prop_assert_eq!(taken, fits);
                naive += if taken { gift } else { 0 };
                prop_assert!(naive <= 1_000);
            }
        }
    }
}
