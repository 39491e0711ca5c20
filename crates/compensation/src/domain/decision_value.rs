//! What a decision costs against what the customer is worth over a lifetime, whoever decided: a rule or an agent.
//!
//! Pure. What always holds: nothing is called kept unless the lifetime value is known and all costs are in its currency.

use std::collections::BTreeMap;

use kernel::{Currency, Money};
use serde::{Deserialize, Serialize};

use super::assessment::Assessment;
use super::line::RemedyLine;

/// What a decision costs, and what the customer is worth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionValue {
    /// The most that it costs, by currency; discounts, and services whose cost no catalogue says, have no amount.
    pub costs: Vec<Money>,
    /// What the customer is worth, where that is known.
    pub lifetime_value: Option<Money>,
}

impl DecisionValue {
    /// Of what rules give to a customer of this worth: everything that is given at once, with the dearest option and what comes
    /// along with it.
    pub fn of_rules(assessment: &Assessment, lifetime_value: Option<Money>) -> Self {
        let at_once = sum(assessment.automatic.iter());
        let mut dearest: BTreeMap<Currency, i64> = BTreeMap::new();
        for option in &assessment.choice_of {
            for (currency, minor) in sum(option.lines.iter().chain(&assessment.plus)) {
                let most = dearest.entry(currency).or_default();
                *most = minor.max(*most);
            }
        }
        let mut costs = at_once;
        for (currency, minor) in dearest {
            let sum = costs.entry(currency).or_default();
            *sum = sum.saturating_add(minor);
        }
        Self { costs: costs.into_iter().map(|(currency, minor)| Money::new(currency, minor)).collect(), lifetime_value }
    }

    /// What is kept if the customer stays: the lifetime value less the cost, when both are in one currency and there is no
    /// cost in another. May be negative.
    pub fn retained(&self) -> Option<Money> {
        let worth = self.lifetime_value?;
        match self.costs[..] {
            [] => Some(worth),
            [cost] if cost.currency == worth.currency => {
                worth.minor.checked_sub(cost.minor).map(|minor| Money::new(worth.currency, minor))
            }
            _ => None,
        }
    }
}

fn sum<'a>(lines: impl Iterator<Item = &'a RemedyLine>) -> BTreeMap<Currency, i64> {
    let mut sums: BTreeMap<Currency, i64> = BTreeMap::new();
    for line in lines {
        if let Some(amount) = line.cost() {
            let sum = sums.entry(amount.currency).or_default();
            *sum = sum.saturating_add(amount.minor);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::line::{Basis, Benefit, CatalogueItem, Consent, OfferOption};

    fn money(code: &str, minor: i64) -> Money {
        Money::new(Currency::parse(code).expect("a currency"), minor)
    }

    fn line(benefit: Benefit) -> RemedyLine {
        RemedyLine::plain("", Basis::Restitution, benefit)
    }

    fn option(lines: Vec<RemedyLine>) -> OfferOption {
        OfferOption { id: String::new(), description: String::new(), lines, consent: Consent::None, holds_after: None }
    }

    /// The dearest option with what comes along, and all that is given at once; never two options together.
    #[test]
    fn the_dearest_option_counts_once() {
        let assessment = Assessment {
            automatic: vec![line(Benefit::Money(money("EUR", 100))), line(Benefit::Service)],
            choice_of: vec![
                option(vec![line(Benefit::Money(money("EUR", 2_000)))]),
                option(vec![line(Benefit::Voucher(money("EUR", 2_500)))]),
                option(vec![line(Benefit::Service)]),
            ],
            plus: vec![line(Benefit::Voucher(money("EUR", 50))), line(Benefit::Discount(10))],
            ..Assessment::default()
        };
        let found = DecisionValue::of_rules(&assessment, Some(money("EUR", 2_000)));
        assert_eq!(found.costs, [money("EUR", 2_650)]);
        assert_eq!(found.retained(), Some(money("EUR", -650)), "may be negative");
        assert_eq!(DecisionValue::of_rules(&assessment, None).retained(), None, "nothing is known of the customer");
        assert_eq!(
            DecisionValue::of_rules(&assessment, Some(money("USD", 9_000))).retained(),
            None,
            "another currency"
        );
    }

    /// A service that is an item of the catalogue costs what that says; one that is none, nothing that is known.
    #[test]
    fn a_service_costs_what_the_catalogue_says() {
        let mut dear = line(Benefit::Service);
        dear.origin.item = Some(CatalogueItem { cost: Some(money("EUR", 300)), ..CatalogueItem::default() });
        let mut unknown = line(Benefit::Service);
        unknown.origin.item = Some(CatalogueItem::default());
        let assessment = Assessment {
            automatic: vec![unknown.clone()],
            choice_of: vec![option(vec![line(Benefit::Voucher(money("EUR", 200)))]), option(vec![dear.clone()])],
            plus: vec![dear],
            ..Assessment::default()
        };
        assert_eq!(DecisionValue::of_rules(&assessment, None).costs, [money("EUR", 600)]);
        // What a line that is no service says of an item is nothing to its amount.
        let odd = RemedyLine { benefit: Benefit::Discount(5), ..unknown };
        assert_eq!(odd.cost(), None);
    }

    #[test]
    fn costs_in_two_currencies_are_told_and_not_subtracted() {
        let automatic = vec![line(Benefit::Money(money("EUR", 1))), line(Benefit::Money(money("USD", 2)))];
        let assessment = Assessment { automatic, ..Assessment::default() };
        let found = DecisionValue::of_rules(&assessment, Some(money("EUR", 100)));
        assert_eq!((found.costs.clone(), found.retained()), (vec![money("EUR", 1), money("USD", 2)], None));
        let nothing = DecisionValue::of_rules(&Assessment::default(), Some(money("EUR", 100)));
        assert_eq!((nothing.costs.len(), nothing.retained()), (0, Some(money("EUR", 100))));
    }
}
