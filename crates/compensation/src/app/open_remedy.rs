//! Opens a remedy: assesses, gives what is automatic, offers what needs a choice. Hot: shares its transaction.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::method::compensation_service::OPEN_REMEDY;
use api::reason::compensation::REMEDY_EXISTS;
use async_trait::async_trait;
use durable::{GroupCommand, Tx, TxError};
use kernel::{
    Answer, CaseId, CustomerId, ErrorCode, OfferId, RemedyId, RequestContext, RequestKey, ResourceId, ServiceError,
    TenantId, Timestamp, message_id_for_step,
};
use serde::Serialize;

use super::authority::{Ask, GestureAsk, GesturePlan, InForce};
use super::effects::Effects;
use super::experiments::Candidate;
use super::give::Given;
use super::judgement::Judgement;
use super::refunds::LockedOrders;
use super::{App, Parts, own_calls};
use crate::domain::approval::Asked;
use crate::domain::assessment::Assessment;
use crate::domain::by_law::{pays_by_law, without_gestures};
use crate::domain::decision_value::DecisionValue;
use crate::domain::event::{FailureEvent, Severity};
use crate::domain::fair_amount::gestures_of_rules;
use crate::domain::gate::{GateDecision, GateInputs, Known, PriorFailure, RecoveryContext, decide};
use crate::domain::history::History;
use crate::domain::hold_back::{Passed, hold_back};
use crate::domain::line::{Basis, OfferOption, RemedyLine};
use crate::domain::order_funds::order_of;
use crate::domain::policy::abuse::claims;
use crate::domain::policy::window::day_of;
use crate::domain::records::{Offer, OfferDraft, Remedy};
use crate::domain::remedy::{FirstOffer, Progress, RemedyState};
use crate::store::spending::{Counted, Entry};
use crate::store::{assignments, gate, remedies};
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
        let packs = self.tenant_packs.of(&self.engine, &context.tenant).await?;
        let assessment = packs.set.assess(&command.event, command.severity);
        let judgements = packs.judgements(&assessment);
        let candidate = self.candidate(&context, &command).await?;
        let answer = self.open_remedy.submit(key, Opening { context, id, command, assessment, candidate }).await?;
        if !answer.replayed {
            judgements.iter().for_each(Judgement::count);
        }
        Ok(answer)
    }
}

/// A remedy to open, assessed.
pub(crate) struct Opening {
    context: RequestContext,
    id: RemedyId,
    command: OpenRemedy,
    assessment: Assessment,
    candidate: Option<Candidate>,
}

impl Opening {
    /// True when policies have something to say: of gestures and extras, and of what the customer is worth.
    fn needs_policies(&self) -> bool {
        self.command.event.tells_money()
            || self.assessment.lines().any(|line| line.basis != Basis::Statutory || line.origin.item.is_some())
    }
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
        let wanted: Vec<_> = commands
            .iter()
            .filter_map(|opening| {
                let candidate = opening.candidate.as_ref()?;
                Some((&opening.context.tenant, candidate.experiment(), opening.command.case))
            })
            .collect();
        let mut open_to = assignments::open_to_in_tx(tx, &wanted).await?;
        let tenants: BTreeSet<TenantId> = commands
            .iter()
            .filter(|opening| opening.needs_policies())
            .map(|opening| opening.context.tenant.clone())
            .collect();
        let policies = self.parts.policies.in_force(tx, &tenants).await?;
        let judged: Vec<Option<Judged<'_>>> = commands
            .iter()
            .map(|opening| {
                let tenant = opening.context.tenant.to_string();
                taken.insert((tenant.clone(), opening.id)).then(|| {
                    let priors = priors.entry((tenant, opening.command.customer)).or_default();
                    // A case that had a remedy is in no experiment, and each case is assigned once.
                    let is_first = priors.iter().all(|prior| prior.case != opening.command.case);
                    let candidate = opening.candidate.as_ref().filter(|candidate| {
                        let tenant = opening.context.tenant.to_string();
                        is_first && open_to.remove(&(tenant, candidate.experiment().to_owned(), opening.command.case))
                    });
                    let judged =
                        self.parts.judge(tx, opening, priors, candidate, policies.get(&opening.context.tenant));
                    // The next one of this group may be the same customer's.
                    priors.insert(0, judged.remedy.as_prior());
                    judged
                })
            })
            .collect();
        let asks: Vec<_> = judged.iter().flatten().map(Judged::ask).collect();
        let mut plans = self.parts.plan_gestures(tx, &asks, &policies).await?.into_iter();
        let mut effects = Effects::default();
        let mut results = Vec::with_capacity(commands.len());
        for (opening, judged) in commands.iter().zip(judged) {
            results.push(match judged {
                Some(judged) => {
                    let policies = policies.get(&opening.context.tenant);
                    Ok(self.parts.open(tx, judged, (plans.next().flatten(), policies), &mut orders, &mut effects))
                }
                None => Err(exists(opening.id)),
            });
        }
        effects.write(tx).await?;
        Ok(results)
    }
}

/// A remedy as the gate lets it through, before authority and what was captured have their say.
struct Judged<'a> {
    context: &'a RequestContext,
    remedy: Remedy,
    candidate: Option<&'a Candidate>,
    /// What the gate leaves to a person.
    to_approve: Vec<RemedyLine>,
}

impl Judged<'_> {
    fn ask(&self) -> GestureAsk<'_> {
        let Remedy { id, case, customer, event, payee, assessment, .. } = &self.remedy;
        let claims = claims(*id, *case, *customer, payee, &event.reference);
        GestureAsk { tenant: &self.context.tenant, event, assessment, claims, to_approve: &self.to_approve }
    }
}

/// What of a remedy waits for approval or for an answer.
#[derive(Default)]
struct Waits {
    /// The whole choice waits for approval.
    choice: bool,
    /// Counted until the offer is answered.
    offered: Vec<Entry>,
}

fn exists(id: RemedyId) -> ServiceError {
    let message = format!("{id} exists; choose another remedy_id, or none");
    ServiceError::new(ErrorCode::AlreadyExists, REMEDY_EXISTS, message).with("resource", id)
}

impl Parts {
    /// Lets the gate decide. Pure.
    fn judge<'a>(
        &self,
        tx: &Tx,
        opening: &'a Opening,
        priors: &[PriorFailure],
        candidate: Option<&'a Candidate>,
        policies: Option<&InForce>,
    ) -> Judged<'a> {
        let Opening { context, id, command, assessment, .. } = opening;
        let mut assessment = assessment.clone();
        if let Some(policies) = policies {
            policies.catalogue.price_all(&mut assessment, &command.event);
        }
        let inputs = GateInputs {
            event: &command.event,
            severity: command.severity,
            case: command.case,
            known: Known::of(&command.event),
            context: &command.recovery,
            priors,
            now: tx.now(),
        };
        let mut gate: GateDecision = decide(&inputs, &self.gate);
        let gestures = gestures_of_rules(gate.outcome, command.severity, &inputs.known);
        let Passed { mut assessment, mut to_approve } = hold_back(assessment, &mut gate, gestures);
        let mut experiment = None;
        if let Some(candidate) = candidate {
            let (treated, treatment) = candidate.treat(assessment, &mut to_approve, &mut gate);
            (assessment, experiment) = (treated, Some(treatment));
        }
        let remedy = Remedy {
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
            experiment,
            apology_at: command.recovery.apologised.then(|| tx.now()),
            version: 1,
            created_at: tx.now(),
            updated_at: tx.now(),
        };
        Judged { context, remedy, candidate, to_approve }
    }

    fn open(
        &self,
        tx: &Tx,
        judged: Judged<'_>,
        (plan, policies): (Option<GesturePlan>, Option<&InForce>),
        orders: &mut LockedOrders,
        effects: &mut Effects,
    ) -> api::compensation::Remedy {
        let Judged { context, mut remedy, candidate, .. } = judged;
        let waits = plan.map(|plan| self.ask_for_rest(tx, context, &mut remedy, plan, effects)).unwrap_or_default();
        orders.cut(&context.tenant, order_of(&remedy.event), &mut remedy.assessment.automatic);
        let given = self.give(tx, context, &remedy, remedy.id.uuid(), &remedy.assessment.automatic, effects);
        let first = match (remedy.assessment.choice_of.is_empty(), remedy.needs_apology()) {
            (true, _) => FirstOffer::None,
            (false, true) => FirstOffer::Waits,
            (false, false) if remedy.offer_at().is_some() => FirstOffer::Later,
            (false, false) => FirstOffer::Made,
        };
        let payouts = if given.payouts.is_empty() { Progress::Given } else { Progress::Open };
        remedy.state = if waits.choice {
            // The choice is put to the customer once somebody has approved it.
            RemedyState::Unanswered
        } else {
            RemedyState::opened(first, !remedy.assessment.automatic.is_empty(), payouts)
        };
        match remedy.state {
            RemedyState::NothingOwed => self.milestones.nothing_owed(tx, context, &remedy),
            RemedyState::Settled => self.milestones.settled(tx, context, &remedy, &History::default(), &[]),
            RemedyState::Offered
            | RemedyState::AwaitingApology
            | RemedyState::AwaitingTime
            | RemedyState::Granting
            | RemedyState::Declined
            | RemedyState::Unanswered
            | RemedyState::NeedsAttention => {}
        }
        let offer = match first {
            FirstOffer::Made => self.engine.new_id().into(),
            FirstOffer::None | FirstOffer::Waits | FirstOffer::Later => waiting_offer_id(context, &remedy),
        };
        if !waits.offered.is_empty() {
            let counted = Counted { day: day_of(tx.now()), entries: waits.offered };
            effects.counted.push((context.tenant.clone(), offer, counted));
        }
        if first == FirstOffer::Made {
            self.make_first_offer(tx, context, &mut remedy, offer, effects);
        }
        if first == FirstOffer::Waits && pays_by_law(&remedy.assessment.choice_of) {
            own_calls::offer_without_apology_later(tx, context, &remedy, self.apology_due(&remedy));
        }
        if let (FirstOffer::Later, Some(at)) = (first, remedy.offer_at()) {
            own_calls::release_offer_later(tx, context, &remedy, at);
        }
        if let Some(candidate) = candidate {
            effects.assignments.push((context.tenant.clone(), candidate.assignment(&remedy, tx.now())));
        }
        // As it is now: gate, budgets and what was captured may have taken lines away.
        let worth = policies.and_then(|policies| policies.budgets.lifetime_value(&remedy.event));
        remedy.assessment.value = Some(DecisionValue::of_rules(&remedy.assessment, worth));
        let Given { vouchers, payouts } = given;
        let response = wire::remedy(&remedy, &vouchers, &payouts);
        effects.remedies.push((context.tenant.clone(), remedy));
        response
    }

    /// Goes ahead with what the budget and the signals of repetition allow, and asks for the approval of the rest.
    fn ask_for_rest(
        &self,
        tx: &Tx,
        context: &RequestContext,
        remedy: &mut Remedy,
        plan: GesturePlan,
        effects: &mut Effects,
    ) -> Waits {
        let tenant = &context.tenant;
        let GesturePlan { split, policies, given, offered, claims, signals } = plan;
        let rule = rule_of_choice(&remedy.assessment);
        remedy.assessment = split.now;
        let entries = given.into_iter().chain(offered.iter().cloned());
        effects.entries.extend(entries.map(|entry| (tenant.clone(), entry)));
        effects.claims.extend(claims.into_iter().map(|claim| (tenant.clone(), claim)));
        effects.signals.extend(signals.into_iter().map(|signal| (tenant.clone(), signal)));
        let grant = (!split.lines.is_empty()).then_some((Asked::Grant { lines: split.lines }, "rules".to_owned()));
        let choice = split
            .choice
            .map(|(options, plus)| (Asked::Offer { options, plus, offer_expires_at: None, counter: None }, rule));
        let waits = Waits { choice: choice.is_some(), offered };
        for (asked, requested_by) in grant.into_iter().chain(choice) {
            let (reasons, policies) = (split.reasons.clone(), policies.clone());
            let ask = Ask { asked, requested_by, client: None, role: String::new(), reasons, policies };
            let approval = self.approval(tx, context, remedy, ask);
            effects.approvals.push((tenant.clone(), approval));
        }
        waits
    }

    /// Makes the offer that the packs make: when the remedy is opened, or once the customer has our apology.
    pub(super) fn make_first_offer(
        &self,
        tx: &Tx,
        context: &RequestContext,
        remedy: &mut Remedy,
        id: OfferId,
        effects: &mut Effects,
    ) {
        let offer = self.first_offer(tx, id, remedy);
        remedy.offer = Some(offer.id);
        self.milestones.offer_made(tx, context, remedy, &offer);
        own_calls::expire_offer_later(tx, context, &offer);
        effects.offers.push((context.tenant.clone(), offer));
    }

    /// The offer that the packs make; without its gestures where our apology is overdue, because they come after it.
    fn first_offer(&self, tx: &Tx, id: OfferId, remedy: &Remedy) -> Offer {
        let Assessment { choice_of, plus, .. } = &remedy.assessment;
        let (options, plus) =
            if remedy.needs_apology() { without_gestures(choice_of, plus) } else { (choice_of.clone(), plus.clone()) };
        let expires_at = tx.now().plus(self.term_of(&options));
        let draft = OfferDraft { options, plus, made_by: rule_of_choice(&remedy.assessment), expires_at };
        let mut offer = draft.open(id, remedy, tx.now());
        if remedy.needs_apology() {
            "No apology of ours is on record. What the law demands does not wait for it."
                .clone_into(&mut offer.explanation);
        }
        offer
    }

    /// How long an offer with these options waits: no longer than the law lets the customer wait for what holds anyway.
    pub(super) fn term_of(&self, options: &[OfferOption]) -> Duration {
        options.iter().filter_map(|option| option.holds_after).chain([self.offer_term]).min().unwrap_or(self.offer_term)
    }

    /// Until when what the law demands waits for our apology.
    pub(super) fn apology_due(&self, remedy: &Remedy) -> Timestamp {
        remedy.created_at.plus(self.apology_term)
    }
}

/// The id of an offer that waits for our apology: known before it is made, so that what it counts is on record under it.
pub(super) fn waiting_offer_id(context: &RequestContext, remedy: &Remedy) -> OfferId {
    message_id_for_step(remedy.id.uuid(), &format!("{}/first-offer", context.tenant), 1).into()
}

/// The rule whose choice is offered: its id begins the ids of its lines.
pub(super) fn rule_of_choice(assessment: &Assessment) -> String {
    let line = assessment.choice_of.iter().flat_map(|option| &option.lines).next();
    let rule = line.and_then(|line| line.id.split_once('.')).map_or("", |(rule, _)| rule);
    let decision = assessment.decisions.iter().find(|decision| decision.applies && decision.rule == rule);
    decision.map_or_else(String::new, |decision| format!("{}/rules/{rule}", wire::pack_name(&decision.pack)))
}
