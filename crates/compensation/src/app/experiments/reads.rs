//! Reading experiments, and what they have shown.

use api::compensation as wire_api;
use api::method::experiment_service::LIST_EXPERIMENTS;
use durable::TxError;
use kernel::{PageSize, RequestContext, ServiceError};

use super::super::App;
use super::{name_of, running};
use crate::experiment_wire as wire;
use crate::store::assignments;
use crate::store::experiments::{self, ExperimentCursor, StoredExperiment};

impl App {
    /// One experiment.
    pub(crate) async fn get_experiment(
        &self,
        context: &RequestContext,
        id: &str,
    ) -> Result<wire_api::Experiment, ServiceError> {
        let stored = self.stored_experiment(context, id).await?;
        Ok(wire::experiment(&running::read(&stored)?, Some(&stored)))
    }

    /// A page of experiments, newest first.
    pub(crate) async fn list_experiments(
        &self,
        context: &RequestContext,
        size: PageSize,
        token: &str,
    ) -> Result<wire_api::ListExperimentsResponse, ServiceError> {
        let tenant = &context.tenant;
        let after: Option<ExperimentCursor> = self.tokens.open(tenant, &LIST_EXPERIMENTS, token)?;
        let rows = experiments::list_page(self.engine.read(), tenant, after, size.get() + 1).await;
        let mut rows = rows.map_err(TxError::from)?;
        let size = usize::try_from(size.get()).unwrap_or(usize::MAX);
        let is_last = rows.len() <= size;
        rows.truncate(size);
        let end = rows.last().filter(|_| !is_last).map(|row| {
            let cursor = ExperimentCursor { created_at: row.created_at.micros(), id: row.id.clone() };
            self.tokens.seal(tenant, &LIST_EXPERIMENTS, &cursor)
        });
        let shown = rows.iter().map(|stored| Ok(wire::experiment(&running::read(stored)?, Some(stored))));
        let experiments = shown.collect::<Result<_, ServiceError>>()?;
        Ok(wire_api::ListExperimentsResponse { experiments, next_page_token: end.unwrap_or_default() })
    }

    /// What an experiment has shown so far.
    pub(crate) async fn get_experiment_report(
        &self,
        context: &RequestContext,
        id: &str,
    ) -> Result<wire_api::ExperimentReport, ServiceError> {
        let stored = self.stored_experiment(context, id).await?;
        let (connection, tenant) = (self.engine.read(), &context.tenant);
        let counts = experiments::counts(connection, tenant, id).await.map_err(TxError::from)?;
        let strata = assignments::strata(connection, tenant, id).await.map_err(TxError::from)?;
        Ok(wire::report(&running::read(&stored)?, &stored, &counts, &strata))
    }

    async fn stored_experiment(&self, context: &RequestContext, id: &str) -> Result<StoredExperiment, ServiceError> {
        let found = experiments::get(self.engine.read(), &context.tenant, id).await.map_err(TxError::from)?;
        found.ok_or_else(|| ServiceError::not_found(name_of(id)))
    }
}
