//! Requests about surveys.

use api::followup::SubmitSurveyRequest;
use kernel::{ServiceError, Violations};

use super::{fields, plan};
use crate::app::SubmitSurvey;

/// Longest comment in characters.
const MAX_COMMENT: usize = 2_000;

/// An answer.
pub(super) fn submit(request: &SubmitSurveyRequest) -> Result<(String, SubmitSurvey), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let id = fields::name("name", &request.name, &mut violations);
    let score = plan::score("score", request.score, &mut violations);
    let comment = violations.text("comment", &request.comment, 0, MAX_COMMENT);
    violations.finish()?;
    Ok((request_id, SubmitSurvey { id, score, comment }))
}
