//! The new rows of one command or of a whole group, written with one statement for each table.

use durable::Tx;
use kernel::{OfferId, TenantId};
use sea_orm::DbErr;

use crate::domain::approval::Approval;
use crate::domain::grant::Voucher;
use crate::domain::ledger::Transaction;
use crate::domain::payout_step::Payout;
use crate::domain::policy::abuse::Claim;
use crate::domain::policy::window::day_of;
use crate::domain::records::{Offer, Remedy};
use crate::store::assignments::Assignment;
use crate::store::goodwill::StoredSignal;
use crate::store::orders::OrderRefund;
use crate::store::spending::{Counted, Entry};
use crate::store::{approvals, assignments, goodwill, ledger, offers, orders, payouts, remedies, spending, vouchers};

/// New rows that have not been written yet.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) remedies: Vec<(TenantId, Remedy)>,
    pub(super) offers: Vec<(TenantId, Offer)>,
    pub(super) vouchers: Vec<(TenantId, Voucher)>,
    pub(super) payouts: Vec<(TenantId, Payout)>,
    pub(super) transactions: Vec<(TenantId, Transaction)>,
    pub(super) refunds: Vec<(TenantId, OrderRefund)>,
    pub(super) approvals: Vec<(TenantId, Approval)>,
    /// Counted against limits whose holders are locked.
    pub(super) entries: Vec<(TenantId, Entry)>,
    pub(super) counted: Vec<(TenantId, OfferId, Counted)>,
    pub(super) claims: Vec<(TenantId, Claim)>,
    pub(super) signals: Vec<(TenantId, StoredSignal)>,
    pub(super) assignments: Vec<(TenantId, Assignment)>,
}

impl Effects {
    /// Writes them, owners before what belongs to them. Money is set aside with the payouts.
    pub(super) async fn write(&self, tx: &Tx) -> Result<(), DbErr> {
        remedies::insert_in_tx(tx, &by_ref(&self.remedies)).await?;
        offers::insert_in_tx(tx, &by_ref(&self.offers)).await?;
        vouchers::insert_in_tx(tx, &by_ref(&self.vouchers)).await?;
        payouts::insert_in_tx(tx, &by_ref(&self.payouts)).await?;
        let reserved: Vec<_> = self.payouts.iter().map(|(tenant, payout)| (tenant, payout.id, payout.amount)).collect();
        ledger::reserve_in_tx(tx, &reserved).await?;
        orders::hold_in_tx(tx, &by_ref(&self.refunds)).await?;
        ledger::append_in_tx(tx, &by_ref(&self.transactions)).await?;
        approvals::insert_in_tx(tx, &by_ref(&self.approvals)).await?;
        spending::add_in_tx(tx, day_of(tx.now()), &by_ref(&self.entries)).await?;
        let counted: Vec<_> = self.counted.iter().map(|(tenant, offer, counted)| (tenant, *offer, counted)).collect();
        spending::remember_in_tx(tx, &counted).await?;
        goodwill::remember_in_tx(tx, &by_ref(&self.claims)).await?;
        goodwill::insert_signals_in_tx(tx, &by_ref(&self.signals)).await?;
        assignments::assign_in_tx(tx, &by_ref(&self.assignments)).await
    }
}

fn by_ref<T>(rows: &[(TenantId, T)]) -> Vec<(&TenantId, &T)> {
    rows.iter().map(|(tenant, row)| (tenant, row)).collect()
}
