//! Reads of one resource by its name. They decide nothing and need no transaction.

use kernel::{CaseId, CustomerId, DisruptionId, RequestContext, ServiceError};

use super::{App, unread};
use crate::store::{cases, customers, disruptions};
use crate::view;

impl App {
    /// A customer.
    pub(crate) async fn get_customer(
        &self,
        context: &RequestContext,
        id: CustomerId,
    ) -> Result<api::intake::Customer, ServiceError> {
        let (connection, tenant) = (self.engine.read(), &context.tenant);
        let customer = customers::customer_get(connection, tenant, id).await.map_err(unread)?;
        let customer = customer.ok_or_else(|| ServiceError::not_found(id))?;
        let identities = customers::identities_of(connection, tenant, id).await.map_err(unread)?;
        Ok(view::customer(&customer, &identities))
    }

    /// A case.
    pub(crate) async fn get_case(
        &self,
        context: &RequestContext,
        id: CaseId,
    ) -> Result<api::intake::Case, ServiceError> {
        let case = cases::case_get(self.engine.read(), &context.tenant, id).await.map_err(unread)?;
        case.as_ref().map(view::case).ok_or_else(|| ServiceError::not_found(id))
    }

    /// A disruption.
    pub(crate) async fn get_disruption(
        &self,
        context: &RequestContext,
        id: DisruptionId,
    ) -> Result<api::intake::Disruption, ServiceError> {
        let found = disruptions::disruption_get(self.engine.read(), &context.tenant, id).await.map_err(unread)?;
        found.as_ref().map(view::disruption).ok_or_else(|| ServiceError::not_found(id))
    }
}
