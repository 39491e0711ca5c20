//! A person says how a discrepancy was cleared up. No payout changes by it.

use api::method::settlement_service::RESOLVE_SETTLEMENT_DISCREPANCY;
use durable::Tx;
use durable::audit::{self, AuditEntry};
use kernel::{Answer, RequestContext, RequestKey, ServiceError, SettlementDiscrepancyId};
use serde::Serialize;

use super::App;
use super::refusal::not_now;
use crate::domain::transition::InvalidTransition;
use crate::store::discrepancies;
use crate::wire::settlement::discrepancy as shown;

/// What is said.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ResolveDiscrepancy {
    pub(crate) discrepancy: SettlementDiscrepancyId,
    pub(crate) resolution: String,
}

impl App {
    /// Resolves a discrepancy.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `INVALID_TRANSITION` when it was resolved before.
    #[tracing::instrument(skip_all, name = "compensation.resolve_discrepancy", fields(amends.discrepancy = %command.discrepancy))]
    pub(crate) async fn resolve_settlement_discrepancy(
        &self,
        context: RequestContext,
        request_id: &str,
        command: ResolveDiscrepancy,
    ) -> Result<Answer<api::compensation::SettlementDiscrepancy>, ServiceError> {
        let key = context.key(RESOLVE_SETTLEMENT_DISCREPANCY, request_id, RequestKey::hash_of(&command));
        let work = move |tx: Tx| {
            let (context, command) = (context.clone(), command.clone());
            async move {
                let tenant = &context.tenant;
                let found = discrepancies::lock_in_tx(&tx, tenant, command.discrepancy).await?;
                let mut found = found.ok_or_else(|| ServiceError::not_found(command.discrepancy))?;
                if found.resolved_at.is_some() {
                    let (machine, state, event) = ("the discrepancy", "RESOLVED", "a resolution");
                    return Err(not_now(InvalidTransition { machine, state, event }).into());
                }
                found.resolution = command.resolution.clone();
                found.resolved_by = context.client.clone();
                found.resolved_at = Some(tx.now());
                discrepancies::update_in_tx(&tx, tenant, &found).await?;
                let entry = AuditEntry {
                    actor: context.client.clone(),
                    action: "SETTLEMENT_DISCREPANCY_RESOLVED",
                    subject: found.id.to_string(),
                    reason: format!("{}: {}", found.kind.as_str(), command.resolution),
                };
                audit::append_in_tx(&tx, tenant, entry).await?;
                Ok(shown(&found))
            }
        };
        self.engine.mutate("compensation.resolve_settlement_discrepancy", key, work).await
    }
}
