//! The states of a survey: open, answered, or closed because a later one took its place or its plan ended.
//!
//! Always holds: an answer is never lost and never replaced. A closed survey still takes one.

use kernel::Timestamp;

/// Where a survey stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SurveyState {
    /// Waits for an answer.
    Open,
    /// Answered. Final.
    Answered {
        /// 0 (still wrong) to 10 (right again).
        score: u8,
        /// When.
        at: Timestamp,
    },
    /// No longer asked about.
    Closed,
}

/// The survey has an answer already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AlreadyAnswered;

impl SurveyState {
    /// Takes the answer.
    ///
    /// # Errors
    /// When there is one.
    pub(crate) fn answer(self, score: u8, at: Timestamp) -> Result<Self, AlreadyAnswered> {
        match self {
            Self::Open | Self::Closed => Ok(Self::Answered { score, at }),
            Self::Answered { .. } => Err(AlreadyAnswered),
        }
    }

    /// A later check-in took its place, or the plan ended.
    pub(crate) fn close(self) -> Self {
        match self {
            Self::Open | Self::Closed => Self::Closed,
            Self::Answered { .. } => self,
        }
    }

    /// As it is stored.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Answered { .. } => "ANSWERED",
            Self::Closed => "CLOSED",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(7);
    const ANSWERED: SurveyState = SurveyState::Answered { score: 9, at: AT };

    #[test]
    fn every_state_meets_every_event() {
        for (state, answered, closed) in [
            (SurveyState::Open, Ok(ANSWERED), SurveyState::Closed),
            (SurveyState::Closed, Ok(ANSWERED), SurveyState::Closed),
            (ANSWERED, Err(AlreadyAnswered), ANSWERED),
        ] {
            assert_eq!(state.answer(9, AT), answered, "{state:?}");
            assert_eq!(state.close(), closed, "{state:?}");
        }
    }

    proptest! {
        #[test]
        fn the_first_answer_stands(events in prop::collection::vec(prop::option::of(0_u8..=10), 0..12)) {
            let mut state = SurveyState::Open;
            for event in &events {
                state = match event {
                    Some(score) => state.answer(*score, AT).unwrap_or(state),
                    None => state.close(),
                };
            }
            let first = events.iter().flatten().next().copied();
            let kept = match state {
                SurveyState::Answered { score, .. } => Some(score),
                SurveyState::Open | SurveyState::Closed => None,
            };
            prop_assert_eq!(kept, first);
        }
    }
}
