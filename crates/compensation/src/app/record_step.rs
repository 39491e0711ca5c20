//! What a step of a payout found out is recorded, with everything that follows from it.

use durable::{Tx, TxError};
use kernel::{LedgerTransactionId, RequestContext, ServiceError};
use opentelemetry::KeyValue;

use super::history::history;
use super::refusal::not_now;
use super::{Parts, own_calls};
use crate::domain::ledger::Transaction;
use crate::domain::payout_step::{Finding, Payout, Recorded};
use crate::domain::remedy::{RemedyEvent, RemedyState};
use crate::domain::reservation::ReservationEvent;
use crate::domain::safeguards::Safeguard;
use crate::store::{ledger, payouts, remedies};

/// What a person reads when the provider contradicts itself.
const CONTRADICTION: &str = "the provider says that it paid what it had refused for good";

impl Parts {
    /// Records the finding of the step that `begun` is in.
    pub(super) async fn record(
        &self,
        context: &RequestContext,
        begun: &Payout,
        finding: Finding,
    ) -> Result<Recorded, ServiceError> {
        let booking = self.engine.new_id().into();
        let finding = &finding;
        let work = |tx: Tx| async move {
            let tenant = &context.tenant;
            let missing = || ServiceError::internal(format!("{} has gone", begun.id));
            // The remedy first, then what belongs to it: two payouts of one remedy never wait for each other crosswise.
            remedies::lock_in_tx(&tx, tenant, begun.remedy).await?.ok_or_else(missing)?;
            let mut payout = payouts::lock_in_tx(&tx, tenant, begun.id).await?.ok_or_else(missing)?;
            if !self.rules.safeguards.hold(Safeguard::IntentFirst) && payout.steps < begun.steps {
                payout = begun.clone();
                self.plan_next(&tx, context, &payout).await?;
            }
            let recorded = payout.record(begun.steps, finding.clone(), tx.now(), &self.rules);
            self.follow_in_tx(&tx, context, &payout, recorded, (booking, begun.steps)).await?;
            Ok(recorded)
        };
        let recorded = self.engine.run_tx("compensation.advance_payout.record", work).await?;
        observe(context, begun, recorded);
        Ok(recorded)
    }

    /// Writes a payout and everything that follows from what was recorded about it: bookings under the id that is
    /// given, milestones, the remedy, the next step. The remedy is locked, and so is the payout. `occasion` tells two
    /// occasions on which one payout needs a person apart.
    pub(super) async fn follow_in_tx(
        &self,
        tx: &Tx,
        context: &RequestContext,
        payout: &Payout,
        recorded: Recorded,
        (booking, occasion): (LedgerTransactionId, u32),
    ) -> Result<(), TxError> {
        let tenant = &context.tenant;
        let booked = match recorded {
            Recorded::Nothing => return Ok(()),
            Recorded::Contradiction => {
                self.milestones.payout_needs_attention(tx, context, payout, CONTRADICTION, occasion);
                return Ok(());
            }
            Recorded::StillUnknown => return Ok(payouts::update_in_tx(tx, tenant, payout).await?),
            Recorded::NeedsPerson => None,
            Recorded::Confirmed => Some(ReservationEvent::Post),
            Recorded::Declined => Some(ReservationEvent::Void),
        };
        payouts::update_in_tx(tx, tenant, payout).await?;
        if let Some(event) = booked {
            let (id, case, amount) = (payout.id, payout.case, payout.amount);
            let transaction = match event {
                ReservationEvent::Post => Transaction::payout_posted(booking, id, case, (amount, payout.cost)),
                ReservationEvent::Void => Transaction::payout_voided(booking, id, case, amount),
            };
            if !ledger::settle_in_tx(tx, tenant, payout.id, event, &transaction).await? {
                return Err(ServiceError::internal(format!("{} has no pending reservation", payout.id)).into());
            }
        }
        own_calls::cancel_payout_step(tx, tenant, payout, payout.steps + 1);
        if recorded == Recorded::Confirmed {
            self.milestones.payout_confirmed(tx, context, payout);
        } else {
            self.milestones.payout_needs_attention(tx, context, payout, &payout.reason, occasion);
        }
        self.move_remedy(tx, context, payout).await
    }

    /// Takes the remedy where its payouts are now.
    async fn move_remedy(&self, tx: &Tx, context: &RequestContext, payout: &Payout) -> Result<(), TxError> {
        let tenant = &context.tenant;
        let Some(mut remedy) = remedies::get(tx.conn(), tenant, payout.remedy).await? else { return Ok(()) };
        let history = history(tx, tenant, &remedy).await?;
        let before = remedy.state;
        remedy.state = before.on(RemedyEvent::PayoutMoved(history.progress())).map_err(not_now)?;
        if remedy.state != before {
            remedies::update_in_tx(tx, tenant, &mut remedy).await?;
            if remedy.state == RemedyState::Settled {
                self.milestones.settled(tx, context, &remedy, &history, &[]);
            }
        }
        Ok(())
    }
}

/// One line and one count for each result, after it is durable.
fn observe(context: &RequestContext, payout: &Payout, recorded: Recorded) {
    let result = match recorded {
        Recorded::Confirmed => "confirmed",
        Recorded::Declined => "declined",
        Recorded::NeedsPerson => "manual",
        Recorded::StillUnknown => "unknown",
        Recorded::Nothing => "nothing",
        Recorded::Contradiction => "contradiction",
    };
    opentelemetry::global::meter("amends.compensation")
        .u64_counter("amends.payout.steps")
        .with_description("Steps of payouts, by what they found out")
        .build()
        .add(1, &[KeyValue::new("result", result)]);
    if recorded == Recorded::Contradiction {
        tracing::error!(tenant = %context.tenant, payout = %payout.id, "{CONTRADICTION}");
    } else {
        tracing::info!(payout = %payout.id, case = %payout.case, step = payout.steps, result, "payout step");
    }
}
