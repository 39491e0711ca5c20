//! What the law demands of an offer that ended without a choice: worked out, cut to what was captured, and given once.

use durable::{Tx, TxError};
use kernel::{RequestContext, ResourceId as _};

use super::Parts;
use super::effects::Effects;
use super::give::Given;
use super::open_remedy::rule_of_choice;
use super::refunds::within_captures;
use crate::domain::by_law::{Demand, by_law, choice_of_law};
use crate::domain::history::History;
use crate::domain::line::RemedyLine;
use crate::domain::records::{Offer, OfferDraft, Remedy};
use crate::domain::remedy::Progress;

/// What comes of an offer that ended without a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unchosen {
    /// What is written down as given is to be given.
    Pays,
    /// The law leaves the choice to the customer: a person asks.
    ChoiceOwed,
    /// Nothing.
    Nothing,
}

impl Parts {
    /// Writes down what the law demands of an offer that ended without a choice, and why. The caller holds the remedy's lock.
    pub(super) async fn demand_of_law(
        &self,
        tx: &Tx,
        context: &RequestContext,
        (remedy, history): (&Remedy, &History),
        offer: &mut Offer,
        how: &str,
    ) -> Result<Unchosen, TxError> {
        let tenant = &context.tenant;
        let owed = history.still_owed(remedy, false);
        let (unchosen, why) = match by_law(offer, &owed.iter().collect::<Vec<_>>()) {
            Demand::Nothing => return Ok(Unchosen::Nothing),
            Demand::Choice(options) => {
                let options = options.join(" or ");
                let why = format!(
                    "{how}: the law leaves the choice between {options} to the customer and it stays owed. A person asks."
                );
                (Unchosen::ChoiceOwed, why)
            }
            Demand::Pays(by_law) => {
                offer.given = Some(within_captures(tx, tenant, remedy, &by_law.option, by_law.lines).await?);
                let why = format!("{how}: the law demands money, so that option {} holds.", by_law.option);
                (Unchosen::Pays, why)
            }
        };
        offer.explanation = format!("{} {why}", offer.explanation).trim_start().to_owned();
        Ok(unchosen)
    }

    /// The choice that the law leaves to a customer who took goodwill, `taken`: put again at once, so that nothing is waived by
    /// taking it. Not written yet.
    pub(super) fn put_again(&self, tx: &Tx, remedy: &Remedy, history: &History, taken: &[RemedyLine]) -> Offer {
        let given: Vec<_> = history.given(remedy).into_iter().chain(taken.iter().cloned()).collect();
        let (options, plus) = choice_of_law(&remedy.assessment, &given);
        let expires_at = tx.now().plus(self.term_of(&options));
        let draft = OfferDraft { options, plus, made_by: rule_of_choice(&remedy.assessment), expires_at };
        let mut offer = draft.open(self.engine.new_id().into(), remedy, tx.now());
        "What was taken is beside what the law demands: that choice stays open.".clone_into(&mut offer.explanation);
        offer
    }

    /// Gives what an offer gave, under the offer's id: at most once, whatever else happens. Returns how far that is.
    pub(super) fn give_of_offer(
        &self,
        tx: &Tx,
        context: &RequestContext,
        remedy: &Remedy,
        offer: &Offer,
        effects: &mut Effects,
    ) -> Progress {
        let lines = offer.given.as_deref().unwrap_or_default();
        let Given { payouts, .. } = self.give(tx, context, remedy, offer.id.uuid(), lines, effects);
        if payouts.is_empty() { Progress::Given } else { Progress::Open }
    }
}
