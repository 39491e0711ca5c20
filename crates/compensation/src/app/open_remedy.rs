//! Opens a remedy: assesses, gives what is automatic, offers what needs a choice. Hot: shares its transaction.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::method::compensation_service::OPEN_REMEDY;
use api::reason::compensation::REMEDY_EXISTS;
use async_trait::async_trait;
use durable::{GroupCommand, Tx, TxError};
use kernel::{Answer, CaseId, CustomerId, ErrorCode, RemedyId, RequestContext, RequestKey, ResourceId, ServiceError};
use serde::Serialize;

use super::effects::Effects;
use super::give::Given;
use super::refunds::LockedOrders;
use super::{App, Parts, own_calls};
use crate::domain::assessment::Assessment;
use crate::domain::event::{FailureEvent, Severity};
use crate::domain::gate::{GateInputs, Known, PriorFailure, RecoveryContext, decide};
use crate::domain::hold_back::hold_back;
use crate::domain::order_funds::order_of;
use crate::domain::records::{Offer, OfferDraft, Remedy};
use crate::domain::remedy::{FirstOffer, Progress, RemedyState};
use crate::store::{gate, remedies};
use crate::wire;

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OpenRemedy {
    /// Chosen by the caller, or by us.
    pub(crate) id: Option<RemedyId>,
    pub(crate) case: CaseId,
    pub(crate) customer: CustomerId,
    pub(crate) event: FailureEvent,
    pub(crate) severity: Severity,
    pub(crate) payee: String,
    pub(crate) recovery: RecoveryContext,
}

impl App {
    /// Opens a remedy.
    ///
    /// # Errors
    /// ALREADY_EXISTS `REMEDY_EXISTS`.
    #[tracing::instrument(skip_all, name = "compensation.open_remedy", fields(amends.case = %command.case))]
    pub(crate) async fn open_remedy(
        &self,
        context: RequestContext,
        request_id: &str,
        command: OpenRemedy,
    ) -> Result<Answer<api::compensation::Remedy>, ServiceError> {
        let key = context.key(OPEN_REMEDY, request_id, RequestKey::hash_of(&command));
        let id = command.id.unwrap_or_else(|| self.engine.new_id().into());
        let packs = self.packs_of(&context).await?;
        let assessment = packs.assess(&command.event, command.severity);
        self.open_remedy.submit(key, Opening { context, id, command, assessment }).await
    }
}

/// A remedy to open, assessed.
pub(crate) struct Opening {
    context: RequestContext,
    id: RemedyId,
    command: OpenRemedy,
    assessment: Assessment,
}

/// Opens remedies in groups.
pub(crate) struct OpenRemedies {
    pub(super) parts: Arc<Parts>,
}

#[async_trait]
impl GroupCommand for OpenRemedies {
    const NAME: &'static str = "compensation.open_remedy";
    type Command = Opening;
    type Response = api::compensation::Remedy;

    async fn apply(
        &self,
        tx: &Tx,
        commands: &[&Opening],
    ) -> Result<Vec<Result<api::compensation::Remedy, ServiceError>>, TxError> {
        let wanted: Vec<_> = commands.iter().map(|opening| (&opening.context.tenant, opening.id)).collect();
        let mut taken: BTreeSet<(String, RemedyId)> = remedies::existing_in_tx(tx, &wanted).await?;
        let automatic = commands.iter().map(|opening| {
            let order = order_of(&opening.command.event);
            (&opening.context.tenant, order, opening.assessment.automatic.as_slice())
        });
        let mut orders = LockedOrders::lock(tx, automatic).await?;
        let customers: Vec<_> =
            commands.iter().map(|opening| (&opening.context.tenant, opening.command.customer)).collect();
        let mut priors = gate::priors_in_tx(tx, &customers, tx.now().minus(self.parts.gate.window)).await?;
        let mut effects = Effects::default();
        let results = commands
            .iter()
            .map(|opening| {
                if taken.insert((opening.context.tenant.to_string(), opening.id)) {
                    let customer = (opening.context.tenant.to_string(), opening.command.customer);
                    let priors = priors.entry(customer).or_default();
                    let (response, failure) = self.parts.open(tx, opening, priors, &mut orders, &mut effects);
                    // The next one of this group may be the same customer's.
                    priors.insert(0, failure);
                    Ok(response)
                } else {
                    Err(exists(opening.id))
                }
            })
            .collect();
        effects.write(tx).await?;
        Ok(results)
    }
}

fn exists(id: RemedyId) -> ServiceError {
    let message = format!("{id} exists; choose another remedy_id, or none");
    ServiceError::new(ErrorCode::AlreadyExists, REMEDY_EXISTS, message).with("resource", id)
}

impl Parts {
    /// The answer, and what this failure is for the next one of the same customer.
    fn open(
        &self,
        tx: &Tx,
        opening: &Opening,
        priors: &[PriorFailure],
        orders: &mut LockedOrders,
        effects: &mut Effects,
    ) -> (api::compensation::Remedy, PriorFailure) {
        let Opening { context, id, command, assessment } = opening;
        let inputs = GateInputs {
            event: &command.event,
            severity: command.severity,
            case: command.case,
            known: Known::of(&command.event),
            context: &command.recovery,
            priors,
            now: tx.now(),
        };
        let mut gate = decide(&inputs, &self.gate);
        let mut assessment = hold_back(assessment.clone(), &mut gate);
        orders.cut(&context.tenant, order_of(&command.event), &mut assessment.automatic);
        let mut remedy = Remedy {
            id: *id,
            case: command.case,
            customer: command.customer,
            state: RemedyState::NothingOwed,
            event: command.event.clone(),
            severity: command.severity,
            payee: command.payee.clone(),
            assessment,
            offer: None,
            recovery: command.recovery.clone(),
            gate: Some(gate),
            apology_at: command.recovery.apologised.then(|| tx.now()),
            version: 1,
            created_at: tx.now(),
            updated_at: tx.now(),
        };
        let given = self.give(tx, context, &remedy, id.uuid(), &remedy.assessment.automatic, effects);
        let first = match (remedy.assessment.choice_of.is_empty(), remedy.needs_apology()) {
            (true, _) => FirstOffer::None,
            (false, true) => FirstOffer::Waits,
            (false, false) => FirstOffer::Made,
        };
        let payouts = if given.payouts.is_empty() { Progress::Given } else { Progress::Open };
        remedy.state = RemedyState::opened(first, !remedy.assessment.automatic.is_empty(), payouts);
        match remedy.state {
            RemedyState::NothingOwed => self.milestones.nothing_owed(tx, context, &remedy),
            RemedyState::Settled => self.milestones.settled(tx, context, &remedy, None),
            RemedyState::Offered
            | RemedyState::AwaitingApology
            | RemedyState::Granting
            | RemedyState::Declined
            | RemedyState::Unanswered
            | RemedyState::NeedsAttention => {}
        }
        if first == FirstOffer::Made {
            self.make_first_offer(tx, context, &mut remedy, effects);
        }
        let Given { vouchers, payouts } = given;
        let response = wire::remedy(&remedy, &vouchers, &payouts);
        let failure = remedy.as_prior();
        effects.remedies.push((context.tenant.clone(), remedy));
        (response, failure)
    }

    /// Makes the offer that the packs make: when the remedy is opened, or once the customer has our apology.
    pub(super) fn make_first_offer(
        &self,
        tx: &Tx,
        context: &RequestContext,
        remedy: &mut Remedy,
        effects: &mut Effects,
    ) {
        let offer = self.first_offer(tx, remedy);
        remedy.offer = Some(offer.id);
        self.milestones.offer_made(tx, context, &offer);
        own_calls::expire_offer_later(tx, context, &offer);
        effects.offers.push((context.tenant.clone(), offer));
    }

    /// The offer that the packs make.
    fn first_offer(&self, tx: &Tx, remedy: &Remedy) -> Offer {
        let draft = OfferDraft {
            options: remedy.assessment.choice_of.clone(),
            plus: remedy.assessment.plus.clone(),
            made_by: rule_of_choice(&remedy.assessment),
            expires_at: tx.now().plus(self.offer_term),
        };
        draft.open(self.engine.new_id().into(), remedy, tx.now())
    }
}

/// The rule whose choice is offered: its id begins the ids of its lines.
fn rule_of_choice(assessment: &Assessment) -> String {
    let line = assessment.choice_of.iter().flat_map(|option| &option.lines).next();
    let rule = line.and_then(|line| line.id.split_once('.')).map_or("", |(rule, _)| rule);
    let decision = assessment.decisions.iter().find(|decision| decision.applies && decision.rule == rule);
    decision.map_or_else(String::new, |decision| format!("{}/rules/{rule}", wire::pack_name(&decision.pack)))
}
