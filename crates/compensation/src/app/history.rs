//! What came of a remedy that the caller has locked, read in its transaction.

use durable::{Tx, TxError};
use kernel::TenantId;

use crate::domain::history::History;
use crate::domain::records::Remedy;
use crate::store::{offers, payouts};

/// The offers and payouts of a remedy; one query where it has no offer, else two.
pub(super) async fn history(tx: &Tx, tenant: &TenantId, remedy: &Remedy) -> Result<History, TxError> {
    let payouts = payouts::of_remedy_in_tx(tx, tenant, remedy.id).await?;
    let mut offers =
        if remedy.offer.is_some() { offers::of_remedy_in_tx(tx, tenant, remedy).await? } else { Vec::new() };
    // Of two that were made in the same moment, the one that the remedy stands at is the later one.
    offers.sort_by_key(|offer| (offer.created_at, remedy.offer == Some(offer.id), offer.ended_at));
    Ok(History { offers, payouts })
}
