//! Rules that stand for the same loss: one of them gives, the others say which and why.

use std::collections::BTreeMap;

use kernel::{Currency, Money};

use super::Policy;
use super::judge::Judged;
use crate::domain::line::{Benefit, RemedyLine};

/// Leaves one rule of each group.
pub(super) fn settle(judged: &mut [Judged<'_>]) {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, one) in judged.iter().enumerate() {
        if let Some(rule) = one.rule
            && one.decision.applies
            && !rule.set_off.is_empty()
            && !one.gives.automatic.is_empty() | !one.gives.choice_of.is_empty()
        {
            groups.entry(rule.set_off.clone()).or_default().push(index);
        }
    }
    for (group, members) in groups {
        if let [_, _, ..] = members.as_slice() {
            settle_group(judged, &group, &members);
        }
    }
}

fn settle_group(judged: &mut [Judged<'_>], group: &str, members: &[usize]) {
    let policy =
        members.iter().find_map(|index| terms(&judged[*index], group)).map_or(Policy::First, |(policy, _)| policy);
    let worths: Vec<_> = members.iter().map(|index| worth(&judged[*index])).collect();
    let comparable = match worths.first() {
        Some(Some(first)) => worths.iter().all(|worth| worth.is_some_and(|worth| worth.currency == first.currency)),
        _ => false,
    };
    let by_worth = policy == Policy::Highest && comparable;
    // The smallest key gives; members are in the order of the packs, which settles what is left.
    let key = |place: usize| {
        let one = &judged[members[place]];
        let minor = worths[place].filter(|_| by_worth).map_or(0, |worth| -i128::from(worth.minor));
        let order = terms(one, group).map_or(0, |(_, order)| order);
        (minor, !one.comes_first, order, place)
    };
    let Some(winner) = (0..members.len()).min_by_key(|place| key(*place)) else { return };
    let name = format!("{}/{}", judged[members[winner]].decision.pack, judged[members[winner]].decision.rule);
    let because = match (policy, comparable, worths[winner]) {
        (Policy::Highest, true, Some(worth)) => format!("gives the highest amount, {worth}"),
        (Policy::Highest, _, _) => "comes first; their amounts are in different currencies".to_owned(),
        (Policy::First, _, _) => "comes first".to_owned(),
    };
    for (place, index) in members.iter().enumerate() {
        if place != winner {
            let one = &mut judged[*index];
            let gave = one.gives.in_words();
            one.give_way(&format!(
                "Set off against {name}, which stands for the same loss and {because}; gave: {gave}."
            ));
            one.decision.set_off_by.clone_from(&name);
        }
    }
}

fn terms(judged: &Judged<'_>, group: &str) -> Option<(Policy, i64)> {
    let found = judged.pack.set_off.iter().find(|set_off| set_off.group == group)?;
    Some((found.policy, found.order))
}

/// What a rule gives in money, with its best option; `None` when it is in several currencies.
fn worth(judged: &Judged<'_>) -> Option<Money> {
    let mut sums: BTreeMap<Currency, i64> = BTreeMap::new();
    let mut add = |line: &RemedyLine| {
        if let Benefit::Money(amount) | Benefit::Voucher(amount) = line.benefit {
            let sum = sums.entry(amount.currency).or_default();
            *sum = sum.saturating_add(amount.minor);
        }
    };
    judged.gives.automatic.iter().for_each(&mut add);
    let worth_of = |lines: &[RemedyLine]| {
        lines.iter().fold(0_i64, |sum, line| match line.benefit {
            Benefit::Money(amount) | Benefit::Voucher(amount) => sum.saturating_add(amount.minor),
            Benefit::Discount(_) | Benefit::Service => sum,
        })
    };
    let best = judged.gives.choice_of.iter().max_by_key(|option| worth_of(&option.lines));
    best.into_iter().flat_map(|option| &option.lines).for_each(&mut add);
    let mut sums = sums.into_iter();
    match (sums.next(), sums.next()) {
        (Some((currency, minor)), None) => Some(Money::new(currency, minor)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "set_off_tests.rs"]
mod tests;
