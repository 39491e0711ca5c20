//! ListCalls and ListAuditRecords: one page, and the token of the next.

use api::operations::{ListAuditRecordsRequest, ListAuditRecordsResponse, ListCallsRequest, ListCallsResponse};
use durable::operations::{self, CallCursor, CallFilter};
use kernel::{PageSize, RequestContext, ServiceError};

use super::parse::{AuditPage, CallsPage};
use super::{Operations, convert};

/// Cuts a list that was read one row too long to its page; true when there is another page.
fn cut<T>(rows: &mut Vec<T>, size: PageSize) -> bool {
    let more = rows.len() as u64 > size.get();
    rows.truncate(usize::try_from(size.get()).unwrap_or(usize::MAX));
    more
}

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
        let more = cut(&mut calls, size);
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
        let (mut records, chain_intact) =
            operations::list_audit(engine, &context.tenant, before, size.get() + 1).await?;
        let more = cut(&mut records, size);
        let next_page_token = match records.last().filter(|_| more) {
            Some(last) => self.page_tokens.seal(&context.tenant, &query, &last.seq),
            None => String::new(),
        };
        let audit_records = records.into_iter().map(convert::audit_record).collect();
        Ok(ListAuditRecordsResponse { audit_records, next_page_token, chain_intact })
    }
}
