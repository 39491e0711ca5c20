//! What intake does about a command that does not go through: the case needs a person. A service refused it for good, or
//! it is parked, until an operator deals with it.

use async_trait::async_trait;
use durable::{RejectionHandler, Tx, TxError, UndeliveredCall};
use kernel::{CaseId, ResourceId as _, ServiceError};

use super::outcome::Outcome;
use crate::domain::case::Case;
use crate::domain::reaction::Reaction;
use crate::domain::recovery::{self, Unparked};
use crate::domain::story_limit::StoryLimit;
use crate::store::{CaseKey, cases, customers, inconsistent};

/// The handler.
pub(crate) struct UndeliveredCalls {
    /// How long a story may get.
    pub(crate) story: StoryLimit,
}

#[async_trait]
impl RejectionHandler for UndeliveredCalls {
    async fn rejected(&self, tx: &Tx, call: &UndeliveredCall, error: &ServiceError) -> Result<(), TxError> {
        let react = |case: Case, id: &str| {
            Some(recovery::on_refused_call(case, &call.method, id, &error.reason, &error.message, tx.now()))
        };
        self.on_case(tx, call, react).await
    }

    async fn parked(&self, tx: &Tx, call: &UndeliveredCall, why: &str) -> Result<(), TxError> {
        self.on_case(tx, call, |case, id| Some(recovery::on_parked_call(case, &call.method, id, why, tx.now()))).await
    }

    async fn unparked(&self, tx: &Tx, call: &UndeliveredCall, how: durable::Unparked) -> Result<(), TxError> {
        let how = match how {
            durable::Unparked::Retried => Unparked::Retried,
            durable::Unparked::Discarded => Unparked::Discarded,
        };
        self.on_case(tx, call, |case, id| recovery::on_unparked_call(case, &call.method, id, how, tx.now())).await
    }
}

impl UndeliveredCalls {
    /// Has the call's case react, if it has one and the case has anything to do.
    async fn on_case(
        &self,
        tx: &Tx,
        call: &UndeliveredCall,
        react: impl FnOnce(Case, &str) -> Option<Reaction>,
    ) -> Result<(), TxError> {
        let Some(id) = call.lane.as_deref().and_then(CaseId::parse_name) else {
            tracing::warn!(method = %call.method, "a call that belongs to no case does not go through");
            return Ok(());
        };
        let key: CaseKey = (call.tenant.clone(), id);
        let Some(case) = cases::cases_lock(tx, &[key.clone()].into()).await?.remove(&key) else { return Ok(()) };
        let customer = customers::customer_get(tx.conn(), &call.tenant, case.customer).await?;
        let customer = customer.ok_or_else(|| inconsistent(format!("{id} has no customer")))?;
        let Some(reaction) = react(case, &call.message_id.to_string()) else { return Ok(()) };
        let reaction = self.story.keep(reaction);
        let mut outcome = Outcome::default();
        let (case, _) = outcome.take(tx, &call.context(), &customer, reaction);
        cases::cases_update(tx, [(&call.tenant, &case)].into_iter())?;
        outcome.store(tx)?;
        Ok(())
    }
}
