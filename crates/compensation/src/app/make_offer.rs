//! An agent puts another choice to the customer.

use api::method::compensation_service::MAKE_OFFER;
use api::reason::compensation::APPROVAL_PENDING;
use durable::audit::{self, AuditEntry};
use durable::{Tx, TxError};
use kernel::{Answer, OfferId, RemedyId, RequestContext, RequestKey, ServiceError, Timestamp, Violations};
use serde::Serialize;

use super::authority::{Ask, Verdict};
use super::effects::Effects;
use super::history::history;
use super::limits::{apology_first, within_limits};
use super::person::known_person;
use super::refunds::refuse_above;
use super::refusal::not_now;
use super::{App, Parts, own_calls};
use crate::domain::approval::{Approval, Asked, CounterTo};
use crate::domain::assessment::offer_summary;
use crate::domain::history::History;
use crate::domain::line::{OfferOption, RemedyLine};
use crate::domain::order_funds;
use crate::domain::policy::PolicyKind;
use crate::domain::policy::catalogue::Catalogue;
use crate::domain::policy::measure::owed_by_law;
use crate::domain::policy::window::day_of;
use crate::domain::records::{OfferDraft, Remedy};
use crate::domain::remedy::{Progress, RemedyEvent};
use crate::store::decisions::{self, AutonomousDecision};
use crate::store::spending::Counted;
use crate::store::{approvals, offers, remedies};
use crate::{authority_wire, wire};

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MakeOffer {
    pub(crate) remedy: RemedyId,
    pub(crate) options: Vec<OfferOption>,
    pub(crate) plus: Vec<RemedyLine>,
    /// The service's term when absent.
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) made_by: String,
    /// The policy's default role when empty.
    pub(crate) role: String,
}

/// An agent's offer whose remedy is locked.
pub(super) struct Proposal {
    pub(super) id: OfferId,
    pub(super) remedy: Remedy,
    pub(super) history: History,
    pub(super) offer: MakeOffer,
    /// What it answers.
    pub(super) counter: Option<CounterTo>,
    /// Where its options are in the request.
    pub(super) path: &'static str,
}

impl App {
    /// Makes another offer.
    ///
    /// # Errors
    /// NOT_FOUND; FAILED_PRECONDITION `INVALID_TRANSITION` while an offer is open or something is being given,
    /// `APOLOGY_FIRST`, `GATE_HOLDS_BACK`, and `APPROVAL_PENDING` while an earlier one waits for approval;
    /// INVALID_ARGUMENT when it gives more than anybody may.
    #[tracing::instrument(skip_all, name = "compensation.make_offer", fields(amends.remedy = %command.remedy))]
    pub(crate) async fn make_offer(
        &self,
        context: RequestContext,
        request_id: &str,
        command: MakeOffer,
    ) -> Result<Answer<api::compensation::Offer>, ServiceError> {
        let key = context.key(MAKE_OFFER, request_id, RequestKey::hash_of(&command));
        let (app, id): (_, OfferId) = (self.clone(), self.engine.new_id().into());
        let work = move |tx: Tx| {
            let (app, context, offer) = (app.clone(), context.clone(), command.clone());
            async move {
                let tenant = &context.tenant;
                let found = remedies::lock_in_tx(&tx, tenant, offer.remedy).await?;
                let remedy = found.ok_or_else(|| ServiceError::not_found(offer.remedy))?;
                let history = history(&tx, tenant, &remedy).await?;
                let proposal = Proposal { id, remedy, history, offer, counter: None, path: "offer." };
                app.put_or_ask(&tx, &context, proposal).await
            }
        };
        self.engine.mutate("compensation.make_offer", key, work).await
    }
}

fn waits(approval: &Approval) -> ServiceError {
    let message = format!("{} waits for approval as {}; have it decided first", approval.offer(), approval.id);
    ServiceError::precondition(APPROVAL_PENDING, message).with("approval", approval.id)
}

/// Prices the items of the catalogue that the agent offers.
fn price_items(catalogue: &Catalogue, remedy: &Remedy, offer: &mut MakeOffer, path: &str) -> Result<(), ServiceError> {
    let options = offer.options.iter_mut().enumerate().flat_map(|(option, given)| {
        let lines = given.lines.iter_mut().enumerate();
        lines.map(move |(index, line)| (format!("{path}options[{option}].lines[{index}]"), line))
    });
    let plus = offer.plus.iter_mut().enumerate().map(|(index, line)| (format!("{path}plus[{index}]"), line));
    let mut violations = Violations::new();
    for (path, line) in options.chain(plus) {
        if catalogue.price(line, &remedy.event) {
            let problem = format!(
                "is no item of the catalogue in force, {}; ListCatalogueItems lists what there is",
                catalogue.version
            );
            violations.add(&format!("{path}.catalogue_item"), "UNKNOWN_ITEM", problem);
        }
    }
    violations.finish()
}

impl Parts {
    /// Puts an offer to the customer when the agent may decide it alone, and asks for approval otherwise.
    pub(super) async fn put_or_ask(
        &self,
        tx: &Tx,
        context: &RequestContext,
        mut proposal: Proposal,
    ) -> Result<api::compensation::Offer, TxError> {
        let tenant = &context.tenant;
        let Proposal { remedy, history, offer, path, .. } = &mut proposal;
        let policies = self.policies.of(tx, tenant).await?;
        price_items(&policies.catalogue, remedy, offer, path)?;
        apology_first(remedy)?;
        let payouts = history.progress();
        let state = remedy.state.on(RemedyEvent::OfferMade(payouts)).map_err(not_now)?;
        within_limits((remedy, history), path, &offer.options, &offer.plus)?;
        let owed = owed_by_law(&remedy.assessment, true);
        let lines = offer.options.iter_mut().flat_map(|option| &mut option.lines).chain(&mut offer.plus);
        order_funds::mark(lines, &owed);
        refuse_above(tx, tenant, remedy, &offer.options, &offer.plus).await?;
        if let Some(waiting) = approvals::waiting(tx.conn(), tenant, remedy.id).await? {
            return Err(waits(&waiting).into());
        }
        let was_refused = payouts == Progress::Refused;
        let verdict = self.judge_offer(tx, tenant, &policies, (remedy, history), offer, was_refused).await?;
        if verdict.reasons.is_empty() {
            remedy.state = state;
            self.make(tx, context, proposal, verdict).await
        } else {
            self.ask(tx, context, proposal, verdict).await
        }
    }

    /// Makes an offer that the agent may decide alone.
    async fn make(
        &self,
        tx: &Tx,
        context: &RequestContext,
        proposal: Proposal,
        verdict: Verdict,
    ) -> Result<api::compensation::Offer, TxError> {
        let tenant = &context.tenant;
        let Proposal { id, mut remedy, offer: command, counter, .. } = proposal;
        let draft = OfferDraft {
            options: command.options,
            plus: command.plus,
            made_by: command.made_by,
            expires_at: command.expires_at.unwrap_or_else(|| tx.now().plus(self.offer_term)),
        };
        let mut offer = draft.open(id, &remedy, tx.now());
        let mut action = "OFFER_MADE";
        if let Some(CounterTo { declined, reason }) = counter {
            action = "COUNTER_OFFER_MADE";
            offers::answered_in_tx(tx, tenant, declined, offer.id).await?;
            offer.counter_to = Some(declined);
            offer.explanation = reason;
        }
        remedy.offer = Some(offer.id);
        remedies::update_in_tx(tx, tenant, &mut remedy).await?;
        self.milestones.offer_made(tx, context, &remedy, &offer);
        own_calls::expire_offer_later(tx, context, &offer);
        let response = wire::offer(&offer);
        let summary = offer_summary(&offer.options, &offer.plus);
        let reason = if offer.counter_to.is_some() { offer.explanation.clone() } else { summary.clone() };
        let Verdict { role, policies, entries, claims, costs, lifetime_value, reasons: _, signals: _ } = verdict;
        let decision = AutonomousDecision {
            offer: offer.id,
            remedy: remedy.id,
            case: remedy.case,
            customer: remedy.customer,
            agent: offer.made_by.clone(),
            role,
            policy_version: policies.get(PolicyKind::Authority.as_str()).cloned().unwrap_or_default(),
            summary,
            costs,
            lifetime_value,
            created_at: tx.now(),
        };
        let counted = Counted { day: day_of(tx.now()), entries: entries.clone() };
        let mut effects = Effects::default();
        if !entries.is_empty() {
            effects.counted.push((tenant.clone(), offer.id, counted));
        }
        effects.entries.extend(entries.into_iter().map(|entry| (tenant.clone(), entry)));
        effects.claims.extend(claims.into_iter().map(|claim| (tenant.clone(), claim)));
        effects.offers.push((tenant.clone(), offer));
        effects.write(tx).await?;
        decisions::insert_in_tx(tx, tenant, &decision).await?;
        // An agent's decision about money: on record in the tenant's chain, whose lock is taken last.
        let actor = format!("{} ({})", response.made_by, context.client);
        let entry = AuditEntry { actor, action, subject: response.name.clone(), reason };
        audit::append_in_tx(tx, tenant, entry).await?;
        Ok(response)
    }

    /// Asks for the approval of an offer that is above what the agent may decide alone.
    async fn ask(
        &self,
        tx: &Tx,
        context: &RequestContext,
        proposal: Proposal,
        verdict: Verdict,
    ) -> Result<api::compensation::Offer, TxError> {
        let tenant = &context.tenant;
        let Proposal { remedy, offer: command, counter, .. } = proposal;
        let asked = Asked::Offer {
            options: command.options,
            plus: command.plus,
            offer_expires_at: command.expires_at,
            counter,
        };
        let Verdict { reasons, role, policies, signals, .. } = verdict;
        let client = known_person(context).map(str::to_owned);
        let ask = Ask { asked, requested_by: command.made_by, client, role, reasons, policies };
        let approval = self.approval(tx, context, &remedy, ask);
        let response = authority_wire::unapproved_offer(&approval)
            .ok_or_else(|| ServiceError::internal("an offer that waits is not shown"))?;
        let entry = AuditEntry {
            actor: format!("{} ({})", approval.requested_by, context.client),
            action: "APPROVAL_ASKED",
            subject: approval.id.to_string(),
            reason: approval.reasons.join("; "),
        };
        let effects = Effects {
            approvals: vec![(tenant.clone(), approval)],
            signals: signals.into_iter().map(|signal| (tenant.clone(), signal)).collect(),
            ..Effects::default()
        };
        effects.write(tx).await?;
        audit::append_in_tx(tx, tenant, entry).await?;
        Ok(response)
    }
}
