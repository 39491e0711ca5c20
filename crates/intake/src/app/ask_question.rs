//! Asks the customer a diagnostic question.

use api::method::intake_service::ASK_QUESTION;
use kernel::{Answer, RequestContext, RequestKey, ServiceError};

use super::{App, CaseRequest};
use crate::domain::recovery;

impl App {
    /// Follow-up sends the question, once the customer has our acknowledgement.
    #[tracing::instrument(skip_all, name = "intake.ask_question", fields(amends.case = %request.case))]
    pub(crate) async fn ask_question(
        &self,
        context: RequestContext,
        request_id: &str,
        request: CaseRequest<String>,
    ) -> Result<Answer<api::intake::Case>, ServiceError> {
        let key = context.key(ASK_QUESTION, request_id, RequestKey::hash_of(&request));
        let message_id = self.engine.new_id();
        let story = self.story;
        self.change_case("intake.ask_question", key, context, request, move |case, question, now| {
            story.allow(recovery::on_question(case, question, message_id, now)?)
        })
        .await
    }
}
