//! What intake does when a service refused a command for good: the case needs a person.

use async_trait::async_trait;
use durable::{RejectedCall, RejectionHandler, Tx, TxError};
use kernel::{CaseId, ResourceId as _, ServiceError};

use super::outcome::Outcome;
use crate::domain::recovery;
use crate::store::{CaseKey, cases, customers, inconsistent};

/// The handler.
pub(crate) struct RefusedCalls;

#[async_trait]
impl RejectionHandler for RefusedCalls {
    async fn rejected(&self, tx: &Tx, call: &RejectedCall, error: &ServiceError) -> Result<(), TxError> {
        let Some(id) = call.lane.as_deref().and_then(CaseId::parse_name) else {
            tracing::warn!(method = %call.method, %error, "a call that belongs to no case was refused");
            return Ok(());
        };
        let key: CaseKey = (call.tenant.clone(), id);
        let Some(case) = cases::cases_lock(tx, &[key.clone()].into()).await?.remove(&key) else { return Ok(()) };
        let customer = customers::customer_get(tx.conn(), &call.tenant, case.customer).await?;
        let customer = customer.ok_or_else(|| inconsistent(format!("{id} has no customer")))?;
        let message_id = call.message_id.to_string();
        let reaction =
            recovery::on_refused_call(case, &call.method, &message_id, &error.reason, &error.message, tx.now());
        let mut outcome = Outcome::default();
        let (case, _) = outcome.take(tx, &call.context(), &customer, reaction);
        cases::cases_update(tx, [(&call.tenant, &case)].into_iter())?;
        outcome.store(tx)?;
        Ok(())
    }
}
