//! An experiment is started: read strictly, held against its guard rails and the others that run, never edited.

use api::compensation::ApplyExperimentResponse;
use api::method::experiment_service::APPLY_EXPERIMENT;
use api::reason::compensation::{EXPERIMENT_EXISTS, EXPERIMENT_KIND_TAKEN};
use durable::audit::{self, AuditEntry};
use durable::{Tx, TxError};
use kernel::{Answer, ErrorCode, RequestContext, RequestKey, ServiceError, TenantId, Timestamp, Violations};
use sea_orm::ConnectionTrait;
use serde::Serialize;

use super::super::{App, own_calls};
use super::{name_of, running};
use crate::domain::experiment::state::ExperimentState;
use crate::domain::experiment::{Experiment, document};
use crate::domain::pack::set::PackSet;
use crate::experiment_wire as wire;
use crate::store::experiments::{self, StoredExperiment};

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ApplyExperiment {
    pub(crate) document: String,
    pub(crate) applied_by: String,
    pub(crate) dry_run: bool,
}

impl App {
    /// Starts an experiment, or says whether it could be.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with everything that is wrong; ALREADY_EXISTS `EXPERIMENT_EXISTS`; FAILED_PRECONDITION
    /// `EXPERIMENT_KIND_TAKEN`.
    #[tracing::instrument(skip_all, name = "compensation.apply_experiment")]
    pub(crate) async fn apply_experiment(
        &self,
        context: RequestContext,
        request_id: &str,
        command: ApplyExperiment,
    ) -> Result<Answer<ApplyExperimentResponse>, ServiceError> {
        let read = document::parse(&command.document).map_err(refused)?;
        let problems = read.benefits_for_reviews(self.packs_of(&context).await?.lines());
        if !problems.is_empty() {
            return Err(refused(problems));
        }
        let read = std::sync::Arc::new(read);
        if command.dry_run {
            let known = known(self.engine.read(), &context.tenant, &read, self.now()).await?;
            return Ok(Answer::fresh(response(&read, known.as_ref(), false)));
        }
        let key = context.key(APPLY_EXPERIMENT, request_id, RequestKey::hash_of(&command));
        let tenant = context.tenant.clone();
        let work = move |tx: Tx| {
            let (context, command, read) = (context.clone(), command.clone(), read.clone());
            async move {
                let tenant = &context.tenant;
                experiments::lock_in_tx(&tx, tenant).await?;
                if let Some(known) = known(tx.conn(), tenant, &read, tx.now()).await? {
                    return Ok(response(&read, Some(&known), false));
                }
                let stored = StoredExperiment {
                    id: read.id.clone(),
                    document: command.document,
                    state: ExperimentState::Running,
                    looks: Vec::new(),
                    applied_by: command.applied_by,
                    stopped_by: String::new(),
                    stop_reason: String::new(),
                    stopped_at: None,
                    created_at: tx.now(),
                };
                let arms: Vec<_> = read.arms.iter().map(|arm| arm.id.as_str()).collect();
                experiments::insert_in_tx(&tx, tenant, &stored, &arms).await?;
                own_calls::expire_experiment_later(&tx, &context, &read.id, read.ends_at);
                let entry = AuditEntry {
                    actor: format!("{} ({})", stored.applied_by, context.client),
                    action: "EXPERIMENT_APPLIED",
                    subject: name_of(&read.id),
                    reason: read.hypothesis.clone(),
                };
                audit::append_in_tx(&tx, tenant, entry).await?;
                Ok(response(&read, Some(&stored), true))
            }
        };
        let answer = self.engine.mutate("compensation.apply_experiment", key, work).await;
        self.experiments.forget(&tenant);
        answer
    }
}

/// The experiment when it was applied before; none when it can be started now.
async fn known(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    new: &Experiment,
    now: Timestamp,
) -> Result<Option<StoredExperiment>, TxError> {
    if let Some(known) = experiments::get(connection, tenant, &new.id).await? {
        if known.document == new.document {
            return Ok(Some(known));
        }
        let message = format!("{} is another document; give this one an id of its own", name_of(&new.id));
        return Err(ServiceError::new(ErrorCode::AlreadyExists, EXPERIMENT_EXISTS, message).into());
    }
    if new.ends_at <= now {
        return Err(refused(vec!["ends_on: has passed".to_owned()]).into());
    }
    for stored in experiments::running(connection, tenant).await? {
        let other = running::read(&stored)?;
        let shared = new.population.event_kinds.iter().find(|kind| other.population.event_kinds.contains(kind));
        if let (Some(kind), true) = (shared, other.ends_at > now) {
            let message = format!(
                "{} is about {kind} and runs: two at once would measure each other; stop it, or wait for its end",
                name_of(&other.id)
            );
            let error = ServiceError::precondition(EXPERIMENT_KIND_TAKEN, message);
            return Err(error.with("experiment", name_of(&other.id)).with("kind", kind).into());
        }
    }
    Ok(None)
}

impl PackSet {
    /// Every line that the packs may give: its pack with its rule, the pack's kinds, and its text.
    fn lines(&self) -> Vec<(String, Vec<String>, String)> {
        let of_pack = self.packs().iter().flat_map(|pack| {
            let kinds = &pack.event_kinds;
            let lines = pack.rules.iter().flat_map(move |rule| rule.lines().map(move |line| (rule, line)));
            lines.map(move |(rule, line)| {
                (format!("{}/{}.{}", pack.id, rule.id, line.id), kinds.clone(), line.description.clone())
            })
        });
        of_pack.collect()
    }
}

fn refused(problems: Vec<String>) -> ServiceError {
    let mut violations = Violations::new();
    for problem in problems {
        violations.add("document", "EXPERIMENT", problem);
    }
    violations.finish().err().unwrap_or_else(|| ServiceError::internal("a wrong document without a problem"))
}

fn response(read: &Experiment, stored: Option<&StoredExperiment>, applied: bool) -> ApplyExperimentResponse {
    ApplyExperimentResponse { experiment: Some(wire::experiment(read, stored)), applied }
}
