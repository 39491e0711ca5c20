//! Which choice is put to the customer when several rules offer one, and what becomes of the others.
//!
//! Pure. What always holds: at most one choice is left, and money that the law demands is never lost with a choice that is
//! set aside.

use super::judge::{Gives, Judged};
use crate::domain::by_law::{money_by_law, only_due};
use crate::domain::line::{Basis, OfferOption, RemedyLine};

/// Only one choice is put to the customer: the first that the law demands, or else the first. It stands for the loss;
/// what another rule gives beyond the loss, whatever is chosen, comes along with it, and what the law demands of another
/// choice in money is given at once.
pub(super) fn one_choice(judged: &mut [Judged<'_>]) {
    let is_statutory = |judged: &Judged<'_>| {
        let lines = judged.gives.choice_of.iter().flat_map(|option| &option.lines);
        lines.into_iter().any(|line| line.basis == Basis::Statutory)
    };
    let has_choice = |judged: &Judged<'_>| !judged.gives.choice_of.is_empty();
    // Of two that the law demands, the one that nobody else can decide: the other has money to give without being asked.
    let is_open = |one: &Judged<'_>| due_in_money(&one.gives.choice_of).is_empty();
    let first = judged.iter().position(|one| has_choice(one) && is_statutory(one) && is_open(one));
    let first = first.or_else(|| judged.iter().position(|one| has_choice(one) && is_statutory(one)));
    let Some(first) = first.or_else(|| judged.iter().position(has_choice)) else { return };
    let rule = judged[first].decision.rule.clone();
    for (index, one) in judged.iter_mut().enumerate() {
        if index != first && has_choice(one) {
            let Gives { automatic, choice_of, .. } = &mut one.gives;
            // What the law demands is not lost with the choice: the customer gets what silence would get.
            let due: Vec<_> = due_in_money(choice_of).into_iter().cloned().collect();
            let at_once = if due.is_empty() { "" } else { " What the law demands of it is given at once." };
            automatic.extend(due);
            choice_of.clear();
            one.gives.plus.retain(|line| line.basis == Basis::Time || line.basis.is_gesture());
            let along = match one.gives.plus.as_slice() {
                [] => String::new(),
                lines => {
                    let words: Vec<_> = lines.iter().map(RemedyLine::in_words).collect();
                    format!(" What it gives beyond the loss comes along: {}.", words.join("; "))
                }
            };
            one.explain(&format!("Its choice is set aside: rule {rule} offers one.{at_once}{along}"));
        }
    }
}

/// What the law demands in money where a choice is none.
fn due_in_money(options: &[OfferOption]) -> Vec<&RemedyLine> {
    only_due(options).map(money_by_law).unwrap_or_default()
}
