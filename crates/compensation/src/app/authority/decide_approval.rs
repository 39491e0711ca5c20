//! Somebody else decides what one person asked for: yes, or no with a reason and an alternative.

use std::collections::BTreeSet;

use api::method::authority_service::{APPROVE_OFFER, REJECT_OFFER};
use api::reason::compensation::{APPROVAL_NOT_PENDING, FOUR_EYES, ROLE_MAY_NOT_APPROVE};
use durable::audit::{self, AuditEntry};
use durable::{Tx, TxError};
use kernel::{Answer, ApprovalId, ErrorCode, OfferId, RequestContext, RequestKey, ResourceId, ServiceError, Timestamp};
use serde::Serialize;

use super::super::effects::Effects;
use super::super::history::history;
use super::super::limits::{apology_first, grant_within_limits, within_limits};
use super::super::person::known_person;
use super::super::refunds::refuse_above;
use super::super::refusal::not_now;
use super::super::{App, Parts, own_calls};
use super::gestures::budget_entries;
use super::judge_offer::need_entries;
use super::policies::InForce;
use crate::authority_wire as wire;
use crate::domain::approval::{Approval, ApprovalEvent, Asked, CounterTo, Undecided};
use crate::domain::assessment::Assessment;
use crate::domain::decision_value::DecisionValue;
use crate::domain::history::History;
use crate::domain::line::RemedyLine;
use crate::domain::policy::abuse::claims;
use crate::domain::policy::gestures::is_gesture;
use crate::domain::policy::measure::{self, Need};
use crate::domain::policy::window::day_of;
use crate::domain::records::{OfferDraft, Remedy};
use crate::domain::remedy::{FirstOffer, Progress, RemedyEvent, RemedyState};
use crate::store::spending::{self, Counted, Entry, Holder, Scope};
use crate::store::{approvals, offers, remedies};

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DecideApproval {
    pub(crate) approval: ApprovalId,
    pub(crate) decided_by: String,
    pub(crate) role: String,
    pub(crate) decision: Decision,
}

/// Yes or no.
#[derive(Clone, Debug, Serialize)]
pub(crate) enum Decision {
    /// Yes.
    Approve,
    /// No, and what instead.
    Reject { reason: String, alternative: String },
}

impl App {
    /// Decides an approval.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `APPROVAL_NOT_PENDING`, `FOUR_EYES`, `APOLOGY_FIRST`, `GATE_HOLDS_BACK`, or
    /// `INVALID_TRANSITION` when the remedy takes no offer any more; PERMISSION_DENIED `ROLE_MAY_NOT_APPROVE`.
    #[tracing::instrument(skip_all, name = "compensation.decide_approval", fields(amends.approval = %command.approval))]
    pub(crate) async fn decide_approval(
        &self,
        context: RequestContext,
        request_id: &str,
        command: DecideApproval,
    ) -> Result<Answer<api::compensation::Approval>, ServiceError> {
        let method = match command.decision {
            Decision::Approve => APPROVE_OFFER,
            Decision::Reject { .. } => REJECT_OFFER,
        };
        let key = context.key(method, request_id, RequestKey::hash_of(&command));
        let app = self.clone();
        let work = move |tx: Tx| {
            let (app, context, command) = (app.clone(), context.clone(), command.clone());
            async move {
                let tenant = &context.tenant;
                let (mut remedy, mut approval) = lock_approval(&tx, &context, command.approval).await?;
                let event = match command.decision {
                    Decision::Approve => ApprovalEvent::Approve,
                    Decision::Reject { .. } => ApprovalEvent::Reject,
                };
                let by = (command.decided_by.as_str(), known_person(&context).unwrap_or_default());
                decide(&mut approval, event, by, tx.now())?;
                let policies = app.policies.of(&tx, tenant).await?;
                if !policies.authority.may_approve(&command.role) {
                    return Err(may_not(&command.role).into());
                }
                let (action, reason) = match &command.decision {
                    Decision::Approve => {
                        app.carry_out_approved(&tx, &context, (&mut remedy, &policies), &approval).await?;
                        ("OFFER_APPROVED", approval.reasons.join("; "))
                    }
                    Decision::Reject { reason, alternative } => {
                        approval.rejection.clone_from(reason);
                        approval.alternative.clone_from(alternative);
                        app.went_unapproved(&tx, &context, &remedy, &approval);
                        ("OFFER_REJECTED", format!("{reason} Instead: {alternative}"))
                    }
                };
                approvals::update_in_tx(&tx, tenant, &approval).await?;
                own_calls::cancel_approval_timer(&tx, tenant, approval.id);
                let actor = format!("{} ({})", command.decided_by, context.client);
                let entry = AuditEntry { actor, action, subject: approval.id.to_string(), reason };
                audit::append_in_tx(&tx, tenant, entry).await?;
                Ok(wire::approval(&approval))
            }
        };
        self.engine.mutate("compensation.decide_approval", key, work).await
    }
}

/// An approval and its remedy, both locked.
pub(super) async fn lock_approval(
    tx: &Tx,
    context: &RequestContext,
    id: ApprovalId,
) -> Result<(Remedy, Approval), TxError> {
    let missing = || ServiceError::not_found(id);
    let seen = approvals::get(tx.conn(), &context.tenant, id).await?.ok_or_else(missing)?;
    let remedy = remedies::lock_in_tx(tx, &context.tenant, seen.remedy).await?.ok_or_else(missing)?;
    let approval = approvals::lock_in_tx(tx, &context.tenant, id).await?.ok_or_else(missing)?;
    Ok((remedy, approval))
}

fn decide(approval: &mut Approval, event: ApprovalEvent, by: (&str, &str), now: Timestamp) -> Result<(), ServiceError> {
    let state = approval.state_at(now).as_str();
    approval.decide(event, by, now).map_err(|undecided| match undecided {
        Undecided::NotPending(_) => {
            let message = format!("{} is {state}; it takes no decision any more", approval.id);
            ServiceError::precondition(APPROVAL_NOT_PENDING, message).with("state", state)
        }
        Undecided::FourEyes => {
            let message =
                format!("{} was asked for by {}; somebody else decides it", approval.id, approval.requested_by);
            ServiceError::precondition(FOUR_EYES, message).with("requested_by", &approval.requested_by)
        }
    })
}

pub(in crate::app) fn may_not(role: &str) -> ServiceError {
    let message = format!("role {role} does not approve, by the policy in force; ask somebody whose role does");
    ServiceError::new(ErrorCode::PermissionDenied, ROLE_MAY_NOT_APPROVE, message).with("role", role)
}

impl Parts {
    /// Puts an approved offer to the customer, or gives approved gestures. Limits were passed on purpose: what is
    /// approved is counted, so that later decisions know of it, and not checked.
    async fn carry_out_approved(
        &self,
        tx: &Tx,
        context: &RequestContext,
        (remedy, policies): (&mut Remedy, &InForce),
        approval: &Approval,
    ) -> Result<(), TxError> {
        match &approval.asked {
            Asked::Offer { options, plus, offer_expires_at, counter } => {
                let until = offer_expires_at.filter(|at| *at > tx.now());
                let until = until.unwrap_or_else(|| tx.now().plus(self.offer_term));
                let draft = OfferDraft {
                    options: options.clone(),
                    plus: plus.clone(),
                    made_by: approval.requested_by.clone(),
                    expires_at: until,
                };
                self.open_approved(tx, context, (remedy, policies), approval.offer(), draft, counter.as_ref()).await
            }
            Asked::Grant { lines } => self.give_approved(tx, context, (remedy, policies), approval, lines).await,
        }
    }

    async fn open_approved(
        &self,
        tx: &Tx,
        context: &RequestContext,
        (remedy, policies): (&mut Remedy, &InForce),
        id: OfferId,
        draft: OfferDraft,
        counter: Option<&CounterTo>,
    ) -> Result<(), TxError> {
        let tenant = &context.tenant;
        let history = history(tx, tenant, remedy).await?;
        let payouts = history.progress();
        // Approval is about authority: the apology, the gate and what was captured hold for everybody.
        apology_first(remedy)?;
        remedy.state = remedy.state.on(RemedyEvent::OfferMade(payouts)).map_err(not_now)?;
        within_limits((remedy, &history), "", &draft.options, &draft.plus)?;
        refuse_above(tx, tenant, remedy, &draft.options, &draft.plus).await?;
        let mut offer = draft.open(id, remedy, tx.now());
        if let Some(CounterTo { declined, reason }) = counter {
            offers::answered_in_tx(tx, tenant, *declined, offer.id).await?;
            offer.counter_to = Some(*declined);
            offer.explanation.clone_from(reason);
        }
        remedy.offer = Some(offer.id);
        remedies::update_in_tx(tx, tenant, remedy).await?;
        self.milestones.offer_made(tx, context, remedy, &offer);
        own_calls::expire_offer_later(tx, context, &offer);
        let owed = history.still_owed(remedy, payouts == Progress::Refused);
        let owed: Vec<_> = owed.iter().collect();
        let (options, plus) = (&offer.options, &offer.plus);
        let need = measure::need(options, plus, &owed);
        let lines = options.iter().flat_map(|option| &option.lines).chain(plus);
        let mut effects =
            self.counted(tx, context, (remedy, policies), &need, lines, measure::gestures(options, plus)).await?;
        let entries = effects.entries.iter().map(|(_, entry)| entry.clone()).collect();
        effects.counted.push((tenant.clone(), offer.id, Counted { day: day_of(tx.now()), entries }));
        effects.offers.push((tenant.clone(), offer));
        effects.write(tx).await?;
        Ok(())
    }

    /// Approved gestures are a remedy of their own: the one that they were held back from may have ended long ago.
    async fn give_approved(
        &self,
        tx: &Tx,
        context: &RequestContext,
        (remedy, policies): (&Remedy, &InForce),
        approval: &Approval,
        lines: &[RemedyLine],
    ) -> Result<(), TxError> {
        let words = lines.iter().map(RemedyLine::in_words).collect::<Vec<_>>().join("; ");
        let mut granted = Remedy {
            id: approval.id.uuid().into(),
            state: RemedyState::NothingOwed,
            assessment: Assessment {
                automatic: lines.to_vec(),
                summary: format!("Given with the approval of {}: {words}.", approval.decided_by),
                ..Assessment::default()
            },
            offer: None,
            experiment: None,
            version: 1,
            created_at: tx.now(),
            updated_at: tx.now(),
            ..remedy.clone()
        };
        let worth = policies.budgets.lifetime_value(&granted.event);
        granted.assessment.value = Some(DecisionValue::of_rules(&granted.assessment, worth));
        let history = history(tx, &context.tenant, remedy).await?;
        grant_within_limits((remedy, &history), lines)?;
        let budgeted = measure::sum_gestures(lines);
        let mut effects = self.counted(tx, context, (remedy, policies), &Need::new(), lines.iter(), budgeted).await?;
        let given = self.give(tx, context, &granted, granted.id.uuid(), lines, &mut effects);
        let payouts = if given.payouts.is_empty() { Progress::Given } else { Progress::Open };
        granted.state = RemedyState::opened(FirstOffer::None, true, payouts);
        if granted.state == RemedyState::Settled {
            self.milestones.settled(tx, context, &granted, &History::default(), &[]);
        }
        effects.remedies.push((context.tenant.clone(), granted));
        effects.write(tx).await?;
        Ok(())
    }

    /// What is counted of what was approved: for the case, the customer and the budget. Never for the agent's day: it was
    /// somebody else's decision.
    async fn counted<'a>(
        &self,
        tx: &Tx,
        context: &RequestContext,
        (remedy, policies): (&Remedy, &InForce),
        need: &Need,
        mut lines: impl Iterator<Item = &'a RemedyLine>,
        gestures: std::collections::BTreeMap<measure::Unit, i64>,
    ) -> Result<Effects, TxError> {
        let tenant = &context.tenant;
        let band = policies.budgets.band(policies.budgets.lifetime_value(&remedy.event));
        let mut entries: Vec<Entry> = need_entries(Scope::Case, &remedy.case.to_string(), need);
        entries.extend(need_entries(Scope::Customer, &remedy.customer.to_string(), need));
        entries.extend(budget_entries(band, &gestures));
        let holders: BTreeSet<Holder> =
            entries.iter().map(|entry| (tenant.clone(), entry.account.scope, entry.account.holder.clone())).collect();
        spending::lock_in_tx(tx, &holders).await?;
        let mut effects = Effects {
            entries: entries.into_iter().map(|entry| (tenant.clone(), entry)).collect(),
            ..Effects::default()
        };
        if lines.any(is_gesture) {
            let claims = claims(remedy.id, remedy.case, remedy.customer, &remedy.payee, &remedy.event.reference);
            effects.claims.extend(claims.into_iter().map(|claim| (tenant.clone(), claim)));
        }
        Ok(effects)
    }

    /// A choice that was never put to the customer leaves a case that waits for it: it hears that there is no more.
    pub(super) fn went_unapproved(&self, tx: &Tx, context: &RequestContext, remedy: &Remedy, approval: &Approval) {
        let is_rules_choice = matches!(approval.asked, Asked::Offer { .. }) && approval.role.is_empty();
        if !is_rules_choice || remedy.offer.is_some() {
            return;
        }
        if remedy.assessment.automatic.is_empty() {
            self.milestones.nothing_owed(tx, context, remedy);
        } else {
            self.milestones.settled(tx, context, remedy, &History::default(), &[]);
        }
    }
}
