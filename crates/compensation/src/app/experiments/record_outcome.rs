//! What came of a recovery is counted, and a look is taken when the sample of one is complete.

use api::compensation::RecordOutcomeResponse;
use api::method::experiment_service::RECORD_OUTCOME;
use durable::{Tx, TxError};
use kernel::{Answer, CaseId, RequestContext, RequestKey, ServiceError};
use serde::Serialize;

use super::super::App;
use super::{lock, name_of, running, stop};
use crate::domain::experiment::figures::Counts;
use crate::domain::experiment::outcome::Outcome;
use crate::domain::experiment::state::ExperimentState;
use crate::store::experiments::StoredExperiment;
use crate::store::{assignments, experiments};

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RecordOutcome {
    pub(crate) case: CaseId,
    pub(crate) outcome: Outcome,
}

impl App {
    /// Records an outcome in the experiments of its case, if there are any.
    ///
    /// # Errors
    /// UNAVAILABLE when the database does not answer.
    #[tracing::instrument(skip_all, name = "compensation.record_outcome", fields(amends.case = %command.case))]
    pub(crate) async fn record_outcome(
        &self,
        context: RequestContext,
        request_id: &str,
        command: RecordOutcome,
    ) -> Result<Answer<RecordOutcomeResponse>, ServiceError> {
        let key = context.key(RECORD_OUTCOME, request_id, RequestKey::hash_of(&command));
        let tenant = context.tenant.clone();
        let work = move |tx: Tx| {
            let (context, command) = (context.clone(), command.clone());
            async move {
                let mut experiments = Vec::new();
                // In the order of their ids, which is the order of their locks.
                for (id, arm) in assignments::arms_of_case(tx.conn(), &context.tenant, command.case).await? {
                    if count(&tx, &context, (&id, &arm), &command).await? {
                        experiments.push(name_of(&id));
                    }
                }
                Ok(RecordOutcomeResponse { experiments })
            }
        };
        let answer = self.engine.mutate("compensation.record_outcome", key, work).await?;
        if !answer.message.experiments.is_empty() {
            // It may have stopped one.
            self.experiments.forget(&tenant);
        }
        Ok(answer)
    }
}

/// Counts an outcome in one experiment; false when it is no news there.
async fn count(
    tx: &Tx,
    context: &RequestContext,
    (id, arm): (&str, &str),
    command: &RecordOutcome,
) -> Result<bool, TxError> {
    let tenant = &context.tenant;
    let mut stored = lock(tx, context, id).await?;
    let before = assignments::outcome_in_tx(tx, tenant, id, command.case).await?;
    let Some(outcome) = Outcome::after(before, command.outcome) else { return Ok(false) };
    let taken_back = before.map(|before| Counts::of(before, -1)).unwrap_or_default();
    let add = Counts::of(outcome, 1).plus(taken_back);
    assignments::add_counts(tx, (tenant.as_str(), id, arm), add).await?;
    assignments::record_in_tx(tx, tenant, id, command.case, outcome).await?;
    if stored.state == ExperimentState::Running {
        look(tx, context, &mut stored).await?;
    }
    Ok(true)
}

/// Takes the next look at a locked experiment when it is due.
async fn look(tx: &Tx, context: &RequestContext, stored: &mut StoredExperiment) -> Result<(), TxError> {
    let experiment = running::read(stored)?;
    let by_arm = experiments::counts(tx.conn(), &context.tenant, &stored.id).await?;
    let of_arm = |arm: &str| by_arm.get(arm).copied().unwrap_or_default();
    let counts: Vec<_> = experiment.arms.iter().map(|arm| of_arm(&arm.id)).collect();
    let Some((look, event)) = experiment.look(stored.looks.len(), &counts, tx.now().micros()) else { return Ok(()) };
    let decision = look.decision.clone();
    stored.looks.push(look);
    match event {
        Some(event) => stop(tx, context, stored, event, decision).await,
        None => Ok(experiments::update_in_tx(tx, &context.tenant, stored).await?),
    }
}
