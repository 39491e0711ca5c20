//! A policy of authority over what agents offered: each offer is judged by the sums that this policy would have counted.
//!
//! Pure. What always holds: offers come in the order of their times; what an offer counts is judged by the same code as a
//! live one; where this policy asks for approval, somebody gives it as somebody did, or would have, at that time.

use std::collections::BTreeMap;

use kernel::{CaseId, CustomerId, OfferId, Timestamp};

use super::authority::{Authority, Reach, Used};
use super::measure::{Need, Unit};
use super::window::{day_of, first_day};
use crate::domain::approval::person_key;

/// What an agent offered, or asked somebody else to approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentOffer {
    /// Its id.
    pub id: OfferId,
    /// The case.
    pub case: CaseId,
    /// The customer.
    pub customer: CustomerId,
    /// The agent, as named.
    pub agent: String,
    /// The role in which the agent decided.
    pub role: String,
    /// When.
    pub asked_at: Timestamp,
    /// What it counts.
    pub need: Need,
    /// When it was put to the customer; `None` when it was not approved.
    pub put_at: Option<Timestamp>,
    /// When the offer ended, and what of it counts since; `None` while it is open.
    pub ended: Option<(Timestamp, Need)>,
}

/// Whose sum: reach, holder, kind of benefit, unit.
pub type SumOf = (Reach, String, String, Unit);

/// What is added to a sum on a day.
#[derive(Clone, Debug)]
struct Change {
    sum: SumOf,
    day: i64,
    amount: i64,
}

/// One policy, with what it has counted so far.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    authority: &'a Authority,
    sums: BTreeMap<SumOf, BTreeMap<i64, i64>>,
    /// What is still to be counted or given back: by time, and by turn within it.
    later: BTreeMap<(Timestamp, u64), Vec<Change>>,
    turn: u64,
}

impl<'a> Replay<'a> {
    /// With nothing counted.
    pub const fn new(authority: &'a Authority) -> Self {
        Self { authority, sums: BTreeMap::new(), later: BTreeMap::new(), turn: 0 }
    }

    /// What was counted for somebody on a day before the first offer.
    pub fn carry(&mut self, sum: SumOf, day: i64, amount: i64) {
        self.add(Change { sum, day, amount });
    }

    /// Judges the next offer: one reason for each limit that the agent would pass by deciding alone.
    pub fn judge(&mut self, offer: &AgentOffer) -> Vec<String> {
        while let Some(due) = self.later.first_entry().filter(|due| due.key().0 <= offer.asked_at) {
            due.remove().into_iter().for_each(|change| self.add(change));
        }
        let reasons = self.authority.reasons_against(&offer.role, &offer.need, &self.used(offer));
        // The agent's day is not charged with what somebody else decides.
        let (put_at, reaches) = if reasons.is_empty() {
            (Some(offer.asked_at), Reach::ALL.as_slice())
        } else {
            (offer.put_at.map(|at| at.max(offer.asked_at)), [Reach::Case, Reach::Customer].as_slice())
        };
        if let Some(put_at) = put_at {
            self.count(offer, reaches, put_at, None);
            if let Some((ended, kept)) = &offer.ended {
                self.count(offer, reaches, (*ended).max(put_at), Some((put_at, kept)));
            }
        }
        reasons
    }

    fn used(&self, offer: &AgentOffer) -> Used {
        let today = day_of(offer.asked_at);
        let mut used = Used::new();
        for (kind, unit) in offer.need.keys() {
            for reach in Reach::ALL {
                let first = match reach {
                    Reach::Case => i64::MIN,
                    Reach::Customer => first_day(today, self.authority.window_days),
                    Reach::AgentDay => today,
                };
                let days = self.sums.get(&sum_of(reach, offer, kind, unit));
                let sum = days.map_or(0, |days| days.range(first..).map(|(_, amount)| amount).sum());
                used.insert((reach, kind.clone(), unit.clone()), sum);
            }
        }
        used
    }

    /// Counts an offer at a time, or gives back what it counted when it was put and does not keep.
    fn count(&mut self, offer: &AgentOffer, reaches: &[Reach], at: Timestamp, back: Option<(Timestamp, &Need)>) {
        let mut changes = Vec::new();
        for ((kind, unit), need) in &offer.need {
            let (day, amount) = match back {
                None => (day_of(at), *need),
                Some((put_at, kept)) => {
                    let kept = kept.get(&(kind.clone(), unit.clone())).copied().unwrap_or(0);
                    (day_of(put_at), kept.min(*need) - need)
                }
            };
            let sums = reaches.iter().map(|reach| sum_of(*reach, offer, kind, unit));
            changes.extend(sums.map(|sum| Change { sum, day, amount }));
        }
        if at <= offer.asked_at {
            changes.into_iter().for_each(|change| self.add(change));
        } else {
            self.turn += 1;
            self.later.insert((at, self.turn), changes);
        }
    }

    fn add(&mut self, Change { sum, day, amount }: Change) {
        let kept = self.sums.entry(sum).or_default().entry(day).or_default();
        *kept = kept.saturating_add(amount);
    }
}

fn sum_of(reach: Reach, offer: &AgentOffer, kind: &str, unit: &Unit) -> SumOf {
    let holder = match reach {
        Reach::Case => offer.case.to_string(),
        Reach::Customer => offer.customer.to_string(),
        Reach::AgentDay => person_key(&offer.agent),
    };
    (reach, holder, kind.to_owned(), unit.clone())
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
