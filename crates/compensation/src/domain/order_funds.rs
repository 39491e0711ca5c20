//! What was captured for an order bounds what is refunded of it.
//!
//! A refund is a line of money that gives back what was lost (RESTITUTION) for an event with the fact `order`. What the
//! law demands, pays for time or goes beyond is no refund and has no such bound. Money that is on its way counts like
//! money that was paid; an order of which no capture is known has nothing to refund.

use kernel::Money;

use super::event::{Fact, FailureEvent};
use super::line::{Basis, Benefit, RemedyLine};

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
    match (&line.basis, &line.benefit) {
        (Basis::Restitution, Benefit::Money(amount)) => Some(*amount),
        _ => None,
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

/// Cuts refunds to what is left of their order and takes them from it. What is above is not paid by itself: it becomes a
/// line for people, who find out why more is asked back than was taken.
pub fn cut(lines: &mut Vec<RemedyLine>, order: &str, mut funds: Option<&mut OrderFunds>) {
    let mut above = Vec::new();
    for line in lines.iter_mut() {
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
            ..line.clone()
        });
        line.benefit = Benefit::Money(Money::new(wanted.currency, allowed));
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

    #[test]
    fn only_money_that_gives_back_is_a_refund() {
        let amount = money("EUR", 5);
        for basis in [Basis::Restitution, Basis::Time, Basis::Gesture, Basis::Statutory] {
            let expected = (basis == Basis::Restitution).then_some(amount);
            assert_eq!(refund_of(&line("l", basis, Benefit::Money(amount))), expected, "{basis:?}");
            for benefit in [Benefit::Voucher(amount), Benefit::Discount(5), Benefit::Service] {
                assert_eq!(refund_of(&line("l", basis, benefit)), None);
            }
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
        ) {
            let mut order = funds(captured, 0);
            let mut lines: Vec<_> = amounts.iter().map(|amount| refund("EUR", *amount)).collect();
            cut(&mut lines, "A-1", Some(&mut order));
            let paid: i64 = lines.iter().filter_map(refund_of).map(|amount| amount.minor).sum();
            prop_assert_eq!(paid, order.refunded);
            prop_assert_eq!(paid, captured.min(amounts.iter().sum()));
            let people = lines.iter().filter(|line| line.benefit == Benefit::Service).count();
            prop_assert_eq!(people > 0, amounts.iter().sum::<i64>() > captured);
        }
    }
}
