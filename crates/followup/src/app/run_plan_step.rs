//! Takes the step of a plan that is due: sends the next check-in with its survey, or ends the plan as lapsed.
//!
//! The plan's own timer is believed when it says that its step is due, since it runs by the database's clock; any
//! other caller is held to the plan's own time. A step that was taken before, or is not the next one, is no error.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use durable::{GroupCommand, Tx, TxError};
use kernel::{
    Answer, MessageId, PlanId, RequestContext, RequestKey, ResourceId as _, ServiceError, SurveyId, TenantId,
};
use sea_orm::DbErr;
use serde::Serialize;

use super::App;
use super::milestones::Milestones;
use super::own_calls::{cancel_timer, enqueue_delivery, is_own, set_timer};
use crate::domain::{Message, MessageState, Plan, Rendered, Step, Survey, SurveyState, Templates, UnusableValues};
use crate::store::{messages, plans, surveys};
use crate::wire;

/// The template of a check-in.
const CHECK_IN: &str = "check_in";

/// Which step of which plan.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunPlanStep {
    pub(crate) id: PlanId,
    pub(crate) step: u32,
}

impl App {
    /// Takes the step when it is due.
    ///
    /// # Errors
    /// NOT_FOUND.
    #[tracing::instrument(skip_all, name = "followup.run_plan_step", fields(amends.plan = %command.id))]
    pub(crate) async fn run_plan_step(
        &self,
        context: RequestContext,
        key: RequestKey,
        command: RunPlanStep,
    ) -> Result<Answer<api::followup::Plan>, ServiceError> {
        let (survey, message) = (self.engine.new_id().into(), self.engine.new_id().into());
        self.step.submit(key, TakeStep { context, command, survey, message }).await
    }
}

/// A step that waits for its transaction, with the ids that it may need.
pub(super) struct TakeStep {
    context: RequestContext,
    command: RunPlanStep,
    survey: SurveyId,
    message: MessageId,
}

/// Takes steps in groups.
pub(super) struct TakeSteps {
    pub(super) milestones: Milestones,
    pub(super) templates: Arc<Templates>,
    pub(super) survey_link: Option<String>,
}

/// What a group writes.
#[derive(Default)]
struct Writes {
    plans: BTreeMap<(TenantId, PlanId), Plan>,
    messages: Vec<Message>,
    surveys: Vec<Survey>,
}

#[async_trait]
impl GroupCommand for TakeSteps {
    const NAME: &'static str = "followup.run_plan_step";
    type Command = TakeStep;
    type Response = api::followup::Plan;

    async fn apply(
        &self,
        tx: &Tx,
        commands: &[&TakeStep],
    ) -> Result<Vec<Result<api::followup::Plan, ServiceError>>, TxError> {
        let keys: Vec<_> = commands.iter().map(|take| (take.context.tenant.clone(), take.command.id)).collect();
        let mut found = plans::plan_lock_in_tx(tx, &keys).await?;
        let mut writes = Writes::default();
        let mut results = Vec::with_capacity(commands.len());
        for (take, key) in commands.iter().zip(&keys) {
            results.push(match found.get_mut(key) {
                Some(plan) => self.take_step(tx, take, plan, &mut writes),
                None => Err(ServiceError::not_found(take.command.id)),
            });
        }
        write(tx, writes).await?;
        Ok(results)
    }
}

impl TakeSteps {
    fn take_step(
        &self,
        tx: &Tx,
        take: &TakeStep,
        plan: &mut Plan,
        writes: &mut Writes,
    ) -> Result<api::followup::Plan, ServiceError> {
        let by_timer = is_own(&take.context);
        let mut next = plan.clone();
        let Some(step) = next.step(take.command.step, by_timer, tx.now()) else { return Ok(wire::plan(plan)) };
        match step {
            Step::CheckIn(number) => {
                let rendered = self.render(&next, take.survey).map_err(ServiceError::internal)?;
                let message = check_in(&next, take.message, take.survey, rendered, tx);
                enqueue_delivery(tx, &take.context, &message);
                writes.messages.push(message);
                close_earlier(&mut writes.surveys, &next);
                writes.surveys.push(survey(&next, take.survey, number, tx));
            }
            Step::Silence => {}
            Step::Lapse => {
                close_earlier(&mut writes.surveys, &next);
                self.milestones.lapsed(tx, &take.context, &next);
            }
        }
        if !by_timer {
            cancel_timer(tx, &next, take.command.step);
        }
        set_timer(tx, &take.context, &next);
        *plan = next;
        writes.plans.insert((plan.tenant.clone(), plan.id), plan.clone());
        Ok(wire::plan(plan))
    }

    fn render(&self, plan: &Plan, survey: SurveyId) -> Result<Rendered, UnusableValues> {
        let values = self.values(plan, survey);
        self.templates.render(CHECK_IN, &plan.language, &plan.case.to_string(), &values)
    }

    fn values(&self, plan: &Plan, survey: SurveyId) -> BTreeMap<String, String> {
        let link = self.survey_link.as_ref().map(|link| link.replace("{survey}", &survey.to_string()));
        let values = [("survey", Some(survey.to_string())), ("topic", Some(plan.topic.clone())), ("link", link)];
        values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

/// A plan asks one question at a time: those that this group has opened before are closed as well.
fn close_earlier(surveys: &mut [Survey], plan: &Plan) {
    for survey in surveys.iter_mut().filter(|survey| survey.plan == plan.id && survey.tenant == plan.tenant) {
        survey.state = survey.state.close();
    }
}

fn check_in(plan: &Plan, id: MessageId, survey: SurveyId, rendered: Rendered, tx: &Tx) -> Message {
    Message {
        tenant: plan.tenant.clone(),
        id,
        case: plan.case,
        customer: plan.customer,
        state: MessageState::Queued,
        to: plan.to.clone(),
        template: CHECK_IN.to_owned(),
        language: plan.language.clone(),
        values: BTreeMap::from([("survey".to_owned(), survey.to_string()), ("topic".to_owned(), plan.topic.clone())]),
        subject: rendered.subject,
        body: rendered.body,
        attempts: 0,
        created_at: tx.now(),
    }
}

fn survey(plan: &Plan, id: SurveyId, check_in: u32, tx: &Tx) -> Survey {
    Survey {
        tenant: plan.tenant.clone(),
        id,
        plan: plan.id,
        case: plan.case,
        state: SurveyState::Open,
        check_in,
        comment: String::new(),
        created_at: tx.now(),
    }
}

async fn write(tx: &Tx, writes: Writes) -> Result<(), DbErr> {
    let stepped: Vec<_> = writes.plans.keys().cloned().collect();
    plans::plan_update_in_tx(tx, &writes.plans.values().collect::<Vec<_>>()).await?;
    surveys::survey_close_in_tx(tx, &stepped).await?;
    surveys::survey_insert_in_tx(tx, &writes.surveys).await?;
    let inserted = messages::message_insert_in_tx(tx, &writes.messages.iter().collect::<Vec<_>>()).await?;
    if let Some(message) =
        writes.messages.iter().find(|message| !inserted.contains(&(message.tenant.to_string(), message.id.uuid())))
    {
        return Err(DbErr::Custom(format!("the new id {} is taken", message.id)));
    }
    Ok(())
}
