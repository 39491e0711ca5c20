//! Finds a customer by any of the identities, or makes one.

use api::method::intake_service::RESOLVE_CUSTOMER;
use durable::{Tx, TxError};
use kernel::{Answer, CustomerId, RequestContext, RequestKey, ServiceError};

use super::{App, customers};
use crate::domain::customer::CustomerDraft;
use crate::{store, view};

impl App {
    /// What the request says and nobody knew is added to the customer.
    #[tracing::instrument(skip_all, name = "intake.resolve_customer")]
    pub(crate) async fn resolve_customer(
        &self,
        context: RequestContext,
        request_id: &str,
        draft: CustomerDraft,
    ) -> Result<Answer<api::intake::Customer>, ServiceError> {
        let key = context.key(RESOLVE_CUSTOMER, request_id, RequestKey::hash_of(&draft));
        let new_id: CustomerId = self.engine.new_id().into();
        self.engine
            .mutate("intake.resolve_customer", key, move |tx| {
                let (context, draft) = (context.clone(), draft.clone());
                async move { apply(&tx, &context, &draft, new_id).await }
            })
            .await
    }
}

async fn apply(
    tx: &Tx,
    context: &RequestContext,
    draft: &CustomerDraft,
    new_id: CustomerId,
) -> Result<api::intake::Customer, TxError> {
    let wanted = draft.identities.iter().map(|identity| (context.tenant.clone(), identity)).collect();
    let mut directories = store::customers::directories(tx, &wanted).await?;
    let directory = directories.entry(context.tenant.clone()).or_default();
    let resolved = customers::resolve(directory, &[(draft, new_id)], tx.now(), |_| "customer".to_owned())?;
    store::customers::directories_store(tx, &directories)?;
    // The identities are read below, with those that were known before.
    tx.write_now().await?;
    let customer =
        resolved.first().ok_or_else(|| ServiceError::internal("one draft was not resolved to one customer"))?;
    let identities = store::customers::identities_of(tx.conn(), &context.tenant, customer.id).await?;
    Ok(view::customer(customer, &identities))
}
