//! How badly the customer was hit.

use serde::{Deserialize, Serialize};

/// As the company judges it; a later one is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Severity {
    /// An annoyance; nothing was lost.
    Low,
    /// Time or money was lost.
    Medium,
    /// The purpose of the purchase was missed.
    High,
    /// Safety, health, or an event of a lifetime.
    Critical,
}

impl Severity {
    /// All, the mildest first.
    pub(crate) const ALL: [Severity; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// 1 for the mildest to 4 for the worst; the number that is stored.
    pub(crate) const fn rank(self) -> i64 {
        match self {
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
            Self::Critical => 4,
        }
    }

    /// The severity of a stored number.
    pub(crate) fn of_rank(rank: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.rank() == rank)
    }
}
