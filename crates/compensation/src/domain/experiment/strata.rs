//! Equal treatment: customers who were hit alike get the same money in every arm that gives the same.

use std::collections::BTreeMap;

use super::Experiment;
use super::figures::Mean;
use crate::domain::assessment::Assessment;
use crate::domain::event::Severity;
use crate::domain::line::RemedyLine;

/// Cases of an arm in a stratum below which nothing is said.
const ENOUGH: i64 = 20;
/// The most that one case counts when arms are compared, minor units: its square leaves room for millions of cases.
const MOST_COMPARED: i64 = 1_000_000;
/// Standard errors beyond which a difference is no chance.
const BEYOND_CHANCE: f64 = 3.0;

/// Customers who were hit alike, and their currency; the currency is empty for the count of all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stratum {
    /// How badly they were hit.
    pub severity: Severity,
    /// Kind of event.
    pub kind: String,
    /// The currency; empty for the count of cases.
    pub currency: String,
}

/// What one arm has in a stratum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Cases.
    pub cases: i64,
    /// What they were given or could choose at most, minor units.
    pub minor: i64,
    /// The same, where each case counts at most [`MOST_COMPARED`].
    pub compared: i64,
    /// The sum of the squares of that.
    pub squares: i64,
}

impl Given {
    fn of(minor: i64) -> Self {
        let compared = minor.min(MOST_COMPARED);
        Self { cases: 1, minor, compared, squares: compared * compared }
    }
}

/// What a case adds to its strata: the count, and its money by currency: what is given at once, with the dearest option
/// and what comes along.
pub fn of_case(assessment: &Assessment, severity: Severity, kind: &str) -> BTreeMap<Stratum, Given> {
    let stratum = |currency: &str| Stratum { severity, kind: kind.to_owned(), currency: currency.to_owned() };
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    let mut add = |sum: BTreeMap<String, i64>| {
        for (currency, minor) in sum {
            let known = sums.entry(currency).or_default();
            *known = known.saturating_add(minor);
        }
    };
    add(money(&assessment.automatic));
    if !assessment.choice_of.is_empty() {
        add(money(&assessment.plus));
        let mut dearest: BTreeMap<String, i64> = BTreeMap::new();
        for option in &assessment.choice_of {
            for (currency, minor) in money(&option.lines) {
                let known = dearest.entry(currency).or_default();
                *known = (*known).max(minor);
            }
        }
        add(dearest);
    }
    let mut strata: BTreeMap<Stratum, Given> =
        sums.into_iter().map(|(currency, minor)| (stratum(&currency), Given::of(minor))).collect();
    strata.insert(stratum(""), Given { cases: 1, ..Given::default() });
    strata
}

fn money(lines: &[RemedyLine]) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for amount in lines.iter().filter_map(RemedyLine::amount) {
        let sum: &mut i64 = sums.entry(amount.currency.code().to_owned()).or_default();
        *sum = sum.saturating_add(amount.minor);
    }
    sums
}

/// The money of one stratum by arm, in the order of the arms, and what is to be looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Treated {
    /// The stratum, with a currency.
    pub stratum: Stratum,
    /// Cases and money of each arm.
    pub arms: Vec<Given>,
    /// Why somebody must look; empty: all is well.
    pub flag: String,
}

impl Experiment {
    /// The strata of an experiment; `given` by arm.
    pub fn treated(&self, given: &BTreeMap<(Stratum, String), Given>) -> Vec<Treated> {
        let of =
            |stratum: &Stratum, arm: &str| given.get(&(stratum.clone(), arm.to_owned())).copied().unwrap_or_default();
        let strata: std::collections::BTreeSet<&Stratum> =
            given.keys().map(|(stratum, _)| stratum).filter(|stratum| !stratum.currency.is_empty()).collect();
        let treated = strata.into_iter().map(|stratum| {
            let all = Stratum { currency: String::new(), ..stratum.clone() };
            let arms: Vec<Given> = self
                .arms
                .iter()
                // Who got nothing in this currency is a case all the same.
                .map(|arm| Given { cases: of(&all, &arm.id).cases, ..of(stratum, &arm.id) })
                .collect();
            let flag = self.flag(&arms);
            Treated { stratum: stratum.clone(), arms, flag }
        });
        treated.collect()
    }

    fn flag(&self, given: &[Given]) -> String {
        let mut problems = Vec::new();
        let mean = |given: &Given| Mean::of(given.cases as f64, given.compared as f64, given.squares as f64);
        for (place, (arm, one)) in self.arms.iter().zip(given).enumerate() {
            for (other_arm, other) in self.arms.iter().zip(given).skip(place + 1) {
                let same = arm.gestures == other_arm.gestures;
                if same && one.cases.min(other.cases) >= ENOUGH && mean(one).welch(&mean(other)).abs() > BEYOND_CHANCE {
                    problems.push(format!(
                        "{} and {} give the same, and their customers did not get the same",
                        arm.id, other_arm.id
                    ));
                }
            }
        }
        problems.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money};

    use super::*;
    use crate::domain::experiment::document::parse;
    use crate::domain::line::{Basis, Benefit, Consent, OfferOption};

    fn line(benefit: Benefit) -> RemedyLine {
        RemedyLine { description: "it".to_owned(), ..RemedyLine::plain("l", Basis::Time, benefit) }
    }

    fn usd(minor: i64) -> Money {
        Money::new(Currency::parse("USD").expect("a currency"), minor)
    }

    #[test]
    fn a_case_counts_what_it_may_cost() {
        let option = |minor| OfferOption {
            id: format!("{minor}"),
            description: String::new(),
            lines: vec![line(Benefit::Voucher(usd(minor)))],
            consent: Consent::None,
            holds_after: None,
        };
        let assessment = Assessment {
            automatic: vec![line(Benefit::Money(usd(100))), line(Benefit::Service)],
            choice_of: vec![option(20), option(30)],
            plus: vec![line(Benefit::Discount(10)), line(Benefit::Money(usd(3)))],
            ..Assessment::default()
        };
        let strata = of_case(&assessment, Severity::High, "a.b");
        let given: Vec<_> = strata.iter().map(|(stratum, given)| (stratum.currency.as_str(), *given)).collect();
        assert_eq!(
            given,
            [
                ("", Given { cases: 1, ..Given::default() }),
                ("USD", Given { cases: 1, minor: 133, compared: 133, squares: 133 * 133 }),
            ]
        );
    }

    #[test]
    fn arms_that_give_the_same_are_held_to_it() {
        let timing = include_str!("../../../experiments/offer-next-day.yaml");
        let gestures = include_str!("../../../experiments/apology-alone.yaml");
        for (document, flagged) in [(timing, true), (gestures, false)] {
            let experiment = parse(document).expect("the example is right");
            let given = |minor: i64, cases: i64| {
                let stratum = |currency: &str| Stratum {
                    severity: Severity::High,
                    kind: "a".to_owned(),
                    currency: currency.to_owned(),
                };
                let ids: Vec<_> = experiment.arms.iter().map(|arm| arm.id.clone()).collect();
                let total = |minor: i64| minor * cases;
                let given = |minor: i64| Given {
                    cases,
                    minor: total(minor),
                    compared: total(minor),
                    squares: total(minor * minor),
                };
                let all = BTreeMap::from([
                    ((stratum(""), ids[0].clone()), given(0)),
                    ((stratum(""), ids[1].clone()), given(0)),
                    ((stratum("USD"), ids[0].clone()), given(1_500)),
                    ((stratum("USD"), ids[1].clone()), given(minor)),
                ]);
                experiment.treated(&all)
            };
            let different = given(1_000, 20);
            assert_eq!(different.len(), 1);
            assert_eq!(!different[0].flag.is_empty(), flagged, "{different:?}");
            assert_eq!(given(1_500, 20)[0].flag, "");
            assert_eq!(given(1_000, 19)[0].flag, "", "too few to say");
        }
    }

    /// An arm of which half got nothing in a currency has all its cases all the same: what they got is spread over them.
    #[test]
    fn who_got_nothing_is_a_case_too() {
        let experiment = parse(include_str!("../../../experiments/offer-next-day.yaml")).expect("the example is right");
        let stratum =
            |currency: &str| Stratum { severity: Severity::High, kind: "a".to_owned(), currency: currency.to_owned() };
        let (one, other) = (experiment.arms[0].id.clone(), experiment.arms[1].id.clone());
        let of = |cases: i64| Given { cases, minor: cases * 100, compared: cases * 100, squares: cases * 10_000 };
        let given = BTreeMap::from([
            ((stratum(""), one.clone()), Given { cases: 40, ..Given::default() }),
            ((stratum(""), other.clone()), Given { cases: 40, ..Given::default() }),
            ((stratum("USD"), one), of(40)),
            ((stratum("USD"), other), of(20)),
        ]);
        let treated = experiment.treated(&given);
        assert_eq!(
            treated[0].arms.iter().map(|arm| (arm.cases, arm.minor)).collect::<Vec<_>>(),
            [(40, 4_000), (40, 2_000)]
        );
        assert!(!treated[0].flag.is_empty(), "half of them got nothing");
    }
}
