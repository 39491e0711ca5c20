//! Records a customer's answer. While the plan runs the answer decides it, whichever of its surveys it belongs to;
//! after that it is recorded and reported, and the plan stays as it ended.

use durable::{Tx, TxError};
use kernel::{Answer, RequestContext, RequestKey, ServiceError, SurveyId};
use sea_orm::DbErr;
use serde::Serialize;

use super::App;
use super::milestones::Milestones;
use super::own_calls::cancel_timer;
use crate::domain::{Plan, Survey, SurveyAnswer, Verdict};
use crate::store::{plans, surveys};
use crate::wire;

/// An answer as it is given.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SubmitSurvey {
    pub(crate) id: SurveyId,
    pub(crate) score: u8,
    pub(crate) comment: String,
}

impl App {
    /// Takes the answer.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `SURVEY_ANSWERED`.
    #[tracing::instrument(skip_all, name = "followup.submit_survey", fields(amends.survey = %command.id))]
    pub(crate) async fn submit_survey(
        &self,
        context: RequestContext,
        key: RequestKey,
        command: SubmitSurvey,
    ) -> Result<Answer<api::followup::Survey>, ServiceError> {
        let milestones = self.milestones.clone();
        self.engine
            .mutate("followup.submit_survey", key, move |tx| {
                let (milestones, context, command) = (milestones.clone(), context.clone(), command.clone());
                async move {
                    let (mut plan, mut survey) = load(&tx, &context, command.id).await?;
                    let answer = SurveyAnswer { score: command.score, comment: command.comment };
                    survey.take(&answer, tx.now()).map_err(|_| answered_before(command.id))?;
                    surveys::survey_update_in_tx(&tx, &survey).await?;
                    milestones.answered(&tx, &context, &plan, &survey, answer.score);
                    decide(&tx, &context, &milestones, &mut plan, &answer).await?;
                    Ok::<_, TxError>(wire::survey(&survey))
                }
            })
            .await
    }
}

/// The survey and its plan, locked. The survey is read again under the lock, which all who change it take first.
async fn load(tx: &Tx, context: &RequestContext, id: SurveyId) -> Result<(Plan, Survey), TxError> {
    let not_found = || ServiceError::not_found(id);
    let survey = surveys::survey_get_in_tx(tx, &context.tenant, id).await?.ok_or_else(not_found)?;
    let wanted = (context.tenant.clone(), survey.plan);
    let plan =
        plans::plan_lock_in_tx(tx, std::slice::from_ref(&wanted)).await?.remove(&wanted).ok_or_else(not_found)?;
    let survey = surveys::survey_get_in_tx(tx, &context.tenant, id).await?.ok_or_else(not_found)?;
    Ok((plan, survey))
}

async fn decide(
    tx: &Tx,
    context: &RequestContext,
    milestones: &Milestones,
    plan: &mut Plan,
    answer: &SurveyAnswer,
) -> Result<(), DbErr> {
    let pending = plan.state.next_step();
    let verdict = Verdict::of(answer.score);
    if !plan.answered(verdict, tx.now()) {
        return Ok(());
    }
    plans::plan_update_in_tx(tx, &[plan]).await?;
    surveys::survey_close_in_tx(tx, &[(plan.tenant.clone(), plan.id)]).await?;
    if let Some((step, _)) = pending {
        cancel_timer(tx, plan, step);
    }
    match verdict {
        Verdict::RightAgain => milestones.recovered(tx, context, plan, answer.score),
        Verdict::StillWrong => milestones.still_wrong(tx, context, plan, answer.score, &answer.comment),
    }
    Ok(())
}

fn answered_before(id: SurveyId) -> ServiceError {
    ServiceError::precondition(api::reason::followup::SURVEY_ANSWERED, format!("{id} was answered before"))
        .with("resource", id)
        .with("state", "ANSWERED")
}
