//! An offer was answered or has ended: what it counted and did not give is given back.

use std::collections::BTreeSet;

use durable::{Tx, TxError};
use kernel::TenantId;

use super::super::Parts;
use crate::domain::history::History;
use crate::domain::offer::OfferState;
use crate::domain::policy::measure;
use crate::domain::records::{Offer, Remedy};
use crate::store::spending::{self, Entry, Holder, Scope};

impl Parts {
    /// Counts an offer as it ended. The caller holds the remedy's lock.
    pub(in crate::app) async fn release(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        (remedy, history): (&Remedy, &History),
        offer: &Offer,
    ) -> Result<(), TxError> {
        let Some(counted) = spending::counted_in_tx(tx, tenant, offer.id).await? else { return Ok(()) };
        let chosen: Vec<_> = offer
            .options
            .iter()
            .filter(|option| offer.state == OfferState::Accepted && option.id == offer.accepted_option)
            .cloned()
            .collect();
        // What was paid once is excused no more, as it was when the offer was counted.
        let owed = history.still_owed(remedy, true);
        let need = measure::need(&chosen, &offer.plus, &owed.iter().collect::<Vec<_>>());
        let gestures = measure::gestures(&chosen, &offer.plus);
        let kept = |entry: &Entry| {
            let account = &entry.account;
            match account.scope {
                Scope::Budget => gestures.get(&account.unit),
                Scope::Agent | Scope::Case | Scope::Customer => need.get(&(account.kind.clone(), account.unit.clone())),
            }
        };
        let back: Vec<Entry> = counted
            .entries
            .iter()
            .map(|entry| Entry {
                amount: entry.amount - kept(entry).copied().unwrap_or(0).min(entry.amount),
                account: entry.account.clone(),
            })
            .filter(|entry| entry.amount > 0)
            .collect();
        let holders: BTreeSet<Holder> =
            back.iter().map(|entry| (tenant.clone(), entry.account.scope, entry.account.holder.clone())).collect();
        spending::lock_in_tx(tx, &holders).await?;
        let back: Vec<_> = back.iter().map(|entry| (tenant, entry)).collect();
        spending::take_back_in_tx(tx, counted.day, &back).await?;
        spending::forget_in_tx(tx, tenant, offer.id).await?;
        Ok(())
    }
}
