//! What the LedgerService shows: the domain's values as its contract has them.

use api::compensation as wire;
use chassis::wire::{to_duration, to_money, to_timestamp};
use kernel::{Money, Timestamp};

use crate::domain::freeze::{FreezeState, PayoutFreeze};
use crate::domain::grant::{Voucher, Worth};
use crate::domain::liability::{AGES, Liability};
use crate::domain::order_funds::OrderFunds;
use crate::store::ledger::Balance;
use crate::store::redemptions::Redemption;
use crate::store::reversals::Reversal;

/// The one name of a tenant's kill switch.
pub(crate) const PAYOUT_FREEZE: &str = "payoutFreeze";
/// The last part of the name of a grant's reversal.
pub(crate) const REVERSAL: &str = "reversal";

/// The kill switch.
pub(crate) fn payout_freeze(freeze: &PayoutFreeze) -> wire::PayoutFreeze {
    use wire::payout_freeze::State;
    let state = match freeze.state {
        FreezeState::Flowing => State::Flowing,
        FreezeState::Frozen => State::Frozen,
    };
    wire::PayoutFreeze {
        name: PAYOUT_FREEZE.to_owned(),
        state: state.into(),
        reason: freeze.reason.clone(),
        changed_by: freeze.changed_by.clone(),
        update_time: freeze.changed_at.map(to_timestamp),
    }
}

/// One use of a voucher, with the voucher after it.
pub(crate) fn redemption(redemption: &Redemption, voucher: &Voucher, now: Timestamp) -> wire::VoucherRedemption {
    wire::VoucherRedemption {
        name: redemption.id.to_string(),
        voucher: Some(crate::wire::voucher(voucher)),
        amount: redemption.amount.map(to_money),
        percent: match voucher.worth {
            Worth::Amount(_) => 0,
            Worth::Percent(percent) => i32::try_from(percent).unwrap_or(i32::MAX),
        },
        order: redemption.order.clone(),
        create_time: Some(to_timestamp(now)),
    }
}

/// A grant that was taken back.
pub(crate) fn reversal(reversal: &Reversal) -> wire::GrantReversal {
    wire::GrantReversal {
        name: format!("{}/{REVERSAL}", reversal.grant),
        grant: reversal.grant.clone(),
        amount: reversal.booked.map(|(amount, _)| to_money(amount)),
        reason: reversal.reason.clone(),
        reversed_by: reversal.reversed_by.clone(),
        ledger_transaction: reversal.booked.map(|(_, id)| id.to_string()).unwrap_or_default(),
        create_time: Some(to_timestamp(reversal.created_at)),
    }
}

/// What vouchers may still cost, beside what the ledger says.
pub(crate) fn liability(lines: &[Liability], booked: &[Balance], now: Timestamp) -> wire::GetVoucherLiabilityResponse {
    let line = |line: &Liability| wire::VoucherLiability {
        min_age: AGES.get(line.age).copied().map(to_duration),
        max_age: AGES.get(line.age + 1).copied().map(to_duration),
        vouchers: line.vouchers,
        issued: Some(to_money(line.issued)),
        outstanding: Some(to_money(line.outstanding)),
    };
    wire::GetVoucherLiabilityResponse {
        lines: lines.iter().map(line).collect(),
        booked: booked.iter().map(crate::wire::balance).collect(),
        create_time: Some(to_timestamp(now)),
    }
}

/// What was captured for an order and refunded of it.
pub(crate) fn order_funds(funds: &OrderFunds) -> wire::OrderFunds {
    wire::OrderFunds {
        order: funds.order.clone(),
        captured: Some(to_money(funds.captured)),
        refunded: Some(to_money(Money::new(funds.captured.currency, funds.refunded))),
        left: Some(to_money(funds.left())),
    }
}
