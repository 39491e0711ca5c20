//! How much: what the research says about amounts, what is too much, and the nearest amount to a customer's fair ask.
//!
//! Pure. Service rejected: the best return is at 60 to 120 % of the price (S-curve); service accepted: the first amounts
//! return most (Gelbrich, Gäthke and Grégoire 2015). Over-compensation helps to about 150 % and then harms (Haesevoets,
//! Van Hiel, Pandelaere and De Cremer 2017). What the law demands stands apart from all of it, and giving back what was
//! lost is never too much.

use kernel::Money;
use serde::{Deserialize, Serialize};

use super::event::Severity;
use super::fair_option::OwedMoney;
use super::gate::{Known, Outcome};
use super::line::{Basis, Benefit, OfferOption, RemedyLine};
use super::money::percent_of;

/// Most of everything but what the law demands, in percent of the price.
pub const CEILING_PERCENT: u32 = 150;

/// What amounts the research speaks for. All of them mean the sum of what is given, but for statutory lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guidance {
    /// What the customer paid.
    pub price: Money,
    /// Where the range begins.
    pub from: Money,
    /// What to give when nothing else is known.
    pub suggested: Money,
    /// Most that is offered without a person.
    pub to: Money,
    /// Most that anybody may offer.
    pub ceiling: Money,
    /// How it was worked out.
    pub text: String,
}

/// Shares of the price in percent: from, suggested, to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Where the range begins.
    pub from: u32,
    /// What to give when nothing else is known.
    pub suggested: u32,
    /// Most that is offered without a person.
    pub to: u32,
}

/// The shares for an outcome. Whether the service was accepted decides the curve; not known counts as accepted, so that
/// the small first amounts are tried first. The steps of the accepted curve by severity are this product's assumption. Without a
/// person SAVE goes no further than RESTORE: a failure more must not pay better, and the senior owner may go up to the ceiling.
pub const fn shares(outcome: Outcome, severity: Severity, service_accepted: Option<bool>) -> Option<Shares> {
    let rejected = matches!(service_accepted, Some(false));
    let first = match severity {
        Severity::Unspecified | Severity::Low => 5,
        Severity::Medium => 10,
        Severity::High => 14,
        Severity::Critical => 17,
    };
    match (outcome, rejected) {
        (Outcome::StatutoryOnly, _) => None,
        (Outcome::Restore, true) => Some(Shares { from: 60, suggested: 100, to: 120 }),
        (Outcome::Delight | Outcome::Save, true) => Some(Shares { from: 60, suggested: 120, to: 120 }),
        (Outcome::Restore | Outcome::Save, false) => Some(Shares { from: 0, suggested: first, to: first }),
        (Outcome::Delight, false) => Some(Shares { from: 0, suggested: first, to: 2 * first }),
    }
}

/// Amounts for an outcome; none when the price is not known or only the law is followed.
pub fn guidance(outcome: Outcome, severity: Severity, known: &Known) -> Option<Guidance> {
    let shares = shares(outcome, severity, known.service_accepted)?;
    let price = known.price?;
    let curve = match known.service_accepted {
        Some(false) => "the customer rejected the service, where the best return is at 60 to 120 % of the price",
        Some(true) => "the customer accepted the service, where the first amounts return most",
        None => {
            "whether the customer accepted the service is not known; taken as accepted, where the first amounts return most"
        }
    };
    Some(Guidance {
        price,
        from: percent_of(price, shares.from)?,
        suggested: percent_of(price, shares.suggested)?,
        to: percent_of(price, shares.to)?,
        ceiling: percent_of(price, CEILING_PERCENT)?,
        text: format!(
            "{price} paid; {curve}. {} % is suggested, up to {} % without a person, never above {CEILING_PERCENT} %.",
            shares.suggested, shares.to
        ),
    })
}

/// The most of gestures that rules give and offer without a person: what RESTORE goes up to. A gesture above it is the
/// extra step, which works only where the gate says so; under SAVE it is the senior owner's, and no warier outcome
/// gives more. None where the gate lets the extra step be taken, or the price is not known.
pub fn gestures_of_rules(outcome: Outcome, severity: Severity, known: &Known) -> Option<Money> {
    match outcome {
        Outcome::Delight => None,
        Outcome::Restore | Outcome::Save | Outcome::StatutoryOnly => {
            percent_of(known.price?, shares(Outcome::Restore, severity, known.service_accepted)?.to)
        }
    }
}

/// True when the gestures of these lines are above `most` together; those without an amount count nothing.
pub fn gestures_above<'a>(most: Money, lines: impl IntoIterator<Item = &'a RemedyLine>) -> bool {
    sum(lines, most, Basis::is_gesture) > i128::from(most.minor)
}

/// Sum of the lines' amounts in the currency of `like`, of these bases.
fn sum<'a>(lines: impl IntoIterator<Item = &'a RemedyLine>, like: Money, bases: impl Fn(Basis) -> bool) -> i128 {
    let amounts = lines.into_iter().filter(|line| bases(line.basis)).filter_map(RemedyLine::amount);
    amounts.filter(|amount| amount.currency == like.currency).map(|amount| i128::from(amount.minor)).sum()
}

/// How much these lines go above what anybody may offer; none when they do not. Statutory lines stand apart, and what
/// only gives back a loss is never too much.
pub fn excess<'a>(ceiling: Money, lines: impl IntoIterator<Item = &'a RemedyLine> + Clone) -> Option<Money> {
    let extra = sum(lines.clone(), ceiling, |basis| basis == Basis::Time || basis.is_gesture());
    let back = sum(lines, ceiling, |basis| basis == Basis::Restitution);
    let room = (i128::from(ceiling.minor) - back).max(0);
    let above = i64::try_from(extra - room).ok()?;
    (above > 0).then(|| Money::new(ceiling.currency, above))
}

/// Why these lines cannot be compared with the price: the first that goes beyond a loss in another currency.
pub fn not_comparable<'a>(price: Money, lines: impl IntoIterator<Item = &'a RemedyLine>) -> Option<String> {
    let beyond = lines.into_iter().filter(|line| line.basis == Basis::Time || line.basis.is_gesture());
    let other = beyond.filter_map(RemedyLine::amount).find(|amount| amount.currency != price.currency)?;
    Some(format!(
        "{other} cannot be compared with the price, {price}, so that nobody knows whether it is above 150 % of it"
    ))
}

/// What is answered to a customer who says what would be fair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This amount in all, and why.
    Offer(Money, String),
    /// The law gives as much already, by an option that is on the table.
    ByLaw(String),
    /// A person must answer, and why.
    Person(String),
    /// The ask is in another currency than this one.
    Currency(kernel::Currency),
}

/// The nearest amount to `ask` that may be offered without a person: not above what the gate allows less what comes with
/// it anyway, and never less than what is on the table already. What the law demands is part of the amount; where it is no
/// refund it stands apart from what the gate allows.
pub fn nearest(ask: Money, guidance: Option<&Guidance>, options: &[OfferOption], with_it: &[&RemedyLine]) -> Answer {
    let on_table = options.iter().filter_map(|option| amount_of_option(option, ask)).max();
    let base = guidance.map(|guidance| guidance.price.currency).or_else(|| currency_of(options));
    if let Some(currency) = base.filter(|currency| *currency != ask.currency) {
        return Answer::Currency(currency);
    }
    let owed = OwedMoney::of(options, ask.currency);
    if i128::from(ask.minor) <= owed.by_law() {
        let text = format!("{ask} is no more than what the law demands for you: option {} gives it.", owed.option);
        return Answer::ByLaw(text);
    }
    let room = guidance
        .map_or(0, |guidance| i128::from(guidance.to.minor) - sum(with_it.iter().copied(), guidance.to, is_not_by_law));
    let most = (owed.apart() + room.max(0)).max(i128::from(on_table.unwrap_or(0)));
    let Some(most) = i64::try_from(most).ok().filter(|most| *most > 0) else {
        let text = "No amount can be worked out: the price of what failed is not known, or only the law is followed. A person answers.";
        return Answer::Person(text.to_owned());
    };
    let most = Money::new(ask.currency, most);
    if ask.minor <= most.minor {
        return Answer::Offer(ask, format!("{ask} is what you call fair, and it is within what we may give."));
    }
    if on_table == Some(most.minor) && has_money(options, most) {
        let text = format!(
            "{most} is on the table already and the most that may be offered without a person. A person answers."
        );
        return Answer::Person(text);
    }
    Answer::Offer(most, format!("You call {ask} fair; {most} is the nearest that we may give at once."))
}

/// What an option gives in vouchers and money; of what the law demands the money alone.
fn amount_of_option(option: &OfferOption, like: Money) -> Option<i64> {
    let lines = option.lines.iter().filter(|line| !line.is_instead_of_money());
    i64::try_from(sum(lines, like, |_| true)).ok().filter(|minor| *minor > 0)
}

fn is_not_by_law(basis: Basis) -> bool {
    basis != Basis::Statutory
}

/// True when an option gives this amount, all of it in money.
fn has_money(options: &[OfferOption], amount: Money) -> bool {
    let is_money = |line: &RemedyLine| matches!(line.benefit, Benefit::Money(_));
    let mut in_money = options.iter().filter(|option| option.lines.iter().all(is_money));
    in_money.any(|option| amount_of_option(option, amount) == Some(amount.minor))
}

fn currency_of(options: &[OfferOption]) -> Option<kernel::Currency> {
    options.iter().flat_map(|option| &option.lines).find_map(RemedyLine::amount).map(|amount| amount.currency)
}
