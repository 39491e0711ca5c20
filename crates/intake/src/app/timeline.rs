//! A customer's one history, newest first, whatever the channel and the case.

use api::intake::GetCustomerTimelineResponse;
use api::method::intake_service::GET_CUSTOMER_TIMELINE;
use kernel::{CaseId, CustomerId, PageSize, RequestContext, ServiceError};

use super::{App, unread};
use crate::store::customers;
use crate::store::entries::{self, TimelineCursor};
use crate::view;

/// A page as it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    /// Whose history.
    pub(crate) customer: CustomerId,
    /// Only of this case.
    pub(crate) case: Option<CaseId>,
    /// How many entries.
    pub(crate) size: PageSize,
    /// After which page.
    pub(crate) token: String,
}

impl App {
    /// One page; its token opens only for the same customer and case.
    pub(crate) async fn get_customer_timeline(
        &self,
        context: &RequestContext,
        ask: &Timeline,
    ) -> Result<GetCustomerTimelineResponse, ServiceError> {
        let query = (GET_CUSTOMER_TIMELINE, ask.customer, ask.case);
        let after: Option<TimelineCursor> = self.tokens.open(&context.tenant, &query, &ask.token)?;
        let (connection, tenant, size) = (self.engine.read(), &context.tenant, ask.size.get());
        let customer = customers::customer_get(connection, tenant, ask.customer).await.map_err(unread)?;
        customer.ok_or_else(|| ServiceError::not_found(ask.customer))?;
        let backend = self.engine.db().backend();
        let mut page = entries::timeline_page(connection, backend, tenant, ask.customer, ask.case, after, size + 1)
            .await
            .map_err(unread)?;
        let more = page.len() as u64 > size;
        page.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        let last = page.last().filter(|_| more);
        let next_page_token =
            last.map(|last| self.tokens.seal(tenant, &query, &TimelineCursor::from(last))).unwrap_or_default();
        Ok(GetCustomerTimelineResponse { entries: page.iter().map(view::entry).collect(), next_page_token })
    }
}
