//! The days of an experiment have passed.

use api::method::experiment_service::EXPIRE_EXPERIMENT;
use durable::Tx;
use kernel::{Answer, RequestContext, RequestKey, ServiceError};

use super::super::{App, own_calls};
use super::{lock, running, stop};
use crate::domain::experiment::state::{ExperimentEvent, ExperimentState};
use crate::experiment_wire as wire;

impl App {
    /// Ends a running experiment whose days have passed; does nothing otherwise.
    ///
    /// # Errors
    /// NOT_FOUND; UNAVAILABLE when the own timer comes early.
    #[tracing::instrument(skip_all, name = "compensation.expire_experiment", fields(amends.experiment = %id))]
    pub(crate) async fn expire_experiment(
        &self,
        context: RequestContext,
        request_id: &str,
        id: String,
    ) -> Result<Answer<api::compensation::Experiment>, ServiceError> {
        let key = context.key(EXPIRE_EXPERIMENT, request_id, RequestKey::hash_of(&id));
        let tenant = context.tenant.clone();
        let work = move |tx: Tx| {
            let (context, id) = (context.clone(), id.clone());
            async move {
                let mut stored = lock(&tx, &context, &id).await?;
                let read = running::read(&stored)?;
                let runs = stored.state == ExperimentState::Running;
                if runs && own_calls::is_due(&context, read.ends_at, tx.now())? {
                    let reason = "its days have passed".to_owned();
                    stop(&tx, &context, &mut stored, ExperimentEvent::TimePassed, reason).await?;
                }
                Ok(wire::experiment(&read, Some(&stored)))
            }
        };
        let answer = self.engine.mutate("compensation.expire_experiment", key, work).await;
        self.experiments.forget(&tenant);
        answer
    }
}
