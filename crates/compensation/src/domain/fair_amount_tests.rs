//! Amounts at their boundaries, and what holds for every ask.

use kernel::{Currency, Money};
use proptest::prelude::*;

use super::event::Severity;
use super::fair_amount::{Answer, CEILING_PERCENT, Guidance, excess, guidance, nearest, shares};
use super::gate::{Known, Outcome};
use super::line::{Basis, Benefit, OfferOption, RemedyLine};

fn usd(minor: i64) -> Money {
    Money::new(Currency::parse("USD").expect("a currency"), minor)
}

fn line(basis: Basis, minor: i64) -> RemedyLine {
    RemedyLine::plain(&format!("{basis:?}-{minor}"), basis, Benefit::Money(usd(minor)))
}

fn option(lines: Vec<RemedyLine>) -> OfferOption {
    OfferOption {
        id: "o".to_owned(),
        description: String::new(),
        lines,
        consent: super::line::Consent::None,
        holds_after: None,
    }
}

fn known(service_accepted: Option<bool>) -> Known {
    Known { price: Some(usd(10_000)), service_accepted, ..Known::default() }
}

fn amounts(outcome: Outcome, severity: Severity, accepted: Option<bool>) -> Option<(i64, i64, i64, i64)> {
    let of = |g: Guidance| (g.from.minor, g.suggested.minor, g.to.minor, g.ceiling.minor);
    guidance(outcome, severity, &known(accepted)).map(of)
}

#[test]
fn amounts_follow_the_research() {
    use Severity::{Critical, High, Low, Medium, Unspecified};
    for severity in Severity::ALL {
        assert_eq!(amounts(Outcome::Restore, severity, Some(false)), Some((6_000, 10_000, 12_000, 15_000)));
        assert_eq!(amounts(Outcome::Delight, severity, Some(false)), Some((6_000, 12_000, 12_000, 15_000)));
        assert_eq!(amounts(Outcome::Save, severity, Some(false)), Some((6_000, 12_000, 12_000, 15_000)));
        assert_eq!(amounts(Outcome::StatutoryOnly, severity, Some(false)), None);
    }
    for (severity, first) in [(Unspecified, 500), (Low, 500), (Medium, 1_000), (High, 1_400), (Critical, 1_700)] {
        assert_eq!(amounts(Outcome::Restore, severity, Some(true)), Some((0, first, first, 15_000)));
        assert_eq!(amounts(Outcome::Save, severity, Some(true)), Some((0, first, first, 15_000)), "as RESTORE");
        assert_eq!(amounts(Outcome::Delight, severity, Some(true)), Some((0, first, 2 * first, 15_000)));
        assert_eq!(amounts(Outcome::Save, severity, None), amounts(Outcome::Save, severity, Some(true)));
    }
    assert_eq!(guidance(Outcome::Restore, Low, &Known::default()), None);
}

#[test]
fn the_accepted_curve_is_concave() {
    let steps = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
        .map(|severity| shares(Outcome::Restore, severity, Some(true)).expect("shares").suggested);
    let growth: Vec<_> = steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.is_sorted() && growth.windows(2).all(|pair| pair[1] <= pair[0]), "{steps:?}");
}

#[test]
fn the_ceiling_is_over_everything_but_the_law() {
    let ceiling = usd(15_000);
    let above = |lines: &[RemedyLine]| excess(ceiling, lines).map(|money| money.minor);
    use Basis::{Gesture, Restitution, Statutory, Time};
    assert_eq!(above(&[line(Gesture, 15_000)]), None);
    assert_eq!(above(&[line(Gesture, 15_001)]), Some(1));
    assert_eq!(above(&[line(Gesture, 10_000), line(Time, 5_001)]), Some(1));
    assert_eq!(above(&[line(Restitution, 10_000), line(Gesture, 5_001)]), Some(1));
    assert_eq!(above(&[line(Statutory, 60_000), line(Gesture, 15_000)]), None);
    assert_eq!(above(&[line(Restitution, 90_000)]), None, "what was lost is given back");
    assert_eq!(above(&[line(Restitution, 90_000), line(Gesture, 1)]), Some(1));
}

#[test]
fn a_fair_ask_gets_the_nearest_amount() {
    let guidance = guidance(Outcome::Restore, Severity::Low, &known(Some(false)));
    let guidance = guidance.as_ref();
    let ask = |ask, options: &[OfferOption], with: &[&RemedyLine]| match nearest(usd(ask), guidance, options, with) {
        Answer::Offer(amount, reason) => {
            assert!(!reason.is_empty());
            Some(amount.minor)
        }
        Answer::Person(reason) => {
            assert!(!reason.is_empty());
            None
        }
        other @ (Answer::Currency(_) | Answer::ByLaw(_)) => panic!("{other:?}"),
    };
    assert_eq!(ask(11_000, &[], &[]), Some(11_000));
    assert_eq!(ask(12_000, &[], &[]), Some(12_000));
    assert_eq!(ask(12_001, &[], &[]), Some(12_000));
    let gesture = line(Basis::Gesture, 2_000);
    assert_eq!(ask(50_000, &[], &[&gesture]), Some(10_000), "what comes with it anyway counts");
    let law = line(Basis::Statutory, 25_000);
    assert_eq!(ask(50_000, &[], &[&law]), Some(12_000), "what the law demands does not");
    let rich = [option(vec![line(Basis::Restitution, 20_000)])];
    assert_eq!(ask(19_000, &rich, &[]), Some(19_000));
    assert_eq!(ask(20_001, &rich, &[]), None, "it is on the table as money: a person answers");
    let mut voucher = line(Basis::Gesture, 20_000);
    voucher.benefit = Benefit::Voucher(usd(20_000));
    assert_eq!(ask(30_000, &[option(vec![voucher])], &[]), Some(20_000), "money for the voucher's worth");
}

/// Compensation by law stands apart from what the gate allows; a refund by law is part of it, like what gives back a loss.
#[test]
fn what_the_law_demands_is_part_of_the_answer() {
    let guidance = guidance(Outcome::Restore, Severity::Low, &known(Some(true)));
    let ask = |ask, options: &[OfferOption]| nearest(usd(ask), guidance.as_ref(), options, &[]);
    let amount = |answer| match answer {
        Answer::Offer(amount, _) => Some(amount.minor),
        Answer::Person(_) | Answer::ByLaw(_) | Answer::Currency(_) => None,
    };
    // 5.00 of goodwill are within 5 % of 100.00.
    let compensation = [option(vec![line(Basis::Statutory, 40_000)])];
    assert_eq!(
        ask(40_000, &compensation),
        Answer::ByLaw("USD 400.00 is no more than what the law demands for you: option o gives it.".to_owned())
    );
    assert_eq!(amount(ask(40_001, &compensation)), Some(40_001));
    assert_eq!(amount(ask(40_501, &compensation)), Some(40_500));
    let mut refund = line(Basis::Statutory, 10_000);
    refund.refund = true;
    let refund = [option(vec![refund])];
    assert!(matches!(ask(10_000, &refund), Answer::ByLaw(_)));
    assert!(matches!(ask(10_001, &refund), Answer::Person(_)), "more than 5.00 are on the table already");
    let mut signed = option(vec![line(Basis::Statutory, 40_000)]);
    signed.lines[0].benefit = Benefit::Voucher(usd(40_000));
    signed.consent = super::line::Consent::Signed;
    assert_eq!(amount(ask(40_000, &[signed])), Some(500), "what a signature would give is not on the table as money");
}

#[test]
fn without_a_price_only_what_is_on_the_table_is_known() {
    let unknown = |ask, options: &[OfferOption]| nearest(ask, None, options, &[]);
    assert!(matches!(unknown(usd(1), &[]), Answer::Person(_)));
    let options = [option(vec![line(Basis::Restitution, 5_000)])];
    assert!(matches!(unknown(usd(4_000), &options), Answer::Offer(amount, _) if amount == usd(4_000)));
    assert!(matches!(unknown(usd(6_000), &options), Answer::Person(_)));
    let eur = Currency::parse("EUR").expect("a currency");
    assert_eq!(unknown(Money::new(eur, 1), &options), Answer::Currency(usd(1).currency));
}

proptest! {
    #[test]
    fn an_answer_is_never_above_the_ask_nor_the_limits(
        ask in 1_i64..100_000, price in 1_i64..50_000, option_amount in 0_i64..50_000, with in 0_i64..20_000,
        outcome in prop::sample::select(Outcome::ALL.to_vec()), accepted in prop::sample::select(vec![None, Some(true), Some(false)]),
    ) {
        let known = Known { price: Some(usd(price)), service_accepted: accepted, ..Known::default() };
        let guidance = guidance(outcome, Severity::Medium, &known);
        let options = [option(if option_amount == 0 { vec![] } else { vec![line(Basis::Restitution, option_amount)] })];
        let plus = line(Basis::Gesture, with);
        let limit = guidance.as_ref().map_or(0, |g| g.to.minor - with).max(option_amount).max(0);
        match nearest(usd(ask), guidance.as_ref(), &options, &[&plus]) {
            Answer::Offer(amount, _) => {
                prop_assert!(amount.minor <= ask && amount.minor <= limit && amount.minor > 0);
                prop_assert_eq!(amount.minor, ask.min(limit), "the nearest one");
            }
            Answer::Person(_) => prop_assert!(ask > limit),
            Answer::ByLaw(_) | Answer::Currency(_) => prop_assert!(false),
        }
    }

    #[test]
    fn nothing_suggested_is_above_the_ceiling(severity in prop::sample::select(Severity::ALL.to_vec()), outcome in prop::sample::select(Outcome::ALL.to_vec()), accepted in prop::sample::select(vec![None, Some(true), Some(false)])) {
        if let Some(shares) = shares(outcome, severity, accepted) {
            prop_assert!(shares.from <= shares.suggested && shares.suggested <= shares.to && shares.to <= CEILING_PERCENT);
        }
    }
}
