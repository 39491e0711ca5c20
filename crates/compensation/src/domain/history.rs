//! What came of a remedy so far: its offers and its payouts, and what they settle.
//!
//! Pure. What always holds: what the provider certainly did not pay counts as not given, a choice that the law leaves to
//! the customer is decided once, and only a person's offer stands in the place of a payout that was refused.

use kernel::{ResourceId as _, Timestamp};
use uuid::Uuid;

use super::by_law::{chooses, given_by};
use super::line::RemedyLine;
use super::payout::PayoutState;
use super::policy::measure::owed_by_law;
use super::records::{Offer, Remedy};
use super::remedy::Progress;

/// A payout of a remedy, as far as its history tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastPayout {
    /// The offer that gave it, or the remedy for what is automatic.
    pub grant: Uuid,
    /// Its line.
    pub line: String,
    /// Where it stands.
    pub state: PayoutState,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The offers and payouts of a remedy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Oldest first.
    pub offers: Vec<Offer>,
    /// In any order.
    pub payouts: Vec<PastPayout>,
}

impl History {
    /// How far the payouts have come, taken together. What was refused before a person made an offer is behind us: that
    /// offer stands in its place.
    pub fn progress(&self) -> Progress {
        let since = self.offers.iter().rev().find(|offer| offer.is_by_person()).map(|offer| offer.created_at);
        let current = self.payouts.iter().filter(|payout| {
            payout.state != PayoutState::Declined || since.is_none_or(|since| payout.created_at >= since)
        });
        Progress::of_all(current.map(|payout| payout.state))
    }

    /// What was given at once, and by the offers that have ended, without what was not paid.
    pub fn given(&self, remedy: &Remedy) -> Vec<RemedyLine> {
        let at_once = remedy.assessment.automatic.iter().map(|line| (remedy.id.uuid(), line.clone()));
        let by_offers =
            self.by_offers(remedy).into_iter().flat_map(|(id, lines)| lines.into_iter().map(move |line| (id, line)));
        at_once.chain(by_offers).filter(|(grant, line)| !self.is_unpaid(*grant, line)).map(|(_, line)| line).collect()
    }

    /// What the law demands and nobody was paid: what was paid once is owed no more, whichever offer it was paid for, and
    /// neither is what was not chosen. What was given at once is owed again only when it was refused.
    pub fn still_owed(&self, remedy: &Remedy, was_refused: bool) -> Vec<RemedyLine> {
        let assessment = &remedy.assessment;
        let of_choice =
            |id: &str| assessment.choice_of.iter().flat_map(|option| &option.lines).any(|line| line.id == id);
        let ended = self.by_offers(remedy);
        let decided = ended.iter().rev().map(|(_, lines)| lines).find(|lines| chooses(*lines, assessment));
        // What was chosen stays owed until it is paid.
        let is_open = |line: &RemedyLine| {
            decided.is_none_or(|chosen| !of_choice(&line.id) || chosen.iter().any(|chosen| chosen.id == line.id))
        };
        let is_paid =
            |line: &RemedyLine| self.payouts.iter().any(|payout| payout.line == line.id && payout.state.may_be_paid());
        let owed = owed_by_law(assessment, was_refused).into_iter();
        owed.filter(|line| !is_paid(line) && is_open(line)).cloned().collect()
    }

    /// What each offer gave when it ended, oldest first.
    fn by_offers(&self, remedy: &Remedy) -> Vec<(Uuid, Vec<RemedyLine>)> {
        let last = self.offers.last().map(|offer| offer.id);
        let given = |offer: &Offer| match &offer.given {
            Some(given) => given.clone(),
            None if Some(offer.id) == last => given_by(offer, &remedy.assessment, remedy.state),
            None => offer.accepted_lines(),
        };
        self.offers.iter().map(|offer| (offer.id.uuid(), given(offer))).collect()
    }

    fn is_unpaid(&self, grant: Uuid, line: &RemedyLine) -> bool {
        let mut of_line = self.payouts.iter().filter(|payout| payout.grant == grant && payout.line == line.id);
        of_line.any(|payout| !payout.state.may_be_paid())
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
