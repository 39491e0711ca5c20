//! Reading what people and settlements say about payouts.

use api::compensation as wire_api;
use api::method::settlement_service as method;
use durable::TxError;
use kernel::{
    CaseId, PageSize, PayoutId, PayoutSettlementId, RequestContext, ResourceId, ServiceError, SettlementDiscrepancyId,
};

use super::App;
use crate::store::{discrepancies, payout_settlements, payouts};
use crate::wire::settlement as wire;

impl App {
    /// One discrepancy.
    pub(crate) async fn get_settlement_discrepancy(
        &self,
        context: &RequestContext,
        id: SettlementDiscrepancyId,
    ) -> Result<wire_api::SettlementDiscrepancy, ServiceError> {
        let found = discrepancies::get(self.engine.read(), &context.tenant, id).await.map_err(TxError::from)?;
        found.as_ref().map(wire::discrepancy).ok_or_else(|| ServiceError::not_found(id))
    }

    /// A page of discrepancies.
    pub(crate) async fn list_settlement_discrepancies(
        &self,
        context: &RequestContext,
        resolved: bool,
        size: PageSize,
        token: &str,
    ) -> Result<wire_api::ListSettlementDiscrepanciesResponse, ServiceError> {
        // A token of one kind of list is none of the other.
        let query = if resolved { "settlement_discrepancies" } else { method::LIST_SETTLEMENT_DISCREPANCIES };
        let page = self.page(context, query, None, size, token)?;
        let rows = discrepancies::list_page(self.engine.read(), &context.tenant, resolved, page.after, page.limit);
        let (rows, next_page_token) =
            page.cut(rows.await.map_err(TxError::from)?, |found| (found.created_at, found.id.uuid()));
        let settlement_discrepancies = rows.iter().map(wire::discrepancy).collect();
        Ok(wire_api::ListSettlementDiscrepanciesResponse { settlement_discrepancies, next_page_token })
    }

    /// One decision.
    pub(crate) async fn get_payout_settlement(
        &self,
        context: &RequestContext,
        id: PayoutSettlementId,
    ) -> Result<wire_api::PayoutSettlement, ServiceError> {
        let found = payout_settlements::get(self.engine.read(), &context.tenant, id).await.map_err(TxError::from)?;
        found.as_ref().map(wire::payout_settlement).ok_or_else(|| ServiceError::not_found(id))
    }

    /// A page of the decisions about a payout.
    pub(crate) async fn list_payout_settlements(
        &self,
        context: &RequestContext,
        payout: PayoutId,
        size: PageSize,
        token: &str,
    ) -> Result<wire_api::ListPayoutSettlementsResponse, ServiceError> {
        let (read, tenant) = (self.engine.read(), &context.tenant);
        let known = payouts::get(read, tenant, payout).await.map_err(TxError::from)?;
        known.ok_or_else(|| ServiceError::not_found(payout))?;
        let subject = Some(CaseId::from(payout.uuid()));
        let page = self.page(context, method::LIST_PAYOUT_SETTLEMENTS, subject, size, token)?;
        let rows = payout_settlements::list_page(read, tenant, payout, page.after, page.limit);
        let (rows, next_page_token) =
            page.cut(rows.await.map_err(TxError::from)?, |found| (found.created_at, found.id.uuid()));
        let payout_settlements = rows.iter().map(wire::payout_settlement).collect();
        Ok(wire_api::ListPayoutSettlementsResponse { payout_settlements, next_page_token })
    }
}
