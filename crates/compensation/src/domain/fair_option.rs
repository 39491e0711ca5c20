//! What a customer calls fair, as an option: what the law demands and what gives back the loss keep their names in it, and only
//! the rest is goodwill.
//!
//! Pure. What always holds: the lines of the option are its amount to the minor unit, and the law's are in it whole, so that no
//! agreement waives them, and what is refunded counts against what was captured.

use kernel::{Currency, Money};

use super::line::{Basis, Benefit, Consent, OfferOption, Origin, RemedyLine};

/// The money of an option that is no goodwill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwedMoney<'a> {
    /// Id of the option; empty when none gives such money.
    pub option: &'a str,
    /// What the law demands.
    pub law: Vec<(&'a RemedyLine, i64)>,
    /// What gives back the loss.
    pub back: Vec<(&'a RemedyLine, i64)>,
}

impl<'a> OwedMoney<'a> {
    /// Of the option that gives most of it in this currency; one that needs a signature gives something else in its place.
    pub fn of(options: &'a [OfferOption], currency: Currency) -> Self {
        let unsigned = options.iter().filter(|option| option.consent == Consent::None);
        let owed = unsigned.map(|option| {
            let of = |basis: Basis| {
                let lines = option.lines.iter().filter(move |line| line.basis == basis);
                lines.filter_map(move |line| match line.benefit {
                    Benefit::Money(amount) if amount.currency == currency => Some((line, amount.minor)),
                    _ => None,
                })
            };
            Self { option: &option.id, law: of(Basis::Statutory).collect(), back: of(Basis::Restitution).collect() }
        });
        // The first of those that give the same.
        owed.filter(|owed| owed.total() > 0)
            .reduce(|most, other| if other.total() > most.total() { other } else { most })
            .unwrap_or_default()
    }

    /// What the law demands, in minor units.
    pub fn by_law(&self) -> i128 {
        sum(&self.law)
    }

    /// What the law demands besides refunds: it stands apart from what is given back and from goodwill.
    pub fn apart(&self) -> i128 {
        self.law.iter().filter(|(line, _)| !line.refund).map(|(_, minor)| i128::from(*minor)).sum()
    }

    fn total(&self) -> i128 {
        sum(&self.law) + sum(&self.back)
    }

    /// Lines of this amount, which is not below what the law demands.
    pub fn lines(&self, amount: Money, explanation: &str) -> Vec<RemedyLine> {
        let mut left = amount.minor;
        let mut lines = Vec::new();
        for (line, minor) in self.law.iter().chain(&self.back) {
            let taken = (*minor).min(left);
            if taken > 0 {
                left -= taken;
                let benefit = Benefit::Money(Money::new(amount.currency, taken));
                lines.push(RemedyLine { benefit, ..(*line).clone() });
            }
        }
        if left > 0 {
            lines.push(RemedyLine {
                id: "fair.amount".to_owned(),
                basis: Basis::Gesture,
                benefit: Benefit::Money(Money::new(amount.currency, left)),
                description: "What we can agree on".to_owned(),
                arithmetic: explanation.to_owned(),
                origin: Origin::default(),
                refund: false,
            });
        }
        lines
    }
}

fn sum(lines: &[(&RemedyLine, i64)]) -> i128 {
    lines.iter().map(|(_, minor)| i128::from(*minor)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::money::parse_amount;

    fn money(text: &str) -> Money {
        parse_amount(text).expect("an amount")
    }

    fn option(id: &str, consent: Consent, lines: Vec<RemedyLine>) -> OfferOption {
        OfferOption { id: id.to_owned(), description: String::new(), lines, consent, holds_after: None }
    }

    fn told(lines: &[RemedyLine]) -> Vec<String> {
        lines.iter().map(|line| format!("{} {:?} {}", line.id, line.basis, line.benefit)).collect()
    }

    #[test]
    fn the_law_and_the_loss_keep_their_names_and_the_rest_is_goodwill() {
        let cash = |id, basis, text| RemedyLine::plain(id, basis, Benefit::Money(money(text)));
        let options = [
            option("voucher", Consent::Signed, vec![cash("signed", Basis::Statutory, "EUR 900.00")]),
            option("less", Consent::None, vec![cash("less", Basis::Restitution, "EUR 90.00")]),
            option(
                "most",
                Consent::None,
                vec![
                    cash("loss", Basis::Restitution, "EUR 50.00"),
                    cash("law", Basis::Statutory, "EUR 250.00"),
                    cash("gift", Basis::Gesture, "EUR 500.00"),
                    cash("dollars", Basis::Restitution, "USD 500.00"),
                    RemedyLine::plain("food", Basis::Statutory, Benefit::Voucher(money("EUR 700.00"))),
                ],
            ),
            option("same", Consent::None, vec![cash("other", Basis::Restitution, "EUR 300.00")]),
        ];
        let owed = OwedMoney::of(&options, money("EUR 1.00").currency);
        assert_eq!((owed.option, owed.by_law(), owed.apart()), ("most", 25_000, 25_000));
        let of = |text: &str| told(&owed.lines(money(text), "why"));
        assert_eq!(of("EUR 250.00"), ["law Statutory MONEY EUR 250.00"]);
        assert_eq!(of("EUR 270.00"), ["law Statutory MONEY EUR 250.00", "loss Restitution MONEY EUR 20.00"]);
        assert_eq!(of("EUR 300.00").len(), 2);
        let all = [
            "law Statutory MONEY EUR 250.00",
            "loss Restitution MONEY EUR 50.00",
            "fair.amount Gesture MONEY EUR 0.01",
        ];
        assert_eq!(of("EUR 300.01"), all);
        let nothing = OwedMoney::of(&options, money("GBP 1.00").currency);
        assert_eq!(told(&nothing.lines(money("GBP 5.00"), "why")), ["fair.amount Gesture MONEY GBP 5.00"]);
    }

    #[test]
    fn a_refund_by_law_does_not_stand_apart() {
        let mut refund = RemedyLine::plain("refund", Basis::Statutory, Benefit::Money(money("EUR 40.00")));
        refund.refund = true;
        let options = [option("o", Consent::None, vec![refund])];
        let owed = OwedMoney::of(&options, money("EUR 1.00").currency);
        assert_eq!((owed.by_law(), owed.apart()), (4_000, 0));
    }

    proptest! {
        #[test]
        fn the_lines_are_the_amount(law in 0..1_000_i64, back in 0..1_000_i64, more in 0..2_000_i64) {
            let of = |id, basis, minor| RemedyLine::plain(id, basis, Benefit::Money(Money::new(money("EUR 1.00").currency, minor)));
            let lines = vec![of("law", Basis::Statutory, law), of("back", Basis::Restitution, back)];
            let options = [option("o", Consent::None, lines)];
            let amount = Money::new(money("EUR 1.00").currency, law + more);
            let given = OwedMoney::of(&options, amount.currency).lines(amount, "why");
            let sum = |wanted: fn(Basis) -> bool| -> i64 {
                let costs = given.iter().filter(|line| wanted(line.basis)).filter_map(RemedyLine::cost);
                costs.map(|cost| cost.minor).sum()
            };
            prop_assert_eq!(sum(|_| true), law + more);
            prop_assert_eq!(sum(|basis| basis == Basis::Statutory), law, "the law's is in it whole");
            prop_assert_eq!(sum(Basis::is_gesture), (more - back).max(0));
        }
    }
}
