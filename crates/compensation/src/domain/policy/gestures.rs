//! What of an assessment goes ahead when gestures are limited, and what waits for approval.
//!
//! Always holds: only gestures wait. What gives back, pays for time, or is owed by law goes ahead, except where it can
//! only be chosen together with a gesture.

use std::collections::BTreeMap;

use super::abuse::Signal;
use super::budgets::{Band, Book, Budgets};
use super::measure::{Unit, gestures, sum_gestures};
use crate::domain::assessment::Assessment;
use crate::domain::line::{OfferOption, RemedyLine};

/// An assessment, split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// What goes ahead; its summary says what does not.
    pub now: Assessment,
    /// Gestures that wait, to be given without a choice.
    pub lines: Vec<RemedyLine>,
    /// A whole choice that waits, because every option of it is a gesture, with what comes along.
    pub choice: Option<(Vec<OfferOption>, Vec<RemedyLine>)>,
    /// Why.
    pub reasons: Vec<String>,
    /// What was taken from the budget by what is given at once.
    pub given: BTreeMap<Unit, i64>,
    /// What was taken from the budget by what is offered.
    pub offered: BTreeMap<Unit, i64>,
}

/// True when an assessment gives or offers a gesture.
pub fn has_gestures(assessment: &Assessment) -> bool {
    assessment.automatic.iter().chain(&assessment.plus).any(is_gesture) || assessment.choice_of.iter().any(has_gesture)
}

/// True for a gesture.
pub fn is_gesture(line: &RemedyLine) -> bool {
    line.basis.is_gesture()
}

fn has_gesture(option: &OfferOption) -> bool {
    option.lines.iter().any(is_gesture)
}

/// Splits an assessment by the budget of the customer's band and by signals of repetition. Takes from the book what
/// goes ahead.
pub fn split(
    assessment: &Assessment,
    budgets: &Budgets,
    band: Option<&Band>,
    book: &mut Book,
    signals: &[Signal],
) -> Split {
    let mut purse = Purse { budgets, band, book, signals, reasons: Vec::new() };
    let mut now = assessment.clone();
    let mut lines = Vec::new();
    let mut given = BTreeMap::new();
    now.automatic = purse.keep(std::mem::take(&mut now.automatic), &mut lines, &mut given);

    let mut offered = BTreeMap::new();
    let (mut choice, mut left_out) = (None, Vec::new());
    if now.choice_of.iter().any(has_gesture) {
        let amounts = gestures(&now.choice_of, &[]);
        if purse.take(&amounts) {
            add(&mut offered, amounts);
        } else {
            let (with, without): (Vec<_>, Vec<_>) =
                std::mem::take(&mut now.choice_of).into_iter().partition(has_gesture);
            if without.is_empty() {
                choice = Some((with, std::mem::take(&mut now.plus)));
            } else {
                left_out = with;
                now.choice_of = without;
            }
        }
    }
    now.plus = purse.keep(std::mem::take(&mut now.plus), &mut lines, &mut offered);

    let Purse { mut reasons, .. } = purse;
    reasons.dedup();
    let mut split = Split { now, lines, choice, reasons, given, offered };
    split.explain(&left_out);
    split
}

impl Split {
    /// Says in the summary what does not go ahead, and why.
    fn explain(&mut self, left_out: &[OfferOption]) {
        if self.reasons.is_empty() {
            return;
        }
        let mut parts = vec![self.now.summary.clone()];
        let waiting: Vec<String> = self.lines.iter().map(RemedyLine::in_words).collect();
        let described = |options: &[OfferOption]| {
            options.iter().map(|option| option.description.as_str()).collect::<Vec<_>>().join(" or ")
        };
        if !waiting.is_empty() {
            parts.push(format!("Waits for approval: {}.", waiting.join("; ")));
        }
        if let Some((options, _)) = &self.choice {
            parts.push(format!("The choice of {} waits for approval.", described(options)));
        }
        if !left_out.is_empty() {
            parts.push(format!("Not offered: {}.", described(left_out)));
        }
        parts.push(format!("Because {}.", self.reasons.join("; ")));
        self.now.summary = parts.join(" ");
    }
}

struct Purse<'a> {
    budgets: &'a Budgets,
    band: Option<&'a Band>,
    book: &'a mut Book,
    signals: &'a [Signal],
    reasons: Vec<String>,
}

impl Purse<'_> {
    /// The lines that go ahead. Each gesture is looked at alone, so that a large one does not keep a small one back.
    fn keep(
        &mut self,
        lines: Vec<RemedyLine>,
        waiting: &mut Vec<RemedyLine>,
        taken: &mut BTreeMap<Unit, i64>,
    ) -> Vec<RemedyLine> {
        let mut kept = Vec::new();
        for line in lines {
            let amounts = sum_gestures([&line]);
            if !is_gesture(&line) {
                kept.push(line);
            } else if self.take(&amounts) {
                add(taken, amounts);
                kept.push(line);
            } else {
                waiting.push(line);
            }
        }
        kept
    }

    fn take(&mut self, amounts: &BTreeMap<Unit, i64>) -> bool {
        let reasons = match (self.signals, self.band) {
            ([], None) => return true,
            ([], Some(band)) => match self.budgets.take(self.book, band, amounts) {
                Ok(()) => return true,
                Err(reasons) => reasons,
            },
            (signals, _) => signals.iter().map(Signal::reason).collect(),
        };
        self.reasons.extend(reasons);
        false
    }
}

fn add(sums: &mut BTreeMap<Unit, i64>, amounts: BTreeMap<Unit, i64>) {
    for (unit, amount) in amounts {
        *sums.entry(unit).or_default() += amount;
    }
}

#[cfg(test)]
#[path = "gestures_tests.rs"]
mod tests;
