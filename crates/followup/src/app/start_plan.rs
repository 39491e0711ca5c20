//! Starts the check-ins of a case: the plan, and the timer of its first step.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use durable::{GroupCommand, Tx, TxError};
use kernel::{
    Answer, CaseId, CustomerId, ErrorCode, PlanId, RequestContext, RequestKey, ResourceId as _, ServiceError,
};
use serde::Serialize;
use uuid::Uuid;

use super::milestones::Milestones;
use super::own_calls::set_timer;
use super::{App, taken};
use crate::domain::{ContactPoint, Plan, PlanState};
use crate::store::plans;
use crate::wire;

/// A plan as it is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StartPlan {
    /// The caller's choice; the service's when `None`.
    pub(crate) id: Option<Uuid>,
    pub(crate) case: CaseId,
    pub(crate) customer: CustomerId,
    pub(crate) to: Option<ContactPoint>,
    pub(crate) language: String,
    /// Empty: the service's default.
    pub(crate) pauses: Vec<Duration>,
    pub(crate) baseline: Option<u8>,
    pub(crate) topic: String,
}

impl App {
    /// Starts a plan.
    ///
    /// # Errors
    /// ALREADY_EXISTS when the id is taken.
    #[tracing::instrument(skip_all, name = "followup.start_plan", fields(amends.case = %command.case))]
    pub(crate) async fn start_plan(
        &self,
        context: RequestContext,
        key: RequestKey,
        command: StartPlan,
    ) -> Result<Answer<api::followup::Plan>, ServiceError> {
        let id = command.id.unwrap_or_else(|| self.engine.new_id()).into();
        let pauses = if command.pauses.is_empty() { self.default_pauses.clone() } else { command.pauses.clone() };
        self.start.submit(key, NewPlan { context, id, command, pauses }).await
    }
}

/// A plan that waits for its transaction.
pub(super) struct NewPlan {
    context: RequestContext,
    id: PlanId,
    command: StartPlan,
    pauses: Vec<Duration>,
}

/// Starts plans in groups.
pub(super) struct StartPlans {
    pub(super) milestones: Milestones,
}

#[async_trait]
impl GroupCommand for StartPlans {
    const NAME: &'static str = "followup.start_plan";
    type Command = NewPlan;
    type Response = api::followup::Plan;

    async fn apply(
        &self,
        tx: &Tx,
        commands: &[&NewPlan],
    ) -> Result<Vec<Result<api::followup::Plan, ServiceError>>, TxError> {
        let wanted: Vec<Plan> = commands.iter().map(|command| plan(command, tx)).collect();
        let mut free = taken::Ids::default();
        let fresh: Vec<&Plan> = wanted.iter().filter(|plan| free.claim(&plan.tenant, plan.id)).collect();
        let mut inserted: BTreeSet<_> = plans::plan_insert_in_tx(tx, &fresh).await?.into_iter().collect();
        let mut results = Vec::with_capacity(commands.len());
        for (command, plan) in commands.iter().zip(&wanted) {
            // The first to ask for an id has it; the others find it taken.
            if !inserted.remove(&(plan.tenant.to_string(), plan.id.uuid())) {
                results.push(Err(exists(plan.id)));
                continue;
            }
            self.milestones.plan_started(tx, &command.context, plan);
            set_timer(tx, &command.context, plan);
            results.push(Ok(wire::plan(plan)));
        }
        Ok(results)
    }
}

fn plan(NewPlan { context, id, command, pauses }: &NewPlan, tx: &Tx) -> Plan {
    Plan {
        tenant: context.tenant.clone(),
        id: *id,
        case: command.case,
        customer: command.customer,
        state: PlanState::start(pauses, tx.now()),
        to: command.to.clone(),
        language: command.language.clone(),
        pauses: pauses.clone(),
        baseline: command.baseline,
        check_ins_sent: 0,
        topic: command.topic.clone(),
        created_at: tx.now(),
        updated_at: tx.now(),
    }
}

fn exists(id: PlanId) -> ServiceError {
    ServiceError::new(
        ErrorCode::AlreadyExists,
        api::reason::followup::PLAN_EXISTS,
        format!("{id} exists; choose another plan_id, or none"),
    )
    .with("resource", id)
}
