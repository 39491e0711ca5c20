//! What is counted against a limit, and in which unit: money by currency, discounts by percent, services by number, and by
//! what they cost where the catalogue says it.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Currency, Money};
use serde::{Deserialize, Serialize};

use crate::domain::assessment::Assessment;
use crate::domain::line::{Basis, Benefit, OfferOption, RemedyLine};
use crate::domain::money::parse_amount;

/// The most that one line counts, in minor units: far above any limit, and far enough below what an integer holds for
/// sums of millions of lines.
const CEILING: i64 = 1_000_000_000_000;

/// What a limit or a sum is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unit(String);

impl Unit {
    const PERCENT: &'static str = "PERCENT";
    const TIMES: &'static str = "TIMES";

    /// A currency's minor units.
    pub fn currency(currency: Currency) -> Self {
        Self(currency.code().to_owned())
    }

    /// As it was stored.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// As stored: a currency's code, `PERCENT` or `TIMES`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An amount in this unit, for people: `EUR 12.50`, `25 percent`, `3 times`.
    pub fn in_words(&self, amount: i64) -> String {
        match (self.0.as_str(), Currency::parse(&self.0)) {
            (_, Some(currency)) => Money::new(currency, amount).to_string(),
            (Self::PERCENT, None) => format!("{amount} percent"),
            (_, None) => format!("{amount} times"),
        }
    }

    /// An amount of money in this unit; `None` for the others.
    pub fn money(&self, amount: i64) -> Option<Money> {
        Currency::parse(&self.0).map(|currency| Money::new(currency, amount))
    }
}

/// Reads `EUR 12.50`, `25 percent`, `3 times`.
pub fn parse(text: &str) -> Option<(Unit, i64)> {
    if let Some(money) = parse_amount(text) {
        return Some((Unit::currency(money.currency), money.minor));
    }
    let (number, word) = text.split_once(' ')?;
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let amount = number.parse().ok().filter(|_| digits)?;
    match word {
        "percent" => Some((Unit(Unit::PERCENT.to_owned()), amount)),
        "times" => Some((Unit(Unit::TIMES.to_owned()), amount)),
        _ => None,
    }
}

/// What a line counts: its benefit, and what a service costs besides.
fn counts(line: &RemedyLine) -> impl Iterator<Item = (Unit, i64)> {
    let cost = cost_of(line).filter(|_| line.benefit == Benefit::Service);
    [of(&line.benefit)].into_iter().chain(cost)
}

/// What a line costs; nothing for what costs nothing, so that no sum is read and no limit asked for it.
fn cost_of(line: &RemedyLine) -> Option<(Unit, i64)> {
    line.cost().filter(|cost| cost.minor > 0).map(amount_of)
}

fn amount_of(amount: Money) -> (Unit, i64) {
    (Unit::currency(amount.currency), amount.minor.min(CEILING))
}

/// What a benefit counts.
pub fn of(benefit: &Benefit) -> (Unit, i64) {
    match benefit {
        Benefit::Money(amount) | Benefit::Voucher(amount) => amount_of(*amount),
        Benefit::Discount(percent) => (Unit(Unit::PERCENT.to_owned()), i64::from(*percent)),
        Benefit::Service => (Unit(Unit::TIMES.to_owned()), 1),
    }
}

/// Sums by kind of benefit and unit.
pub type Need = BTreeMap<(String, Unit), i64>;

/// What an offer counts against limits of authority: of each kind and unit, the most that any of its options gives
/// with what comes along. What the law demands does not count, as far as `owed` says that the law demands it.
pub fn need(options: &[OfferOption], plus: &[RemedyLine], owed: &[&RemedyLine]) -> Need {
    let bundles = options.iter().map(|option| sum(option.lines.iter().chain(plus), owed));
    largest(bundles)
}

/// The most that an offer costs, by currency: its dearest option with what comes along, money, vouchers and services alike.
/// What the law demands is no cost of a decision, as far as `owed` says that the law demands it.
pub fn costs(options: &[OfferOption], plus: &[RemedyLine], owed: &[&RemedyLine]) -> Vec<Money> {
    let bundles = options.iter().map(|option| {
        let mut sums = BTreeMap::new();
        for line in not_owed(option.lines.iter().chain(plus), owed) {
            if let Some((unit, amount)) = cost_of(line) {
                *sums.entry(unit).or_default() += amount;
            }
        }
        sums
    });
    largest(bundles).into_iter().filter_map(|(unit, amount)| unit.money(amount)).collect()
}

/// What an offer counts against a budget for gestures: money, vouchers and services alike, by currency.
pub fn gestures(options: &[OfferOption], plus: &[RemedyLine]) -> BTreeMap<Unit, i64> {
    let bundles = options.iter().map(|option| sum_gestures(option.lines.iter().chain(plus)));
    largest(bundles)
}

/// What lines count against a budget for gestures: what they cost. Discounts, and services whose cost no catalogue says, count
/// nothing.
pub fn sum_gestures<'a>(lines: impl IntoIterator<Item = &'a RemedyLine>) -> BTreeMap<Unit, i64> {
    let mut sums = BTreeMap::new();
    for line in lines.into_iter().filter(|line| line.basis.is_gesture()) {
        if let Some((unit, amount)) = cost_of(line) {
            *sums.entry(unit).or_default() += amount;
        }
    }
    sums
}

/// The lines that the law demands, for [`need`]. What was given at once counts as demanded again only when it was
/// refused by the provider: otherwise an agent could give it twice.
pub fn owed_by_law(assessment: &Assessment, was_refused: bool) -> Vec<&RemedyLine> {
    let automatic = assessment.automatic.iter().filter(|_| was_refused);
    let offered = assessment.choice_of.iter().flat_map(|option| &option.lines).chain(&assessment.plus);
    automatic.chain(offered).filter(|line| line.basis == Basis::Statutory).collect()
}

/// One reason for each line of an offer that is called STATUTORY although no rule owes it. The gate and the ceiling let
/// pass what the law demands, so that somebody else must agree that it does.
pub fn reasons_of_law(options: &[OfferOption], plus: &[RemedyLine], owed: &[&RemedyLine]) -> BTreeSet<String> {
    let bundles = options.iter().map(|option| not_owed(option.lines.iter().chain(plus), owed));
    let claimed = bundles.flatten().filter(|line| line.basis == Basis::Statutory);
    claimed.map(|line| format!("line {} is called STATUTORY, and no rule owes it", line.id)).collect()
}

fn sum<'a>(lines: impl IntoIterator<Item = &'a RemedyLine>, owed: &[&RemedyLine]) -> Need {
    let mut sums = Need::new();
    for line in not_owed(lines, owed) {
        for (unit, amount) in counts(line) {
            *sums.entry((line.benefit.kind().to_owned(), unit)).or_default() += amount;
        }
    }
    sums
}

/// The lines that are not what the law demands; each line of the assessment excuses one.
fn not_owed<'a>(lines: impl IntoIterator<Item = &'a RemedyLine>, owed: &[&RemedyLine]) -> Vec<&'a RemedyLine> {
    let mut owed: Vec<Option<&RemedyLine>> = owed.iter().copied().map(Some).collect();
    let mut left = Vec::new();
    for line in lines {
        let mut excuses = owed.iter_mut().filter(|known| known.is_some_and(|known| covers(known, line)));
        match excuses.next().filter(|_| line.basis == Basis::Statutory) {
            Some(excuse) => *excuse = None,
            None => left.push(line),
        }
    }
    left
}

fn covers(owed: &RemedyLine, line: &RemedyLine) -> bool {
    let ((unit, amount), (asked_unit, asked)) = (of(&owed.benefit), of(&line.benefit));
    // An item of the catalogue costs something: the law demands it only where the rule names that very item.
    let same_item = item_of(line).is_none() || item_of(line) == item_of(owed);
    owed.benefit.kind() == line.benefit.kind() && unit == asked_unit && asked <= amount && same_item
}

fn item_of(line: &RemedyLine) -> Option<&str> {
    line.origin.item.as_ref().map(|item| item.id.as_str())
}

fn largest<K: Ord>(bundles: impl Iterator<Item = BTreeMap<K, i64>>) -> BTreeMap<K, i64> {
    let mut most = BTreeMap::new();
    for (key, amount) in bundles.flatten() {
        let kept: &mut i64 = most.entry(key).or_default();
        *kept = amount.max(*kept);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::line::{CatalogueItem, Consent, Origin};

    fn line(id: &str, basis: Basis, benefit: Benefit) -> RemedyLine {
        RemedyLine { description: id.to_owned(), ..RemedyLine::plain(id, basis, benefit) }
    }

    fn money(text: &str) -> Money {
        parse_amount(text).expect("an amount")
    }

    fn option(lines: Vec<RemedyLine>) -> OfferOption {
        OfferOption {
            id: "o".to_owned(),
            description: "o".to_owned(),
            lines,
            consent: Consent::None,
            holds_after: None,
        }
    }

    #[test]
    fn amounts_read_back_as_they_are_written() {
        for text in ["EUR 12.50", "JPY 1500", "25 percent", "3 times"] {
            let (unit, amount) = parse(text).expect(text);
            assert_eq!(unit.in_words(amount), text);
        }
        for wrong in
            ["", "12.50", "25", "-3 times", "+3 times", " times", "3 apples", "EUR 1.5", "99999999999999999999 times"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_offer_counts_its_dearest_option_with_what_comes_along() {
        let cheap = option(vec![line("a", Basis::Restitution, Benefit::Money(money("EUR 10.00")))]);
        let dear = option(vec![
            line("b", Basis::Restitution, Benefit::Money(money("EUR 20.00"))),
            line("c", Basis::Gesture, Benefit::Voucher(money("USD 5.00"))),
        ]);
        let plus =
            [line("d", Basis::Gesture, Benefit::Money(money("EUR 1.00"))), line("e", Basis::Time, Benefit::Service)];
        let need = need(&[cheap.clone(), dear.clone()], &plus, &[]);
        let of = |kind: &str, text: &str| {
            let (unit, amount) = parse(text).expect(text);
            assert_eq!(need[&(kind.to_owned(), unit)], amount, "{kind}");
        };
        of("MONEY", "EUR 21.00");
        of("VOUCHER", "USD 5.00");
        of("SERVICE", "1 times");
        assert_eq!(need.len(), 3);
        let budgeted = gestures(&[cheap, dear], &plus);
        assert_eq!(
            budgeted.into_iter().map(|(unit, n)| unit.in_words(n)).collect::<Vec<_>>(),
            ["EUR 1.00", "USD 5.00"]
        );
    }

    #[test]
    fn an_offer_costs_its_dearest_option_whatever_that_is_made_of() {
        let choice = [
            option(vec![line("cash", Basis::Restitution, Benefit::Money(money("EUR 100.00")))]),
            option(vec![
                line("voucher", Basis::Restitution, Benefit::Voucher(money("EUR 120.00"))),
                line("upgrade", Basis::Gesture, Benefit::Service),
            ]),
        ];
        let along = [line("gift", Basis::Gesture, Benefit::Voucher(money("EUR 5.00")))];
        assert_eq!(costs(&choice, &along, &[]), [money("EUR 125.00")]);
        let law = line("law", Basis::Statutory, Benefit::Money(money("EUR 250.00")));
        assert_eq!(costs(&[option(vec![law.clone()])], &along, &[&law]), [money("EUR 5.00")]);
        assert_eq!(costs(&[option(vec![line("d", Basis::Gesture, Benefit::Discount(20))])], &[], &[]), []);
    }

    fn item(id: &str, basis: Basis, cost: Option<&str>) -> RemedyLine {
        let cost = cost.map(money);
        let item = CatalogueItem { id: id.to_owned(), cost, ..CatalogueItem::default() };
        RemedyLine { origin: Origin { item: Some(item), ..Origin::default() }, ..line(id, basis, Benefit::Service) }
    }

    /// A service counts by number and by what it costs: against authority both, against budgets and as a cost the latter.
    #[test]
    fn an_item_of_the_catalogue_counts_what_it_costs() {
        let upgrade = item("upgrade", Basis::Gesture, Some("EUR 30.00"));
        let cheap = option(vec![item("call", Basis::Gesture, None)]);
        let dear = option(vec![upgrade.clone(), line("v", Basis::Gesture, Benefit::Voucher(money("EUR 1.00")))]);
        let need = need(&[cheap.clone(), dear.clone()], &[upgrade], &[]);
        let told: Vec<_> = need.iter().map(|((kind, unit), n)| format!("{kind} {}", unit.in_words(*n))).collect();
        assert_eq!(told, ["SERVICE EUR 60.00", "SERVICE 2 times", "VOUCHER EUR 1.00"]);
        assert_eq!(costs(&[cheap.clone(), dear.clone()], &[], &[]), [money("EUR 31.00")]);
        let budgeted: Vec<_> = gestures(&[cheap, dear], &[]).into_values().collect();
        assert_eq!(budgeted, [3_100]);
        let free = item("seat", Basis::Gesture, Some("EUR 0.00"));
        assert!(sum_gestures([&free]).is_empty(), "what costs nothing asks no budget");
        assert_eq!(counts(&free).count(), 1, "it counts by number alone");
        let huge = item("huge", Basis::Gesture, Some("EUR 90000000000000000.00"));
        assert_eq!(gestures(&[option(vec![huge])], &[]).into_values().collect::<Vec<_>>(), [CEILING]);
    }

    #[test]
    fn the_law_demands_an_item_only_where_the_rule_names_it() {
        let care = line("care", Basis::Statutory, Benefit::Service);
        let upgrade = item("upgrade", Basis::Statutory, Some("EUR 30.00"));
        let claimed =
            |owed: &RemedyLine, line: &RemedyLine| reasons_of_law(&[option(vec![line.clone()])], &[], &[owed]).len();
        assert_eq!(claimed(&care, &care), 0);
        assert_eq!(claimed(&care, &upgrade), 1);
        assert_eq!(claimed(&item("upgrade", Basis::Statutory, None), &upgrade), 0);
        assert_eq!(claimed(&item("seat", Basis::Statutory, None), &upgrade), 1);
        assert_eq!(claimed(&upgrade, &care), 0, "a service in words is what was owed before there was a catalogue");
    }

    #[test]
    fn what_the_law_demands_is_excused_once_and_only_as_far_as_it_demands_it() {
        let law = |id, text| line(id, Basis::Statutory, Benefit::Money(money(text)));
        let owed = law("law", "EUR 250.00");
        let counted = |lines: Vec<RemedyLine>| need(&[option(lines)], &[], &[&owed]).into_values().sum::<i64>();
        assert_eq!(counted(vec![law("a", "EUR 250.00")]), 0);
        assert_eq!(counted(vec![law("a", "EUR 250.00"), law("b", "EUR 250.00")]), 25_000);
        assert_eq!(counted(vec![law("a", "EUR 250.01")]), 25_001);
        assert_eq!(counted(vec![law("a", "USD 250.00")]), 25_000);
        let gift = line("a", Basis::Gesture, Benefit::Money(money("EUR 250.00")));
        assert_eq!(counted(vec![gift.clone()]), 25_000);
        let claimed = |lines: Vec<RemedyLine>| reasons_of_law(&[option(lines)], &[], &[&owed]).len();
        assert_eq!(claimed(vec![law("a", "EUR 250.00"), gift]), 0);
        assert_eq!(claimed(vec![law("a", "EUR 250.00"), law("b", "EUR 0.01")]), 1);
        assert_eq!(claimed(vec![law("a", "EUR 250.01")]), 1);

        let assessment =
            Assessment { automatic: vec![owed.clone()], plus: vec![law("p", "EUR 1.00")], ..Assessment::default() };
        assert_eq!(owed_by_law(&assessment, false).len(), 1);
        assert_eq!(owed_by_law(&assessment, true).len(), 2);
    }

    #[test]
    fn no_line_is_too_large_to_be_counted() {
        let (_, amount) = of(&Benefit::Money(Money::new(money("EUR 1.00").currency, i64::MAX)));
        assert_eq!(amount, CEILING);
    }
}
