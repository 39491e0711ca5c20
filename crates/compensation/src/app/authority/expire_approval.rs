//! The time of an approval has passed.

use api::method::authority_service::EXPIRE_APPROVAL;
use durable::Tx;
use kernel::{Answer, ApprovalId, RequestContext, RequestKey, ServiceError};

use super::super::refusal::not_now;
use super::super::{App, own_calls};
use super::decide_approval::lock_approval;
use crate::authority_wire as wire;
use crate::domain::approval::ApprovalState;
use crate::store::approvals;

impl App {
    /// Ends an approval that still waits and whose time has passed; does nothing otherwise.
    ///
    /// # Errors
    /// NOT_FOUND; UNAVAILABLE when the own timer comes early.
    #[tracing::instrument(skip_all, name = "compensation.expire_approval", fields(amends.approval = %id))]
    pub(crate) async fn expire_approval(
        &self,
        context: RequestContext,
        request_id: &str,
        id: ApprovalId,
    ) -> Result<Answer<api::compensation::Approval>, ServiceError> {
        let key = context.key(EXPIRE_APPROVAL, request_id, RequestKey::hash_of(&id));
        let app = self.clone();
        let work = move |tx: Tx| {
            let (app, context) = (app.clone(), context.clone());
            async move {
                let (remedy, mut approval) = lock_approval(&tx, &context, id).await?;
                if approval.state == ApprovalState::Pending
                    && own_calls::is_due(&context, approval.expires_at, tx.now())?
                {
                    approval.expire(tx.now()).map_err(not_now)?;
                    approvals::update_in_tx(&tx, &context.tenant, &approval).await?;
                    app.went_unapproved(&tx, &context, &remedy, &approval);
                }
                Ok(wire::approval(&approval))
            }
        };
        self.engine.mutate("compensation.expire_approval", key, work).await
    }
}
