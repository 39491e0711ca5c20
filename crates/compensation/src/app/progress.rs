//! How far the payouts of a remedy have come, taken together.

use durable::{Tx, TxError};
use kernel::{ServiceError, TenantId};

use crate::domain::payout::PayoutState;
use crate::domain::records::{Offer, Remedy};
use crate::domain::remedy::Progress;
use crate::store::{offers, payouts};

/// The last offer of a remedy that the caller has locked.
pub(super) async fn last_offer(tx: &Tx, tenant: &TenantId, remedy: &Remedy) -> Result<Option<Offer>, TxError> {
    let Some(id) = remedy.offer else { return Ok(None) };
    let offer = offers::get(tx.conn(), tenant, id).await?;
    offer.map(Some).ok_or_else(|| ServiceError::internal(format!("{} has no offer {id}", remedy.id)).into())
}

/// The progress of a remedy that the caller has locked. What was refused before the last offer was made is behind us:
/// the offer stands in its place.
pub(super) async fn progress(
    tx: &Tx,
    tenant: &TenantId,
    remedy: &Remedy,
    last_offer: Option<&Offer>,
) -> Result<Progress, TxError> {
    let all = payouts::of_remedy_in_tx(tx, tenant, remedy.id).await?;
    let current = all.into_iter().filter(|(state, decided_at)| {
        *state != PayoutState::Declined || last_offer.is_none_or(|offer| *decided_at >= offer.created_at)
    });
    Ok(Progress::of_all(current.map(|(state, _)| state)))
}
