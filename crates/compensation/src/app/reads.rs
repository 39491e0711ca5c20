//! Reading: one resource, or a page of them.

mod settlement;

use api::compensation as wire_api;
use api::method::compensation_service as method;
use durable::TxError;
use kernel::{
    CaseId, OfferId, PageSize, PayoutId, RemedyId, RequestContext, ResourceId, ServiceError, Timestamp, VoucherId,
};
use serde::Serialize;
use uuid::Uuid;

use super::App;
use crate::domain::records::Remedy;
use crate::store::{Cursor, approvals, ledger, offers, payouts, remedies, vouchers};
use crate::wire;

impl App {
    /// One remedy.
    pub(crate) async fn get_remedy(
        &self,
        context: &RequestContext,
        id: RemedyId,
    ) -> Result<wire_api::Remedy, ServiceError> {
        let found = remedies::get(self.engine.read(), &context.tenant, id).await.map_err(TxError::from)?;
        let remedy = found.ok_or_else(|| ServiceError::not_found(id))?;
        let mut shown = self.with_what_they_gave(context, vec![remedy]).await?;
        shown.pop().ok_or_else(|| ServiceError::internal("a remedy has gone"))
    }

    /// A page of a case's remedies.
    pub(crate) async fn list_remedies(
        &self,
        context: &RequestContext,
        case: CaseId,
        size: PageSize,
        token: &str,
    ) -> Result<wire_api::ListRemediesResponse, ServiceError> {
        let page = self.page(context, method::LIST_REMEDIES, Some(case), size, token)?;
        let rows = remedies::list_page(self.engine.read(), &context.tenant, case, page.after, page.limit);
        let (rows, next_page_token) =
            page.cut(rows.await.map_err(TxError::from)?, |remedy| (remedy.created_at, remedy.id.uuid()));
        Ok(wire_api::ListRemediesResponse { remedies: self.with_what_they_gave(context, rows).await?, next_page_token })
    }

    async fn with_what_they_gave(
        &self,
        context: &RequestContext,
        remedies: Vec<Remedy>,
    ) -> Result<Vec<wire_api::Remedy>, ServiceError> {
        if remedies.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<RemedyId> = remedies.iter().map(|remedy| remedy.id).collect();
        let (read, tenant) = (self.engine.read(), &context.tenant);
        let vouchers = vouchers::ids_of(read, tenant, &ids).await.map_err(TxError::from)?;
        let payouts = payouts::ids_of(read, tenant, &ids).await.map_err(TxError::from)?;
        let of = |remedy: &Remedy| {
            let vouchers = vouchers.get(&remedy.id).map(Vec::as_slice).unwrap_or_default();
            let payouts = payouts.get(&remedy.id).map(Vec::as_slice).unwrap_or_default();
            wire::remedy(remedy, vouchers, payouts)
        };
        Ok(remedies.iter().map(of).collect())
    }

    /// One offer.
    pub(crate) async fn get_offer(
        &self,
        context: &RequestContext,
        id: OfferId,
    ) -> Result<wire_api::Offer, ServiceError> {
        let found = offers::get(self.engine.read(), &context.tenant, id).await.map_err(TxError::from)?;
        if let Some(offer) = found {
            return Ok(wire::offer(&offer));
        }
        // One that waits for approval, or was not approved, bears the approval's UUID.
        let approval = approvals::get(self.engine.read(), &context.tenant, id.uuid().into()).await;
        let shown = approval.map_err(TxError::from)?.as_ref().and_then(crate::authority_wire::unapproved_offer);
        shown.ok_or_else(|| ServiceError::not_found(id))
    }

    /// A page of a case's offers.
    pub(crate) async fn list_offers(
        &self,
        context: &RequestContext,
        case: CaseId,
        size: PageSize,
        token: &str,
    ) -> Result<wire_api::ListOffersResponse, ServiceError> {
        let page = self.page(context, method::LIST_OFFERS, Some(case), size, token)?;
        let rows = offers::list_page(self.engine.read(), &context.tenant, case, page.after, page.limit);
        let (rows, next_page_token) =
            page.cut(rows.await.map_err(TxError::from)?, |offer| (offer.created_at, offer.id.uuid()));
        Ok(wire_api::ListOffersResponse { offers: rows.iter().map(wire::offer).collect(), next_page_token })
    }

    /// One voucher.
    pub(crate) async fn get_voucher(
        &self,
        context: &RequestContext,
        id: VoucherId,
    ) -> Result<wire_api::Voucher, ServiceError> {
        let found = vouchers::get(self.engine.read(), &context.tenant, id).await.map_err(TxError::from)?;
        found.as_ref().map(wire::voucher).ok_or_else(|| ServiceError::not_found(id))
    }

    /// A page of a case's vouchers.
    pub(crate) async fn list_vouchers(
        &self,
        context: &RequestContext,
        case: CaseId,
        size: PageSize,
        token: &str,
    ) -> Result<wire_api::ListVouchersResponse, ServiceError> {
        let page = self.page(context, method::LIST_VOUCHERS, Some(case), size, token)?;
        let rows = vouchers::list_page(self.engine.read(), &context.tenant, case, page.after, page.limit);
        let (rows, next_page_token) =
            page.cut(rows.await.map_err(TxError::from)?, |voucher| (voucher.created_at, voucher.id.uuid()));
        Ok(wire_api::ListVouchersResponse { vouchers: rows.iter().map(wire::voucher).collect(), next_page_token })
    }

    /// One payout.
    pub(crate) async fn get_payout(
        &self,
        context: &RequestContext,
        id: PayoutId,
    ) -> Result<wire_api::Payout, ServiceError> {
        let found = payouts::get(self.engine.read(), &context.tenant, id).await.map_err(TxError::from)?;
        found.as_ref().map(wire::payout).ok_or_else(|| ServiceError::not_found(id))
    }

    /// A page of a case's payouts.
    pub(crate) async fn list_payouts(
        &self,
        context: &RequestContext,
        case: CaseId,
        size: PageSize,
        token: &str,
    ) -> Result<wire_api::ListPayoutsResponse, ServiceError> {
        let page = self.page(context, method::LIST_PAYOUTS, Some(case), size, token)?;
        let rows = payouts::list_page(self.engine.read(), &context.tenant, case, page.after, page.limit);
        let (rows, next_page_token) =
            page.cut(rows.await.map_err(TxError::from)?, |payout| (payout.created_at, payout.id.uuid()));
        Ok(wire_api::ListPayoutsResponse { payouts: rows.iter().map(wire::payout).collect(), next_page_token })
    }

    /// A page of the ledger, or of what it knows of one case.
    pub(crate) async fn list_ledger_transactions(
        &self,
        context: &RequestContext,
        case: Option<CaseId>,
        size: PageSize,
        token: &str,
    ) -> Result<wire_api::ListLedgerTransactionsResponse, ServiceError> {
        let page = self.page(context, method::LIST_LEDGER_TRANSACTIONS, case, size, token)?;
        let rows = ledger::list_page(self.engine.read(), &context.tenant, case, page.after, page.limit);
        let (rows, next_page_token) =
            page.cut(rows.await.map_err(TxError::from)?, |transaction| (transaction.created_at, transaction.id.uuid()));
        let ledger_transactions = rows.iter().map(wire::ledger_transaction).collect();
        Ok(wire_api::ListLedgerTransactionsResponse { ledger_transactions, next_page_token })
    }

    /// The sums of all accounts.
    pub(crate) async fn get_ledger_balances(
        &self,
        context: &RequestContext,
    ) -> Result<wire_api::GetLedgerBalancesResponse, ServiceError> {
        let balances = ledger::balances(self.engine.read(), &context.tenant).await.map_err(TxError::from)?;
        Ok(wire_api::GetLedgerBalancesResponse { balances: balances.iter().map(wire::balance).collect() })
    }

    /// A page of the packs, by name and version.
    pub(crate) async fn list_packs(
        &self,
        context: &RequestContext,
        size: PageSize,
        token: &str,
    ) -> Result<wire_api::ListPacksResponse, ServiceError> {
        let first: usize = self.tokens.open(&context.tenant, &method::LIST_PACKS, token)?.unwrap_or_default();
        let size = usize::try_from(size.get()).unwrap_or(usize::MAX);
        let known = self.packs_of(context).await?;
        let all = known.known();
        let packs: Vec<_> =
            all.iter().skip(first).take(size).map(|pack| wire::pack(pack, known.canary_of(pack))).collect();
        let end = first + packs.len();
        let next_page_token =
            if end < all.len() { self.tokens.seal(&context.tenant, &method::LIST_PACKS, &end) } else { String::new() };
        Ok(wire_api::ListPacksResponse { packs, next_page_token })
    }

    fn page<'a>(
        &'a self,
        context: &'a RequestContext,
        method: &'static str,
        case: Option<CaseId>,
        size: PageSize,
        token: &str,
    ) -> Result<Page<'a>, ServiceError> {
        let query = Query { method, case };
        let after = self.tokens.open(&context.tenant, &query, token)?;
        Ok(Page { app: self, context, query, after, size: size.get(), limit: size.get() + 1 })
    }
}

/// What a page token is bound to.
#[derive(Serialize)]
struct Query {
    method: &'static str,
    case: Option<CaseId>,
}

/// A page as it is read: with one row more than asked for, which says whether there is another page.
struct Page<'a> {
    app: &'a App,
    context: &'a RequestContext,
    query: Query,
    after: Option<Cursor>,
    size: u64,
    limit: u64,
}

impl Page<'_> {
    /// The rows of the page, and the token of the next one.
    fn cut<T>(&self, mut rows: Vec<T>, place: impl Fn(&T) -> (Timestamp, Uuid)) -> (Vec<T>, String) {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        if rows.len() <= size {
            return (rows, String::new());
        }
        rows.truncate(size);
        let cursor = rows.last().map(|row| {
            let (created_at, id) = place(row);
            Cursor { created_at: created_at.micros(), id }
        });
        let token = cursor.map(|cursor| self.app.tokens.seal(&self.context.tenant, &self.query, &cursor));
        (rows, token.unwrap_or_default())
    }
}
