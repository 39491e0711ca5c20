//! Moves a virtual clock through quiet time: only when no service has anything to do, and only to when one will.
//!
//! Quiet means that no durable call is due or being sent in any engine, and that nothing was committed while the driver
//! looked: whatever is under way between two services is a row in one of them until it is done.

use std::time::Duration;

use durable::{Engine, Quiescence};
use kernel::{Timestamp, VirtualClock};

/// Pause between two looks at busy engines.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Drives one clock by the engines that share it.
#[derive(Clone, Debug)]
pub struct ClockDriver {
    clock: VirtualClock,
    engines: Vec<Engine>,
    /// The clock stops at multiples of this, so that what is due close together runs together.
    step: Duration,
}

impl ClockDriver {
    /// A driver that moves the clock in whole `step`s.
    pub fn new(clock: VirtualClock, engines: Vec<Engine>, step: Duration) -> Self {
        Self { clock, engines, step }
    }

    /// Waits until nothing is due now; when the next call will be, if any waits.
    ///
    /// # Errors
    /// When a database does not answer.
    pub async fn quiet(&self) -> anyhow::Result<Option<Timestamp>> {
        let mut commits = None;
        loop {
            let before: u64 = self.engines.iter().map(Engine::commits).sum();
            match durable::quiescence(&self.engines).await? {
                // Twice, so that a client whose call is under way shows by the commit that it causes.
                Quiescence::Quiet { next_due } if commits == Some(before) => return Ok(next_due),
                Quiescence::Quiet { .. } => commits = Some(before),
                Quiescence::Busy => {
                    commits = None;
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
    }

    /// Runs everything that is due until `until`, and leaves the clock there, quiet.
    ///
    /// # Errors
    /// When a database does not answer.
    pub async fn run_until(&self, until: Timestamp) -> anyhow::Result<()> {
        while let Some(next) = self.quiet().await?.filter(|next| *next <= until) {
            self.clock.advance_to(self.stop_after(next).min(until));
            self.wake();
        }
        self.clock.advance_to(until);
        Ok(())
    }

    /// Runs everything that is due up to `horizon`; the clock stops after the last of it.
    ///
    /// # Errors
    /// When a database does not answer.
    pub async fn run_out(&self, horizon: Timestamp) -> anyhow::Result<()> {
        while let Some(next) = self.quiet().await?.filter(|next| *next <= horizon) {
            self.clock.advance_to(self.stop_after(next));
            self.wake();
        }
        Ok(())
    }

    /// The first multiple of the step that is not before `time`.
    fn stop_after(&self, time: Timestamp) -> Timestamp {
        let step = i64::try_from(self.step.as_micros()).unwrap_or(i64::MAX).max(1);
        Timestamp::from_micros(time.micros().saturating_add(step - 1).div_euclid(step).saturating_mul(step))
    }

    fn wake(&self) {
        for engine in &self.engines {
            engine.wake_relay();
        }
    }
}
