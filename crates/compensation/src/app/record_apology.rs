//! The customer has our apology: an offer that waited for it is made.

use api::method::recovery_service::RECORD_APOLOGY;
use durable::Tx;
use kernel::{Answer, RemedyId, RequestContext, RequestKey, ServiceError};

use super::effects::Effects;
use super::open_remedy::waiting_offer_id;
use super::refusal::not_now;
use super::{App, own_calls};
use crate::domain::remedy::{RemedyEvent, RemedyState};
use crate::store::{payouts, remedies, vouchers};
use crate::wire;

impl App {
    /// Records our apology; does nothing when it is on record.
    ///
    /// # Errors
    /// NOT_FOUND.
    #[tracing::instrument(skip_all, name = "compensation.record_apology", fields(amends.remedy = %id))]
    pub(crate) async fn record_apology(
        &self,
        context: RequestContext,
        request_id: &str,
        id: RemedyId,
    ) -> Result<Answer<api::compensation::Remedy>, ServiceError> {
        let key = context.key(RECORD_APOLOGY, request_id, RequestKey::hash_of(&id));
        let app = self.clone();
        let work = move |tx: Tx| {
            let (app, context) = (app.clone(), context.clone());
            async move {
                let tenant = &context.tenant;
                let found = remedies::lock_in_tx(&tx, tenant, id).await?;
                let mut remedy = found.ok_or_else(|| ServiceError::not_found(id))?;
                if remedy.apology_at.is_none() {
                    remedy.apology_at = Some(tx.now());
                    remedy.recovery.apologised = true;
                    let mut effects = Effects::default();
                    if remedy.state == RemedyState::AwaitingApology {
                        own_calls::cancel_apology_timer(&tx, tenant, &remedy);
                        let later = remedy.offer_at();
                        let event = later.map_or(RemedyEvent::Apologised, |_| RemedyEvent::ApologisedBefore);
                        remedy.state = remedy.state.on(event).map_err(not_now)?;
                        match later {
                            Some(at) => own_calls::release_offer_later(&tx, &context, &remedy, at),
                            None => {
                                let offer = waiting_offer_id(&context, &remedy);
                                app.make_first_offer(&tx, &context, &mut remedy, offer, &mut effects);
                            }
                        }
                    }
                    remedies::update_in_tx(&tx, tenant, &mut remedy).await?;
                    effects.write(&tx).await?;
                }
                let given = vouchers::ids_of(tx.conn(), tenant, &[id]).await?;
                let paid = payouts::ids_of(tx.conn(), tenant, &[id]).await?;
                let (given, paid) = (given.get(&id).map(Vec::as_slice), paid.get(&id).map(Vec::as_slice));
                Ok(wire::remedy(&remedy, given.unwrap_or_default(), paid.unwrap_or_default()))
            }
        };
        self.engine.mutate("compensation.record_apology", key, work).await
    }
}
