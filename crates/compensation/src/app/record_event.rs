//! The provider tells of an event by itself: a hint that has the payout looked up now, and no more.
//!
//! Verified, counted once by the provider's id of it, and confirmed by the look-up: what the event says is never
//! believed. It may come before the answer to the send that it is about: the intent is there by then.

use api::compensation::RecordProviderEventResponse;
use api::method::settlement_service::RECORD_PROVIDER_EVENT;
use durable::Tx;
use kernel::{Answer, RequestContext, RequestKey, ServiceError, Violations};
use serde::Serialize;

use super::{Parts, own_calls};
use crate::domain::payout::PayoutState;
use crate::domain::safeguards::Safeguard;
use crate::provider::webhook;
use crate::store::payouts;
use crate::store::provider_events::{self, ProviderEvent};

/// A webhook: its headers and its body.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RecordProviderEvent {
    pub(crate) event: String,
    pub(crate) timestamp: String,
    pub(crate) signature: String,
    pub(crate) body: Vec<u8>,
}

impl Parts {
    /// Takes an event.
    ///
    /// # Errors
    /// UNAUTHENTICATED `BAD_SIGNATURE`; INVALID_ARGUMENT `WEBHOOK_TOO_OLD` and for a body that cannot be read;
    /// FAILED_PRECONDITION `WEBHOOKS_NOT_CONFIGURED`.
    #[tracing::instrument(skip_all, name = "compensation.record_provider_event", fields(amends.event = %command.event))]
    pub(crate) async fn record_provider_event(
        &self,
        context: RequestContext,
        request_id: &str,
        command: RecordProviderEvent,
    ) -> Result<Answer<RecordProviderEventResponse>, ServiceError> {
        let key = context.key(RECORD_PROVIDER_EVENT, request_id, RequestKey::hash_of(&command));
        // What was taken in its time is answered later as well.
        if let Some(answer) = self.engine.answered(&key).await? {
            return Ok(answer);
        }
        let RecordProviderEvent { event, timestamp, signature, body } = command;
        self.webhooks.verify(&event, &timestamp, &signature, &body, self.engine.now())?;
        let told = webhook::read(&body).map_err(|why| {
            let mut violations = Violations::new();
            violations.add("body", "WEBHOOK_BODY", format!("must be an event with type and data.payout_key: {why}"));
            violations.finish().err().unwrap_or_else(|| ServiceError::internal("a violation was recorded"))
        })?;
        #[cfg(test)]
        self.believe(&context, &told).await?;
        let counts_once = self.rules.safeguards.hold(Safeguard::EventsOnce);
        let mark = if counts_once { event.clone() } else { format!("{event}/{}", self.engine.new_id()) };
        let work = move |tx: Tx| {
            let (context, event, told, mark) = (context.clone(), event.clone(), told.clone(), mark.clone());
            async move {
                let tenant = &context.tenant;
                let payout = payouts::by_key(tx.conn(), tenant, &told.payout_key).await?;
                let looks_up = payout.as_ref().is_some_and(|payout| may_be_found_out(payout.state));
                let payout = payout.map(|payout| payout.id);
                let new = ProviderEvent { event, kind: told.kind, payout, looks_up };
                let is_new = provider_events::insert_in_tx(&tx, tenant, &new).await? || !counts_once;
                let kept = if is_new { None } else { provider_events::get_in_tx(&tx, tenant, &new.event).await? };
                let kept = kept.unwrap_or(new);
                if let Some(payout) = kept.payout.filter(|_| is_new && kept.looks_up) {
                    own_calls::look_up_payout_now(&tx, &context, payout, &mark);
                }
                Ok(RecordProviderEventResponse {
                    payout: kept.payout.map(|id| id.to_string()).unwrap_or_default(),
                    repeated_event: !is_new,
                    looks_up: is_new && kept.looks_up,
                })
            }
        };
        self.engine.mutate("compensation.record_provider_event", key, work).await
    }

    /// What must not be: an event that is taken for a proof. Only where that protection is taken away.
    #[cfg(test)]
    async fn believe(&self, context: &RequestContext, told: &webhook::Told) -> Result<(), ServiceError> {
        use crate::domain::payout_step::Finding;
        if self.rules.safeguards.hold(Safeguard::EventsAreHints) {
            return Ok(());
        }
        let found = payouts::by_key(self.engine.read(), &context.tenant, &told.payout_key).await;
        if let Some(payout) = found.map_err(durable::TxError::from)? {
            let finding = Finding::Executed { reference: "webhook".to_owned(), amount: None };
            self.record(context, &payout, finding).await?;
        }
        Ok(())
    }
}

/// Whether there is anything to find out: it may have been sent, and what came of it is not known.
const fn may_be_found_out(state: PayoutState) -> bool {
    match state {
        PayoutState::Submitting | PayoutState::Unknown | PayoutState::Manual => true,
        PayoutState::Reserved | PayoutState::Confirmed | PayoutState::Declined | PayoutState::Voided => false,
    }
}
