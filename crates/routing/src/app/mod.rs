//! The use cases of routing, one file each.
//!
//! Work is changed in one of two ways, and both end in the same three steps: fold the change over the locked work, tell
//! others ([`report`]), write. The hot changes share transactions ([`change_work`]); the others have their own.

mod change_work;
mod check_clock;
mod claim_work;
mod complete_work;
mod create_agent;
mod create_queue;
mod escalate_work;
mod open_work;
mod parked_calls;
mod post_progress;
mod reads;
mod refusal;
mod report;
mod set_presence;
mod stream_assignments;

use std::sync::Arc;
use std::time::Duration;

use durable::{Engine, PageTokens, Writer};
use kernel::Timestamp;
use tokio::sync::watch;

use self::change_work::ChangeWork;
pub(crate) use self::check_clock::CheckClock;
pub(crate) use self::claim_work::ClaimWork;
pub(crate) use self::complete_work::CompleteWork;
pub(crate) use self::create_agent::CreateAgent;
pub(crate) use self::create_queue::CreateQueue;
pub(crate) use self::escalate_work::EscalateWork;
pub(crate) use self::open_work::OpenWork;
pub(crate) use self::parked_calls::ParkedCalls;
pub(crate) use self::post_progress::PostProgress;
pub(crate) use self::refusal::promise_in_the_past;
pub(crate) use self::report::Reporter;
pub(crate) use self::set_presence::SetPresence;
use crate::domain::Sla;

/// The use cases and what they need. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    engine: Engine,
    work: Writer<ChangeWork>,
    reporter: Reporter,
    tokens: PageTokens,
    desk: Arc<watch::Sender<()>>,
    assignment_poll: Duration,
}

impl App {
    /// Starts them on this engine.
    pub(crate) fn start(
        engine: &Engine,
        reporter: Reporter,
        sla: Sla,
        tokens: PageTokens,
        assignment_poll: Duration,
    ) -> Self {
        let work = Writer::start(engine, ChangeWork::new(reporter.clone(), sla));
        let (desk, _) = watch::channel(());
        Self { engine: engine.clone(), work, reporter, tokens, desk: Arc::new(desk), assignment_poll }
    }

    /// The time, for what is judged before a transaction begins.
    pub(crate) fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// Says to the open streams of assignments that there may be something to do.
    fn wake_desk(&self) {
        self.desk.send_replace(());
    }

    fn wake_desk_for(&self, work: &api::routing::WorkItem) {
        use api::routing::work_item::State;
        match work.state() {
            // There is work to take, or somebody has room again.
            State::Waiting | State::Completed => self.wake_desk(),
            State::Unspecified | State::Unattended | State::Claimed | State::Cancelled => {}
        }
    }
}
