//! One clock: a deadline that somebody was promised, and how it stops, stands still and runs out.
//!
//! A clock measures our own time only. While the customer has the word it is PAUSED and carries what was used up; when
//! it goes on, it has what was left. Whatever touches a clock that is overdue finds it run out, at the time it was due,
//! whether its timer has come or not. Each run of a clock has a number of its own, which its timer is named after.

use std::time::Duration;

use kernel::Timestamp;

/// What a clock waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub(crate) enum ClockKind {
    /// The customer hears from us.
    Acknowledge,
    /// The work is done.
    Resolve,
    /// The customer hears news again, as promised.
    NextUpdate,
}

impl ClockKind {
    /// All of them.
    pub(crate) const ALL: [ClockKind; 3] = [Self::Acknowledge, Self::Resolve, Self::NextUpdate];

    /// As stored, and as told to others.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "ACKNOWLEDGE",
            Self::Resolve => "RESOLVE",
            Self::NextUpdate => "NEXT_UPDATE",
        }
    }

    /// From its stored form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How a clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClockState {
    /// It runs.
    Running,
    /// The customer has the word: our time stands still.
    Paused,
    /// What it waited for happened in time. Final.
    Met,
    /// It ran out. Final.
    Breached,
    /// It is not needed any more. Final.
    Cancelled,
}

impl ClockState {
    /// All of them.
    pub(crate) const ALL: [ClockState; 5] = [Self::Running, Self::Paused, Self::Met, Self::Breached, Self::Cancelled];

    /// As stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Met => "MET",
            Self::Breached => "BREACHED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// From its stored form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// True while it can still run out.
    pub(crate) const fn is_live(self) -> bool {
        match self {
            Self::Running | Self::Paused => true,
            Self::Met | Self::Breached | Self::Cancelled => false,
        }
    }
}

/// What happens to a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClockEvent {
    /// Somebody looks whether it has run out.
    Check,
    /// The customer has the word.
    Pause,
    /// The customer answered.
    Resume,
    /// What it waits for happened.
    Meet,
    /// It is not needed any more.
    Cancel,
}

/// What an event did to a clock, for whoever keeps its timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClockStep {
    /// Nothing.
    None,
    /// It goes on: a timer is needed for this run.
    Started,
    /// It stopped or stands still: the timer of this run is not needed any more.
    Stopped {
        /// The run whose timer that is.
        run: u32,
    },
    /// It ran out, now or a while ago. The timer of its run is not needed any more.
    RanOut {
        /// The run whose timer that is.
        run: u32,
    },
}

/// A deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    /// What it waits for.
    pub(crate) kind: ClockKind,
    /// 1 for the first clock of its kind on this work, and so on.
    pub(crate) number: u32,
    /// How it stands.
    pub(crate) state: ClockState,
    /// How much of our time it gives.
    pub(crate) allowed: Duration,
    /// How much was used up before the current run.
    pub(crate) consumed: Duration,
    /// When it started.
    pub(crate) started_at: Timestamp,
    /// When the current run started.
    pub(crate) running_since: Timestamp,
    /// When it stopped or ran out.
    pub(crate) ended_at: Option<Timestamp>,
    /// Counts the runs of all clocks of its kind on this work; stands at the latest run of this one.
    pub(crate) run: u32,
}

impl Clock {
    /// A clock that starts now. `run` is one more than the latest run of the kind.
    pub(crate) const fn start(kind: ClockKind, number: u32, run: u32, allowed: Duration, now: Timestamp) -> Self {
        Self {
            kind,
            number,
            state: ClockState::Running,
            allowed,
            consumed: Duration::ZERO,
            started_at: now,
            running_since: now,
            ended_at: None,
            run,
        }
    }

    /// When it runs out; `None` while it stands still, when nobody can say.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        match self.state {
            ClockState::Running | ClockState::Met | ClockState::Breached | ClockState::Cancelled => {
                Some(self.running_since.plus(self.left()))
            }
            ClockState::Paused => None,
        }
    }

    /// How much of our time was left when the current run started, or when it was paused.
    pub(crate) fn left(&self) -> Duration {
        self.allowed.saturating_sub(self.consumed)
    }

    /// Lets `event` happen at `now`.
    pub(crate) fn on(&mut self, event: ClockEvent, now: Timestamp) -> ClockStep {
        match self.state {
            ClockState::Running => self.while_running(event, now),
            ClockState::Paused => match event {
                ClockEvent::Resume => {
                    self.state = ClockState::Running;
                    self.running_since = now;
                    self.run += 1;
                    ClockStep::Started
                }
                ClockEvent::Meet => self.end_paused(ClockState::Met, now),
                ClockEvent::Cancel => self.end_paused(ClockState::Cancelled, now),
                ClockEvent::Check | ClockEvent::Pause => ClockStep::None,
            },
            ClockState::Met | ClockState::Breached | ClockState::Cancelled => match event {
                ClockEvent::Check | ClockEvent::Pause | ClockEvent::Resume | ClockEvent::Meet | ClockEvent::Cancel => {
                    ClockStep::None
                }
            },
        }
    }

    fn while_running(&mut self, event: ClockEvent, now: Timestamp) -> ClockStep {
        let run = self.run;
        let due = self.running_since.plus(self.left());
        if due <= now {
            self.state = ClockState::Breached;
            self.ended_at = Some(due);
            return ClockStep::RanOut { run };
        }
        let next = match event {
            ClockEvent::Check | ClockEvent::Resume => return ClockStep::None,
            ClockEvent::Pause => {
                self.consumed += now.since(self.running_since);
                self.running_since = now;
                ClockState::Paused
            }
            ClockEvent::Meet => ClockState::Met,
            ClockEvent::Cancel => ClockState::Cancelled,
        };
        self.state = next;
        self.ended_at = (!next.is_live()).then_some(now);
        ClockStep::Stopped { run }
    }

    fn end_paused(&mut self, state: ClockState, now: Timestamp) -> ClockStep {
        self.state = state;
        self.ended_at = Some(now);
        ClockStep::None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ClockEvent::{Cancel, Check, Meet, Pause, Resume};
    use super::ClockState::{Breached, Cancelled, Met, Paused, Running};
    use super::*;

    const ALLOWED: Duration = Duration::from_secs(100);
    const EVENTS: [ClockEvent; 5] = [Check, Pause, Resume, Meet, Cancel];

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// A clock in `state` that used 10 of its 100 seconds; when it runs, since 10.
    fn clock(state: ClockState) -> Clock {
        Clock {
            state,
            consumed: Duration::from_secs(10),
            running_since: at(10),
            ended_at: (!state.is_live()).then_some(at(20)),
            ..Clock::start(ClockKind::Resolve, 1, 1, ALLOWED, at(0))
        }
    }

    #[test]
    fn every_state_answers_every_event_as_in_the_table() {
        let table = [
            // Check, Pause, Resume, Meet, Cancel
            (Running, [Running, Paused, Running, Met, Cancelled]),
            (Paused, [Paused, Paused, Running, Met, Cancelled]),
            (Met, [Met; 5]),
            (Breached, [Breached; 5]),
            (Cancelled, [Cancelled; 5]),
        ];
        assert_eq!(table.map(|(state, _)| state), ClockState::ALL);
        for (state, expected) in table {
            for (event, expected) in EVENTS.into_iter().zip(expected) {
                let mut clock = clock(state);
                let before = clock.clone();
                let step = clock.on(event, at(50));
                assert_eq!(clock.state, expected, "{state:?} {event:?}");
                assert_eq!(clock == before, state == expected, "{state:?} {event:?}");
                let timer_is_moot = state == Running && expected != Running;
                let expected_step = match (state, expected) {
                    (Paused, Running) => ClockStep::Started,
                    _ if timer_is_moot => ClockStep::Stopped { run: 1 },
                    _ => ClockStep::None,
                };
                assert_eq!(step, expected_step, "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn an_overdue_clock_has_run_out_whatever_happens_to_it() {
        for event in EVENTS {
            for now in [100, 5_000] {
                let mut clock = clock(Running);
                assert_eq!(clock.on(event, at(now)), ClockStep::RanOut { run: 1 }, "{event:?}");
                assert_eq!((clock.state, clock.ended_at), (Breached, Some(at(100))), "{event:?}");
            }
            let mut clock = clock(Running);
            clock.on(event, Timestamp::from_micros(99_999_999));
            assert_ne!(clock.state, Breached, "{event:?}");
        }
    }

    #[test]
    fn a_pause_carries_the_time_that_was_used_up() {
        let mut clock = Clock::start(ClockKind::Resolve, 1, 7, ALLOWED, at(0));
        clock.on(Pause, at(30));
        assert_eq!((clock.consumed, clock.due_at()), (Duration::from_secs(30), None));
        assert_eq!(clock.on(Check, at(1_000)), ClockStep::None);
        assert_eq!(clock.on(Resume, at(1_000)), ClockStep::Started);
        assert_eq!((clock.due_at(), clock.run), (Some(at(1_070)), 8));
        assert_eq!(clock.on(Check, at(1_069)), ClockStep::None);
        assert_eq!(clock.on(Check, at(1_070)), ClockStep::RanOut { run: 8 });
    }

    #[test]
    fn states_and_kinds_survive_the_store() {
        for state in ClockState::ALL {
            assert_eq!(ClockState::parse(state.as_str()), Some(state));
        }
        for kind in ClockKind::ALL {
            assert_eq!(ClockKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!((ClockState::parse("met"), ClockKind::parse("")), (None, None));
    }

    proptest! {
        #[test]
        fn consumed_time_is_conserved_and_a_clock_fires_at_most_once(
            steps in prop::collection::vec((prop::sample::select(EVENTS.to_vec()), 0_u64..40), 1..60),
        ) {
            let mut clock = Clock::start(ClockKind::Resolve, 1, 1, ALLOWED, at(0));
            let mut now = at(0);
            // The model: our own time that passed while the clock ran, kept by hand.
            let (mut used, mut running, mut fired, mut runs) = (Duration::ZERO, true, 0, 1);
            for (event, pause) in steps {
                let before = clock.clone();
                let passed = Duration::from_secs(pause);
                now = now.plus(passed);
                if running {
                    used += passed;
                }
                match clock.on(event, now) {
                    ClockStep::None => {}
                    ClockStep::Started => { running = true; runs += 1; }
                    ClockStep::Stopped { run } => {
                        prop_assert_eq!(run, runs);
                        prop_assert!(used < ALLOWED);
                        running = false;
                    }
                    ClockStep::RanOut { run } => {
                        prop_assert_eq!(run, runs);
                        prop_assert!(used >= ALLOWED);
                        prop_assert_eq!(clock.ended_at.map(|end| now.since(end)), Some(used - ALLOWED));
                        running = false;
                        fired += 1;
                    }
                }
                prop_assert_eq!(running, clock.state == Running);
                prop_assert_eq!(clock.run, runs);
                match clock.state {
                    Running => {
                        prop_assert_eq!(clock.consumed + now.since(clock.running_since), used);
                        prop_assert_eq!(clock.due_at(), Some(now.plus(ALLOWED - used)));
                    }
                    Paused => prop_assert_eq!(clock.consumed, used),
                    Met | Breached | Cancelled => prop_assert!(clock.ended_at.is_some()),
                }
                prop_assert!(before.state.is_live() || before == clock);
            }
            prop_assert!(fired <= 1);
        }
    }
}
