//! Stops a plan because its case took another turn.

use durable::TxError;
use kernel::{Answer, PlanId, RequestContext, RequestKey, ServiceError};
use serde::Serialize;

use super::App;
use super::own_calls::cancel_timer;
use crate::store::{plans, surveys};
use crate::wire;

/// Which plan, and why.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StopPlan {
    pub(crate) id: PlanId,
    pub(crate) reason: String,
}

impl App {
    /// Stops the plan and its timer. Changes nothing on a final one.
    ///
    /// # Errors
    /// NOT_FOUND.
    #[tracing::instrument(skip_all, name = "followup.stop_plan", fields(amends.plan = %command.id))]
    pub(crate) async fn stop_plan(
        &self,
        context: RequestContext,
        key: RequestKey,
        command: StopPlan,
    ) -> Result<Answer<api::followup::Plan>, ServiceError> {
        self.engine
            .mutate("followup.stop_plan", key, move |tx| {
                let (tenant, command) = (context.tenant.clone(), command.clone());
                async move {
                    let wanted = (tenant, command.id);
                    let mut found = plans::plan_lock_in_tx(&tx, std::slice::from_ref(&wanted)).await?;
                    let plan = found.get_mut(&wanted).ok_or_else(|| ServiceError::not_found(command.id))?;
                    let pending = plan.state.next_step();
                    if plan.stop(&command.reason, tx.now()) {
                        plans::plan_update_in_tx(&tx, &[plan]).await?;
                        surveys::survey_close_in_tx(&tx, std::slice::from_ref(&wanted)).await?;
                        if let Some((step, _)) = pending {
                            cancel_timer(&tx, plan, step);
                        }
                    }
                    Ok::<_, TxError>(wire::plan(plan))
                }
            })
            .await
    }
}
