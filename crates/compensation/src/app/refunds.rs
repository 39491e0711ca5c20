//! Refunds never exceed what was captured: orders are locked before money of theirs is promised, all of a group at once.

use std::collections::BTreeMap;

use api::reason::compensation::REFUND_ABOVE_CAPTURE;
use durable::{Tx, TxError};
use kernel::{ServiceError, TenantId};
use sea_orm::DbErr;

use crate::domain::line::Basis;
use crate::domain::line::{OfferOption, RemedyLine};
use crate::domain::order_funds::{MAX_REFERENCE, OrderFunds, above, cut, cut_by_law, order_of, refund_of};
use crate::domain::records::{Offer, Remedy};
use crate::store::orders::{self, OrderRefund, RefundHolder};

/// The orders of a group of commands, locked.
#[derive(Debug, Default)]
pub(super) struct LockedOrders(BTreeMap<(String, String), OrderFunds>);

impl LockedOrders {
    /// Locks the orders that these lines refund; no statement when there are none.
    pub(super) async fn lock<'a>(
        tx: &Tx,
        wanted: impl IntoIterator<Item = (&'a TenantId, Option<&'a str>, &'a [RemedyLine])>,
    ) -> Result<Self, DbErr> {
        let refunded = wanted.into_iter().filter(|(_, _, lines)| lines.iter().any(|line| refund_of(line).is_some()));
        let mut named: Vec<_> = refunded.filter_map(|(tenant, order, _)| Some((tenant, order?))).collect();
        named.sort();
        named.dedup();
        orders::lock_in_tx(tx, &named).await.map(Self)
    }

    /// Cuts lines that are given without a person to what is left of their order.
    pub(super) fn cut(&mut self, tenant: &TenantId, order: Option<&str>, lines: &mut Vec<RemedyLine>) {
        if let Some(order) = order.map(shortened) {
            cut(lines, &order, self.0.get_mut(&(tenant.to_string(), order.clone())));
        }
    }
}

/// A reference that cannot be one of a capture is shown by its beginning.
fn shortened(order: &str) -> String {
    order.chars().take(MAX_REFERENCE).collect()
}

/// The refunds among what is newly given of a remedy: payouts, and vouchers in the place of one.
pub(super) fn refunds<'a>(
    remedy: &Remedy,
    lines: &[RemedyLine],
    given: impl Iterator<Item = (&'a str, RefundHolder)>,
) -> Vec<OrderRefund> {
    let Some(order) = order_of(&remedy.event) else { return Vec::new() };
    let amount = |id: &str| lines.iter().find(|line| line.id == id).and_then(refund_of);
    let held = given.filter_map(|(line, holder)| Some((holder, amount(line)?)));
    held.map(|(holder, amount)| OrderRefund { holder, order: order.to_owned(), amount }).collect()
}

/// Refuses choices that would refund more than is left: a person who offers or accepts can mend it, the machine cannot.
pub(super) async fn refuse_above(
    tx: &Tx,
    tenant: &TenantId,
    remedy: &Remedy,
    options: &[OfferOption],
    plus: &[RemedyLine],
) -> Result<(), TxError> {
    let Some(order) = order_of(&remedy.event) else { return Ok(()) };
    if !options.iter().flat_map(|option| &option.lines).chain(plus).any(|line| refund_of(line).is_some()) {
        return Ok(());
    }
    let locked = orders::lock_in_tx(tx, &[(tenant, order)]).await?;
    let funds = locked.values().next();
    for option in options {
        if let Some(why) = above(option.lines.iter().chain(plus), order, funds) {
            return Err(refused(&option.id, order, funds, &why).into());
        }
    }
    Ok(())
}

/// Locks the order that an offer refunds, where it does. An order is locked before the sums of limits, everywhere.
pub(super) async fn lock_order_of(tx: &Tx, tenant: &TenantId, remedy: &Remedy, offer: &Offer) -> Result<(), TxError> {
    let lines: Vec<_> = offer.options.iter().flat_map(|option| &option.lines).chain(&offer.plus).cloned().collect();
    LockedOrders::lock(tx, [(tenant, order_of(&remedy.event), lines.as_slice())]).await?;
    Ok(())
}

/// What an option gives within what was captured. What the law demands back is cut like what is given without a person:
/// the customer who accepts it cannot mend a capture that is not known, and must not be refused what is owed. Any other
/// refund above it is refused.
pub(super) async fn within_captures(
    tx: &Tx,
    tenant: &TenantId,
    remedy: &Remedy,
    option: &str,
    mut lines: Vec<RemedyLine>,
) -> Result<Vec<RemedyLine>, TxError> {
    let Some(order) = order_of(&remedy.event) else { return Ok(lines) };
    if lines.iter().all(|line| refund_of(line).is_none()) {
        return Ok(lines);
    }
    let mut locked = orders::lock_in_tx(tx, &[(tenant, order)]).await?;
    let mut funds = locked.values_mut().next();
    cut_by_law(&mut lines, &shortened(order), funds.as_deref_mut());
    let others = lines.iter().filter(|line| line.basis != Basis::Statutory);
    if let Some(why) = above(others, order, funds.as_deref()) {
        return Err(refused(option, order, funds.as_deref(), &why).into());
    }
    Ok(lines)
}

fn refused(option: &str, order: &str, funds: Option<&OrderFunds>, why: &str) -> ServiceError {
    let message = format!("option {option} refunds more than is left: {why}");
    let left = funds.map_or_else(|| "0".to_owned(), |funds| funds.left().to_string());
    let error = ServiceError::precondition(REFUND_ABOVE_CAPTURE, message).with("order", order);
    error.with("left", left).with("option", option)
}
