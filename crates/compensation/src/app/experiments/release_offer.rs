//! The time of an offer has come that an experiment had put off, or that waited for an apology which nobody made.

use api::method::experiment_service::RELEASE_OFFER;
use durable::Tx;
use kernel::{Answer, RemedyId, RequestContext, RequestKey, ServiceError};

use super::super::effects::Effects;
use super::super::open_remedy::waiting_offer_id;
use super::super::refusal::not_now;
use super::super::{App, own_calls};
use crate::domain::by_law::pays_by_law;
use crate::domain::remedy::{RemedyEvent, RemedyState};
use crate::store::{payouts, remedies, vouchers};
use crate::wire;

impl App {
    /// Makes the offer of a remedy whose time has come; does nothing otherwise.
    ///
    /// # Errors
    /// NOT_FOUND; UNAVAILABLE when the own timer comes early.
    #[tracing::instrument(skip_all, name = "compensation.release_offer", fields(amends.remedy = %id))]
    pub(crate) async fn release_offer(
        &self,
        context: RequestContext,
        request_id: &str,
        id: RemedyId,
    ) -> Result<Answer<api::compensation::Remedy>, ServiceError> {
        let key = context.key(RELEASE_OFFER, request_id, RequestKey::hash_of(&id));
        let app = self.clone();
        let work = move |tx: Tx| {
            let (app, context) = (app.clone(), context.clone());
            async move {
                let tenant = &context.tenant;
                let found = remedies::lock_in_tx(&tx, tenant, id).await?;
                let mut remedy = found.ok_or_else(|| ServiceError::not_found(id))?;
                let waits = match remedy.state {
                    RemedyState::AwaitingTime => Some((remedy.offer_at().unwrap_or(tx.now()), RemedyEvent::TimeCame)),
                    RemedyState::AwaitingApology if pays_by_law(&remedy.assessment.choice_of) => {
                        Some((app.apology_due(&remedy), RemedyEvent::ApologyOverdue))
                    }
                    RemedyState::AwaitingApology
                    | RemedyState::Offered
                    | RemedyState::Granting
                    | RemedyState::Settled
                    | RemedyState::NothingOwed
                    | RemedyState::Declined
                    | RemedyState::Unanswered
                    | RemedyState::NeedsAttention => None,
                };
                if let Some((due, event)) = waits
                    && own_calls::is_due(&context, due, tx.now())?
                {
                    remedy.state = remedy.state.on(event).map_err(not_now)?;
                    let (offer, mut effects) = (waiting_offer_id(&context, &remedy), Effects::default());
                    app.make_first_offer(&tx, &context, &mut remedy, offer, &mut effects);
                    remedies::update_in_tx(&tx, tenant, &mut remedy).await?;
                    effects.write(&tx).await?;
                }
                let given = vouchers::ids_of(tx.conn(), tenant, &[id]).await?;
                let paid = payouts::ids_of(tx.conn(), tenant, &[id]).await?;
                let (given, paid) = (given.get(&id).map(Vec::as_slice), paid.get(&id).map(Vec::as_slice));
                Ok(wire::remedy(&remedy, given.unwrap_or_default(), paid.unwrap_or_default()))
            }
        };
        self.engine.mutate("compensation.release_offer", key, work).await
    }
}
