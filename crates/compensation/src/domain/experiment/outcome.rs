//! What came of the recovery of a case, and which of several reports counts.

/// What came of a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutcomeResult {
    /// The customer says that it is right again.
    Recovered,
    /// The customer says that it is not, and the recovery has ended.
    NotRecovered,
    /// Nobody answered.
    Lapsed,
    /// The case came back.
    Reopened,
}

impl OutcomeResult {
    /// All.
    pub const ALL: [OutcomeResult; 4] = [Self::Recovered, Self::NotRecovered, Self::Lapsed, Self::Reopened];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recovered => "RECOVERED",
            Self::NotRecovered => "NOT_RECOVERED",
            Self::Lapsed => "LAPSED",
            Self::Reopened => "REOPENED",
        }
    }

    /// The reverse of [`OutcomeResult::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.as_str() == text)
    }

    /// True when a later report takes the place of this one. What came back once, or was lost, stays so: the second
    /// round is another recovery, and no arm gets credit for it.
    pub const fn gives_way(self) -> bool {
        match self {
            Self::Recovered | Self::Lapsed => true,
            Self::NotRecovered | Self::Reopened => false,
        }
    }
}

/// One report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Outcome {
    /// What came of it.
    pub result: OutcomeResult,
    /// The customer's score, 0 to 10.
    pub score: Option<u8>,
    /// The score less the one before the recovery. Kept, and no metric: it grows with how bad it had been.
    pub delta: Option<i8>,
}

impl Outcome {
    /// What is known after a later report; none when that changes nothing. A score is not forgotten.
    pub fn after(before: Option<Outcome>, now: Outcome) -> Option<Outcome> {
        let Some(before) = before else { return Some(now) };
        let next = Outcome { score: now.score.or(before.score), delta: now.delta.or(before.delta), ..now };
        (before.result.gives_way() && next != before).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OutcomeResult::{Lapsed, NotRecovered, Recovered, Reopened};

    #[test]
    fn the_last_report_counts_until_a_case_came_back() {
        let plain = |result| Outcome { result, score: None, delta: None };
        for before in OutcomeResult::ALL {
            assert_eq!(OutcomeResult::parse(before.as_str()), Some(before));
            for now in OutcomeResult::ALL {
                let expected = matches!(before, Recovered | Lapsed) && now != before;
                assert_eq!(Outcome::after(Some(plain(before)), plain(now)).is_some(), expected, "{before:?} {now:?}");
            }
            assert_eq!(Outcome::after(None, plain(before)), Some(plain(before)));
        }
        let scored = Outcome { result: Recovered, score: Some(8), delta: Some(3) };
        let back = Outcome::after(Some(scored), plain(Reopened)).expect("it came back");
        assert_eq!(back, Outcome { result: Reopened, ..scored }, "a score is not forgotten");
        assert_eq!(Outcome::after(Some(plain(NotRecovered)), scored), None);
    }
}
