//! People decide about a payout that the machine could not find out about: one proposes, another one approves.
//!
//! Both are on record with their evidence. That they are two people is asked here and demanded by the database.

use api::method::settlement_service::{APPROVE_PAYOUT_SETTLEMENT, REJECT_PAYOUT_SETTLEMENT, SETTLE_PAYOUT};
use api::reason::compensation::{FOUR_EYES, PAYOUT_WAS_EXECUTED};
use durable::audit::{self, AuditEntry};
use durable::{Tx, TxError};
use kernel::{Answer, PayoutId, PayoutSettlementId, RequestContext, RequestKey, ServiceError, Timestamp, reason};
use serde::Serialize;

use super::App;
use super::person::person;
use super::refusal::not_now;
use crate::domain::payout::PayoutState;
use crate::domain::payout_settlement::{Outcome, PayoutSettlement, SettlementEvent, SettlementState};
use crate::domain::payout_step::Payout;
use crate::domain::safeguards::Safeguard;
use crate::domain::transition::InvalidTransition;
use crate::store::{payout_settlements, payouts, remedies, settlement_files};
use crate::wire::settlement::payout_settlement as shown;

/// What is proposed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SettlePayout {
    pub(crate) payout: PayoutId,
    pub(crate) outcome: Outcome,
    /// The provider's, of an executed one.
    pub(crate) reference: String,
    pub(crate) evidence: String,
}

/// What the second person says.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DecideSettlement {
    pub(crate) settlement: PayoutSettlementId,
    pub(crate) reason: String,
}

type Shown = Result<Answer<api::compensation::PayoutSettlement>, ServiceError>;

impl App {
    /// Proposes what became of a payout.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `INVALID_TRANSITION`, `PAYOUT_WAS_EXECUTED`; PERMISSION_DENIED
    /// `PERSON_REQUIRED`.
    #[tracing::instrument(skip_all, name = "compensation.settle_payout", fields(amends.payout = %command.payout))]
    pub(crate) async fn settle_payout(
        &self,
        context: RequestContext,
        request_id: &str,
        command: SettlePayout,
    ) -> Shown {
        let key = context.key(SETTLE_PAYOUT, request_id, RequestKey::hash_of(&command));
        let (actor, id) = (person(&context)?, self.engine.new_id().into());
        let work = move |tx: Tx| {
            let (context, command, actor) = (context.clone(), command.clone(), actor.clone());
            async move {
                let tenant = &context.tenant;
                let found = payouts::lock_in_tx(&tx, tenant, command.payout).await?;
                let payout = found.ok_or_else(|| ServiceError::not_found(command.payout))?;
                is_manual(&payout)?;
                if payout_settlements::is_open_in_tx(&tx, tenant, payout.id).await? {
                    let text = "another decision about the payout waits for approval; approve or reject it first";
                    return Err(ServiceError::precondition(reason::INVALID_TRANSITION, text).into());
                }
                if command.outcome == Outcome::NotExecuted {
                    was_never_executed(&tx, &context, &payout).await?;
                }
                let settlement = PayoutSettlement {
                    id,
                    payout: payout.id,
                    state: SettlementState::Proposed,
                    outcome: command.outcome,
                    reference: command.reference,
                    evidence: command.evidence,
                    proposed_by: actor.clone(),
                    decided_by: String::new(),
                    decision_reason: String::new(),
                    created_at: tx.now(),
                    decided_at: None,
                };
                payout_settlements::insert_in_tx(&tx, tenant, &settlement).await?;
                let evidence = format!("{}: {}", settlement.outcome.as_str(), settlement.evidence);
                on_record(&tx, &context, "PAYOUT_SETTLEMENT_PROPOSED", settlement.payout, evidence).await?;
                Ok(shown(&settlement))
            }
        };
        self.engine.mutate("compensation.settle_payout", key, work).await
    }

    /// Approves a decision: the payout ends as it says.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `FOUR_EYES`, `INVALID_TRANSITION`, `PAYOUT_WAS_EXECUTED`; PERMISSION_DENIED
    /// `PERSON_REQUIRED`.
    #[tracing::instrument(skip_all, name = "compensation.approve_payout_settlement", fields(amends.settlement = %command.settlement))]
    pub(crate) async fn approve_payout_settlement(
        &self,
        context: RequestContext,
        request_id: &str,
        command: DecideSettlement,
    ) -> Shown {
        let key = context.key(APPROVE_PAYOUT_SETTLEMENT, request_id, RequestKey::hash_of(&command));
        let (actor, app, booking) = (person(&context)?, self.clone(), self.engine.new_id());
        let work = move |tx: Tx| {
            let (app, context, command, actor) = (app.clone(), context.clone(), command.clone(), actor.clone());
            async move {
                let (mut payout, mut settlement) = lock(&tx, &context, command.settlement).await?;
                settlement.state = settlement.state.on(SettlementEvent::Approve).map_err(not_now)?;
                if settlement.proposed_by == actor && app.rules.safeguards.hold(Safeguard::FourEyes) {
                    let text = "who proposed a decision cannot approve it; another person must";
                    return Err(ServiceError::precondition(FOUR_EYES, text).with("proposed_by", actor).into());
                }
                if settlement.outcome == Outcome::NotExecuted {
                    was_never_executed(&tx, &context, &payout).await?;
                }
                let recorded = payout.settle(settlement.outcome, &settlement.reference, tx.now()).map_err(not_now)?;
                decide(&mut settlement, actor, command.reason, tx.now());
                payout_settlements::update_in_tx(&tx, &context.tenant, &settlement).await?;
                let occasion = payout.steps;
                app.follow_in_tx(&tx, &context, &payout, recorded, (booking.into(), occasion)).await?;
                let why = format!("{}: {}", settlement.outcome.as_str(), settlement.decision_reason);
                on_record(&tx, &context, "PAYOUT_SETTLEMENT_APPROVED", settlement.payout, why).await?;
                Ok(shown(&settlement))
            }
        };
        self.engine.mutate("compensation.approve_payout_settlement", key, work).await
    }

    /// Rejects a decision, or takes it back: the payout stays with people.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `INVALID_TRANSITION`; PERMISSION_DENIED `PERSON_REQUIRED`.
    #[tracing::instrument(skip_all, name = "compensation.reject_payout_settlement", fields(amends.settlement = %command.settlement))]
    pub(crate) async fn reject_payout_settlement(
        &self,
        context: RequestContext,
        request_id: &str,
        command: DecideSettlement,
    ) -> Shown {
        let key = context.key(REJECT_PAYOUT_SETTLEMENT, request_id, RequestKey::hash_of(&command));
        let actor = person(&context)?;
        let work = move |tx: Tx| {
            let (context, command, actor) = (context.clone(), command.clone(), actor.clone());
            async move {
                let (_, mut settlement) = lock(&tx, &context, command.settlement).await?;
                settlement.state = settlement.state.on(SettlementEvent::Reject).map_err(not_now)?;
                decide(&mut settlement, actor, command.reason, tx.now());
                payout_settlements::update_in_tx(&tx, &context.tenant, &settlement).await?;
                let why = settlement.decision_reason.clone();
                on_record(&tx, &context, "PAYOUT_SETTLEMENT_REJECTED", settlement.payout, why).await?;
                Ok(shown(&settlement))
            }
        };
        self.engine.mutate("compensation.reject_payout_settlement", key, work).await
    }
}

fn is_manual(payout: &Payout) -> Result<(), ServiceError> {
    if payout.state == PayoutState::Manual {
        return Ok(());
    }
    let event = "a person's word";
    Err(not_now(InvalidTransition { machine: "the payout", state: payout.state.as_str(), event }))
}

/// Refuses to rule out what the provider has said that it executed: by a look-up, or in a settlement.
async fn was_never_executed(tx: &Tx, context: &RequestContext, payout: &Payout) -> Result<(), TxError> {
    let settled = settlement_files::places_in_tx(tx, &context.tenant, &[payout.id]).await?;
    if payout.reference.is_empty() && settled.is_empty() {
        return Ok(());
    }
    let text = "the provider has said that it executed this payout; it cannot count as not executed";
    Err(ServiceError::precondition(PAYOUT_WAS_EXECUTED, text).with("provider_reference", &payout.reference).into())
}

/// The decision and its payout, locked after the remedy.
async fn lock(
    tx: &Tx,
    context: &RequestContext,
    id: PayoutSettlementId,
) -> Result<(Payout, PayoutSettlement), TxError> {
    let tenant = &context.tenant;
    let missing = || ServiceError::not_found(id);
    let seen = payout_settlements::get(tx.conn(), tenant, id).await?.ok_or_else(missing)?;
    let payout = payouts::get(tx.conn(), tenant, seen.payout).await?.ok_or_else(missing)?;
    remedies::lock_in_tx(tx, tenant, payout.remedy).await?.ok_or_else(missing)?;
    let payout = payouts::lock_in_tx(tx, tenant, payout.id).await?.ok_or_else(missing)?;
    let settlement = payout_settlements::lock_in_tx(tx, tenant, id).await?.ok_or_else(missing)?;
    Ok((payout, settlement))
}

fn decide(settlement: &mut PayoutSettlement, by: String, reason: String, now: Timestamp) {
    settlement.decided_by = by;
    settlement.decision_reason = reason;
    settlement.decided_at = Some(now);
}

/// The chain's lock is taken last.
async fn on_record(
    tx: &Tx,
    context: &RequestContext,
    action: &'static str,
    payout: PayoutId,
    reason: String,
) -> Result<(), TxError> {
    let entry = AuditEntry { actor: context.client.clone(), action, subject: payout.to_string(), reason };
    Ok(audit::append_in_tx(tx, &context.tenant, entry).await?)
}
