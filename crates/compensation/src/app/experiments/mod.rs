//! Experiments: applied, consulted when a remedy is opened, counted when its outcome is known, stopped.
//!
//! Always holds: an experiment is locked before the tenant's revision, and both before any count; what stops an
//! experiment, its record and the end of its timer commit together; an offer that was put off is made by its timer
//! whatever becomes of the experiment.

mod apply_experiment;
mod candidates;
mod expire_experiment;
mod reads;
mod record_outcome;
mod release_offer;
mod running;
mod stop_experiment;

pub(crate) use apply_experiment::ApplyExperiment;
pub(super) use candidates::Candidate;
pub(crate) use record_outcome::RecordOutcome;
pub(super) use running::TenantExperiments;
pub(crate) use stop_experiment::StopExperiment;

use durable::audit::{self, AuditEntry};
use durable::{Tx, TxError};
use kernel::{RequestContext, ServiceError};

use super::own_calls;
use super::refusal::not_now;
use crate::domain::experiment::state::ExperimentEvent;
use crate::store::experiments::{self, StoredExperiment};

/// How experiments are called where resources are named.
pub(crate) fn name_of(id: &str) -> String {
    format!("experiments/{id}")
}

/// An experiment, locked.
async fn lock(tx: &Tx, context: &RequestContext, id: &str) -> Result<StoredExperiment, TxError> {
    let found = experiments::lock_one_in_tx(tx, &context.tenant, id).await?;
    found.ok_or_else(|| ServiceError::not_found(name_of(id)).into())
}

/// Stops a locked experiment, on record.
async fn stop(
    tx: &Tx,
    context: &RequestContext,
    experiment: &mut StoredExperiment,
    event: ExperimentEvent,
    reason: String,
) -> Result<(), TxError> {
    experiment.state = experiment.state.on(event).map_err(not_now)?;
    experiment.stopped_at = Some(tx.now());
    experiment.stop_reason = reason;
    experiments::update_in_tx(tx, &context.tenant, experiment).await?;
    experiments::lock_in_tx(tx, &context.tenant).await?;
    if event != ExperimentEvent::TimePassed {
        own_calls::cancel_experiment_timer(tx, &context.tenant, &experiment.id);
    }
    let who = if experiment.stopped_by.is_empty() { "by its own rule" } else { experiment.stopped_by.as_str() };
    let entry = AuditEntry {
        actor: format!("{who} ({})", context.client),
        action: "EXPERIMENT_STOPPED",
        subject: name_of(&experiment.id),
        reason: format!("{}: {}", experiment.state.as_str(), experiment.stop_reason),
    };
    audit::append_in_tx(tx, &context.tenant, entry).await?;
    Ok(())
}
