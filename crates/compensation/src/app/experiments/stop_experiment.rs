//! Somebody stops an experiment.

use api::method::experiment_service::STOP_EXPERIMENT;
use durable::Tx;
use kernel::{Answer, RequestContext, RequestKey, ServiceError};
use serde::Serialize;

use super::super::App;
use super::{lock, running, stop};
use crate::domain::experiment::state::ExperimentEvent;
use crate::experiment_wire as wire;

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StopExperiment {
    pub(crate) experiment: String,
    pub(crate) reason: String,
    pub(crate) stopped_by: String,
}

impl App {
    /// Stops an experiment.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `INVALID_TRANSITION` when it has stopped.
    #[tracing::instrument(skip_all, name = "compensation.stop_experiment", fields(amends.experiment = %command.experiment))]
    pub(crate) async fn stop_experiment(
        &self,
        context: RequestContext,
        request_id: &str,
        command: StopExperiment,
    ) -> Result<Answer<api::compensation::Experiment>, ServiceError> {
        let key = context.key(STOP_EXPERIMENT, request_id, RequestKey::hash_of(&command));
        let tenant = context.tenant.clone();
        let work = move |tx: Tx| {
            let (context, command) = (context.clone(), command.clone());
            async move {
                let mut stored = lock(&tx, &context, &command.experiment).await?;
                stored.stopped_by = command.stopped_by;
                stop(&tx, &context, &mut stored, ExperimentEvent::StoppedByPerson, command.reason).await?;
                Ok(wire::experiment(&running::read(&stored)?, Some(&stored)))
            }
        };
        let answer = self.engine.mutate("compensation.stop_experiment", key, work).await;
        self.experiments.forget(&tenant);
        answer
    }
}
