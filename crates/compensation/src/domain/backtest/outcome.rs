//! What an event gives by one version of a pack, and what that costs.

use std::collections::BTreeMap;

use kernel::Currency;

use crate::domain::assessment::{Assessment, Decision};
use crate::domain::line::{Benefit, OfferOption, RemedyLine};

/// What an event gives, and what each rule said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Given at once.
    pub automatic: Vec<RemedyLine>,
    /// The customer chooses one of these.
    pub choice_of: Vec<OfferOption>,
    /// Given with the choice.
    pub plus: Vec<RemedyLine>,
    /// What each rule decided.
    pub decisions: Vec<Decision>,
}

/// What a customer costs in one currency, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// When every customer takes the option that is cheapest in this currency.
    pub low: i128,
    /// When every customer takes the dearest one.
    pub high: i128,
}

impl Outcome {
    /// Of an assessment.
    pub fn of(assessment: Assessment) -> Self {
        let Assessment { automatic, choice_of, plus, decisions, .. } = assessment;
        Self { automatic, choice_of, plus, decisions }
    }

    /// True when the customer gets nothing.
    pub fn is_empty(&self) -> bool {
        self.automatic.is_empty() && self.choice_of.is_empty()
    }

    /// Every line with whether it is one of a choice.
    pub fn lines(&self) -> impl Iterator<Item = (&RemedyLine, bool)> {
        let given = self.automatic.iter().chain(&self.plus).map(|line| (line, false));
        given.chain(self.choice_of.iter().flat_map(|option| &option.lines).map(|line| (line, true)))
    }

    /// What one customer costs in each currency in which anything is given. Discounts in percent, and
    /// services whose cost no catalogue says, have no amount and cost nothing here.
    pub fn costs(&self) -> BTreeMap<Currency, Cost> {
        let mut costs: BTreeMap<Currency, Cost> = BTreeMap::new();
        for (currency, minor) in sums(self.automatic.iter().chain(&self.plus)) {
            costs.insert(currency, Cost { low: minor, high: minor });
        }
        let options: Vec<_> = self.choice_of.iter().map(|option| sums(&option.lines)).collect();
        let currencies: std::collections::BTreeSet<Currency> =
            options.iter().flat_map(|sum| sum.keys()).copied().collect();
        for currency in currencies {
            let of = |sum: &BTreeMap<Currency, i128>| sum.get(&currency).copied().unwrap_or(0);
            let cost = costs.entry(currency).or_default();
            cost.low += options.iter().map(of).min().unwrap_or(0);
            cost.high += options.iter().map(of).max().unwrap_or(0);
        }
        costs
    }

    /// True when a customer gets the same by both: ids, words and arithmetic may differ, what is given may not.
    pub fn gives_the_same_as(&self, other: &Self) -> bool {
        let as_written = |outcome: &Self| (outcome.automatic.len(), outcome.choice_of.len(), outcome.plus.len());
        as_written(self) == as_written(other)
            && gifts(&self.automatic) == gifts(&other.automatic)
            && gifts(&self.plus) == gifts(&other.plus)
            && choices(&self.choice_of) == choices(&other.choice_of)
    }
}

fn sums<'a>(lines: impl IntoIterator<Item = &'a RemedyLine>) -> BTreeMap<Currency, i128> {
    let mut sums = BTreeMap::new();
    for amount in lines.into_iter().filter_map(RemedyLine::cost) {
        *sums.entry(amount.currency).or_insert(0) += i128::from(amount.minor);
    }
    sums
}

/// What lines give, in an order of its own. A service is its item of the catalogue, or what its words say.
fn gifts(lines: &[RemedyLine]) -> Vec<String> {
    let mut gifts: Vec<String> = lines
        .iter()
        .map(|line| match &line.benefit {
            Benefit::Service => {
                let item = line.origin.item.as_ref().map(|item| item.id.as_str());
                format!("{:?} SERVICE {}", line.basis, item.unwrap_or(&line.description))
            }
            Benefit::Money(_) | Benefit::Voucher(_) | Benefit::Discount(_) => {
                format!("{:?} {}", line.basis, line.benefit)
            }
        })
        .collect();
    gifts.sort_unstable();
    gifts
}

fn choices(options: &[OfferOption]) -> Vec<Vec<String>> {
    let mut choices: Vec<_> = options.iter().map(|option| gifts(&option.lines)).collect();
    choices.sort_unstable();
    choices
}
