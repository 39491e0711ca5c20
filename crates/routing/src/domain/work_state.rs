//! Where a work item stands, and what may happen to it there.

use serde::{Deserialize, Serialize};

/// Where a work item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum WorkState {
    /// The recovery runs by itself; only the clocks watch it.
    Unattended,
    /// Waits in a queue for an agent.
    Waiting,
    /// An agent works on it.
    Claimed,
    /// Done. Final.
    Completed,
    /// Not needed any more. Final.
    Cancelled,
}

/// What happens to a work item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WorkEvent {
    /// An agent takes it.
    Claim,
    /// Its agent leaves.
    Release,
    /// One of its clocks ran out.
    Breach,
    /// Somebody hands it to a higher level.
    Escalate,
    /// It is done.
    Complete,
}

/// The event is not possible in the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidTransition {
    /// Where the work stands.
    pub(crate) state: WorkState,
    /// What was wanted of it.
    pub(crate) event: WorkEvent,
}

impl WorkState {
    /// All states.
    pub(crate) const ALL: [WorkState; 5] =
        [Self::Unattended, Self::Waiting, Self::Claimed, Self::Completed, Self::Cancelled];

    /// The state after `event`.
    ///
    /// # Errors
    /// When it is not possible here. Completing completed work is possible and changes nothing.
    pub(crate) const fn after(self, event: WorkEvent) -> Result<Self, InvalidTransition> {
        let invalid = Err(InvalidTransition { state: self, event });
        match self {
            Self::Unattended => match event {
                WorkEvent::Breach | WorkEvent::Escalate => Ok(Self::Waiting),
                WorkEvent::Complete => Ok(Self::Completed),
                WorkEvent::Claim | WorkEvent::Release => invalid,
            },
            Self::Waiting => match event {
                WorkEvent::Claim => Ok(Self::Claimed),
                WorkEvent::Breach | WorkEvent::Escalate => Ok(Self::Waiting),
                WorkEvent::Complete => Ok(Self::Completed),
                WorkEvent::Release => invalid,
            },
            Self::Claimed => match event {
                WorkEvent::Release | WorkEvent::Escalate => Ok(Self::Waiting),
                // The agent at work knows the case best: time that ran out takes it from nobody.
                WorkEvent::Breach => Ok(Self::Claimed),
                WorkEvent::Complete => Ok(Self::Completed),
                WorkEvent::Claim => invalid,
            },
            Self::Completed => match event {
                WorkEvent::Complete => Ok(Self::Completed),
                WorkEvent::Claim | WorkEvent::Release | WorkEvent::Breach | WorkEvent::Escalate => invalid,
            },
            Self::Cancelled => match event {
                WorkEvent::Claim
                | WorkEvent::Release
                | WorkEvent::Breach
                | WorkEvent::Escalate
                | WorkEvent::Complete => invalid,
            },
        }
    }

    /// True when nothing can happen to it any more.
    pub(crate) const fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::Cancelled => true,
            Self::Unattended | Self::Waiting | Self::Claimed => false,
        }
    }

    /// As stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unattended => "UNATTENDED",
            Self::Waiting => "WAITING",
            Self::Claimed => "CLAIMED",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// From its stored form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl WorkEvent {
    /// As a verb, for messages.
    pub(crate) const fn verb(self) -> &'static str {
        match self {
            Self::Claim => "claimed",
            Self::Release => "released",
            Self::Breach => "breached",
            Self::Escalate => "escalated",
            Self::Complete => "completed",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::WorkEvent::{Breach, Claim, Complete, Escalate, Release};
    use super::WorkState::{Cancelled, Claimed, Completed, Unattended, Waiting};
    use super::*;

    pub(crate) const EVENTS: [WorkEvent; 5] = [Claim, Release, Breach, Escalate, Complete];

    #[test]
    fn every_state_answers_every_event_as_in_the_table() {
        let no = None;
        let table = [
            // Claim, Release, Breach, Escalate, Complete
            (Unattended, [no, no, Some(Waiting), Some(Waiting), Some(Completed)]),
            (Waiting, [Some(Claimed), no, Some(Waiting), Some(Waiting), Some(Completed)]),
            (Claimed, [no, Some(Waiting), Some(Claimed), Some(Waiting), Some(Completed)]),
            (Completed, [no, no, no, no, Some(Completed)]),
            (Cancelled, [no, no, no, no, no]),
        ];
        assert_eq!(table.map(|(state, _)| state), WorkState::ALL);
        for (state, expected) in table {
            for (event, expected) in EVENTS.into_iter().zip(expected) {
                let after = state.after(event);
                assert_eq!(after.ok(), expected, "{state:?} {event:?}");
                assert!(after.is_ok() || after == Err(InvalidTransition { state, event }));
            }
        }
    }

    #[test]
    fn states_survive_the_store() {
        for state in WorkState::ALL {
            assert_eq!(WorkState::parse(state.as_str()), Some(state));
        }
        assert_eq!(WorkState::parse("waiting"), None);
    }

    /// The state machine as a Mermaid diagram: one line for each step that changes the state.
    fn diagram() -> String {
        let mut lines = vec!["stateDiagram-v2".to_owned()];
        for (event, state) in [("unattended", Unattended), ("attended", Waiting)] {
            lines.push(format!("    [*] --> {}: opened {event}", state.as_str()));
        }
        for state in WorkState::ALL {
            for event in EVENTS {
                if let Some(next) = state.after(event).ok().filter(|next| *next != state) {
                    lines.push(format!("    {} --> {}: {}", state.as_str(), next.as_str(), event.verb()));
                }
            }
        }
        lines.push(format!("    {} --> [*]", Completed.as_str()));
        lines.join("\n")
    }

    #[test]
    fn the_readme_shows_this_state_machine() {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&diagram()), "put this into README.md:\n{}", diagram());
    }

    proptest! {
        #[test]
        fn a_final_state_is_never_left(events in prop::collection::vec(prop::sample::select(EVENTS.to_vec()), 1..40)) {
            let mut state = Unattended;
            let mut ended = None;
            for event in events {
                if let Ok(next) = state.after(event) {
                    state = next;
                }
                prop_assert!(ended.is_none_or(|end| end == state));
                ended = state.is_final().then_some(state);
            }
        }
    }
}
