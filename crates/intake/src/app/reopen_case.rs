//! Reopens a final case because the customer came back.

use api::method::intake_service::REOPEN_CASE;
use kernel::{Answer, RequestContext, RequestKey, ServiceError};

use super::{App, CaseRequest};
use crate::domain::recovery;

impl App {
    /// The story starts over, with a person on it.
    #[tracing::instrument(skip_all, name = "intake.reopen_case", fields(amends.case = %request.case))]
    pub(crate) async fn reopen_case(
        &self,
        context: RequestContext,
        request_id: &str,
        request: CaseRequest<String>,
    ) -> Result<Answer<api::intake::Case>, ServiceError> {
        let key = context.key(REOPEN_CASE, request_id, RequestKey::hash_of(&request));
        let story = self.story;
        self.change_case("intake.reopen_case", key, context, request, move |case, why, now| {
            story.allow(recovery::on_reopen(case, why, now)?)
        })
        .await
    }
}
