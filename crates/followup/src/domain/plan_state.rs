//! The states of a plan: it runs from step to step until the customer answers, nobody does, or it is stopped.
//!
//! A plan of n pauses has n steps: steps 1 to n - 1 send a check-in each, step n ends the plan as lapsed. What
//! happens to a final plan changes nothing: timers come late and twice, customers answer when they like.

use std::time::Duration;

use kernel::Timestamp;

/// Where a plan stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PlanState {
    /// Check-ins are sent and answers are awaited.
    Running {
        /// The step that comes next, from 1.
        next_step: u32,
        /// When it is due.
        due_at: Timestamp,
    },
    /// The customer says that it is right again. Final.
    Recovered {
        /// When.
        at: Timestamp,
    },
    /// The customer says that it is still wrong. Final.
    StillWrong {
        /// When.
        at: Timestamp,
    },
    /// Nobody answered. Final.
    Lapsed {
        /// When.
        at: Timestamp,
    },
    /// Stopped because the case took another turn. Final.
    Stopped {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// What a score says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is right again.
    RightAgain,
    /// It is still wrong.
    StillWrong,
}

impl Verdict {
    /// The lowest score, of 0 to 10, that means right again: the passives and promoters of the usual scale.
    pub(crate) const RIGHT_AGAIN_FROM: u8 = 7;

    /// What `score` says.
    pub(crate) fn of(score: u8) -> Self {
        if score >= Self::RIGHT_AGAIN_FROM { Self::RightAgain } else { Self::StillWrong }
    }
}

/// What can happen to a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanEvent<'a> {
    /// The time of a step has come.
    StepDue {
        /// Which one, from 1.
        step: u32,
        /// The plan's pauses, one before each step.
        pauses: &'a [Duration],
    },
    /// The customer answered.
    Answered(Verdict),
    /// Somebody stops it.
    Stop {
        /// Why.
        reason: &'a str,
    },
}

impl PlanState {
    /// A plan that starts at `now`.
    pub(crate) fn start(pauses: &[Duration], now: Timestamp) -> Self {
        Self::Running { next_step: 1, due_at: now.plus(pauses.first().copied().unwrap_or_default()) }
    }

    /// The state after `event`; `None` when it changes nothing.
    pub(crate) fn after(&self, event: PlanEvent<'_>, now: Timestamp) -> Option<Self> {
        match self {
            Self::Running { next_step, .. } => match event {
                PlanEvent::StepDue { step, .. } if step != *next_step => None,
                PlanEvent::StepDue { step, pauses } => Some(match pauses.get(step as usize) {
                    Some(pause) => Self::Running { next_step: step + 1, due_at: now.plus(*pause) },
                    None => Self::Lapsed { at: now },
                }),
                PlanEvent::Answered(Verdict::RightAgain) => Some(Self::Recovered { at: now }),
                PlanEvent::Answered(Verdict::StillWrong) => Some(Self::StillWrong { at: now }),
                PlanEvent::Stop { reason } => Some(Self::Stopped { at: now, reason: reason.to_owned() }),
            },
            Self::Recovered { .. } | Self::StillWrong { .. } | Self::Lapsed { .. } | Self::Stopped { .. } => None,
        }
    }

    /// As it is stored.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Running { .. } => "RUNNING",
            Self::Recovered { .. } => "RECOVERED",
            Self::StillWrong { .. } => "STILL_WRONG",
            Self::Lapsed { .. } => "LAPSED",
            Self::Stopped { .. } => "STOPPED",
        }
    }

    /// The step that comes next and when; `None` on a final plan.
    pub(crate) fn next_step(&self) -> Option<(u32, Timestamp)> {
        match self {
            Self::Running { next_step, due_at } => Some((*next_step, *due_at)),
            Self::Recovered { .. } | Self::StillWrong { .. } | Self::Lapsed { .. } | Self::Stopped { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);
    const PAUSES: [Duration; 3] = [Duration::from_secs(30), Duration::from_secs(70), Duration::from_secs(71)];

    fn running(next_step: u32) -> PlanState {
        PlanState::Running { next_step, due_at: NOW }
    }

    fn step(step: u32) -> PlanEvent<'static> {
        PlanEvent::StepDue { step, pauses: &PAUSES }
    }

    const GOOD: PlanEvent<'static> = PlanEvent::Answered(Verdict::RightAgain);
    const BAD: PlanEvent<'static> = PlanEvent::Answered(Verdict::StillWrong);
    const STOP: PlanEvent<'static> = PlanEvent::Stop { reason: "merged" };

    fn stopped() -> PlanState {
        PlanState::Stopped { at: NOW, reason: "merged".to_owned() }
    }

    #[test]
    fn every_state_meets_every_event() {
        let then = |next_step, pause: usize| Some(PlanState::Running { next_step, due_at: NOW.plus(PAUSES[pause]) });
        for (state, event, after) in [
            (running(1), step(1), then(2, 1)),
            (running(1), step(2), None),
            (running(2), step(1), None),
            (running(2), step(2), then(3, 2)),
            (running(3), step(2), None),
            (running(3), step(3), Some(PlanState::Lapsed { at: NOW })),
            (running(3), step(4), None),
            (running(1), GOOD, Some(PlanState::Recovered { at: NOW })),
            (running(1), BAD, Some(PlanState::StillWrong { at: NOW })),
            (running(1), STOP, Some(stopped())),
        ] {
            assert_eq!(state.after(event, NOW), after, "{state:?} {event:?}");
        }
        let finals = [
            PlanState::Recovered { at: NOW },
            PlanState::StillWrong { at: NOW },
            PlanState::Lapsed { at: NOW },
            stopped(),
        ];
        for state in finals {
            for event in [step(1), step(3), GOOD, BAD, STOP] {
                assert_eq!(state.after(event, NOW), None, "{state:?} {event:?}");
            }
            assert_eq!(state.next_step(), None);
        }
    }

    #[test]
    fn seven_is_right_again_and_six_is_not() {
        assert_eq!(Verdict::of(0), Verdict::StillWrong);
        assert_eq!(Verdict::of(6), Verdict::StillWrong);
        assert_eq!(Verdict::of(7), Verdict::RightAgain);
        assert_eq!(Verdict::of(10), Verdict::RightAgain);
    }

    #[test]
    fn the_readme_shows_these_states() {
        let mut edges = std::collections::BTreeSet::new();
        for (event, label) in [
            (step(1), "step due"),
            (step(3), "last step due"),
            (GOOD, "score 7 and up"),
            (BAD, "score below 7"),
            (STOP, "stop"),
        ] {
            for state in [running(1), running(3)] {
                if let Some(after) = state.after(event, NOW) {
                    edges.insert(format!("    {} --> {}: {label}", state.as_str(), after.as_str()));
                }
            }
        }
        let edges: Vec<String> = edges.into_iter().collect();
        let diagram = format!("```mermaid\nstateDiagram-v2\n    [*] --> RUNNING\n{}\n```", edges.join("\n"));
        assert!(include_str!("../../README.md").contains(&diagram), "put this into README.md:\n{diagram}");
    }

    fn event() -> impl Strategy<Value = PlanEvent<'static>> {
        prop_oneof![4 => (1_u32..6).prop_map(step), 1 => Just(GOOD), 1 => Just(BAD), 1 => Just(STOP)]
    }

    proptest! {
        #[test]
        fn steps_go_up_one_by_one_and_a_final_plan_stays(events in prop::collection::vec(event(), 0..24)) {
            let mut state = PlanState::start(&PAUSES, NOW);
            let mut now = NOW;
            for event in events {
                now = now.plus(Duration::from_secs(1));
                let Some(after) = state.after(event, now) else { continue };
                let (before, _) = state.next_step().expect("only a running plan changes");
                if let Some((next, due_at)) = after.next_step() {
                    prop_assert_eq!(next, before + 1);
                    prop_assert_eq!(due_at, now.plus(PAUSES[before as usize]));
                }
                state = after;
            }
        }
    }
}
