//! Reads: one resource by its name, or a page of a case's. They decide nothing and need no transaction.

use durable::TxError;
use kernel::{CaseId, MessageId, PageSize, PlanId, RequestContext, ResourceId as _, ServiceError, SurveyId};
use sea_orm::DbErr;
use serde::Serialize;

use super::App;
use crate::domain::{Message, Outcome, Plan, Survey, outcome_of};
use crate::store::{Cursor, messages, plans, surveys};

/// A page of a case's resources as it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) case: CaseId,
    pub(crate) size: PageSize,
    pub(crate) token: String,
}

/// What a page token is bound to.
#[derive(Serialize)]
struct Query {
    method: &'static str,
    case: CaseId,
}

impl App {
    /// A message.
    pub(crate) async fn get_message(&self, context: &RequestContext, id: MessageId) -> Result<Message, ServiceError> {
        let found = messages::message_get(self.engine.read(), &context.tenant, id).await.map_err(storage_error)?;
        found.ok_or_else(|| ServiceError::not_found(id))
    }

    /// A plan.
    pub(crate) async fn get_plan(&self, context: &RequestContext, id: PlanId) -> Result<Plan, ServiceError> {
        let found = plans::plan_get(self.engine.read(), &context.tenant, id).await.map_err(storage_error)?;
        found.ok_or_else(|| ServiceError::not_found(id))
    }

    /// A survey.
    pub(crate) async fn get_survey(&self, context: &RequestContext, id: SurveyId) -> Result<Survey, ServiceError> {
        let found = surveys::survey_get(self.engine.read(), &context.tenant, id).await.map_err(storage_error)?;
        found.ok_or_else(|| ServiceError::not_found(id))
    }

    /// The outcome of a case, by its plans and answers.
    pub(crate) async fn get_outcome(&self, context: &RequestContext, case: CaseId) -> Result<Outcome, ServiceError> {
        let (connection, tenant) = (self.engine.read(), &context.tenant);
        let latest = plans::plan_latest(connection, tenant, case).await.map_err(storage_error)?;
        let (plan, check_ins) = latest.ok_or_else(|| ServiceError::not_found(format!("an outcome of {case}")))?;
        let score = surveys::survey_latest_score(connection, tenant, case).await.map_err(storage_error)?;
        Ok(outcome_of(&plan, score, check_ins))
    }

    /// Messages of a case, oldest first, and the token of the next page.
    pub(crate) async fn list_messages(
        &self,
        context: &RequestContext,
        page: &Page,
    ) -> Result<(Vec<Message>, String), ServiceError> {
        let query = Query { method: api::method::follow_up_service::LIST_MESSAGES, case: page.case };
        let after = self.tokens.open(&context.tenant, &query, &page.token)?;
        let rows =
            messages::message_list_page(self.engine.read(), &context.tenant, page.case, after, page.size.get() + 1)
                .await
                .map_err(storage_error)?;
        let cursor = |message: &Message| Cursor { created_at: message.created_at, id: message.id.uuid() };
        Ok(self.cut(context, &query, page, rows, cursor))
    }

    /// Plans of a case, oldest first, and the token of the next page.
    pub(crate) async fn list_plans(
        &self,
        context: &RequestContext,
        page: &Page,
    ) -> Result<(Vec<Plan>, String), ServiceError> {
        let query = Query { method: api::method::follow_up_service::LIST_PLANS, case: page.case };
        let after = self.tokens.open(&context.tenant, &query, &page.token)?;
        let rows = plans::plan_list_page(self.engine.read(), &context.tenant, page.case, after, page.size.get() + 1)
            .await
            .map_err(storage_error)?;
        let cursor = |plan: &Plan| Cursor { created_at: plan.created_at, id: plan.id.uuid() };
        Ok(self.cut(context, &query, page, rows, cursor))
    }

    /// Surveys of a case, newest first, and the token of the next page.
    pub(crate) async fn list_surveys(
        &self,
        context: &RequestContext,
        page: &Page,
    ) -> Result<(Vec<Survey>, String), ServiceError> {
        let query = Query { method: api::method::follow_up_service::LIST_SURVEYS, case: page.case };
        let before = self.tokens.open(&context.tenant, &query, &page.token)?;
        let rows =
            surveys::survey_list_page(self.engine.read(), &context.tenant, page.case, before, page.size.get() + 1)
                .await
                .map_err(storage_error)?;
        let cursor = |survey: &Survey| Cursor { created_at: survey.created_at, id: survey.id.uuid() };
        Ok(self.cut(context, &query, page, rows, cursor))
    }

    /// One row more than asked for says that there is a next page.
    fn cut<T>(
        &self,
        context: &RequestContext,
        query: &Query,
        page: &Page,
        mut rows: Vec<T>,
        cursor: impl Fn(&T) -> Cursor,
    ) -> (Vec<T>, String) {
        let size = usize::try_from(page.size.get()).unwrap_or(usize::MAX);
        if rows.len() <= size {
            return (rows, String::new());
        }
        rows.truncate(size);
        let token = rows.last().map(|last| self.tokens.seal(&context.tenant, query, &cursor(last)));
        (rows, token.unwrap_or_default())
    }
}

/// What the caller of a read is told about a database failure.
pub(super) fn storage_error(error: DbErr) -> ServiceError {
    TxError::from(error).into()
}
