//! Takes a payout one step on: record the intent, call the provider, record what came of it.
//!
//! Three transactions with the call between the first and the second, and nothing else:
//!
//! 1. *begin*: the payout is SUBMITTING, its key has its time limit, the step its number, and the call that takes the
//!    next step is recorded with its due time. Only after this commit a byte leaves.
//! 2. The provider is called, detached from the caller. Whether the key still protects a send is asked immediately
//!    before it, the first one included.
//! 3. *record* (see `record_step`): what came of it, with the ledger, the remedy and the milestones. A final result
//!    takes the next step back.
//! 4. *answer*: the payout as it stands now is stored as the answer of this request.
//!
//! | what is lost | what is left | what happens |
//! |---|---|---|
//! | before *begin* commits | nothing new | the same call comes again |
//! | COMMIT of *begin* has no answer | the intent, or nothing | the same call comes again: it finds its step taken, or takes it |
//! | between *begin* and the send | the intent | the next step sends the same bytes under the same key, in its time |
//! | after the send, before the provider has it | the intent | as above |
//! | after the provider executed, before *record* | the intent; paid | the next step gets the first execution's answer, or a look-up finds it |
//! | between *record* and *answer* | the result | the same call comes again, finds nothing to do, and stores the answer |
//!
//! While payouts are frozen, *begin* sends nothing: what was never sent waits, what may have been sent is looked up. A
//! send that had begun before the freeze was recorded goes out.
//!
//! Two at once: the row is locked, the second finds the step taken and not due, and does nothing. A step that was
//! overtaken by the next one can still bring a success, and nothing else.
//!
//! A look-up that somebody asks for (an operator, a webhook) is a step like any other that sends nothing, whenever it
//! comes; of a payout that a person has it takes a success only.

use api::method::compensation_service::ADVANCE_PAYOUT;
use durable::{Tx, TxError};
use kernel::{Answer, PayoutId, RequestContext, RequestKey, ServiceError};
use tracing::Instrument as _;

use super::refusal::not_now;
use super::{App, Parts, own_calls};
use crate::domain::freeze::FreezeState;
use crate::domain::payout_step::{Finding, Payout, Step};
use crate::domain::safeguards::Safeguard;
use crate::store::{freezes, payouts};
use crate::wire;

impl App {
    /// Takes a payout one step on; does nothing on a final one, and when the step is not due.
    ///
    /// # Errors
    /// NOT_FOUND; UNAVAILABLE when the own timer comes early or the database does not answer.
    #[tracing::instrument(skip_all, name = "compensation.advance_payout", fields(amends.payout = %id))]
    pub(crate) async fn advance_payout(
        &self,
        context: RequestContext,
        request_id: &str,
        id: PayoutId,
        look_up: bool,
    ) -> Result<Answer<api::compensation::Payout>, ServiceError> {
        let key = context.key(ADVANCE_PAYOUT, request_id, RequestKey::hash_of(&(id, look_up)));
        let app = self.clone();
        let step = async move { app.step(context, key, id, look_up).await };
        self.engine.spawn(step.in_current_span()).await.map_err(ServiceError::internal)?
    }

    async fn step(
        &self,
        context: RequestContext,
        key: RequestKey,
        id: PayoutId,
        look_up: bool,
    ) -> Result<Answer<api::compensation::Payout>, ServiceError> {
        if let Some(answer) = self.engine.answered(&key).await? {
            return Ok(answer);
        }
        if let Some((payout, step)) = self.begin(&context, &key.request_id, id, look_up).await? {
            let finding = self.carry_out(&payout, step).await;
            self.record(&context, &payout, finding).await?;
        }
        self.answer(&context, key, id).await
    }

    /// Stores the payout as it stands as the answer of the request.
    pub(super) async fn answer(
        &self,
        context: &RequestContext,
        key: RequestKey,
        id: PayoutId,
    ) -> Result<Answer<api::compensation::Payout>, ServiceError> {
        let tenant = context.tenant.clone();
        let work = move |tx: Tx| {
            let tenant = tenant.clone();
            async move {
                let found = payouts::get(tx.conn(), &tenant, id).await?;
                Ok(wire::payout(&found.ok_or_else(|| ServiceError::not_found(id))?))
            }
        };
        self.engine.mutate("compensation.advance_payout.answer", key, work).await
    }
}

impl Parts {
    /// Records the intent of the next step, when one is due, or of a look-up that was asked for.
    pub(super) async fn begin(
        &self,
        context: &RequestContext,
        request_id: &str,
        id: PayoutId,
        look_up: bool,
    ) -> Result<Option<(Payout, Step)>, ServiceError> {
        let work = |tx: Tx| async move {
            let tenant = &context.tenant;
            let Some(mut payout) = payouts::lock_in_tx(&tx, tenant, id).await? else { return Ok(None) };
            if look_up {
                return self.begin_look_up(&tx, context, payout).await;
            }
            if !payout.state.is_moving() {
                return Ok(None);
            }
            if tx.now() < payout.next_step_at {
                // The call that is to take the next step must come again; any other has nothing to do.
                let next = own_calls::payout_step(tenant, &payout, payout.steps + 1);
                let is_next = own_calls::is_own(context) && request_id == next.to_string();
                return if is_next { Err(own_calls::early(payout.next_step_at, tx.now()).into()) } else { Ok(None) };
            }
            let frozen = freezes::state_at(tx.conn(), tenant, self.frozen_since).await? == FreezeState::Frozen;
            let step = if frozen {
                payout.begin_frozen(tx.now(), &self.rules).map_err(not_now)?
            } else {
                Some(payout.begin(tx.now(), &self.rules).map_err(not_now)?)
            };
            if self.rules.safeguards.hold(Safeguard::IntentFirst) {
                self.plan_next(&tx, context, &payout).await?;
            }
            Ok(step.map(|step| (payout, step)))
        };
        self.engine.run_tx("compensation.advance_payout.begin", work).await
    }

    async fn begin_look_up(
        &self,
        tx: &Tx,
        context: &RequestContext,
        mut payout: Payout,
    ) -> Result<Option<(Payout, Step)>, TxError> {
        if !payout.begin_look_up(tx.now(), &self.rules) {
            return Ok(None);
        }
        if payout.state.is_moving() {
            self.plan_next(tx, context, &payout).await?;
        }
        Ok(Some((payout, Step::LookUp)))
    }

    /// Writes a payout whose step has begun, with the call that takes the step after it instead of the one that would
    /// have taken this step.
    pub(super) async fn plan_next(&self, tx: &Tx, context: &RequestContext, payout: &Payout) -> Result<(), TxError> {
        payouts::update_in_tx(tx, &context.tenant, payout).await?;
        own_calls::cancel_payout_step(tx, &context.tenant, payout, payout.steps);
        own_calls::advance_payout_later(tx, context, payout);
        Ok(())
    }

    /// Sends or looks up. No transaction is open.
    pub(super) async fn carry_out(&self, payout: &Payout, step: Step) -> Finding {
        let span = tracing::info_span!("compensation.provider", amends.payout = %payout.id, amends.step = payout.steps);
        let provider = &self.provider;
        match step {
            Step::Send if self.may_be_sent(payout) => {
                let request = payout.request.clone();
                #[cfg(test)]
                let request = crate::testing::request_of_attempt(self.rules.safeguards, request, payout.steps);
                provider.execute(request).instrument(span).await
            }
            // A process that slept between intent and send wakes up here.
            Step::Send | Step::LookUp => provider.look_up(payout.key.clone()).instrument(span).await,
        }
    }

    /// Asked immediately before every send.
    fn may_be_sent(&self, payout: &Payout) -> bool {
        payout.may_be_sent(self.engine.now()) || !self.rules.safeguards.hold(Safeguard::WindowBeforeEverySend)
    }
}

#[cfg(test)]
#[path = "advance_payout_tests.rs"]
mod tests;
