//! The customer answers an offer. Accepting starts the giving.

use api::method::compensation_service::RESPOND_TO_OFFER;
use api::reason::compensation::OFFER_NOT_OPEN;
use durable::audit::{self, AuditEntry};
use durable::{Tx, TxError};
use kernel::{Answer, Money, OfferId, RequestContext, RequestKey, ServiceError, Violations};
use serde::Serialize;

use super::effects::Effects;
use super::history::history;
use super::refunds::{lock_order_of, within_captures};
use super::refusal::not_now;
use super::{App, Parts, own_calls};
use crate::domain::by_law::{Demand, beside_goodwill, chooses, is_beside_the_law};
use crate::domain::history::History;
use crate::domain::line::Consent;
use crate::domain::offer::OfferEvent;
use crate::domain::order_funds::mark_signed;
use crate::domain::records::{Offer, Remedy};
use crate::domain::remedy::{RemedyEvent, RemedyState};
use crate::store::{offers, remedies};
use crate::wire;

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RespondToOffer {
    pub(crate) offer: OfferId,
    pub(crate) response: Response,
}

/// The customer's answer.
#[derive(Clone, Debug, Serialize)]
pub(crate) enum Response {
    /// Yes, with the id of an option, and where the customer's signed agreement is kept.
    Accept { option: String, consent: String },
    /// No, perhaps with what would be fair.
    Decline { reason: String, fair_ask: String, fair_amount: Option<Money> },
}

impl App {
    /// Records the answer to an offer.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `OFFER_NOT_OPEN`; INVALID_ARGUMENT when the offer has no such option, or the
    /// option needs a signed agreement that is not named.
    #[tracing::instrument(skip_all, name = "compensation.respond_to_offer", fields(amends.offer = %command.offer))]
    pub(crate) async fn respond_to_offer(
        &self,
        context: RequestContext,
        request_id: &str,
        command: RespondToOffer,
    ) -> Result<Answer<api::compensation::Offer>, ServiceError> {
        let key = context.key(RESPOND_TO_OFFER, request_id, RequestKey::hash_of(&command));
        let app = self.clone();
        let work = move |tx: Tx| {
            let (app, context, command) = (app.clone(), context.clone(), command.clone());
            async move {
                let (mut remedy, mut offer) = lock_offer(&tx, &context, command.offer).await?;
                let tenant = &context.tenant;
                let history = history(&tx, tenant, &remedy).await?;
                let mut signed = None;
                let (next, effects) = match command.response {
                    Response::Accept { option, consent } => {
                        check_consent(&offer, &option, &consent)?;
                        signed = (!consent.is_empty()).then(|| format!("option {option}: {consent}"));
                        app.accept(&tx, &context, (&mut remedy, &history), &mut offer, option).await?
                    }
                    Response::Decline { reason, fair_ask, fair_amount } => {
                        take(&mut offer, OfferEvent::Decline, &tx)?;
                        offer.decline_reason = reason;
                        offer.fair_ask = fair_ask;
                        offer.fair_amount = fair_amount;
                        lock_order_of(&tx, tenant, &remedy, &offer).await?;
                        app.release(&tx, tenant, (&remedy, &history), &offer).await?;
                        let fair = app.answer_fair_ask(&tx, (&remedy, &history), &mut offer)?;
                        let (answer, mut effects) = app.afford_answer(&tx, tenant, &remedy, &mut offer, fair).await?;
                        let event =
                            if answer.is_some() { RemedyEvent::OfferCountered } else { RemedyEvent::OfferDeclined };
                        remedy.state = remedy.state.on(event).map_err(not_now)?;
                        if answer.is_none() {
                            // A no waives nothing: what the law demands is paid beside whatever else is agreed on.
                            let how = "The customer declined";
                            app.demand_of_law(&tx, &context, (&remedy, &history), &mut offer, how).await?;
                        }
                        app.milestones.offer_ended(&tx, &context, &offer);
                        app.give_of_offer(&tx, &context, &remedy, &offer, &mut effects);
                        (answer, effects)
                    }
                };
                own_calls::cancel_offer_timer(&tx, tenant, offer.id);
                offers::update_in_tx(&tx, tenant, &offer).await?;
                if let Some(next) = next {
                    remedy.offer = Some(next.id);
                    app.milestones.offer_made(&tx, &context, &remedy, &next);
                    own_calls::expire_offer_later(&tx, &context, &next);
                }
                effects.write(&tx).await?;
                remedies::update_in_tx(&tx, tenant, &mut remedy).await?;
                if let Some(reason) = signed {
                    // The tenant's chain, whose lock is taken last.
                    let (actor, subject) = (context.client.to_string(), offer.id.to_string());
                    let entry = AuditEntry { actor, action: "OFFER_CONSENT_SIGNED", subject, reason };
                    audit::append_in_tx(&tx, tenant, entry).await?;
                }
                Ok(wire::offer(&offer))
            }
        };
        self.engine.mutate("compensation.respond_to_offer", key, work).await
    }
}

/// What the law demands may be swapped for something else only by a signature that can be shown.
fn check_consent(offer: &Offer, option: &str, consent: &str) -> Result<(), ServiceError> {
    let chosen = offer.options.iter().find(|known| known.id == option);
    let mut violations = Violations::new();
    if chosen.is_some_and(|chosen| chosen.consent == Consent::Signed) && consent.is_empty() {
        let description = "is required: the option gives something else than the money that the law demands";
        violations.add("consent", "REQUIRED", description);
    }
    violations.finish()
}

/// An offer and its remedy, which is locked: whoever changes either holds that lock.
pub(super) async fn lock_offer(tx: &Tx, context: &RequestContext, id: OfferId) -> Result<(Remedy, Offer), TxError> {
    let missing = || ServiceError::not_found(id);
    let seen = offers::get(tx.conn(), &context.tenant, id).await?.ok_or_else(missing)?;
    let remedy = remedies::lock_in_tx(tx, &context.tenant, seen.remedy).await?.ok_or_else(missing)?;
    // Read again: it may have changed while we waited for the lock.
    let offer = offers::get(tx.conn(), &context.tenant, id).await?.ok_or_else(missing)?;
    Ok((remedy, offer))
}

fn take(offer: &mut Offer, event: OfferEvent, tx: &Tx) -> Result<(), ServiceError> {
    let state = offer.state_at(tx.now());
    offer.take(event, tx.now()).map_err(|_| {
        let message = format!("{} is {}; it takes no answer any more", offer.id, state.as_str());
        ServiceError::precondition(OFFER_NOT_OPEN, message).with("state", state.as_str())
    })
}

impl Parts {
    async fn accept(
        &self,
        tx: &Tx,
        context: &RequestContext,
        (remedy, history): (&mut Remedy, &History),
        offer: &mut Offer,
        option: String,
    ) -> Result<(Option<Offer>, Effects), TxError> {
        take(offer, OfferEvent::Accept, tx)?;
        if !offer.options.iter().any(|known| known.id == option) {
            let known: Vec<_> = offer.options.iter().map(|option| option.id.as_str()).collect();
            let mut violations = Violations::new();
            let description = format!("is no option of this offer; choose one of {}", known.join(", "));
            violations.add("accept_option", "UNKNOWN_OPTION", description);
            violations.finish()?;
        }
        let chosen: Vec<_> = offer.options.iter().filter(|known| known.id == option).cloned().collect();
        let signed_nothing = chosen.iter().all(is_beside_the_law);
        let mut lines: Vec<_> = chosen.into_iter().flat_map(|option| option.lines).chain(offer.plus.clone()).collect();
        // Goodwill that was taken waives nothing.
        let tenant = &context.tenant;
        let law = if signed_nothing && !chooses(&lines, &remedy.assessment) {
            let owed = history.still_owed(remedy, false);
            beside_goodwill(offer, &remedy.assessment, &owed.iter().collect::<Vec<_>>())
        } else {
            Demand::Nothing
        };
        let mut put_again = None;
        let why = match law {
            Demand::Nothing => String::new(),
            Demand::Pays(law) => {
                let missing = law.lines.into_iter().filter(|line| !lines.contains(line)).collect::<Vec<_>>();
                lines.extend(missing);
                format!("The law demands money as well, so that option {} holds beside it.", law.option)
            }
            Demand::Choice(_) => {
                let again = self.put_again(tx, remedy, history, &lines);
                let options: Vec<_> = again.options.iter().map(|option| option.id.as_str()).collect();
                let why = format!("The law leaves the choice between {} to the customer", options.join(" or "));
                put_again = Some(again);
                format!("{why}: it is put again.")
            }
        };
        offer.explanation = format!("{} {why}", offer.explanation).trim().to_owned();
        mark_signed(&mut lines, &offer.options);
        offer.given = Some(within_captures(tx, tenant, remedy, &option, lines).await?);
        offer.accepted_option = option;
        self.release(tx, tenant, (remedy, history), offer).await?;
        self.milestones.offer_ended(tx, context, offer);
        let before = history.progress();
        let mut effects = Effects::default();
        let added = self.give_of_offer(tx, context, remedy, offer, &mut effects);
        let accepted = RemedyEvent::OfferAccepted(before.max(added));
        let event = if put_again.is_some() { RemedyEvent::GoodwillTaken } else { accepted };
        remedy.state = remedy.state.on(event).map_err(not_now)?;
        if remedy.state == RemedyState::Settled {
            self.milestones.settled(tx, context, remedy, history, offer.given.as_deref().unwrap_or_default());
        }
        effects.offers.extend(put_again.clone().map(|offer| (tenant.clone(), offer)));
        Ok((put_again, effects))
    }
}
