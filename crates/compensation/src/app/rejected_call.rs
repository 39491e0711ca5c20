//! What is done about a durable call that does not go through.
//!
//! A milestone that a sink does not want is lost on that sink alone. Calls to ourselves are only refused when their
//! subject does not exist, which nothing can bring about but a defect. While the call that takes a payout on is parked,
//! the payout waits for an operator, and its case is told.

use api::compensation::AdvancePayoutRequest;
use api::method::compensation_service::ADVANCE_PAYOUT;
use async_trait::async_trait;
use durable::{RejectionHandler, Tx, TxError, UndeliveredCall};
use kernel::{PayoutId, ResourceId as _};
use prost::Message as _;

use super::milestones::Milestones;
use crate::store::payouts;

/// The handler.
pub(crate) struct RejectedCalls {
    pub(super) milestones: Milestones,
}

#[async_trait]
impl RejectionHandler for RejectedCalls {
    async fn parked(&self, tx: &Tx, call: &UndeliveredCall, _why: &str) -> Result<(), TxError> {
        if call.method != ADVANCE_PAYOUT {
            return Ok(());
        }
        let request = AdvancePayoutRequest::decode(call.body.as_slice()).unwrap_or_default();
        let Some(id) = PayoutId::parse_name(&request.name) else { return Ok(()) };
        if let Some(payout) = payouts::get(tx.conn(), &call.tenant, id).await? {
            let occasion = (call.message_id, u32::try_from(call.attempts).unwrap_or(u32::MAX));
            self.milestones.payout_call_parked(tx, &call.context(), &payout, occasion);
        }
        Ok(())
    }
}
