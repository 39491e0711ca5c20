//! How many calls a target may get now: circuit breaker, adaptive limit of concurrency, retry budget. Pure.
//!
//! - The circuit opens after a run of failures without one answer, and closes again by one probe that is answered.
//! - The limit is halved when the target says that it has too much to do, and grows back call by call.
//! - The budget lets repeated calls make up a fifth of all at most while they keep failing; first attempts go on.

use std::time::Duration;

use tokio::time::Instant;

use super::policy::full_jitter;

/// Failures in a row that open the circuit.
const FAILURES_TO_OPEN: u32 = 16;
/// How long the circuit stays open: doubles from the first to the second.
const OPEN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// The limit is not halved twice for one and the same wave of answers.
const SHRINK_EVERY: Duration = Duration::from_millis(100);
/// Tokens of a full budget; a failure takes one.
const BUDGET: f64 = 100.0;
/// What an answered call gives back: 80 answered make up for 20 failed.
const EARNED: f64 = 0.25;
/// An answer as old as this says that the target is healthy.
const HEALTHY: Duration = Duration::from_secs(60);

/// What an attempt says about its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// It answers.
    Works,
    /// It does not, or nobody can do anything with its answers.
    Fails,
    /// It has too much to do.
    Overloaded,
}

/// What may be claimed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    /// So many calls.
    pub(crate) calls: usize,
    /// Calls that have been attempted before, too.
    pub(crate) retries: bool,
}

/// The circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Circuit {
    /// Calls flow.
    Closed { failures: u32 },
    /// Nothing is sent until then.
    Open { until: Instant, openings: u32 },
    /// One probe may go.
    HalfOpen { openings: u32 },
}

impl Circuit {
    fn on_works(self) -> Self {
        match self {
            // A late answer proves as much as that of a probe.
            Self::Closed { .. } | Self::Open { .. } | Self::HalfOpen { .. } => Self::Closed { failures: 0 },
        }
    }

    fn on_failure(self, now: Instant, dice: f64) -> Self {
        match self {
            Self::Closed { failures } if failures + 1 < FAILURES_TO_OPEN => Self::Closed { failures: failures + 1 },
            Self::Closed { .. } => Self::opened(now, 1, dice),
            // Calls that were under way when it opened.
            Self::Open { .. } => self,
            Self::HalfOpen { openings } => Self::opened(now, openings + 1, dice),
        }
    }

    fn on_time(self, now: Instant) -> Self {
        match self {
            Self::Open { until, openings } if now >= until => Self::HalfOpen { openings },
            Self::Open { .. } | Self::Closed { .. } | Self::HalfOpen { .. } => self,
        }
    }

    fn opened(now: Instant, openings: u32, dice: f64) -> Self {
        // Half of it is certain, half is jitter.
        let whole = full_jitter(OPEN.0, OPEN.1, openings, 1.0);
        Self::Open { until: now + whole / 2 + whole.mul_f64(dice / 2.0), openings }
    }
}

/// What is known about one target.
#[derive(Debug)]
pub(crate) struct Gate {
    circuit: Circuit,
    most: f64,
    limit: f64,
    budget: f64,
    shrunk_at: Option<Instant>,
    worked_at: Option<Instant>,
}

impl Gate {
    /// For a target that may get `most` calls at once.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        Self {
            circuit: Circuit::Closed { failures: 0 },
            most,
            limit: most,
            budget: BUDGET,
            shrunk_at: None,
            worked_at: None,
        }
    }

    /// What may be claimed while `in_flight` calls are under way.
    pub(crate) fn admission(&mut self, now: Instant, in_flight: usize) -> Admission {
        self.circuit = self.circuit.on_time(now);
        let one_alone = Admission { calls: usize::from(in_flight == 0), retries: true };
        match self.circuit {
            Circuit::Open { .. } => Admission { calls: 0, retries: false },
            Circuit::HalfOpen { .. } => one_alone,
            // Without a budget repeated calls go one by one, when nothing else is under way.
            Circuit::Closed { .. } if self.budget < 1.0 && in_flight == 0 => one_alone,
            Circuit::Closed { .. } => Admission {
                // The limit is at least 1 and at most `most`, which was a usize.
                calls: (self.limit as usize).saturating_sub(in_flight),
                retries: self.budget >= 1.0,
            },
        }
    }

    /// Until when nothing may be sent.
    pub(crate) fn open_until(&self) -> Option<Instant> {
        match self.circuit {
            Circuit::Open { until, .. } => Some(until),
            Circuit::Closed { .. } | Circuit::HalfOpen { .. } => None,
        }
    }

    /// True unless calls flow.
    pub(crate) fn is_open(&self) -> bool {
        match self.circuit {
            Circuit::Open { .. } | Circuit::HalfOpen { .. } => true,
            Circuit::Closed { .. } => false,
        }
    }

    /// True when the target has answered lately.
    pub(crate) fn is_healthy(&self, now: Instant) -> bool {
        !self.is_open() && self.worked_at.is_some_and(|at| now.duration_since(at) <= HEALTHY)
    }

    /// Takes note of an attempt.
    pub(crate) fn record(&mut self, now: Instant, signal: Signal, dice: f64) {
        match signal {
            Signal::Works => {
                self.circuit = self.circuit.on_works();
                self.worked_at = Some(now);
                self.limit = (self.limit + 1.0 / self.limit).min(self.most);
                self.budget = (self.budget + EARNED).min(BUDGET);
            }
            Signal::Fails => {
                self.circuit = self.circuit.on_failure(now, dice);
                self.budget = (self.budget - 1.0).max(0.0);
            }
            Signal::Overloaded => {
                // It answers: the circuit stays as it is, or closes.
                self.circuit = self.circuit.on_works();
                self.budget = (self.budget - 1.0).max(0.0);
                if self.shrunk_at.is_none_or(|at| now.duration_since(at) >= SHRINK_EVERY) {
                    self.shrunk_at = Some(now);
                    self.limit = (self.limit / 2.0).max(1.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fail(gate: &mut Gate, now: Instant, times: u32) {
        for _ in 0..times {
            gate.record(now, Signal::Fails, 0.5);
        }
    }

    #[tokio::test]
    async fn every_state_of_the_circuit_meets_every_event() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let closed = Circuit::Closed { failures: 3 };
        let brink = Circuit::Closed { failures: FAILURES_TO_OPEN - 1 };
        let open = Circuit::Open { until: later, openings: 2 };
        let half = Circuit::HalfOpen { openings: 2 };
        let fresh = Circuit::Closed { failures: 0 };
        for (state, works, fails, before, after) in [
            (closed, fresh, Circuit::Closed { failures: 4 }, closed, closed),
            (brink, fresh, Circuit::opened(now, 1, 0.5), brink, brink),
            (open, fresh, open, open, half),
            (half, fresh, Circuit::opened(now, 3, 0.5), half, half),
        ] {
            assert_eq!(state.on_works(), works, "{state:?}");
            assert_eq!(state.on_failure(now, 0.5), fails, "{state:?}");
            assert_eq!(state.on_time(now), before, "{state:?}");
            assert_eq!(state.on_time(later), after, "{state:?}");
        }
    }

    #[tokio::test]
    async fn an_open_circuit_lets_one_probe_through_and_an_answer_closes_it() {
        let now = Instant::now();
        let mut gate = Gate::new(64);
        fail(&mut gate, now, FAILURES_TO_OPEN);
        assert!(gate.is_open());
        assert_eq!(gate.admission(now, 0).calls, 0);
        let then = gate.open_until().expect("open");
        assert_eq!(gate.admission(then, 0), Admission { calls: 1, retries: true });
        assert_eq!(gate.admission(then, 1).calls, 0, "one probe, not two");
        fail(&mut gate, then, 1);
        let second = gate.open_until().expect("open again");
        assert!(second - then > Duration::from_millis(250), "it stays open longer");
        gate.admission(second, 0);
        gate.record(second, Signal::Works, 0.5);
        assert_eq!(gate.admission(second, 0).calls, 64);
        assert!(gate.is_healthy(second));
        assert!(!gate.is_healthy(second + HEALTHY + Duration::from_secs(1)));
    }

    #[tokio::test]
    async fn overload_shrinks_the_limit_once_a_wave_and_answers_grow_it() {
        let now = Instant::now();
        let mut gate = Gate::new(64);
        for _ in 0..50 {
            gate.record(now, Signal::Overloaded, 0.5);
        }
        assert_eq!(gate.admission(now, 10).calls, 22);
        for wave in 1..=10 {
            gate.record(now + SHRINK_EVERY * wave, Signal::Overloaded, 0.5);
        }
        assert_eq!(gate.admission(now, 0).calls, 1, "never nothing");
        for _ in 0..10_000 {
            gate.record(now, Signal::Works, 0.5);
        }
        assert_eq!(gate.admission(now, 0).calls, 64, "never more than allowed");
    }

    #[tokio::test]
    async fn without_a_budget_first_attempts_go_on_and_retries_go_one_by_one() {
        let now = Instant::now();
        let mut gate = Gate::new(64);
        for _ in 0..10 {
            fail(&mut gate, now, FAILURES_TO_OPEN - 1);
            gate.record(now, Signal::Works, 0.5);
        }
        assert_eq!(gate.admission(now, 5), Admission { calls: 59, retries: false });
        assert_eq!(gate.admission(now, 0), Admission { calls: 1, retries: true });
        for _ in 0..4 {
            gate.record(now, Signal::Works, 0.5);
        }
        assert_eq!(gate.admission(now, 0), Admission { calls: 64, retries: true });
    }

    proptest! {
        /// However the target behaves, there are bounds, and a target that works again gets everything again.
        #[test]
        fn the_gate_never_locks_up(signals in proptest::collection::vec((0_u8..3, 0_u64..3_000, 0.0..1.0_f64), 0..300)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            let _entered = runtime.enter();
            let mut now = Instant::now();
            let mut gate = Gate::new(8);
            for (signal, millis, dice) in signals {
                now += Duration::from_millis(millis);
                let admission = gate.admission(now, 0);
                prop_assert!(admission.calls <= 8);
                prop_assert!(admission.calls >= 1 || gate.open_until().is_some_and(|until| until > now && until <= now + OPEN.1));
                gate.record(now, [Signal::Works, Signal::Fails, Signal::Overloaded][usize::from(signal)], dice);
            }
            now += OPEN.1;
            gate.admission(now, 0);
            for _ in 0..400 {
                gate.record(now, Signal::Works, 0.5);
            }
            prop_assert_eq!(gate.admission(now, 0), Admission { calls: 8, retries: true });
        }
    }
}
