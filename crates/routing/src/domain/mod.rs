//! The rules of routing: who may take which work, how work moves, when time runs out.
//!
//! Pure: no I/O, no async, no clock, no randomness. `now` and ids come in as arguments; what must be told to others
//! goes out as [`Fact`]s.

mod agent;
mod clock;
mod progress;
mod queue;
mod severity;
mod sla;
mod work;
mod work_state;

pub(crate) use agent::{Agent, MAX_LEVEL, Misfit, Presence, is_skill};
pub(crate) use clock::{Clock, ClockKind, ClockState};
pub(crate) use progress::{Progress, ProgressKind};
pub(crate) use queue::{Queue, QueueId};
pub(crate) use severity::Severity;
pub(crate) use sla::Sla;
pub(crate) use work::{Fact, NewWork, Refusal, Work};
pub(crate) use work_state::{InvalidTransition, WorkState};
