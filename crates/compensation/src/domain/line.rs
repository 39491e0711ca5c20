//! What a customer gets: lines, and the options that are made of them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use kernel::Money;
use serde::{Deserialize, Serialize};

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Basis {
    /// Gives back what was lost.
    Restitution,
    /// Pays for wasted time.
    Time,
    /// Goes one step further than fair.
    Gesture,
    /// The law demands it; cannot be waived.
    Statutory,
    /// Goes one step further although the fault is not the company's: a gesture, told apart.
    NoFaultGoodwill,
}

impl Basis {
    /// True for what goes beyond fair, whoever is at fault: it is limited, and nobody is owed it.
    pub const fn is_gesture(self) -> bool {
        matches!(self, Self::Gesture | Self::NoFaultGoodwill)
    }
}

/// What the customer gets by a line; what a line of this kind carries is part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Benefit {
    /// Money by a payout.
    Money(Money),
    /// A voucher with an amount.
    Voucher(Money),
    /// A voucher with 1 to 100 percent off a future purchase.
    Discount(u32),
    /// A service in kind that somebody carries out.
    Service,
}

impl Benefit {
    /// The kind as the contract names it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Money(_) => "MONEY",
            Self::Voucher(_) => "VOUCHER",
            Self::Discount(_) => "DISCOUNT",
            Self::Service => "SERVICE",
        }
    }
}

impl fmt::Display for Benefit {
    /// As `VOUCHER USD 15.00`, `DISCOUNT 10 %`, `SERVICE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Money(amount) | Self::Voucher(amount) => write!(f, " {amount}"),
            Self::Discount(percent) => write!(f, " {percent} %"),
            Self::Service => Ok(()),
        }
    }
}

/// One thing that a rule or an agent gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemedyLine {
    /// Unique in its assessment or offer.
    pub id: String,
    /// What it is for.
    pub basis: Basis,
    /// What the customer gets.
    pub benefit: Benefit,
    /// One sentence for the customer.
    pub description: String,
    /// How the amount was worked out.
    pub arithmetic: String,
    /// The rule that gives it; empty for what an agent gives.
    #[serde(default)]
    pub origin: Origin,
    /// True for money that the law demands back, and for a voucher in its place: a refund, unlike compensation by law. Left
    /// out where it is false, so that what was written or asked for before there was this mark reads and hashes as it did.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refund: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field over by reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Where a line comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// Pack and rule, as `eu261/eu261-delay`.
    pub rule: String,
    /// Where the source says so.
    pub article: String,
    /// The source, with its address.
    pub source: String,
    /// What the line read, as text.
    pub inputs: BTreeMap<String, String>,
    /// The rule says that a voucher by it never runs out.
    pub never_expires: bool,
    /// The item of the catalogue that a service is. Left out where it is none, so that what was written or asked for before
    /// there was a catalogue reads and hashes as it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<CatalogueItem>,
}

/// An item of the catalogue as a line gives it: priced when the line was given or offered, and never again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueItem {
    /// Id of the item.
    pub id: String,
    /// Version of the catalogue that priced it; empty until one has.
    pub catalogue: String,
    /// What it costs the company, where that can be said.
    pub cost: Option<Money>,
    /// What it is worth to a customer, where that can be said.
    pub perceived_value: Option<Money>,
}

/// What choosing an option needs of the customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Consent {
    /// Nothing more than choosing it.
    #[default]
    None,
    /// A signed agreement: the option gives something else than the money that the law demands.
    Signed,
}

impl RemedyLine {
    /// True for a voucher or a discount in the place of what the law demands: the customer must sign for it.
    pub const fn is_instead_of_money(&self) -> bool {
        matches!((self.basis, &self.benefit), (Basis::Statutory, Benefit::Voucher(_) | Benefit::Discount(_)))
    }

    /// The amount of money and vouchers; discounts and services have none.
    pub const fn amount(&self) -> Option<Money> {
        match self.benefit {
            Benefit::Money(amount) | Benefit::Voucher(amount) => Some(amount),
            Benefit::Discount(_) | Benefit::Service => None,
        }
    }

    /// What it costs the company: its amount, or what the catalogue says of a service. A discount has no cost until it is
    /// used.
    pub fn cost(&self) -> Option<Money> {
        match self.benefit {
            Benefit::Service => self.origin.item.as_ref().and_then(|item| item.cost),
            Benefit::Money(_) | Benefit::Voucher(_) | Benefit::Discount(_) => self.amount(),
        }
    }

    /// For a person, with the amount: `food and drink voucher (USD 15.00)`.
    pub fn in_words(&self) -> String {
        match &self.benefit {
            Benefit::Money(amount) | Benefit::Voucher(amount) => format!("{} ({amount})", self.description),
            Benefit::Discount(percent) => format!("{} ({percent} %)", self.description),
            Benefit::Service => self.description.clone(),
        }
    }
}

/// One thing that a customer can choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferOption {
    /// Unique in its offer.
    pub id: String,
    /// One sentence for the customer.
    pub description: String,
    /// What the customer gets.
    pub lines: Vec<RemedyLine>,
    /// What choosing it needs.
    #[serde(default)]
    pub consent: Consent,
    /// After this time without an answer, or once the customer has declined, this option holds by law; none when silence
    /// chooses nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds_after: Option<Duration>,
}

/// What lines give, in one sentence: what is given, and what people have to do.
pub fn settlement_summary<'a>(lines: impl IntoIterator<Item = &'a RemedyLine>) -> String {
    let (services, given): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.benefit == Benefit::Service);
    let words = |lines: Vec<&RemedyLine>| lines.into_iter().map(RemedyLine::in_words).collect::<Vec<_>>().join("; ");
    match (given.is_empty(), services.is_empty()) {
        (true, true) => "Nothing was given.".to_owned(),
        (false, true) => format!("Given: {}.", words(given)),
        (true, false) => format!("To be done: {}.", words(services)),
        (false, false) => format!("To be done: {}. Given: {}.", words(services), words(given)),
    }
}

#[cfg(test)]
impl RemedyLine {
    /// A line with nothing but what tests tell apart.
    pub(crate) fn plain(id: &str, basis: Basis, benefit: Benefit) -> Self {
        Self {
            id: id.to_owned(),
            basis,
            benefit,
            description: String::new(),
            arithmetic: String::new(),
            origin: Origin::default(),
            refund: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Currency;

    use super::*;

    fn usd(minor: i64) -> Money {
        Money::new(Currency::parse("USD").expect("a currency"), minor)
    }

    fn line(description: &str, benefit: Benefit) -> RemedyLine {
        RemedyLine { description: description.to_owned(), ..RemedyLine::plain("a", Basis::Statutory, benefit) }
    }

    #[test]
    fn a_benefit_is_shown_with_what_it_carries() {
        for (benefit, text) in [
            (Benefit::Money(usd(40_000)), "MONEY USD 400.00"),
            (Benefit::Voucher(usd(1_500)), "VOUCHER USD 15.00"),
            (Benefit::Discount(10), "DISCOUNT 10 %"),
            (Benefit::Service, "SERVICE"),
        ] {
            assert_eq!(benefit.to_string(), text);
        }
    }

    #[test]
    fn the_mark_of_a_refund_is_written_where_it_is_true_and_nowhere_else() {
        let plain = line("Fare", Benefit::Money(usd(1)));
        for refund in [false, true] {
            let line = RemedyLine { refund, ..plain.clone() };
            let written = serde_json::to_value(&line).expect("it is JSON");
            assert_eq!(written.get("refund"), refund.then_some(&serde_json::Value::Bool(true)));
            assert_eq!(serde_json::from_value::<RemedyLine>(written).expect("it reads back"), line);
        }
    }

    #[test]
    fn a_settlement_tells_what_is_to_be_done_and_what_was_given() {
        let (fare, meal) = (line("Fare", Benefit::Money(usd(40_000))), line("Meal", Benefit::Voucher(usd(1_500))));
        let (ride, bed) = (line("A ride home", Benefit::Service), line("A bed", Benefit::Service));
        for (lines, told) in [
            (vec![], "Nothing was given."),
            (vec![&fare, &meal], "Given: Fare (USD 400.00); Meal (USD 15.00)."),
            (vec![&ride, &bed], "To be done: A ride home; A bed."),
            (vec![&fare, &ride, &meal], "To be done: A ride home. Given: Fare (USD 400.00); Meal (USD 15.00)."),
        ] {
            assert_eq!(settlement_summary(lines), told);
        }
    }
}
