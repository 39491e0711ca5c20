//! Lists cases, newest first.

use api::intake::ListCasesResponse;
use api::method::intake_service::LIST_CASES;
use kernel::{PageSize, RequestContext, ServiceError};

use super::{App, unread};
use crate::store::cases::{self, CaseCursor, CaseFilter};
use crate::view;

/// A page as it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct ListCases {
    /// Which cases.
    pub(crate) filter: CaseFilter,
    /// How many.
    pub(crate) size: PageSize,
    /// After which page.
    pub(crate) token: String,
}

impl App {
    /// One page; its token opens only with the same filters.
    pub(crate) async fn list_cases(
        &self,
        context: &RequestContext,
        list: &ListCases,
    ) -> Result<ListCasesResponse, ServiceError> {
        let query = (LIST_CASES, &list.filter);
        let after: Option<CaseCursor> = self.tokens.open(&context.tenant, &query, &list.token)?;
        let (connection, backend, size) = (self.engine.read(), self.engine.db().backend(), list.size.get());
        // One more than asked for, to know whether there is another page.
        let mut page = cases::case_page(connection, backend, &context.tenant, &list.filter, after, size + 1)
            .await
            .map_err(unread)?;
        let more = page.len() as u64 > size;
        page.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        let last = page.last().filter(|_| more);
        let next_page_token =
            last.map(|last| self.tokens.seal(&context.tenant, &query, &CaseCursor::from(last))).unwrap_or_default();
        Ok(ListCasesResponse { cases: page.iter().map(view::case).collect(), next_page_token })
    }
}
