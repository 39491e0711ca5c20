//! The service's own answer to a fair ask: made within the budget and without signals of repetition, or left to a person.

use std::collections::BTreeSet;

use durable::{Tx, TxError};
use kernel::TenantId;

use super::super::Parts;
use super::super::effects::Effects;
use super::gestures::GestureAsk;
use crate::domain::assessment::Assessment;
use crate::domain::policy::abuse::claims;
use crate::domain::policy::window::day_of;
use crate::domain::records::{Offer, Remedy};
use crate::store::spending::Counted;

impl Parts {
    /// Takes what the answer to a declined offer costs from the budget. Returns the answer that goes ahead, and what is
    /// written. The caller holds the remedy's lock and has given back what the declined offer counted.
    pub(in crate::app) async fn afford_answer(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        remedy: &Remedy,
        declined: &mut Offer,
        answer: Option<Offer>,
    ) -> Result<(Option<Offer>, Effects), TxError> {
        let mut effects = Effects::default();
        let Some(answer) = answer else { return Ok((None, effects)) };
        let (choice_of, plus) = (answer.options.clone(), answer.plus.clone());
        let assessment = Assessment { choice_of, plus, ..Assessment::default() };
        let claims = claims(remedy.id, remedy.case, remedy.customer, &remedy.payee, &remedy.event.reference);
        let ask = GestureAsk { tenant, event: &remedy.event, assessment: &assessment, claims, to_approve: &[] };
        let policies = self.policies.in_force(tx, &BTreeSet::from([tenant.clone()])).await?;
        if let Some(plan) = self.plan_gestures(tx, &[ask], &policies).await?.pop().flatten() {
            effects.signals.extend(plan.signals.into_iter().map(|signal| (tenant.clone(), signal)));
            if !plan.split.reasons.is_empty() {
                declined.counter_offer = None;
                declined.explanation = format!("{}. A person answers.", plan.split.reasons.join("; "));
                return Ok((None, effects));
            }
            effects.claims.extend(plan.claims.into_iter().map(|claim| (tenant.clone(), claim)));
            effects.entries.extend(plan.offered.iter().map(|entry| (tenant.clone(), entry.clone())));
            if !plan.offered.is_empty() {
                let counted = Counted { day: day_of(tx.now()), entries: plan.offered };
                effects.counted.push((tenant.clone(), answer.id, counted));
            }
        }
        effects.offers.push((tenant.clone(), answer.clone()));
        Ok((Some(answer), effects))
    }
}
