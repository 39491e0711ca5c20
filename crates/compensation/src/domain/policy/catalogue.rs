//! The catalogue of extras: services in kind, each with what it costs the company and what it is worth to a customer.
//!
//! Pure. What always holds: a line is priced once, when it is given or offered, and keeps that price; what cannot be said is
//! not guessed.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use kernel::Money;

use crate::domain::assessment::Assessment;
use crate::domain::event::{Fact, FailureEvent};
use crate::domain::line::{CatalogueItem, RemedyLine};
use crate::domain::money::percent_of;

/// The catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    /// Version of the document.
    pub version: String,
    /// The facts of the event that say the price of what failed: the first that is there.
    pub price_facts: Vec<String>,
    /// In the order of the document.
    pub items: Vec<Item>,
}

/// A service in kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// One sentence for the customer.
    pub description: String,
    /// What it costs the company.
    pub cost: Worth,
    /// What it is worth to a customer.
    pub perceived_value: Worth,
}

/// What something costs or is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worth {
    /// So much, by currency; at least one.
    Amounts(Vec<Money>),
    /// So many percent of the price.
    OfPrice(u32),
}

impl Worth {
    /// In the currency of the price where it is known and there is an amount in it, and the first amount otherwise.
    fn amount(&self, price: Option<Money>) -> Option<Money> {
        match self {
            Self::Amounts(amounts) => {
                let like_price = amounts.iter().find(|amount| price.is_some_and(|p| p.currency == amount.currency));
                like_price.or_else(|| amounts.first()).copied()
            }
            Self::OfPrice(percent) => percent_of(price?, *percent),
        }
    }
}

impl Catalogue {
    /// The shipped one.
    #[cfg(test)]
    pub(crate) fn shipped() -> std::sync::Arc<Self> {
        use super::{PolicyKind, Rules, parse};
        let policy = parse(PolicyKind::Catalogue.shipped()).expect("the shipped catalogue is right");
        let Rules::Catalogue(catalogue) = policy.rules else { panic!("another kind") };
        catalogue
    }

    /// An item by its id.
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// What an item costs and is worth when this failed.
    fn priced(&self, item: &Item, event: &FailureEvent) -> CatalogueItem {
        // A price below zero is none: nothing would be taken from a budget by giving it back.
        let price = self.price_facts.iter().find_map(|fact| match event.facts.get(fact) {
            Some(Fact::Money(price)) if price.minor >= 0 => Some(*price),
            _ => None,
        });
        CatalogueItem {
            id: item.id.clone(),
            catalogue: self.version.clone(),
            cost: item.cost.amount(price),
            perceived_value: item.perceived_value.amount(price),
        }
    }

    /// Prices a line that names an item; true when the line names one that the catalogue does not know. A line without a
    /// description gets the item's.
    pub fn price(&self, line: &mut RemedyLine, event: &FailureEvent) -> bool {
        let Some(named) = &mut line.origin.item else { return false };
        let Some(item) = self.item(&named.id) else { return true };
        *named = self.priced(item, event);
        if line.description.is_empty() {
            line.description.clone_from(&item.description);
        }
        false
    }

    /// Why somebody else must agree to these lines: one reason for each item whose cost cannot be told.
    pub fn reasons_of_cost<'a>(&self, lines: impl IntoIterator<Item = &'a RemedyLine>) -> BTreeSet<String> {
        let items = lines.into_iter().filter_map(|line| line.origin.item.as_ref());
        let unknown = items.filter(|item| item.cost.is_none());
        let facts = self.price_facts.join(", ");
        unknown
            .map(|item| format!("what {} costs cannot be told: the event has no price among {facts}", item.id))
            .collect()
    }

    /// Prices what rules give. An item that the catalogue does not know stays without a price: the rule gives it anyway.
    pub fn price_all(&self, assessment: &mut Assessment, event: &FailureEvent) {
        for line in assessment.lines_mut() {
            self.price(line, event);
        }
    }

    /// All items when this failed: most worth for its cost first, what costs nothing before that, and those of which either
    /// cannot be said, or not in one currency, last.
    pub fn by_leverage(&self, event: &FailureEvent) -> Vec<(&Item, CatalogueItem)> {
        let mut items: Vec<_> = self.items.iter().map(|item| (item, self.priced(item, event))).collect();
        items.sort_by_cached_key(|(item, priced)| {
            let place = match priced.comparable() {
                Some((0, worth)) => (0, Reverse(worth.into())),
                // Millionths are finer than any two ratios that people tell apart.
                Some((cost, worth)) => (1, Reverse(i128::from(worth) * 1_000_000 / i128::from(cost))),
                None => (2, Reverse(0)),
            };
            (place, item.id.clone())
        });
        items
    }
}

impl CatalogueItem {
    /// Cost and worth in minor units, when both are known and in one currency.
    fn comparable(&self) -> Option<(i64, i64)> {
        let (cost, worth) = (self.cost?, self.perceived_value?);
        (cost.currency == worth.currency).then_some((cost.minor, worth.minor))
    }

    /// Worth for cost, in percent, rounded down; none for what costs nothing and what cannot be compared.
    pub fn leverage_percent(&self) -> Option<i64> {
        let (cost, worth) = self.comparable().filter(|(cost, _)| *cost > 0)?;
        i64::try_from(i128::from(worth) * 100 / i128::from(cost)).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::line::{Basis, Benefit, Origin};
    use crate::domain::money::parse_amount;

    fn money(text: &str) -> Money {
        parse_amount(text).expect("an amount")
    }

    fn shipped() -> Catalogue {
        (*Catalogue::shipped()).clone()
    }

    fn event(price: Option<Money>) -> FailureEvent {
        let facts: BTreeMap<_, _> = price.map(|price| ("price".to_owned(), Fact::Money(price))).into_iter().collect();
        let (kind, reference) = ("order.wrong".to_owned(), String::new());
        FailureEvent { kind, occurred_at: Timestamp::from_seconds(0), reference, facts }
    }

    fn line(item: &str, description: &str) -> RemedyLine {
        let item = Some(CatalogueItem { id: item.to_owned(), ..CatalogueItem::default() });
        RemedyLine {
            description: description.to_owned(),
            origin: Origin { item, ..Origin::default() },
            ..RemedyLine::plain("l", Basis::Gesture, Benefit::Service)
        }
    }

    fn priced(item: &str, price: Option<&str>) -> CatalogueItem {
        let mut line = line(item, "");
        assert!(!shipped().price(&mut line, &event(price.map(money))), "{item} is known");
        line.origin.item.expect("an item")
    }

    #[test]
    fn an_item_is_priced_in_the_currency_of_the_price() {
        let upgrade = priced("free-upgrade", Some("CAD 80.00"));
        assert_eq!((upgrade.cost, upgrade.perceived_value), (Some(money("CAD 14.00")), Some(money("CAD 70.00"))));
        assert_eq!(upgrade.catalogue, "shipped-1");
        for price in [None, Some("JPY 9000")] {
            assert_eq!(
                priced("free-upgrade", price).cost,
                Some(money("USD 10.00")),
                "the first of the list: {price:?}"
            );
        }
    }

    #[test]
    fn a_share_of_the_price_needs_a_price() {
        let replacement = priced("free-replacement", Some("EUR 0.99"));
        assert_eq!(replacement.cost, Some(money("EUR 0.59")), "59.4 cents, rounded");
        assert_eq!(replacement.perceived_value, Some(money("EUR 0.99")));
        assert_eq!(priced("free-replacement", None).cost, None);
        let mut below = line("free-replacement", "");
        shipped().price(&mut below, &event(Some(Money::new(money("EUR 1.00").currency, -100))));
        assert_eq!(below.cost(), None, "a price below zero is none");
    }

    #[test]
    fn the_first_price_that_is_told_is_the_price() {
        let with = |facts: &[(&str, &str)]| {
            let facts = facts.iter().map(|(key, text)| ((*key).to_owned(), Fact::Money(money(text)))).collect();
            let event = FailureEvent { facts, ..event(None) };
            let mut line = line("free-replacement", "");
            shipped().price(&mut line, &event);
            line.cost()
        };
        assert_eq!(with(&[("ticket_price", "EUR 50.00"), ("price", "EUR 100.00")]), Some(money("EUR 60.00")));
        assert_eq!(with(&[("ticket_price", "EUR 50.00"), ("declared_value", "EUR 10.00")]), Some(money("EUR 30.00")));
        assert_eq!(with(&[("declared_value", "EUR 10.00")]), Some(money("EUR 6.00")));
    }

    #[test]
    fn a_cost_that_cannot_be_told_is_a_reason_to_ask() {
        let (mut known, mut unknown) = (line("free-upgrade", ""), line("free-replacement", ""));
        shipped().price(&mut known, &event(None));
        shipped().price(&mut unknown, &event(None));
        let reasons = shipped().reasons_of_cost([&known, &unknown, &unknown]);
        assert_eq!(
            reasons.into_iter().collect::<Vec<_>>(),
            [
                "what free-replacement costs cannot be told: the event has no price among price, ticket_price, declared_value"
            ]
        );
    }

    #[test]
    fn a_line_keeps_its_words_and_one_without_gets_those_of_the_item() {
        let mut own = line("free-upgrade", "Seat 1A");
        assert!(!shipped().price(&mut own, &event(None)));
        assert_eq!((own.description.as_str(), own.cost()), ("Seat 1A", Some(money("USD 10.00"))));
        let mut empty = line("free-upgrade", "");
        shipped().price(&mut empty, &event(None));
        assert_eq!(empty.description, "A free upgrade");
    }

    #[test]
    fn an_item_that_is_not_in_the_catalogue_stays_without_a_price() {
        let mut unknown = line("moon", "The moon");
        assert!(shipped().price(&mut unknown, &event(None)));
        assert_eq!((unknown.cost(), unknown), (None, line("moon", "The moon")));
        let mut none = RemedyLine { origin: Origin::default(), ..line("x", "A call") };
        assert!(!shipped().price(&mut none, &event(None)), "a service that is no item");
    }

    #[test]
    fn whatever_rules_give_is_priced_and_an_item_that_is_not_known_is_given_all_the_same() {
        use crate::domain::line::{Consent, OfferOption};
        let lines = || vec![line("free-upgrade", ""), line("moon", "The moon")];
        let option = OfferOption {
            id: "o".to_owned(),
            description: String::new(),
            lines: lines(),
            consent: Consent::None,
            holds_after: None,
        };
        let mut assessment = Assessment {
            automatic: lines(),
            choice_of: vec![option.clone(), option],
            plus: lines(),
            ..Assessment::default()
        };
        shipped().price_all(&mut assessment, &event(None));
        let costs: Vec<_> = assessment.lines().map(RemedyLine::cost).collect();
        assert_eq!(costs, [Some(money("USD 10.00")), None].repeat(4));
    }

    #[test]
    fn what_is_worth_most_for_its_cost_comes_first() {
        let ids = |catalogue: &Catalogue, price: Option<&str>| -> Vec<(String, Option<i64>)> {
            let items = catalogue.by_leverage(&event(price.map(money)));
            items.iter().map(|(item, priced)| (item.id.clone(), priced.leverage_percent())).collect()
        };
        let told = |items: &[(&str, Option<i64>)]| -> Vec<(String, Option<i64>)> {
            items.iter().map(|(id, percent)| ((*id).to_owned(), *percent)).collect()
        };
        let all = [("free-upgrade", Some(500)), ("free-shipping", Some(200)), ("free-replacement", Some(166))];
        assert_eq!(ids(&shipped(), Some("EUR 100.00")), told(&all));
        let unknown = [("free-upgrade", Some(500)), ("free-shipping", Some(200)), ("free-replacement", None)];
        assert_eq!(ids(&shipped(), None), told(&unknown));
        let mut free = shipped();
        let amounts = |text: &str| Worth::Amounts(vec![money(text)]);
        let item = |id: &str, cost: &str, worth: &str| Item {
            id: id.to_owned(),
            description: id.to_owned(),
            cost: amounts(cost),
            perceived_value: amounts(worth),
        };
        free.items = vec![
            item("dear", "EUR 1.00", "EUR 100.00"),
            item("call", "EUR 0.00", "EUR 1.00"),
            item("seat", "EUR 0.00", "EUR 5.00"),
            item("apart", "EUR 1.00", "USD 900.00"),
            item("also-dear", "EUR 2.00", "EUR 200.00"),
        ];
        let order =
            [("seat", None), ("call", None), ("also-dear", Some(10_000)), ("dear", Some(10_000)), ("apart", None)];
        assert_eq!(ids(&free, None), told(&order));
    }

    proptest! {
        /// Whatever an event says, a cost is never negative.
        #[test]
        fn no_cost_is_below_zero(minor: i64) {
            let price = Money::new(money("EUR 1.00").currency, minor);
            for (_, priced) in shipped().by_leverage(&event(Some(price))) {
                prop_assert!(priced.cost.is_none_or(|cost| cost.minor >= 0));
                prop_assert!(priced.leverage_percent().is_none_or(|percent| percent > 0));
            }
        }
    }
}
