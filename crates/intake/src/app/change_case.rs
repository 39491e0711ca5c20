//! What the custom methods of a case have in common: lock it, check the etag, react, write.

use durable::{Tx, TxError};
use kernel::{Answer, CaseId, ErrorCode, FieldViolation, RequestContext, RequestKey, ServiceError, Timestamp, reason};
use serde::Serialize;

use super::App;
use super::outcome::Outcome;
use crate::domain::case::Case;
use crate::domain::reaction::Reaction;
use crate::domain::refusal::Refusal;
use crate::store::{CaseKey, cases, customers, inconsistent};
use crate::view;

/// A custom method as it was called: on which case, with what, from which version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CaseRequest<T> {
    /// The case.
    pub(crate) case: CaseId,
    /// What the method is about.
    pub(crate) input: T,
    /// The etag that the caller has seen; empty: not checked.
    pub(crate) etag: String,
}

impl App {
    /// Carries out a custom method.
    pub(super) async fn change_case<T, F>(
        &self,
        name: &'static str,
        key: RequestKey,
        context: RequestContext,
        request: CaseRequest<T>,
        react: F,
    ) -> Result<Answer<api::intake::Case>, ServiceError>
    where
        T: Clone + Send + Sync + 'static,
        F: Fn(Case, &T, Timestamp) -> Result<Reaction, Refusal> + Clone + Send + Sync + 'static,
    {
        let case_key: CaseKey = (context.tenant.clone(), request.case);
        let answer = self
            .engine
            .mutate(name, key, move |tx| {
                let (context, request, react) = (context.clone(), request.clone(), react.clone());
                async move { apply(&tx, &context, &request, react).await }
            })
            .await?;
        self.watches.changed(&case_key);
        Ok(answer)
    }
}

async fn apply<T>(
    tx: &Tx,
    context: &RequestContext,
    request: &CaseRequest<T>,
    react: impl Fn(Case, &T, Timestamp) -> Result<Reaction, Refusal>,
) -> Result<api::intake::Case, TxError> {
    let key: CaseKey = (context.tenant.clone(), request.case);
    let case = cases::cases_lock(tx, &[key.clone()].into()).await?.remove(&key);
    let case = case.ok_or_else(|| ServiceError::not_found(request.case))?;
    check_etag(&case, &request.etag)?;
    let customer = customers::customer_get(tx.conn(), &context.tenant, case.customer).await?;
    let customer = customer.ok_or_else(|| inconsistent(format!("{} has no customer", case.id)))?;
    let facts = case.event.facts.clone();
    let reaction = react(case, &request.input, tx.now()).map_err(|refusal| refused(request.case, &refusal))?;
    let mut outcome = Outcome::default();
    let (case, _) = outcome.take(tx, context, &customer, reaction);
    cases::cases_update(tx, [(&context.tenant, &case)].into_iter())?;
    if case.event.facts != facts {
        cases::case_facts_update(tx, &context.tenant, &case).await?;
    }
    outcome.store(tx)?;
    Ok(view::case(&case))
}

fn check_etag(case: &Case, etag: &str) -> Result<(), ServiceError> {
    let current = case.version.to_string();
    if etag.is_empty() || etag == current {
        return Ok(());
    }
    let message = format!("{} has changed since; read it again", case.id);
    Err(ServiceError::new(ErrorCode::Aborted, reason::VERSION_MISMATCH, message).with("etag", current))
}

fn refused(case: CaseId, refusal: &Refusal) -> ServiceError {
    let no = |reason| ServiceError::precondition(reason, refusal.to_string()).with("case", case);
    match refusal {
        Refusal::AcknowledgeFirst => no(api::reason::intake::ACKNOWLEDGE_FIRST),
        Refusal::Final => no(api::reason::intake::CASE_FINAL),
        Refusal::WrongState { state, .. } => no(reason::INVALID_TRANSITION).with("state", state.as_str()),
        // Sent again it gets the same answer: there is no RetryInfo.
        Refusal::TooLarge { entries } => {
            let reason = api::reason::intake::CASE_TOO_LARGE;
            ServiceError::new(ErrorCode::ResourceExhausted, reason, refusal.to_string())
                .with("case", case)
                .with("limit", entries)
        }
        Refusal::TooManyFacts => ServiceError::invalid(vec![FieldViolation {
            field: "facts".to_owned(),
            reason: "TOO_MANY_ITEMS".to_owned(),
            description: "there would be more than 64 facts together with those of the event".to_owned(),
        }]),
    }
}
