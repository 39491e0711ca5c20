//! An agent puts another choice to the customer.

use api::method::compensation_service::MAKE_OFFER;
use durable::audit::{self, AuditEntry};
use kernel::{Answer, RemedyId, RequestContext, RequestKey, ServiceError, Timestamp};
use serde::Serialize;

use super::effects::Effects;
use super::limits::{apology_first, within_limits};
use super::progress::{last_offer, progress};
use super::refunds::refuse_above;
use super::refusal::not_now;
use super::{App, own_calls};
use crate::domain::assessment::offer_summary;
use crate::domain::line::{OfferOption, RemedyLine};
use crate::domain::records::OfferDraft;
use crate::domain::remedy::RemedyEvent;
use crate::store::remedies;
use crate::wire;

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MakeOffer {
    pub(crate) remedy: RemedyId,
    pub(crate) options: Vec<OfferOption>,
    pub(crate) plus: Vec<RemedyLine>,
    /// The service's term when absent.
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) made_by: String,
}

impl App {
    /// Makes another offer.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `INVALID_TRANSITION` while an offer is open or something is being given,
    /// `APOLOGY_FIRST`, `GATE_HOLDS_BACK`; INVALID_ARGUMENT when it gives more than anybody may.
    #[tracing::instrument(skip_all, name = "compensation.make_offer", fields(amends.remedy = %command.remedy))]
    pub(crate) async fn make_offer(
        &self,
        context: RequestContext,
        request_id: &str,
        command: MakeOffer,
    ) -> Result<Answer<api::compensation::Offer>, ServiceError> {
        let key = context.key(MAKE_OFFER, request_id, RequestKey::hash_of(&command));
        let (app, id) = (self.clone(), self.engine.new_id().into());
        let work = move |tx: durable::Tx| {
            let (app, context, command) = (app.clone(), context.clone(), command.clone());
            async move {
                let tenant = &context.tenant;
                let found = remedies::lock_in_tx(&tx, tenant, command.remedy).await?;
                let mut remedy = found.ok_or_else(|| ServiceError::not_found(command.remedy))?;
                let last = last_offer(&tx, tenant, &remedy).await?;
                let payouts = progress(&tx, tenant, &remedy, last.as_ref()).await?;
                apology_first(&remedy)?;
                remedy.state = remedy.state.on(RemedyEvent::OfferMade(payouts)).map_err(not_now)?;
                within_limits(&remedy, "offer.", &command.options, &command.plus)?;
                refuse_above(&tx, tenant, &remedy, &command.options, &command.plus).await?;
                let draft = OfferDraft {
                    options: command.options,
                    plus: command.plus,
                    made_by: command.made_by,
                    expires_at: command.expires_at.unwrap_or_else(|| tx.now().plus(app.offer_term)),
                };
                let offer = draft.open(id, &remedy, tx.now());
                remedy.offer = Some(offer.id);
                remedies::update_in_tx(&tx, tenant, &mut remedy).await?;
                app.milestones.offer_made(&tx, &context, &offer);
                own_calls::expire_offer_later(&tx, &context, &offer);
                let response = wire::offer(&offer);
                let reason = offer_summary(&offer.options, &offer.plus);
                let effects = Effects { offers: vec![(tenant.clone(), offer)], ..Effects::default() };
                effects.write(&tx).await?;
                // An agent's decision about money: on record in the tenant's chain, whose lock is taken last.
                let entry = AuditEntry {
                    actor: format!("{} ({})", response.made_by, context.client),
                    action: "OFFER_MADE",
                    subject: response.name.clone(),
                    reason,
                };
                audit::append_in_tx(&tx, tenant, entry).await?;
                Ok(response)
            }
        };
        self.engine.mutate("compensation.make_offer", key, work).await
    }
}
