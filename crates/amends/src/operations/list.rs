//! ListCalls and ListAuditRecords: one page, and the token of the next.

use api::operations::{ListAuditRecordsRequest, ListAuditRecordsResponse, ListCallsRequest, ListCallsResponse};
use durable::operations::{self, CallCursor, CallFilter};
use kernel::{RequestContext, ServiceError};

use super::parse::{AuditPage, CallsPage};
use super::{Operations, convert};

impl Operations {
    pub(super) async fn list(
        &self,
        context: RequestContext,
        request: ListCallsRequest,
    ) -> Result<ListCallsResponse, ServiceError> {
        let CallsPage { role, size, state, lane } = CallsPage::parse(&request)?;
        let engine = self.engine(role)?;
        let query = ("ListCalls", engine.service(), request.state, &lane);
        let after: Option<CallCursor> = self.page_tokens.open(&context.tenant, &query, &request.page_token)?;
        let filter = CallFilter { state, lane: (!lane.is_empty()).then(|| lane.clone()) };
        let mut calls = operations::list_calls(engine, &context.tenant, &filter, after, size.get() + 1).await?;
        let more = calls.len() as u64 > size.get();
        calls.truncate(usize::try_from(size.get()).unwrap_or(usize::MAX));
        let next_page_token = match calls.last().filter(|_| more) {
            Some(last) => self.page_tokens.seal(&context.tenant, &query, &(last.created_at.micros(), last.message_id)),
            None => String::new(),
        };
        let calls = calls.into_iter().map(|call| convert::call(engine.service(), call)).collect();
        Ok(ListCallsResponse { calls, next_page_token })
    }

    pub(super) async fn list_audit(
        &self,
        context: RequestContext,
        request: ListAuditRecordsRequest,
    ) -> Result<ListAuditRecordsResponse, ServiceError> {
        let AuditPage { role, size } = AuditPage::parse(&request)?;
        let engine = self.engine(role)?;
        let query = ("ListAuditRecords", engine.service());
        let before: Option<i64> = self.page_tokens.open(&context.tenant, &query, &request.page_token)?;
        let page = operations::list_audit(engine, &context.tenant, before, size.get()).await?;
        let next_page_token = match page.records.last().filter(|_| page.more) {
            Some(last) => self.page_tokens.seal(&context.tenant, &query, &last.seq),
            None => String::new(),
        };
        let audit_records = page.records.into_iter().map(convert::audit_record).collect();
        Ok(ListAuditRecordsResponse { audit_records, next_page_token, chain_intact: page.intact })
    }
}
