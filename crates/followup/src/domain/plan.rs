//! The check-ins that follow a recovery: a plan with its pauses, and what each of its steps asks for.

use std::time::Duration;

use kernel::{CaseId, CustomerId, PlanId, TenantId, Timestamp};

use super::{ContactPoint, PlanEvent, PlanState, Verdict};

/// Fewest pauses of a plan: one check-in and the wait for its answer.
pub(crate) const MIN_PAUSES: usize = 2;
/// Most pauses of a plan.
pub(crate) const MAX_PAUSES: usize = 12;
const SHORTEST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(400 * 86_400);

/// True for one minute to 400 days.
pub(crate) fn pause_is_allowed(pause: Duration) -> bool {
    (SHORTEST_PAUSE..=LONGEST_PAUSE).contains(&pause)
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) tenant: TenantId,
    pub(crate) id: PlanId,
    pub(crate) case: CaseId,
    pub(crate) customer: CustomerId,
    pub(crate) state: PlanState,
    pub(crate) to: Option<ContactPoint>,
    pub(crate) language: String,
    /// One before each step.
    pub(crate) pauses: Vec<Duration>,
    /// Score before the failure, when known.
    pub(crate) baseline: Option<u8>,
    pub(crate) check_ins_sent: u32,
    pub(crate) topic: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// What the plan asks for when a step was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send this check-in, counted from 1.
    CheckIn(u32),
    /// There is nowhere to send the check-in to: wait for the next step.
    Silence,
    /// The plan has ended without an answer.
    Lapse,
}

impl Plan {
    /// Takes `step` when it is the next one and due; `on_time` says that it is due, whatever this clock shows.
    pub(crate) fn step(&mut self, step: u32, on_time: bool, now: Timestamp) -> Option<Step> {
        let (_, due_at) = self.state.next_step()?;
        if !on_time && now < due_at {
            return None;
        }
        self.state = self.state.after(PlanEvent::StepDue { step, pauses: &self.pauses }, now)?;
        self.updated_at = now;
        if self.state.next_step().is_none() {
            return Some(Step::Lapse);
        }
        if self.to.is_none() {
            return Some(Step::Silence);
        }
        self.check_ins_sent += 1;
        Some(Step::CheckIn(self.check_ins_sent))
    }

    /// Ends the plan with the customer's verdict; false when it had ended before.
    pub(crate) fn answered(&mut self, verdict: Verdict, now: Timestamp) -> bool {
        self.change(PlanEvent::Answered(verdict), now)
    }

    /// Stops the plan; false when it had ended before.
    pub(crate) fn stop(&mut self, reason: &str, now: Timestamp) -> bool {
        self.change(PlanEvent::Stop { reason }, now)
    }

    /// The score minus the score before the failure, when that is known.
    pub(crate) fn delta(&self, score: u8) -> Option<i32> {
        self.baseline.map(|baseline| i32::from(score) - i32::from(baseline))
    }

    fn change(&mut self, event: PlanEvent<'_>, now: Timestamp) -> bool {
        let Some(state) = self.state.after(event, now) else { return false };
        self.state = state;
        self.updated_at = now;
        true
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::ContactKind;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn plan(to: Option<ContactPoint>) -> Plan {
        let pauses = vec![DAY, DAY, DAY];
        Plan {
            tenant: TenantId::default_tenant(),
            id: Uuid::from_u128(1).into(),
            case: Uuid::from_u128(2).into(),
            customer: Uuid::from_u128(3).into(),
            state: PlanState::start(&pauses, NOW),
            to,
            language: String::new(),
            pauses,
            baseline: Some(8),
            check_ins_sent: 0,
            topic: String::new(),
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn app() -> Option<ContactPoint> {
        Some(ContactPoint { kind: ContactKind::App, address: "u1".to_owned() })
    }

    #[test]
    fn a_plan_checks_in_and_then_lapses() {
        let mut plan = plan(app());
        assert_eq!(plan.step(1, false, NOW), None, "not due yet");
        assert_eq!(plan.step(1, true, NOW), Some(Step::CheckIn(1)), "its own timer knows better than this clock");
        assert_eq!(plan.step(1, true, NOW), None, "taken before");
        assert_eq!(plan.step(3, false, NOW.plus(3 * DAY)), None, "step 2 comes first");
        assert_eq!(plan.step(2, false, NOW.plus(DAY)), Some(Step::CheckIn(2)));
        assert_eq!(plan.step(3, false, NOW.plus(2 * DAY)), Some(Step::Lapse));
        assert_eq!(plan.step(3, true, NOW.plus(9 * DAY)), None);
        assert!(!plan.answered(Verdict::RightAgain, NOW));
        assert!(!plan.stop("late", NOW));
        assert_eq!(plan.check_ins_sent, 2);
    }

    #[test]
    fn a_plan_without_an_address_lapses_in_silence() {
        let mut plan = plan(None);
        let steps: Vec<_> = (1..=3).map(|step| plan.step(step, true, NOW)).collect();
        assert_eq!(steps, [Some(Step::Silence), Some(Step::Silence), Some(Step::Lapse)]);
        assert_eq!(plan.check_ins_sent, 0);
    }

    #[test]
    fn a_delta_needs_a_baseline() {
        let mut plan = plan(None);
        assert_eq!(plan.delta(9), Some(1));
        assert_eq!(plan.delta(3), Some(-5));
        plan.baseline = None;
        assert_eq!(plan.delta(9), None);
    }

    #[test]
    fn pauses_have_bounds() {
        for (seconds, allowed) in [(59, false), (60, true), (400 * 86_400, true), (400 * 86_400 + 1, false)] {
            assert_eq!(pause_is_allowed(Duration::from_secs(seconds)), allowed, "{seconds}");
        }
    }
}
