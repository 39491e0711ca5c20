//! Reading policies, the catalogue, approvals, decisions and signals.

use std::sync::Arc;

use api::compensation as wire_api;
use api::method::authority_service as method;
use durable::TxError;
use kernel::{
    ApprovalId, CaseId, CustomerId, Money, PageSize, RemedyId, RequestContext, ResourceId, ServiceError, TenantId,
    Timestamp,
};
use serde::Serialize;
use uuid::Uuid;

use super::super::App;
use crate::authority_wire as wire;
use crate::domain::approval::ApprovalState;
use crate::domain::event::FailureEvent;
use crate::domain::policy::catalogue::Catalogue;
use crate::domain::policy::{self, Policy, PolicyKind, Rules};
use crate::store::decisions::Filter;
use crate::store::policies::StoredPolicy;
use crate::store::{Cursor, approvals, decisions, goodwill, policies, remedies};

/// A policy as it is shown.
pub(crate) enum PolicyShown {
    /// A tenant's own.
    Applied(StoredPolicy),
    /// The shipped one.
    Shipped(PolicyKind),
}

impl PolicyShown {
    /// What its document says.
    pub(crate) fn read(&self) -> Option<Policy> {
        let document = match self {
            Self::Applied(stored) => &stored.document,
            Self::Shipped(kind) => kind.shipped(),
        };
        policy::parse(document).ok()
    }
}

impl App {
    /// The version of a policy that is in force.
    pub(crate) async fn get_policy(
        &self,
        context: &RequestContext,
        kind: PolicyKind,
    ) -> Result<wire_api::Policy, ServiceError> {
        let found = policies::in_force(self.engine.read(), &context.tenant, kind, self.now()).await;
        let shown = found.map_err(TxError::from)?.map_or(PolicyShown::Shipped(kind), PolicyShown::Applied);
        Ok(wire::policy(&shown))
    }

    /// The catalogue that is in force for a tenant at a time.
    ///
    /// # Errors
    /// UNAVAILABLE when the database does not answer.
    pub(crate) async fn catalogue(&self, tenant: &TenantId, at: Timestamp) -> Result<Arc<Catalogue>, ServiceError> {
        match self.rules(tenant, PolicyKind::Catalogue, at).await? {
            Rules::Catalogue(catalogue) => Ok(catalogue),
            _ => Err(ServiceError::internal("another policy is in force as the catalogue")),
        }
    }

    /// What a customer is worth by the policy of budgets that is in force for a tenant at a time.
    ///
    /// # Errors
    /// UNAVAILABLE when the database does not answer.
    pub(in crate::app) async fn lifetime_value(
        &self,
        tenant: &TenantId,
        event: &FailureEvent,
        at: Timestamp,
    ) -> Result<Option<Money>, ServiceError> {
        if !event.tells_money() {
            return Ok(None);
        }
        match self.rules(tenant, PolicyKind::Budgets, at).await? {
            Rules::Budgets(budgets) => Ok(budgets.lifetime_value(event)),
            _ => Err(ServiceError::internal("another policy is in force as the budgets")),
        }
    }

    async fn rules(&self, tenant: &TenantId, kind: PolicyKind, at: Timestamp) -> Result<Rules, ServiceError> {
        let found = policies::in_force(self.engine.read(), tenant, kind, at).await.map_err(TxError::from)?;
        self.policies.read(kind, found.as_ref())
    }

    /// A page of the extras for a remedy, most worth for its cost first.
    pub(crate) async fn list_catalogue_items(
        &self,
        context: &RequestContext,
        id: RemedyId,
        size: PageSize,
        token: &str,
    ) -> Result<wire_api::ListCatalogueItemsResponse, ServiceError> {
        let found = remedies::get(self.engine.read(), &context.tenant, id).await.map_err(TxError::from)?;
        let remedy = found.ok_or_else(|| ServiceError::not_found(id))?;
        let catalogue = self.catalogue(&context.tenant, self.now()).await?;
        // Another version has another order, in which a place means nothing.
        let query = (method::LIST_CATALOGUE_ITEMS, id, &catalogue.version);
        let after: usize = self.tokens.open(&context.tenant, &query, token)?.unwrap_or_default();
        let items = catalogue.by_leverage(&remedy.event);
        let size = usize::try_from(size.get()).unwrap_or(usize::MAX);
        let page: Vec<_> = items.iter().skip(after).take(size).collect();
        let next = after.saturating_add(page.len());
        let more = next < items.len();
        let next_page_token = if more { self.tokens.seal(&context.tenant, &query, &next) } else { String::new() };
        Ok(wire_api::ListCatalogueItemsResponse {
            catalogue_items: page.into_iter().map(|(item, priced)| wire::catalogue_item(item, priced)).collect(),
            next_page_token,
            catalogue_version: catalogue.version.clone(),
        })
    }

    /// One approval.
    pub(crate) async fn get_approval(
        &self,
        context: &RequestContext,
        id: ApprovalId,
    ) -> Result<wire_api::Approval, ServiceError> {
        let found = approvals::get(self.engine.read(), &context.tenant, id).await.map_err(TxError::from)?;
        found.as_ref().map(wire::approval).ok_or_else(|| ServiceError::not_found(id))
    }

    /// A page of approvals in a state, of a case, or both.
    pub(crate) async fn list_approvals(
        &self,
        context: &RequestContext,
        (state, case): (Option<ApprovalState>, Option<CaseId>),
        size: PageSize,
        token: &str,
    ) -> Result<wire_api::ListApprovalsResponse, ServiceError> {
        let query = (method::LIST_APPROVALS, state.map(ApprovalState::as_str), case);
        let after: Option<Cursor> = self.tokens.open(&context.tenant, &query, token)?;
        let rows = approvals::list_page(self.engine.read(), &context.tenant, state, case, after, size.get() + 1).await;
        let (rows, next_page_token) = self.cut(context, &query, size, rows.map_err(TxError::from)?, |approval| {
            (approval.created_at, approval.id.uuid())
        });
        Ok(wire_api::ListApprovalsResponse { approvals: rows.iter().map(wire::approval).collect(), next_page_token })
    }

    /// A page of what agents decided alone.
    pub(crate) async fn list_autonomous_decisions(
        &self,
        context: &RequestContext,
        filter: Filter,
        size: PageSize,
        token: &str,
    ) -> Result<wire_api::ListAutonomousDecisionsResponse, ServiceError> {
        let query = (method::LIST_AUTONOMOUS_DECISIONS, &filter.agent, filter.from, filter.before);
        let after: Option<Cursor> = self.tokens.open(&context.tenant, &query, token)?;
        let rows = decisions::list_page(self.engine.read(), &context.tenant, &filter, after, size.get() + 1).await;
        let (rows, next_page_token) = self.cut(context, &query, size, rows.map_err(TxError::from)?, |decision| {
            (decision.created_at, decision.offer.uuid())
        });
        let autonomous_decisions = rows.iter().map(wire::decision).collect();
        Ok(wire_api::ListAutonomousDecisionsResponse { autonomous_decisions, next_page_token })
    }

    /// A page of signals of repetition.
    pub(crate) async fn list_abuse_signals(
        &self,
        context: &RequestContext,
        customer: Option<CustomerId>,
        size: PageSize,
        token: &str,
    ) -> Result<wire_api::ListAbuseSignalsResponse, ServiceError> {
        let query = (method::LIST_ABUSE_SIGNALS, customer);
        let after: Option<Cursor> = self.tokens.open(&context.tenant, &query, token)?;
        let rows = goodwill::list_signals(self.engine.read(), &context.tenant, customer, after, size.get() + 1).await;
        let (rows, next_page_token) =
            self.cut(context, &query, size, rows.map_err(TxError::from)?, |signal| (signal.created_at, signal.id));
        Ok(wire_api::ListAbuseSignalsResponse {
            abuse_signals: rows.iter().map(wire::signal).collect(),
            next_page_token,
        })
    }

    /// The rows of a page that was read with one row more, and the token of the next one.
    fn cut<T>(
        &self,
        context: &RequestContext,
        query: &impl Serialize,
        size: PageSize,
        mut rows: Vec<T>,
        place: impl Fn(&T) -> (Timestamp, Uuid),
    ) -> (Vec<T>, String) {
        let size = usize::try_from(size.get()).unwrap_or(usize::MAX);
        if rows.len() <= size {
            return (rows, String::new());
        }
        rows.truncate(size);
        let token = rows.last().map(|row| {
            let (created_at, id) = place(row);
            self.tokens.seal(&context.tenant, query, &Cursor { created_at: created_at.micros(), id })
        });
        (rows, token.unwrap_or_default())
    }
}
