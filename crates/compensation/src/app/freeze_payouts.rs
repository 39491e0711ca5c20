//! The kill switch of payouts: moved by a person, on record, read by everybody.

use api::method::ledger_service::{FREEZE_PAYOUTS, UNFREEZE_PAYOUTS};
use durable::audit::{self, AuditEntry};
use durable::{Tx, TxError};
use kernel::{Answer, RequestContext, RequestKey, ServiceError};
use serde::Serialize;

use super::App;
use super::refusal::not_now;
use crate::domain::freeze::{FreezeEvent, PayoutFreeze};
use crate::ledger_wire;
use crate::store::freezes;

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SwitchPayouts {
    pub(crate) event: FreezeEvent,
    pub(crate) reason: String,
    pub(crate) changed_by: String,
}

impl App {
    /// Freezes or unfreezes the tenant's payouts.
    ///
    /// # Errors
    /// FAILED_PRECONDITION `INVALID_TRANSITION` when payouts that flow are to be unfrozen.
    #[tracing::instrument(skip_all, name = "compensation.switch_payouts")]
    pub(crate) async fn switch_payouts(
        &self,
        context: RequestContext,
        request_id: &str,
        command: SwitchPayouts,
    ) -> Result<Answer<api::compensation::PayoutFreeze>, ServiceError> {
        let (method, action) = match command.event {
            FreezeEvent::Freeze => (FREEZE_PAYOUTS, "PAYOUTS_FROZEN"),
            FreezeEvent::Unfreeze => (UNFREEZE_PAYOUTS, "PAYOUTS_UNFROZEN"),
        };
        let key = context.key(method, request_id, RequestKey::hash_of(&command));
        let since = self.frozen_since;
        let work = move |tx: Tx| {
            let (context, command) = (context.clone(), command.clone());
            async move {
                let tenant = &context.tenant;
                let before = PayoutFreeze::in_force(freezes::get(tx.conn(), tenant).await?, since);
                let freeze = PayoutFreeze {
                    state: before.state.on(command.event).map_err(not_now)?,
                    reason: command.reason,
                    changed_by: command.changed_by,
                    changed_at: Some(tx.now()),
                };
                freezes::put_in_tx(&tx, tenant, &freeze).await?;
                let entry = AuditEntry {
                    actor: format!("{} ({})", freeze.changed_by, context.client),
                    action,
                    subject: ledger_wire::PAYOUT_FREEZE.to_owned(),
                    reason: freeze.reason.clone(),
                };
                audit::append_in_tx(&tx, tenant, entry).await?;
                Ok(ledger_wire::payout_freeze(&PayoutFreeze::in_force(Some(freeze), since)))
            }
        };
        self.engine.mutate("compensation.switch_payouts", key, work).await
    }

    /// Whether payouts are frozen, and why.
    pub(crate) async fn get_payout_freeze(
        &self,
        context: &RequestContext,
    ) -> Result<api::compensation::PayoutFreeze, ServiceError> {
        let stored = freezes::get(self.engine.read(), &context.tenant).await.map_err(TxError::from)?;
        Ok(ledger_wire::payout_freeze(&PayoutFreeze::in_force(stored, self.frozen_since)))
    }
}
