//! A work item with its clocks: what may be done to it, and what follows from that.
//!
//! What always holds: at most one clock of a kind is live; no clock is live on final work; every run of a clock is
//! announced once by [`Fact::ClockStarted`] and taken back at most once by [`Fact::ClockStopped`]. An operation that is
//! refused changes nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use kernel::{AgentId, CaseId, ResourceId as _, TenantId, Timestamp, WorkItemId, message_id_for_step};
use uuid::Uuid;

use super::clock::{ClockEvent, ClockStep};
use super::work_state::WorkEvent;
use super::{
    Clock, ClockKind, ClockState, InvalidTransition, MAX_LEVEL, Progress, ProgressKind, QueueId, Severity, WorkState,
};

/// Promises of news that one work item can carry.
const MAX_PROMISES: u32 = 200;

/// One piece of work on a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    /// Whose it is.
    pub(crate) tenant: TenantId,
    /// The id.
    pub(crate) id: WorkItemId,
    /// The case that it serves.
    pub(crate) case: CaseId,
    /// Where it stands.
    pub(crate) state: WorkState,
    /// What is to be done.
    pub(crate) title: String,
    /// What the agent must know.
    pub(crate) handover: String,
    /// How badly the customer was hit.
    pub(crate) severity: Severity,
    /// The queue that it waits in, or goes back to.
    pub(crate) queue: QueueId,
    /// What the agent must be able to do.
    pub(crate) skills: BTreeSet<String>,
    /// Who works on it.
    pub(crate) agent: Option<AgentId>,
    /// How often it was escalated.
    pub(crate) escalation_level: u32,
    /// What was done.
    pub(crate) resolution: Option<String>,
    /// All clocks that it ever had, in the order of their start.
    pub(crate) clocks: Vec<Clock>,
    /// How many facts of it were told to others; numbers them.
    pub(crate) reported: u32,
    /// Counts the changes.
    pub(crate) version: u32,
    /// `traceparent` of the first request of the story.
    pub(crate) journey: String,
    /// When it was opened.
    pub(crate) created_at: Timestamp,
    /// When it last changed.
    pub(crate) updated_at: Timestamp,
}

/// What is known of work that is to be opened.
#[derive(Clone, Debug)]
pub(crate) struct NewWork {
    /// Whose it is.
    pub(crate) tenant: TenantId,
    /// The id.
    pub(crate) id: WorkItemId,
    /// The case that it serves.
    pub(crate) case: CaseId,
    /// What is to be done.
    pub(crate) title: String,
    /// What the agent must know.
    pub(crate) handover: String,
    /// How badly the customer was hit.
    pub(crate) severity: Severity,
    /// The queue that it waits in.
    pub(crate) queue: QueueId,
    /// What the agent must be able to do.
    pub(crate) skills: BTreeSet<String>,
    /// The recovery runs by itself.
    pub(crate) unattended: bool,
    /// Time to acknowledge.
    pub(crate) acknowledge_within: Duration,
    /// Time to resolve.
    pub(crate) resolve_within: Duration,
    /// `traceparent` of the first request of the story.
    pub(crate) journey: String,
}

/// What happened, for whoever keeps timers and tells others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Work was opened.
    Opened {
        /// Nobody works on it.
        unattended: bool,
    },
    /// An agent took it.
    Claimed(AgentId),
    /// Something was told to the customer, or noted.
    Posted(Progress),
    /// A clock ran out.
    Breached {
        /// Which.
        clock: ClockKind,
        /// When.
        due_at: Timestamp,
    },
    /// It went to somebody with more authority.
    Escalated {
        /// The level now.
        level: u32,
        /// Why.
        reason: String,
    },
    /// It is done.
    Completed {
        /// What was done.
        resolution: String,
    },
    /// A run of a clock needs a timer.
    ClockStarted {
        /// Which clock.
        clock: ClockKind,
        /// The timer's name: see [`Work::timer_id`].
        run: u32,
        /// When the timer must come.
        at: Timestamp,
    },
    /// A run of a clock needs its timer no more.
    ClockStopped {
        /// Which clock.
        clock: ClockKind,
        /// The timer's name.
        run: u32,
    },
}

/// Why an operation is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not in this state.
    Transition(InvalidTransition),
    /// The work has ended: nothing can be posted to it.
    Final(WorkState),
    /// News was promised for a time that has passed.
    PromiseInThePast,
    /// It has had too many promises.
    TooManyPromises {
        /// How many are allowed.
        most: u32,
    },
    /// Nobody has more authority.
    HighestLevel,
}

impl From<InvalidTransition> for Refusal {
    fn from(invalid: InvalidTransition) -> Self {
        Self::Transition(invalid)
    }
}

impl Work {
    /// Opens work at `now` and starts its clocks.
    pub(crate) fn open(new: NewWork, now: Timestamp) -> (Self, Vec<Fact>) {
        let mut work = Self {
            tenant: new.tenant,
            id: new.id,
            case: new.case,
            state: if new.unattended { WorkState::Unattended } else { WorkState::Waiting },
            title: new.title,
            handover: new.handover,
            severity: new.severity,
            queue: new.queue,
            skills: new.skills,
            agent: None,
            escalation_level: 0,
            resolution: None,
            clocks: Vec::new(),
            reported: 0,
            version: 1,
            journey: new.journey,
            created_at: now,
            updated_at: now,
        };
        let mut facts = vec![Fact::Opened { unattended: new.unattended }];
        work.start(ClockKind::Acknowledge, new.acknowledge_within, now, &mut facts);
        work.start(ClockKind::Resolve, new.resolve_within, now, &mut facts);
        (work, facts)
    }

    /// An agent takes it. Whether the agent may is the agent's question.
    pub(crate) fn claim(&mut self, agent: AgentId, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
        self.state = self.state.after(WorkEvent::Claim)?;
        self.agent = Some(agent);
        self.changed(now);
        Ok(vec![Fact::Claimed(agent)])
    }

    /// Its agent leaves: it goes back to its queue, and escalated work to the queue of escalated work.
    pub(crate) fn release(&mut self, now: Timestamp) -> Result<(), Refusal> {
        self.state = self.state.after(WorkEvent::Release)?;
        self.agent = None;
        if self.escalation_level > 0 {
            self.queue = QueueId::escalated();
        }
        self.changed(now);
        Ok(())
    }

    /// Somebody hands it to a higher level.
    pub(crate) fn escalate(&mut self, reason: String, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
        let state = self.state.after(WorkEvent::Escalate)?;
        if self.escalation_level >= MAX_LEVEL {
            return Err(Refusal::HighestLevel);
        }
        self.state = state;
        self.agent = None;
        self.queue = QueueId::escalated();
        self.escalation_level += 1;
        self.changed(now);
        Ok(vec![Fact::Escalated { level: self.escalation_level, reason }])
    }

    /// Records what was told to the customer, or a note, and moves the clocks that it concerns.
    pub(crate) fn post(&mut self, progress: Progress, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
        if self.state.is_final() {
            return Err(Refusal::Final(self.state));
        }
        if progress.next_update_by.is_some_and(|by| by <= now) {
            return Err(Refusal::PromiseInThePast);
        }
        let promises = self.latest(ClockKind::NextUpdate).map_or(0, |clock| clock.number);
        if progress.next_update_by.is_some() && promises >= MAX_PROMISES {
            return Err(Refusal::TooManyPromises { most: MAX_PROMISES });
        }
        let mut facts = Vec::new();
        match progress.kind {
            ProgressKind::Acknowledgement => self.turn(ClockKind::Acknowledge, ClockEvent::Meet, now, &mut facts),
            ProgressKind::SubstantiveUpdate => self.turn(ClockKind::NextUpdate, ClockEvent::Meet, now, &mut facts),
            ProgressKind::WaitingForCustomer => self.turn(ClockKind::Resolve, ClockEvent::Pause, now, &mut facts),
            ProgressKind::CustomerAnswered => self.turn(ClockKind::Resolve, ClockEvent::Resume, now, &mut facts),
            ProgressKind::InternalNote => {}
        }
        if let Some(by) = progress.next_update_by {
            // A newer promise takes the place of one that was not kept yet.
            self.turn(ClockKind::NextUpdate, ClockEvent::Cancel, now, &mut facts);
            self.start(ClockKind::NextUpdate, by.since(now), now, &mut facts);
        }
        facts.push(Fact::Posted(progress));
        self.changed(now);
        Ok(facts)
    }

    /// The work is done. Nothing happens to work that is done already.
    pub(crate) fn complete(&mut self, resolution: String, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
        let before = self.state;
        let state = before.after(WorkEvent::Complete)?;
        if before == state {
            return Ok(Vec::new());
        }
        // First, so that a clock that ran out unnoticed escalates nothing any more.
        self.state = state;
        let mut facts = Vec::new();
        self.turn(ClockKind::Resolve, ClockEvent::Meet, now, &mut facts);
        self.turn(ClockKind::Acknowledge, ClockEvent::Cancel, now, &mut facts);
        self.turn(ClockKind::NextUpdate, ClockEvent::Cancel, now, &mut facts);
        self.agent = None;
        self.resolution = Some(resolution.clone());
        facts.push(Fact::Completed { resolution });
        self.changed(now);
        Ok(facts)
    }

    /// Looks whether a clock has run out. `timer` is the request's id: when the timer of the current run comes before
    /// the clock is due (the clock that sent it is ahead of ours), the run gets another one.
    pub(crate) fn check(&mut self, kind: ClockKind, timer: &str, now: Timestamp) -> Vec<Fact> {
        let mut facts = Vec::new();
        self.turn(kind, ClockEvent::Check, now, &mut facts);
        if !facts.is_empty() {
            self.changed(now);
            return facts;
        }
        let own = |clock: &&mut Clock| timer == timer_id(&self.tenant, self.id, kind, clock.run).to_string();
        if let Some(clock) =
            self.clocks.iter_mut().rev().find(|c| c.kind == kind && c.state == ClockState::Running).filter(own)
            && let Some(due) = clock.due_at()
        {
            clock.run += 1;
            // As far behind the due time as the other clock is ahead of ours.
            facts.push(Fact::ClockStarted { clock: kind, run: clock.run, at: due.plus(due.since(now)) });
            self.changed(now);
        }
        facts
    }

    /// The message id of the timer of a run.
    pub(crate) fn timer_id(&self, clock: ClockKind, run: u32) -> Uuid {
        timer_id(&self.tenant, self.id, clock, run)
    }

    /// The message id of a call about this work: the step is run again, the id is the same. With the tenant in it,
    /// because callers choose the ids of work, and two tenants may choose the same.
    pub(crate) fn message_id(&self, step: &str, ordinal: u32) -> Uuid {
        message_id(&self.tenant, self.id, step, ordinal)
    }

    /// Where it stands in the order of urgency: escalated before severe before mild. Smaller is more urgent; among
    /// equals the older comes first.
    pub(crate) fn urgency(&self) -> i64 {
        let escalations_to_go = i64::from(MAX_LEVEL.saturating_sub(self.escalation_level));
        escalations_to_go * 10 + (4 - self.severity.rank())
    }

    fn latest(&self, kind: ClockKind) -> Option<&Clock> {
        self.clocks.iter().rev().find(|clock| clock.kind == kind)
    }

    fn start(&mut self, kind: ClockKind, allowed: Duration, now: Timestamp, facts: &mut Vec<Fact>) {
        let (number, run) = self.latest(kind).map_or((0, 0), |clock| (clock.number, clock.run));
        let clock = Clock::start(kind, number + 1, run + 1, allowed, now);
        facts.push(Fact::ClockStarted { clock: kind, run: clock.run, at: now.plus(allowed) });
        self.clocks.push(clock);
    }

    /// Lets `event` happen to the latest clock of the kind: the only one that can be live.
    fn turn(&mut self, kind: ClockKind, event: ClockEvent, now: Timestamp, facts: &mut Vec<Fact>) {
        let Some(clock) = self.clocks.iter_mut().rev().find(|clock| clock.kind == kind) else { return };
        let step = clock.on(event, now);
        let (run, due_at) = (clock.run, clock.due_at());
        match step {
            ClockStep::None => {}
            ClockStep::Started => {
                facts.extend(due_at.map(|at| Fact::ClockStarted { clock: kind, run, at }));
            }
            ClockStep::Stopped { run } => facts.push(Fact::ClockStopped { clock: kind, run }),
            ClockStep::RanOut { run } => {
                facts.push(Fact::ClockStopped { clock: kind, run });
                facts.extend(due_at.map(|due_at| Fact::Breached { clock: kind, due_at }));
                facts.extend(due_at.and_then(|due_at| self.escalate_breach(kind, due_at)));
            }
        }
    }

    /// A clock ran out: one level up, unless that is not possible any more. Nothing is taken from the agent at work.
    fn escalate_breach(&mut self, kind: ClockKind, due_at: Timestamp) -> Option<Fact> {
        self.state = self.state.after(WorkEvent::Breach).ok()?;
        match self.state {
            WorkState::Waiting => self.queue = QueueId::escalated(),
            WorkState::Unattended | WorkState::Claimed | WorkState::Completed | WorkState::Cancelled => {}
        }
        if self.escalation_level >= MAX_LEVEL {
            return None;
        }
        self.escalation_level += 1;
        let reason = format!("the {} clock ran out at {due_at}", kind.as_str());
        Some(Fact::Escalated { level: self.escalation_level, reason })
    }

    const fn changed(&mut self, now: Timestamp) {
        self.version += 1;
        self.updated_at = now;
    }
}

fn timer_id(tenant: &TenantId, work: WorkItemId, clock: ClockKind, run: u32) -> Uuid {
    message_id(tenant, work, &format!("clock/{}", clock.as_str()), run)
}

fn message_id(tenant: &TenantId, work: WorkItemId, step: &str, ordinal: u32) -> Uuid {
    message_id_for_step(work.uuid(), &format!("{tenant}/{step}"), ordinal)
}

#[cfg(test)]
mod tests;
