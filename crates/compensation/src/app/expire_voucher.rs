//! The time of a voucher has passed: what it may still have cost is not owed any more.

use api::method::compensation_service::EXPIRE_VOUCHER;
use durable::Tx;
use kernel::{Answer, RequestContext, RequestKey, ServiceError, VoucherId};

use super::refusal::not_now;
use super::{App, own_calls};
use crate::domain::ledger::Transaction;
use crate::domain::voucher::{VoucherEvent, VoucherState};
use crate::store::{ledger, vouchers};
use crate::wire;

impl App {
    /// Ends a voucher whose time has passed; does nothing otherwise.
    ///
    /// # Errors
    /// NOT_FOUND; UNAVAILABLE when the own timer comes early.
    #[tracing::instrument(skip_all, name = "compensation.expire_voucher", fields(amends.voucher = %id))]
    pub(crate) async fn expire_voucher(
        &self,
        context: RequestContext,
        request_id: &str,
        id: VoucherId,
    ) -> Result<Answer<api::compensation::Voucher>, ServiceError> {
        let key = context.key(EXPIRE_VOUCHER, request_id, RequestKey::hash_of(&id));
        let booking = self.engine.new_id().into();
        let work = move |tx: Tx| {
            let context = context.clone();
            async move {
                let tenant = &context.tenant;
                let found = vouchers::lock_in_tx(&tx, tenant, id).await?;
                let mut voucher = found.ok_or_else(|| ServiceError::not_found(id))?;
                if voucher.state == VoucherState::Issued && own_calls::is_due(&context, voucher.expires_at, tx.now())? {
                    let left = voucher.end(VoucherEvent::Expire).map_err(not_now)?;
                    vouchers::update_in_tx(&tx, tenant, &voucher).await?;
                    if let Some(left) = left {
                        let expired = Transaction::voucher_expired(booking, id, voucher.case, (left, voucher.cost));
                        ledger::append_in_tx(&tx, &[(tenant, &expired)]).await?;
                    }
                }
                Ok(wire::voucher(&voucher))
            }
        };
        self.engine.mutate("compensation.expire_voucher", key, work).await
    }
}
