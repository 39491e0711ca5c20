//! The time of an offer has passed: what the law demands is paid in money, the rest falls away.

use api::method::compensation_service::EXPIRE_OFFER;
use durable::Tx;
use kernel::{Answer, OfferId, RequestContext, RequestKey, ServiceError};

use super::by_law::Unchosen;
use super::effects::Effects;
use super::history::history;
use super::refunds::lock_order_of;
use super::refusal::not_now;
use super::respond_to_offer::lock_offer;
use super::{App, own_calls};
use crate::domain::offer::{OfferEvent, OfferState};
use crate::domain::remedy::{RemedyEvent, RemedyState};
use crate::store::{offers, remedies};
use crate::wire;

impl App {
    /// Ends an open offer whose time has passed; does nothing otherwise.
    ///
    /// # Errors
    /// NOT_FOUND; UNAVAILABLE when the own timer comes early.
    #[tracing::instrument(skip_all, name = "compensation.expire_offer", fields(amends.offer = %id))]
    pub(crate) async fn expire_offer(
        &self,
        context: RequestContext,
        request_id: &str,
        id: OfferId,
    ) -> Result<Answer<api::compensation::Offer>, ServiceError> {
        let key = context.key(EXPIRE_OFFER, request_id, RequestKey::hash_of(&id));
        let app = self.clone();
        let work = move |tx: Tx| {
            let (app, context) = (app.clone(), context.clone());
            async move {
                let (mut remedy, mut offer) = lock_offer(&tx, &context, id).await?;
                if offer.state == OfferState::Open && own_calls::is_due(&context, offer.expires_at, tx.now())? {
                    offer.take(OfferEvent::Expire, tx.now()).map_err(not_now)?;
                    lock_order_of(&tx, &context.tenant, &remedy, &offer).await?;
                    let history = history(&tx, &context.tenant, &remedy).await?;
                    app.release(&tx, &context.tenant, (&remedy, &history), &offer).await?;
                    let (before, how) = (history.progress(), "Nobody answered");
                    let unchosen = app.demand_of_law(&tx, &context, (&remedy, &history), &mut offer, how).await?;
                    app.milestones.offer_expired(&tx, &context, &offer, unchosen == Unchosen::ChoiceOwed);
                    let mut effects = Effects::default();
                    let event = match unchosen {
                        Unchosen::Pays => {
                            let added = app.give_of_offer(&tx, &context, &remedy, &offer, &mut effects);
                            RemedyEvent::OfferDefaulted(before.max(added))
                        }
                        Unchosen::ChoiceOwed | Unchosen::Nothing => RemedyEvent::OfferExpired,
                    };
                    remedy.state = remedy.state.on(event).map_err(not_now)?;
                    if remedy.state == RemedyState::Settled {
                        let given = offer.given.as_deref().unwrap_or_default();
                        app.milestones.settled(&tx, &context, &remedy, &history, given);
                    }
                    offers::update_in_tx(&tx, &context.tenant, &offer).await?;
                    effects.write(&tx).await?;
                    remedies::update_in_tx(&tx, &context.tenant, &mut remedy).await?;
                }
                Ok(wire::offer(&offer))
            }
        };
        self.engine.mutate("compensation.expire_offer", key, work).await
    }
}
