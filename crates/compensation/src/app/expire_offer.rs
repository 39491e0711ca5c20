//! The time of an offer has passed: what the law demands is paid in money, the rest falls away.

use api::method::compensation_service::EXPIRE_OFFER;
use durable::{Tx, TxError};
use kernel::{Answer, OfferId, RequestContext, RequestKey, ResourceId as _, ServiceError};

use super::effects::Effects;
use super::progress::progress;
use super::refusal::not_now;
use super::respond_to_offer::lock_offer;
use super::{App, Parts, own_calls};
use crate::domain::by_law::by_law;
use crate::domain::offer::{OfferEvent, OfferState};
use crate::domain::records::{Offer, Remedy};
use crate::domain::remedy::{Progress, RemedyEvent};
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
                    app.release(&tx, &context.tenant, &remedy, &offer).await?;
                    app.milestones.offer_ended(&tx, &context, &offer);
                    let effects = app.follow_law(&tx, &context, &mut remedy, &mut offer).await?;
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

impl Parts {
    /// Pays what the law demands of an offer that nobody answered. Its lines are given under the offer's id, as an answer's
    /// are: at most once, whatever else happens. Returns what is written.
    async fn follow_law(
        &self,
        tx: &Tx,
        context: &RequestContext,
        remedy: &mut Remedy,
        offer: &mut Offer,
    ) -> Result<Effects, TxError> {
        let mut effects = Effects::default();
        let Some(by_law) = by_law(offer, &remedy.assessment) else {
            remedy.state = remedy.state.on(RemedyEvent::OfferExpired).map_err(not_now)?;
            return Ok(effects);
        };
        let before = progress(tx, &context.tenant, remedy, Some(offer)).await?;
        self.give(tx, context, remedy, offer.id.uuid(), &by_law.lines, &mut effects);
        let event = RemedyEvent::OfferDefaulted(before.max(Progress::Open));
        remedy.state = remedy.state.on(event).map_err(not_now)?;
        let why = format!("Nobody answered: the law demands money, so that option {} holds.", by_law.option);
        offer.explanation = format!("{} {why}", offer.explanation).trim_start().to_owned();
        Ok(effects)
    }
}
