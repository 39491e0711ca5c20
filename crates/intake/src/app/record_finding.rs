//! Records what an agent found out.

use api::method::intake_service::RECORD_FINDING;
use kernel::{Answer, RequestContext, RequestKey, ServiceError};
use serde::Serialize;

use super::{App, CaseRequest};
use crate::domain::event::Facts;
use crate::domain::recovery;

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What went wrong and why.
    pub(crate) text: String,
    /// Facts that are established now.
    pub(crate) facts: Facts,
}

impl App {
    /// The case is understood then, and compensation works out what is owed.
    #[tracing::instrument(skip_all, name = "intake.record_finding", fields(amends.case = %request.case))]
    pub(crate) async fn record_finding(
        &self,
        context: RequestContext,
        request_id: &str,
        request: CaseRequest<Finding>,
    ) -> Result<Answer<api::intake::Case>, ServiceError> {
        let key = context.key(RECORD_FINDING, request_id, RequestKey::hash_of(&request));
        self.change_case("intake.record_finding", key, context, request, |case, finding, now| {
            recovery::on_finding(case, &finding.text, &finding.facts, now)
        })
        .await
    }
}
