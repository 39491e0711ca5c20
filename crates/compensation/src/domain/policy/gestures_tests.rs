//! Only gestures wait, and the summary says so.

use kernel::Money;
use uuid::Uuid;

use super::super::abuse::{Dimension, Threshold, claims};
use super::super::measure;
use super::*;
use crate::domain::line::{Basis, Benefit, Consent, Origin};
use crate::domain::money::parse_amount;

fn money(text: &str) -> Money {
    parse_amount(text).expect("an amount")
}

fn line(id: &str, basis: Basis, text: &str) -> RemedyLine {
    let benefit = Benefit::Voucher(money(text));
    RemedyLine {
        id: id.to_owned(),
        basis,
        benefit,
        description: id.to_owned(),
        arithmetic: String::new(),
        origin: Origin::default(),
        refund: false,
    }
}

fn option(id: &str, basis: Basis, text: &str) -> OfferOption {
    OfferOption {
        id: id.to_owned(),
        description: id.to_owned(),
        lines: vec![line(id, basis, text)],
        consent: Consent::None,
        holds_after: None,
    }
}

fn budgets(limit: &str) -> Budgets {
    let limits = vec![(30, measure::parse(limit).into_iter().collect())];
    let band = Band { id: "all".to_owned(), at_least: Vec::new(), limits };
    Budgets { version: "1".to_owned(), lifetime_value_fact: "lifetime_value".to_owned(), bands: vec![band] }
}

fn split_by(limit: &str, assessment: &Assessment, signals: &[Signal]) -> Split {
    let (budgets, mut book) = (budgets(limit), Book::default());
    split(assessment, &budgets, budgets.bands.first(), &mut book, signals)
}

fn ids(lines: &[RemedyLine]) -> Vec<&str> {
    lines.iter().map(|line| line.id.as_str()).collect()
}

fn signal() -> Signal {
    let id = Uuid::from_u128(7);
    let claim = claims(id.into(), id.into(), id.into(), "", "").remove(0);
    Signal { claim, count: 3, threshold: Threshold { dimension: Dimension::Customer, at: 3, window_days: 9 } }
}

#[test]
fn what_is_owed_goes_ahead_whatever_the_budget() {
    let assessment = Assessment {
        automatic: vec![
            line("law", Basis::Statutory, "EUR 250.00"),
            line("big", Basis::Gesture, "EUR 20.00"),
            line("small", Basis::Gesture, "EUR 5.00"),
        ],
        choice_of: vec![option("back", Basis::Restitution, "EUR 90.00")],
        plus: vec![line("time", Basis::Time, "EUR 9.00"), line("extra", Basis::Gesture, "EUR 6.00")],
        summary: "Given.".to_owned(),
        ..Assessment::default()
    };
    assert!(has_gestures(&assessment));
    let split = split_by("EUR 10.00", &assessment, &[]);
    assert_eq!(ids(&split.now.automatic), ["law", "small"]);
    assert_eq!((ids(&split.now.plus), split.now.choice_of.len()), (vec!["time"], 1));
    assert_eq!(ids(&split.lines), ["big", "extra"]);
    assert_eq!(split.given.values().copied().collect::<Vec<_>>(), [500]);
    assert!(split.offered.is_empty() && split.choice.is_none());
    assert_eq!(
        split.now.summary,
        "Given. Waits for approval: big (EUR 20.00); extra (EUR 6.00). Because the budget of band all for 30 days, \
         EUR 10.00, would be passed: EUR 0.00 before, EUR 20.00 now; the budget of band all for 30 days, EUR 10.00, \
         would be passed: EUR 5.00 before, EUR 6.00 now."
    );
    let enough = split_by("EUR 31.00", &assessment, &[]);
    assert_eq!((enough.now.clone(), enough.lines.len(), enough.reasons.len()), (assessment, 0, 0));
    assert_eq!(enough.offered.values().copied().collect::<Vec<_>>(), [600]);
}

#[test]
fn options_that_are_gestures_are_left_out_or_wait_as_a_whole() {
    let gift = option("gift", Basis::Gesture, "EUR 20.00");
    let both = Assessment {
        choice_of: vec![gift.clone(), option("back", Basis::Restitution, "EUR 90.00")],
        ..Assessment::default()
    };
    let split = split_by("EUR 10.00", &both, &[]);
    assert_eq!(split.now.choice_of.iter().map(|option| option.id.as_str()).collect::<Vec<_>>(), ["back"]);
    assert!(split.choice.is_none() && split.now.summary.contains("Not offered: gift."), "{}", split.now.summary);

    let only = Assessment {
        choice_of: vec![gift],
        plus: vec![line("time", Basis::Time, "EUR 1.00")],
        ..Assessment::default()
    };
    let split = split_by("EUR 10.00", &only, &[]);
    let (options, plus) = split.choice.expect("the whole choice waits");
    assert_eq!((options.len(), ids(&plus)), (1, vec!["time"]));
    assert!(split.now.choice_of.is_empty() && split.now.plus.is_empty());
    assert!(split.now.summary.contains("The choice of gift waits for approval."));
}

#[test]
fn a_signal_holds_gestures_back_and_nothing_else() {
    let discount = RemedyLine { benefit: Benefit::Discount(10), ..line("discount", Basis::Gesture, "EUR 1.00") };
    let assessment =
        Assessment { automatic: vec![line("law", Basis::Statutory, "EUR 250.00"), discount], ..Assessment::default() };
    let split = split_by("EUR 1000.00", &assessment, &[signal()]);
    assert_eq!((ids(&split.now.automatic), ids(&split.lines)), (vec!["law"], vec!["discount"]));
    assert_eq!(split.reasons, ["3 gestures for this customer in 9 days; from 3 on a person looks first"]);
    let free = split_by("EUR 0.00", &assessment, &[]);
    assert!(free.lines.is_empty(), "a discount has no amount that a budget could count");
    let none = Assessment { automatic: vec![line("law", Basis::Statutory, "EUR 1.00")], ..Assessment::default() };
    assert!(!has_gestures(&none));
    assert_eq!(split_by("EUR 0.00", &none, &[signal()]).now, none);
}
