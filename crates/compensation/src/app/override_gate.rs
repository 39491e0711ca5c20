//! A person decides against the gate: with a reason, on record, and without touching what the gate itself decided.

use api::method::recovery_service::OVERRIDE_GATE;
use durable::audit::{self, AuditEntry};
use kernel::{Answer, RemedyId, RequestContext, RequestKey, ServiceError, reason};
use serde::Serialize;

use super::App;
use super::authority::may_not;
use super::person::person;
use crate::domain::gate::{Known, Outcome};
use crate::store::gate::{self, GateOverride};
use crate::store::remedies;
use crate::wire_gate;

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OverrideGate {
    pub(crate) remedy: RemedyId,
    pub(crate) outcome: Outcome,
    pub(crate) reason: String,
    pub(crate) decided_by: String,
    /// The policy's default role when empty. Left out where it is, so that a request from before there were roles hashes as
    /// it did.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) role: String,
}

impl App {
    /// Decides otherwise.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `INVALID_TRANSITION` when that outcome holds already; PERMISSION_DENIED
    /// `PERSON_REQUIRED` for a service, and `ROLE_MAY_NOT_APPROVE`.
    #[tracing::instrument(skip_all, name = "compensation.override_gate", fields(amends.remedy = %command.remedy))]
    pub(crate) async fn override_gate(
        &self,
        context: RequestContext,
        request_id: &str,
        command: OverrideGate,
    ) -> Result<Answer<api::compensation::GateDecision>, ServiceError> {
        let key = context.key(OVERRIDE_GATE, request_id, RequestKey::hash_of(&command));
        person(&context)?;
        let app = self.clone();
        let work = move |tx: durable::Tx| {
            let (app, context, command) = (app.clone(), context.clone(), command.clone());
            async move {
                let (tenant, id) = (&context.tenant, command.remedy);
                let found = remedies::lock_in_tx(&tx, tenant, id).await?;
                let mut remedy = found.ok_or_else(|| ServiceError::not_found(id))?;
                let before = remedy.gate.clone().ok_or_else(|| ServiceError::not_found(id))?;
                if before.outcome == command.outcome {
                    let message = format!("{} holds for {id} already", before.outcome.as_str());
                    let refused = ServiceError::precondition(reason::INVALID_TRANSITION, message);
                    return Err(refused.with("outcome", before.outcome.as_str()).into());
                }
                let authority = app.policies.of(&tx, tenant).await?.authority;
                let role = if command.role.is_empty() { &authority.default_role } else { &command.role };
                if !authority.may_approve(role) {
                    return Err(may_not(role).into());
                }
                let known = Known::of(&remedy.event);
                let decision = before.overridden(command.outcome, remedy.severity, &known);
                let mut history = gate::overrides(tx.conn(), tx.backend(), tenant, id).await?;
                let decided = GateOverride {
                    from: before.outcome,
                    to: command.outcome,
                    reason: command.reason,
                    decided_by: command.decided_by,
                    created_at: tx.now(),
                };
                gate::override_in_tx(&tx, tenant, id, history.len() + 1, &decided).await?;
                remedy.gate = Some(decision.clone());
                remedies::update_in_tx(&tx, tenant, &mut remedy).await?;
                let entry = AuditEntry {
                    actor: format!("{} ({})", decided.decided_by, context.client),
                    action: "GATE_OVERRIDDEN",
                    subject: id.to_string(),
                    reason: format!("{} to {}: {}", decided.from.as_str(), decided.to.as_str(), decided.reason),
                };
                history.push(decided);
                audit::append_in_tx(&tx, tenant, entry).await?;
                Ok(wire_gate::decision(id, &decision, &history))
            }
        };
        self.engine.mutate("compensation.override_gate", key, work).await
    }
}
