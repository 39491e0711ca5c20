//! What came of a recovery, read from the plans and answers of its case.

use kernel::{CaseId, Timestamp};

use super::{Plan, PlanState};

/// How a recovery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutcomeResult {
    /// Not known yet.
    Open,
    /// It is right again.
    Recovered,
    /// It is still wrong.
    StillWrong,
    /// Nobody answered.
    Lapsed,
}

/// An outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) case: CaseId,
    pub(crate) result: OutcomeResult,
    pub(crate) score: Option<u8>,
    pub(crate) delta: Option<i32>,
    pub(crate) check_ins_sent: u32,
    pub(crate) decided_at: Option<Timestamp>,
}

/// The outcome by the case's latest plan, its latest score, and the check-ins of all its plans.
pub(crate) fn outcome_of(latest: &Plan, score: Option<u8>, check_ins_sent: u32) -> Outcome {
    let (result, decided_at) = match latest.state {
        PlanState::Running { .. } | PlanState::Stopped { .. } => (OutcomeResult::Open, None),
        PlanState::Recovered { at } => (OutcomeResult::Recovered, Some(at)),
        PlanState::StillWrong { at } => (OutcomeResult::StillWrong, Some(at)),
        PlanState::Lapsed { at } => (OutcomeResult::Lapsed, Some(at)),
    };
    let delta = score.and_then(|score| latest.delta(score));
    Outcome { case: latest.case, result, score, delta, check_ins_sent, decided_at }
}
