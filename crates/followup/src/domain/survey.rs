//! One question to a customer: is it right again?

use kernel::{CaseId, PlanId, SurveyId, TenantId, Timestamp};

use super::{AlreadyAnswered, SurveyState};

/// A survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Survey {
    pub(crate) tenant: TenantId,
    pub(crate) id: SurveyId,
    pub(crate) plan: PlanId,
    pub(crate) case: CaseId,
    pub(crate) state: SurveyState,
    /// Which check-in it came with, from 1.
    pub(crate) check_in: u32,
    /// What the customer said with the answer.
    pub(crate) comment: String,
    pub(crate) created_at: Timestamp,
}

/// A customer's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SurveyAnswer {
    /// 0 to 10.
    pub(crate) score: u8,
    /// What was said with it.
    pub(crate) comment: String,
}

impl Survey {
    /// Takes the answer.
    ///
    /// # Errors
    /// When there is one.
    pub(crate) fn take(&mut self, answer: &SurveyAnswer, at: Timestamp) -> Result<(), AlreadyAnswered> {
        self.state = self.state.answer(answer.score, at)?;
        self.comment.clone_from(&answer.comment);
        Ok(())
    }
}
