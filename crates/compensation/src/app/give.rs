//! Giving: lines become vouchers and payouts, with their place in the ledger, their timers and their milestones.

use api::extension::ExecutePayoutRequest;
use chassis::wire::to_money;
use durable::Tx;
use kernel::{PayoutId, RequestContext, ResourceId, VoucherId};
use prost::Message as _;
use uuid::Uuid;

use super::effects::Effects;
use super::{Parts, own_calls, refunds};
use crate::domain::grant::{PayoutOrder, Recipient, Worth, grant};
use crate::domain::ledger::Transaction;
use crate::domain::line::RemedyLine;
use crate::domain::payout::PayoutState;
use crate::domain::payout_step::Payout;
use crate::domain::records::Remedy;
use crate::store::orders::RefundHolder;

/// What was given.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) vouchers: Vec<VoucherId>,
    pub(super) payouts: Vec<PayoutId>,
}

impl Parts {
    /// Gives lines of a remedy. `grant_id` is the offer that was accepted, or the remedy for what is automatic: the
    /// database takes each of its lines once.
    pub(super) fn give(
        &self,
        tx: &Tx,
        context: &RequestContext,
        remedy: &Remedy,
        grant_id: Uuid,
        lines: &[RemedyLine],
        effects: &mut Effects,
    ) -> Given {
        let to = Recipient { remedy: remedy.id, case: remedy.case, customer: remedy.customer, grant: grant_id };
        let granted = grant(lines, to, self.voucher_term, tx.now(), || self.engine.new_id());
        let mut given = Given::default();
        for voucher in granted.vouchers {
            given.vouchers.push(voucher.id);
            if let Worth::Amount(amount) = voucher.worth {
                let id = self.engine.new_id().into();
                let issued = Transaction::voucher_issued(id, voucher.id, voucher.case, (amount, voucher.cost));
                effects.transactions.push((context.tenant.clone(), issued));
            }
            self.milestones.voucher_issued(tx, context, &voucher);
            own_calls::expire_voucher_later(tx, context, &voucher);
            effects.vouchers.push((context.tenant.clone(), voucher));
        }
        let before = (effects.vouchers.len() - given.vouchers.len(), effects.payouts.len());
        for order in granted.payouts {
            given.payouts.push(order.id);
            let payout = self.payout(tx, remedy, grant_id, order);
            let id = self.engine.new_id().into();
            let reserved = Transaction::payout_reserved(id, payout.id, payout.case, payout.amount);
            effects.transactions.push((context.tenant.clone(), reserved));
            own_calls::advance_payout_later(tx, context, &payout);
            effects.payouts.push((context.tenant.clone(), payout));
        }
        let vouchers = effects.vouchers[before.0..].iter();
        let vouchers = vouchers.map(|(_, voucher)| (voucher.line.as_str(), RefundHolder::Voucher(voucher.id)));
        let payouts = effects.payouts[before.1..].iter();
        let payouts = payouts.map(|(_, payout)| (payout.line.as_str(), RefundHolder::Payout(payout.id)));
        let refunds = refunds::refunds(remedy, lines, vouchers.chain(payouts));
        effects.refunds.extend(refunds.into_iter().map(|refund| (context.tenant.clone(), refund)));
        given
    }

    /// A payout with the request that every attempt will send.
    fn payout(&self, tx: &Tx, remedy: &Remedy, grant_id: Uuid, order: PayoutOrder) -> Payout {
        let payee = if remedy.payee.is_empty() { remedy.customer.to_string() } else { remedy.payee.clone() };
        let key = order.id.uuid().to_string();
        let statement = format!("{} {}", self.statement_text, remedy.event.reference);
        let request = ExecutePayoutRequest {
            payout_key: key.clone(),
            amount: Some(to_money(order.amount)),
            payee: payee.clone(),
            statement_text: statement.trim_end().chars().take(140).collect(),
        };
        Payout {
            id: order.id,
            remedy: remedy.id,
            case: remedy.case,
            grant: grant_id,
            line: order.line,
            state: PayoutState::Reserved,
            amount: order.amount,
            cost: order.cost,
            payee,
            key,
            request: request.encode_to_vec(),
            attempts: 0,
            steps: 0,
            first_attempt_at: None,
            key_valid_until: None,
            next_step_at: tx.now(),
            not_found_at: None,
            reference: String::new(),
            reason: String::new(),
            created_at: tx.now(),
            updated_at: tx.now(),
        }
    }
}
