//! Records what the customer would call fair.

use api::method::intake_service::SET_REQUESTED_REMEDY;
use kernel::{Answer, RequestContext, RequestKey, ServiceError};

use super::{App, CaseRequest};
use crate::domain::recovery;

impl App {
    /// Allowed until the case is final.
    #[tracing::instrument(skip_all, name = "intake.set_requested_remedy", fields(amends.case = %request.case))]
    pub(crate) async fn set_requested_remedy(
        &self,
        context: RequestContext,
        request_id: &str,
        request: CaseRequest<String>,
    ) -> Result<Answer<api::intake::Case>, ServiceError> {
        let key = context.key(SET_REQUESTED_REMEDY, request_id, RequestKey::hash_of(&request));
        let story = self.story;
        self.change_case("intake.set_requested_remedy", key, context, request, move |case, wish, now| {
            story.allow(recovery::on_requested_remedy(case, wish, now)?)
        })
        .await
    }
}
