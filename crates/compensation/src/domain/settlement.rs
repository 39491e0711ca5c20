//! A line of the provider's settlement beside the payout that it names: does it fit, and what is wrong when not.

use jiff::civil::Date;
use kernel::{Money, PayoutId, SettlementDiscrepancyId, Timestamp};
use serde::Serialize;

use super::payout::PayoutState;
use super::payout_step::Payout;

/// A day in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// As RFC 3339 full-date.
    pub text: String,
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment of the next day.
    pub until: Timestamp,
}

impl Day {
    /// Parses a full-date, strictly.
    pub fn parse(text: &str) -> Option<Self> {
        let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text)?;
        let start = |date: Date| {
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            Some(Timestamp::from_seconds(midnight.timestamp().as_second()))
        };
        Some(Self { text: text.to_owned(), from: start(date)?, until: start(date.tomorrow().ok()?)? })
    }
}

/// One execution by the provider's books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its number in the file.
    pub number: i64,
    /// The key of the payout.
    pub key: String,
    /// The provider's reference.
    pub reference: String,
    /// What was paid.
    pub amount: Money,
    /// When it was executed.
    pub executed_at: Timestamp,
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiscrepancyKind {
    /// No payout of ours has the key.
    UnknownPayout,
    /// Another line has the payout.
    Duplicate,
    /// Another amount or currency.
    WrongAmount,
    /// Another reference than it was confirmed with.
    WrongReference,
    /// Executed although refused, or never sent.
    NotExpected,
    /// In no settlement, after the provider had its time.
    NotInSettlement,
}

impl DiscrepancyKind {
    /// All kinds.
    pub const ALL: [DiscrepancyKind; 6] = [
        Self::UnknownPayout,
        Self::Duplicate,
        Self::WrongAmount,
        Self::WrongReference,
        Self::NotExpected,
        Self::NotInSettlement,
    ];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownPayout => "UNKNOWN_PAYOUT",
            Self::Duplicate => "DUPLICATE",
            Self::WrongAmount => "WRONG_AMOUNT",
            Self::WrongReference => "WRONG_REFERENCE",
            Self::NotExpected => "NOT_EXPECTED",
            Self::NotInSettlement => "NOT_IN_SETTLEMENT",
        }
    }

    /// The reverse of [`DiscrepancyKind::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A difference between the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discrepancy {
    /// Its id.
    pub id: SettlementDiscrepancyId,
    /// What differs.
    pub kind: DiscrepancyKind,
    /// The payout, where there is one.
    pub payout: Option<PayoutId>,
    /// The file.
    pub file: String,
    /// The line; 0 for a payout that is in none.
    pub line: i64,
    /// The key of the payout.
    pub key: String,
    /// What the provider paid.
    pub amount: Option<Money>,
    /// In words.
    pub explanation: String,
    /// How it was cleared up; empty while open.
    pub resolution: String,
    /// Who cleared it up.
    pub resolved_by: String,
    /// When it was found.
    pub created_at: Timestamp,
    /// When it was cleared up.
    pub resolved_at: Option<Timestamp>,
}

/// What a line comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the payout's one line.
    Fits,
    /// It is the payout's one line, and tells that the payout was executed.
    Adopts,
    /// It does not fit, and why.
    Differs(DiscrepancyKind, String),
}

/// Where the line of a payout is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line.
    pub line: i64,
}

/// Judges a line beside the payout with its key, and the line that the payout has already.
pub fn judge(line: &Line, payout: Option<&Payout>, taken: Option<&Place>) -> Verdict {
    use DiscrepancyKind as K;
    let Some(payout) = payout else {
        return Verdict::Differs(K::UnknownPayout, format!("no payout has the key {}", line.key));
    };
    if let Some(Place { file, line: number }) = taken {
        let why = format!("{} is line {number} of {file} already, with {}", payout.id, payout.amount);
        return Verdict::Differs(K::Duplicate, why);
    }
    if line.amount != payout.amount {
        return Verdict::Differs(K::WrongAmount, format!("{} was paid instead of {}", line.amount, payout.amount));
    }
    match payout.state {
        PayoutState::Confirmed if payout.reference != line.reference => {
            let why = format!("the payout was confirmed with {} and not {}", payout.reference, line.reference);
            Verdict::Differs(K::WrongReference, why)
        }
        PayoutState::Confirmed => Verdict::Fits,
        PayoutState::Submitting | PayoutState::Unknown | PayoutState::Manual => Verdict::Adopts,
        PayoutState::Reserved | PayoutState::Declined | PayoutState::Voided => {
            Verdict::Differs(K::NotExpected, format!("the payout is {} and was executed", payout.state.as_str()))
        }
    }
}

#[cfg(test)]
#[path = "settlement_tests.rs"]
mod tests;
