//! What was captured for an order bounds what is refunded of it.
//!
//! A refund is a line of money that gives back what was lost (RESTITUTION), or of which the law demands the price back
//! (STATUTORY, marked by its rule), for an event with the fact `order`. A voucher that the customer signs for in the place
//! of that price (STATUTORY, marked too) refunds what it is worth: the price is not owed a second time. Compensation by
//! law, pay for time and gestures are no refunds and have no such bound. Money that is on its way counts like money that
//! was paid; an order of which no capture is known has nothing to refund. The law's refunds come first.

use kernel::Money;

use super::event::{Fact, FailureEvent};
use super::line::{Basis, Benefit, Consent, OfferOption, RemedyLine};

/// The fact that names the order.
pub const ORDER_FACT: &str = "order";
/// Longest reference of an order, in characters.
pub const MAX_REFERENCE: usize = 128;

/// The order that an event is about.
pub fn order_of(event: &FailureEvent) -> Option<&str> {
    match event.facts.get(ORDER_FACT) {
        Some(Fact::Text(order)) if !order.is_empty() => Some(order),
        Some(Fact::Text(_) | Fact::Integer(_) | Fact::Boolean(_) | Fact::Money(_) | Fact::Time(_)) | None => None,
    }
}

/// What a line refunds.
pub fn refund_of(line: &RemedyLine) -> Option<Money> {
    match (line.basis, &line.benefit) {
        (Basis::Restitution, Benefit::Money(amount)) => Some(*amount),
        (Basis::Statutory, Benefit::Money(amount) | Benefit::Voucher(amount)) if line.refund => Some(*amount),
        _ => None,
    }
}

/// Marks as refunds the STATUTORY money of people's lines, and their vouchers in its place, for which the law has no other
/// reason: every line that is owed and covers it gives back the price. Whoever offers it need not say so for it to count.
pub fn mark<'a>(lines: impl IntoIterator<Item = &'a mut RemedyLine>, owed: &[&RemedyLine]) {
    for line in lines {
        let Some(asked) = line.amount() else { continue };
        let in_its_place = matches!(line.benefit, Benefit::Voucher(_));
        let covering = || {
            owed.iter().filter(move |known| match known.benefit {
                Benefit::Voucher(_) if !in_its_place => false,
                Benefit::Money(amount) | Benefit::Voucher(amount) => {
                    amount.currency == asked.currency && asked.minor <= amount.minor
                }
                Benefit::Discount(_) | Benefit::Service => false,
            })
        };
        line.refund |=
            line.basis == Basis::Statutory && covering().next().is_some() && covering().all(|known| known.refund);
    }
}

/// Marks as refunds the vouchers of an option that the customer signs for, where all money that the law demands by the other
/// options gives back the price: its rule did not say so, or not when the offer was made.
pub fn mark_signed(lines: &mut [RemedyLine], options: &[OfferOption]) {
    let unsigned = options.iter().filter(|option| option.consent == Consent::None).flat_map(|option| &option.lines);
    let mut money =
        unsigned.filter(|line| line.basis == Basis::Statutory && matches!(line.benefit, Benefit::Money(_))).peekable();
    if money.peek().is_some() && money.all(|line| line.refund) {
        let vouchers = lines.iter_mut().filter(|line| matches!(line.benefit, Benefit::Voucher(_)));
        vouchers.filter(|line| line.is_instead_of_money()).for_each(|line| line.refund = true);
    }
}

/// What was captured for an order, and what was refunded of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFunds {
    /// The order.
    pub order: String,
    /// What was captured.
    pub captured: Money,
    /// What was refunded or is on its way, in minor units; never above what was captured.
    pub refunded: i64,
}

impl OrderFunds {
    /// What may still be refunded.
    pub fn left(&self) -> Money {
        Money::new(self.captured.currency, self.captured.minor - self.refunded)
    }

    /// How much of `wanted` may be refunded: none of another currency.
    fn allowed(&self, wanted: Money) -> i64 {
        let left = self.left();
        if left.currency == wanted.currency { wanted.minor.min(left.minor).max(0) } else { 0 }
    }
}

/// Cuts refunds to what is left of their order and takes them from it, the law's first. What is above is not paid by
/// itself: it becomes a line for people, who find out why more is asked back than was taken.
pub fn cut(lines: &mut Vec<RemedyLine>, order: &str, mut funds: Option<&mut OrderFunds>) {
    cut_by_law(lines, order, funds.as_deref_mut());
    cut_of(lines, order, funds, Basis::Restitution);
}

/// The same for refunds that the law demands alone.
pub fn cut_by_law(lines: &mut Vec<RemedyLine>, order: &str, funds: Option<&mut OrderFunds>) {
    cut_of(lines, order, funds, Basis::Statutory);
}

fn cut_of(lines: &mut Vec<RemedyLine>, order: &str, mut funds: Option<&mut OrderFunds>, basis: Basis) {
    let mut above = Vec::new();
    for line in lines.iter_mut().filter(|line| line.basis == basis) {
        let Some(wanted) = refund_of(line) else { continue };
        let allowed = funds.as_ref().map_or(0, |funds| funds.allowed(wanted));
        let why = said(order, funds.as_deref());
        if let Some(funds) = &mut funds {
            funds.refunded += allowed;
        }
        if allowed == wanted.minor {
            continue;
        }
        let rest = Money::new(wanted.currency, wanted.minor - allowed);
        above.push(RemedyLine {
            id: format!("{}.above-capture", line.id.chars().take(114).collect::<String>()),
            benefit: Benefit::Service,
            description: format!("Check by hand whether {rest} of order {order} is to be refunded"),
            arithmetic: why.clone(),
            refund: false,
            ..line.clone()
        });
        let left = Money::new(wanted.currency, allowed);
        line.benefit = match line.benefit {
            Benefit::Voucher(_) => Benefit::Voucher(left),
            Benefit::Money(_) | Benefit::Discount(_) | Benefit::Service => Benefit::Money(left),
        };
        line.arithmetic = format!("{}; cut from {wanted}: {why}", line.arithmetic).chars().take(512).collect();
    }
    lines.retain(|line| refund_of(line).is_none_or(|amount| amount.minor > 0));
    lines.extend(above);
}

/// The first sum of refunds, of these choices, that is above what is left: it, and why.
pub fn above<'a>(
    lines: impl IntoIterator<Item = &'a RemedyLine>,
    order: &str,
    funds: Option<&OrderFunds>,
) -> Option<String> {
    let mut left = funds.cloned();
    for wanted in lines.into_iter().filter_map(refund_of) {
        if left.as_ref().map_or(0, |left| left.allowed(wanted)) < wanted.minor {
            return Some(said(order, left.as_ref()));
        }
        if let Some(left) = &mut left {
            left.refunded += wanted.minor;
        }
    }
    None
}

fn said(order: &str, funds: Option<&OrderFunds>) -> String {
    match funds {
        Some(funds) => format!("order {order} has {} left of {} captured", funds.left(), funds.captured),
        None => format!("no capture is known of order {order}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kernel::{Currency, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::event::FailureEvent;

    fn money(code: &str, minor: i64) -> Money {
        Money::new(Currency::parse(code).expect("known"), minor)
    }

    fn line(id: &str, basis: Basis, benefit: Benefit) -> RemedyLine {
        let json = serde_json::json!({
            "id": id, "basis": basis, "benefit": benefit, "description": "d", "arithmetic": "a"
        });
        serde_json::from_value(json).expect("a line")
    }

    fn refund(code: &str, minor: i64) -> RemedyLine {
        line("r.refund", Basis::Restitution, Benefit::Money(money(code, minor)))
    }

    fn funds(captured: i64, refunded: i64) -> OrderFunds {
        OrderFunds { order: "A-1".to_owned(), captured: money("EUR", captured), refunded }
    }

    #[test]
    fn the_order_is_a_text() {
        let event = |fact: Option<Fact>| FailureEvent {
            kind: "bill.wrong".to_owned(),
            occurred_at: Timestamp::from_seconds(0),
            reference: "A-2".to_owned(),
            facts: fact.into_iter().map(|fact| (ORDER_FACT.to_owned(), fact)).collect::<BTreeMap<_, _>>(),
        };
        assert_eq!(order_of(&event(Some(Fact::Text("A-1".to_owned())))), Some("A-1"));
        for other in [None, Some(Fact::Text(String::new())), Some(Fact::Integer(1)), Some(Fact::Boolean(true))] {
            assert_eq!(order_of(&event(other)), None);
        }
    }

    fn by_law(id: &str, minor: i64) -> RemedyLine {
        RemedyLine { refund: true, ..line(id, Basis::Statutory, Benefit::Money(money("EUR", minor))) }
    }

    #[test]
    fn only_money_that_gives_back_is_a_refund() {
        let amount = money("EUR", 5);
        for basis in [Basis::Restitution, Basis::Time, Basis::Gesture, Basis::Statutory] {
            for refund in [false, true] {
                let of = |benefit| refund_of(&RemedyLine { refund, ..line("l", basis, benefit) });
                let by_law = basis == Basis::Statutory && refund;
                let is_refund = basis == Basis::Restitution || by_law;
                assert_eq!(of(Benefit::Money(amount)), is_refund.then_some(amount), "{basis:?} {refund}");
                assert_eq!(of(Benefit::Voucher(amount)), by_law.then_some(amount), "{basis:?} {refund}");
                for benefit in [Benefit::Discount(5), Benefit::Service] {
                    assert_eq!(of(benefit), None);
                }
            }
        }
    }

    #[test]
    fn the_law_takes_first_and_what_it_lacks_goes_to_people() {
        let mut lines = vec![refund("EUR", 5_000), by_law("law.ticket", 4_000)];
        let mut order = funds(6_000, 0);
        cut(&mut lines, "A-1", Some(&mut order));
        let paid: Vec<_> =
            lines.iter().map(|line| (line.id.as_str(), refund_of(line).map(|paid| paid.minor))).collect();
        let rest = ("r.refund.above-capture", None);
        assert_eq!(paid, [("r.refund", Some(2_000)), ("law.ticket", Some(4_000)), rest]);

        let mut lines = vec![by_law("law.ticket", 4_000), refund("EUR", 5_000)];
        cut_by_law(&mut lines, "A-1", Some(&mut funds(3_000, 0)));
        assert_eq!(lines[1], refund("EUR", 5_000), "the rest is left alone");
        assert_eq!((lines[0].benefit.clone(), lines[2].benefit.clone()), {
            (Benefit::Money(money("EUR", 3_000)), Benefit::Service)
        });
        assert_eq!((lines[2].basis, lines[2].refund), (Basis::Statutory, false), "it stays what the law demands");
        let mut lines = vec![by_law("law.ticket", 4_000)];
        cut_by_law(&mut lines, "A-1", None);
        assert_eq!(lines[0].arithmetic, "no capture is known of order A-1");

        // A voucher in the place of the price stays one.
        let voucher = |minor| Benefit::Voucher(money("EUR", minor));
        let mut lines = vec![RemedyLine { benefit: voucher(4_000), ..by_law("law.voucher", 0) }];
        let mut order = funds(6_000, 3_000);
        cut(&mut lines, "A-1", Some(&mut order));
        assert_eq!((lines[0].benefit.clone(), lines[1].benefit.clone()), (voucher(3_000), Benefit::Service));
        assert_eq!(order.left().minor, 0);
    }

    #[test]
    fn a_line_of_an_agent_is_a_refund_where_the_law_has_no_other_reason_for_it() {
        let (ticket, compensation) =
            (by_law("t", 5_000), line("c", Basis::Statutory, Benefit::Money(money("EUR", 4_000))));
        let of = |basis, code: &str, minor, owed: &[&RemedyLine]| {
            let mut offered = line("o", basis, Benefit::Money(money(code, minor)));
            mark([&mut offered], owed);
            offered.refund
        };
        assert!(of(Basis::Statutory, "EUR", 5_000, &[&ticket]));
        assert!(of(Basis::Statutory, "EUR", 4_001, &[&ticket, &compensation]), "more than the other reason covers");
        assert!(!of(Basis::Statutory, "EUR", 4_000, &[&ticket, &compensation]));
        assert!(!of(Basis::Statutory, "EUR", 5_001, &[&ticket]), "nothing is owed of it: people approve it");
        assert!(!of(Basis::Statutory, "USD", 5_000, &[&ticket]));
        assert!(!of(Basis::Statutory, "EUR", 1, &[]));
        assert!(!of(Basis::Gesture, "EUR", 5_000, &[&ticket]));
        let voucher_of = |minor, owed: &[&RemedyLine]| {
            let mut offered = line("o", Basis::Statutory, Benefit::Voucher(money("EUR", minor)));
            mark([&mut offered], owed);
            offered.refund
        };
        let signed = RemedyLine { benefit: Benefit::Voucher(money("EUR", 6_000)), ..by_law("s", 0) };
        let meal = line("m", Basis::Statutory, Benefit::Voucher(money("EUR", 6_000)));
        assert!(voucher_of(5_000, &[&ticket]), "in the place of the price");
        assert!(voucher_of(6_000, &[&ticket, &signed]));
        assert!(!voucher_of(6_001, &[&ticket, &signed]));
        assert!(!voucher_of(6_000, &[&signed, &meal]));
        assert!(!voucher_of(4_000, &[&signed, &compensation]));
        assert!(!of(Basis::Statutory, "EUR", 6_000, &[&signed]), "no money is owed");
        assert!(of(Basis::Statutory, "EUR", 5_000, &[&ticket, &meal]));
        let mut said = by_law("o", 1);
        mark([&mut said], &[&compensation]);
        assert!(said.refund, "what is said to be a refund stays one");
    }

    #[test]
    fn a_voucher_that_is_signed_for_is_a_refund_where_the_law_demands_nothing_else_in_money() {
        let option = |id: &str, consent, lines: &[&RemedyLine]| OfferOption {
            id: id.to_owned(),
            description: String::new(),
            lines: lines.iter().map(|line| (*line).clone()).collect(),
            consent,
            holds_after: None,
        };
        let (ticket, compensation) =
            (by_law("t", 5_000), line("c", Basis::Statutory, Benefit::Money(money("EUR", 4_000))));
        let gift = line("g", Basis::Gesture, Benefit::Money(money("EUR", 100)));
        let voucher = line("v", Basis::Statutory, Benefit::Voucher(money("EUR", 5_000)));
        let extra = line("e", Basis::Gesture, Benefit::Voucher(money("EUR", 500)));
        let discount = line("d", Basis::Statutory, Benefit::Discount(5));
        let signed = option("signed", Consent::Signed, &[&voucher, &ticket]);
        for (others, expected) in [
            (vec![option("money", Consent::None, &[&ticket, &gift])], [true, false, false]),
            (
                vec![option("money", Consent::None, &[&ticket]), option("other", Consent::None, &[&compensation])],
                [false; 3],
            ),
            (vec![option("money", Consent::None, &[&compensation])], [false; 3]),
            (vec![option("gift", Consent::None, &[&gift])], [false; 3]),
            (vec![], [false; 3]),
        ] {
            let mut lines = [voucher.clone(), extra.clone(), discount.clone()];
            mark_signed(&mut lines, &[vec![signed.clone()], others].concat());
            assert_eq!(lines.map(|line| line.refund), expected);
        }
    }

    #[test]
    fn what_is_above_goes_to_people_with_the_reason() {
        let law = line("law", Basis::Statutory, Benefit::Money(money("EUR", 60_000)));
        let mut lines = vec![refund("EUR", 5_000), law.clone()];
        let mut order = funds(6_000, 3_000);
        cut(&mut lines, "A-1", Some(&mut order));
        assert_eq!(order.refunded, 6_000);
        assert_eq!(lines[0].benefit, Benefit::Money(money("EUR", 3_000)));
        assert_eq!(lines[0].arithmetic, "a; cut from EUR 50.00: order A-1 has EUR 30.00 left of EUR 60.00 captured");
        assert_eq!(lines[1], law, "what the law demands is no refund");
        assert_eq!((lines[2].id.as_str(), &lines[2].benefit), ("r.refund.above-capture", &Benefit::Service));
        assert_eq!(lines[2].description, "Check by hand whether EUR 20.00 of order A-1 is to be refunded");
        assert_eq!(lines[2].arithmetic, "order A-1 has EUR 30.00 left of EUR 60.00 captured");

        for order in [None, Some(&mut funds(6_000, 6_000)), Some(&mut funds(6_000, 0))] {
            // Another currency, nothing left, or nothing known.
            let currency = if order.as_ref().is_some_and(|order| order.refunded == 0) { "USD" } else { "EUR" };
            let mut lines = vec![refund(currency, 1)];
            cut(&mut lines, "A-1", order);
            assert_eq!(lines.len(), 1);
            assert_eq!(lines[0].benefit, Benefit::Service);
        }
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        let mut lines = vec![refund("EUR", 3_000), line("v", Basis::Restitution, Benefit::Voucher(money("USD", 9)))];
        let before = lines.clone();
        let mut order = funds(6_000, 3_000);
        cut(&mut lines, "A-1", Some(&mut order));
        assert_eq!((lines, order.left()), (before, money("EUR", 0)));
    }

    #[test]
    fn a_choice_is_judged_as_a_whole() {
        let two = [refund("EUR", 2_000), refund("EUR", 2_000)];
        assert_eq!(above(&two, "A-1", Some(&funds(4_000, 0))), None);
        let why = above(&two, "A-1", Some(&funds(3_999, 0)));
        assert_eq!(why.as_deref(), Some("order A-1 has EUR 19.99 left of EUR 39.99 captured"));
        assert_eq!(above(&two, "A-1", None).as_deref(), Some("no capture is known of order A-1"));
        assert_eq!(above(&[], "A-1", None), None);
    }

    proptest! {
        #[test]
        fn refunds_never_exceed_the_capture_and_nothing_is_lost(
            captured in 1..10_000_i64,
            amounts in prop::collection::vec(1..4_000_i64, 0..12),
            by_whom in prop::collection::vec(any::<bool>(), 12),
        ) {
            let mut order = funds(captured, 0);
            let of = |(amount, is_law): (&i64, bool)| if is_law { by_law("l", *amount) } else { refund("EUR", *amount) };
            let mut lines: Vec<_> = amounts.iter().zip(by_whom).map(of).collect();
            cut(&mut lines, "A-1", Some(&mut order));
            let paid: i64 = lines.iter().filter_map(refund_of).map(|amount| amount.minor).sum();
            prop_assert_eq!(paid, order.refunded);
            prop_assert_eq!(paid, captured.min(amounts.iter().sum()));
            let people = lines.iter().filter(|line| line.benefit == Benefit::Service).count();
            prop_assert_eq!(people > 0, amounts.iter().sum::<i64>() > captured);
        }
    }
}
