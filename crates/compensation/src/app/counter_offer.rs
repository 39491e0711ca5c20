//! Answers to a customer who says what would be fair: the service's own at once, or an agent's with a reason.
//!
//! A bare no does not exist here: an answer is an offer with a reason, linked with the one that was declined.

use api::method::recovery_service::COUNTER_OFFER;
use durable::{Tx, TxError};
use kernel::{Answer, OfferId, RequestContext, RequestKey, ServiceError, Timestamp, Violations, reason};
use serde::Serialize;

use super::history::history;
use super::make_offer::{MakeOffer, Proposal};
use super::respond_to_offer::lock_offer;
use super::{App, Parts};
use crate::domain::approval::CounterTo;
use crate::domain::by_law::is_beside_the_law;
use crate::domain::fair_amount::{self, nearest};
use crate::domain::fair_option::OwedMoney;
use crate::domain::gate::Outcome;
use crate::domain::history::History;
use crate::domain::line::{Consent, OfferOption, RemedyLine};
use crate::domain::offer::OfferState;
use crate::domain::records::{BY_GATE, Offer, OfferDraft, Remedy};

/// Most options of an offer.
const MOST_OPTIONS: usize = 8;

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CounterOffer {
    pub(crate) declined: OfferId,
    pub(crate) options: Vec<OfferOption>,
    pub(crate) plus: Vec<RemedyLine>,
    pub(crate) reason: String,
    pub(crate) made_by: String,
    /// The policy's default role when empty. Left out of the request's hash then, so that an old request is known again.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) role: String,
    /// The service's term when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
}

impl App {
    /// Makes an agent's counter-offer.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `INVALID_TRANSITION`, `APOLOGY_FIRST`, `GATE_HOLDS_BACK`, `APPROVAL_PENDING`;
    /// INVALID_ARGUMENT when it gives more than anybody may.
    #[tracing::instrument(skip_all, name = "compensation.counter_offer", fields(amends.offer = %command.declined))]
    pub(crate) async fn counter_offer(
        &self,
        context: RequestContext,
        request_id: &str,
        command: CounterOffer,
    ) -> Result<Answer<api::compensation::Offer>, ServiceError> {
        let key = context.key(COUNTER_OFFER, request_id, RequestKey::hash_of(&command));
        let (app, id) = (self.clone(), self.engine.new_id().into());
        let work = move |tx: Tx| {
            let (app, context, command) = (app.clone(), context.clone(), command.clone());
            async move {
                let (remedy, declined) = lock_offer(&tx, &context, command.declined).await?;
                let tenant = &context.tenant;
                if declined.state != OfferState::Declined || remedy.offer != Some(declined.id) {
                    let message = format!(
                        "{} is {} and no declined offer that {} stands at",
                        declined.id,
                        declined.state.as_str(),
                        remedy.id
                    );
                    let refused = ServiceError::precondition(reason::INVALID_TRANSITION, message);
                    return Err(refused.with("state", declined.state.as_str()).into());
                }
                let history = history(&tx, tenant, &remedy).await?;
                let CounterOffer { options, plus, reason, made_by, role, expires_at, .. } = command;
                let counter = Some(CounterTo { declined: declined.id, reason });
                let offer = MakeOffer { remedy: remedy.id, options, plus, expires_at, made_by, role };
                app.put_or_ask(&tx, &context, Proposal { id, remedy, history, offer, counter, path: "" }).await
            }
        };
        self.engine.mutate("compensation.counter_offer", key, work).await
    }
}

impl Parts {
    /// Answers an offer that was just declined with an amount: with the nearest one that may be offered, or by saying why
    /// a person must answer. Returns the answer, which has not been written.
    pub(super) fn answer_fair_ask(
        &self,
        tx: &Tx,
        (remedy, history): (&Remedy, &History),
        declined: &mut Offer,
    ) -> Result<Option<Offer>, TxError> {
        let Some(ask) = declined.fair_amount else { return Ok(None) };
        let gate = remedy.gate.as_ref();
        if gate.is_some_and(|gate| gate.outcome == Outcome::StatutoryOnly) {
            "The gate allows no more than what the law demands. A person answers."
                .clone_into(&mut declined.explanation);
            return Ok(None);
        }
        let given = history.given(remedy);
        let with_it: Vec<_> = given.iter().chain(&declined.plus).collect();
        let guidance = gate.and_then(|gate| gate.guidance.as_ref());
        let (options, explanation) = match nearest(ask, guidance, &declined.options, &with_it) {
            fair_amount::Answer::Offer(amount, explanation) => {
                let Some(options) = with_amount(&declined.options, amount, &explanation) else {
                    "There is no room for another option. A person answers.".clone_into(&mut declined.explanation);
                    return Ok(None);
                };
                (options, explanation)
            }
            // As it was, with the reason: nothing less than the law gives is agreed on.
            fair_amount::Answer::ByLaw(explanation) => (declined.options.clone(), explanation),
            fair_amount::Answer::Person(explanation) => {
                declined.explanation = explanation;
                return Ok(None);
            }
            fair_amount::Answer::Currency(currency) => {
                let mut violations = Violations::new();
                let text = format!("must be in {}, like the price or the offer", currency.code());
                violations.add("decline.fair_ask_amount", "CURRENCY", text);
                violations.finish()?;
                return Ok(None);
            }
        };
        let expires_at = tx.now().plus(self.term_of(&options));
        let draft = OfferDraft { options, plus: declined.plus.clone(), made_by: BY_GATE.to_owned(), expires_at };
        let mut offer = draft.open(self.engine.new_id().into(), remedy, tx.now());
        offer.counter_to = Some(declined.id);
        offer.explanation = explanation;
        declined.counter_offer = Some(offer.id);
        Ok(Some(offer))
    }
}

/// The amount as money, before what could be chosen so far: an offer is not taken back by asking for another one. Where there
/// are too many, a goodwill option makes room; none when there is no such one.
fn with_amount(options: &[OfferOption], amount: kernel::Money, explanation: &str) -> Option<Vec<OfferOption>> {
    const ID: &str = "fair";
    let fair = OfferOption {
        id: ID.to_owned(),
        description: format!("{amount} in money"),
        lines: OwedMoney::of(options, amount.currency).lines(amount, explanation),
        consent: Consent::None,
        holds_after: None,
    };
    let mut all: Vec<_> = [fair].into_iter().chain(options.iter().filter(|option| option.id != ID).cloned()).collect();
    if all.len() > MOST_OPTIONS {
        let goodwill = all.iter().skip(1).rposition(is_beside_the_law)?;
        all.remove(goodwill + 1);
    }
    Some(all)
}
