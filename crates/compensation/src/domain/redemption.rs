//! Using a voucher: what is left of it, what may be taken, and why not.

use kernel::{Money, Timestamp};

use super::grant::{Voucher, Worth};
use super::transition::InvalidTransition;
use super::voucher::{VoucherEvent, VoucherState};

/// Why a voucher is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It was used up, has run out, or was voided.
    NotUsable(VoucherState),
    /// It is worth an amount: say how much is used.
    AmountMissing {
        /// What is left.
        left: Money,
    },
    /// It is a discount, which has no amount.
    AmountOnDiscount,
    /// Another currency.
    Currency {
        /// What is left.
        left: Money,
    },
    /// More than is left.
    Insufficient {
        /// What is left.
        left: Money,
    },
}

impl Voucher {
    /// What is left of the amount; `None` for a discount. Nothing is left of one that has ended.
    pub fn remaining(&self) -> Option<Money> {
        let Worth::Amount(amount) = self.worth else { return None };
        let left = match self.state {
            VoucherState::Issued => amount.minor - self.redeemed,
            VoucherState::Redeemed | VoucherState::Expired | VoucherState::Voided => 0,
        };
        Some(Money::new(amount.currency, left))
    }

    /// Where the voucher stands for its customer: its time may have passed before its timer has said so.
    pub fn state_at(&self, now: Timestamp) -> VoucherState {
        if self.state == VoucherState::Issued && now >= self.expires_at { VoucherState::Expired } else { self.state }
    }

    /// Uses the voucher: a positive `wanted` of its amount, or the discount, which is used once.
    ///
    /// # Errors
    /// When it cannot be used so; nothing has changed then.
    pub fn redeem(&mut self, wanted: Option<Money>, now: Timestamp) -> Result<Worth, Refusal> {
        let state = self.state_at(now);
        let usable = |event| state.on(event).map_err(|_| Refusal::NotUsable(state));
        let (next, used) = match (self.worth, wanted) {
            (Worth::Percent(_), Some(_)) => return Err(Refusal::AmountOnDiscount),
            (Worth::Percent(_), None) => (usable(VoucherEvent::RedeemRest)?, self.worth),
            (Worth::Amount(amount), wanted) => {
                let left = Money::new(amount.currency, amount.minor - self.redeemed);
                usable(VoucherEvent::RedeemPart)?;
                let wanted = wanted.ok_or(Refusal::AmountMissing { left })?;
                if wanted.currency != left.currency {
                    return Err(Refusal::Currency { left });
                }
                if !(1..=left.minor).contains(&wanted.minor) {
                    return Err(Refusal::Insufficient { left });
                }
                let event =
                    if wanted.minor == left.minor { VoucherEvent::RedeemRest } else { VoucherEvent::RedeemPart };
                self.redeemed += wanted.minor;
                (usable(event)?, Worth::Amount(wanted))
            }
        };
        self.state = next;
        Ok(used)
    }

    /// Ends the voucher, by its time or by a person; what was left of its amount.
    ///
    /// # Errors
    /// When it has ended before.
    pub fn end(&mut self, event: VoucherEvent) -> Result<Option<Money>, InvalidTransition> {
        let left = self.remaining();
        self.state = self.state.on(event)?;
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use kernel::Currency;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::ledger::Account;

    fn money(code: &str, minor: i64) -> Money {
        Money::new(Currency::parse(code).expect("known"), minor)
    }

    fn voucher(worth: Worth) -> Voucher {
        Voucher {
            id: Uuid::from_u128(1).into(),
            remedy: Uuid::from_u128(2).into(),
            case: Uuid::from_u128(3).into(),
            customer: Uuid::from_u128(4).into(),
            grant: Uuid::from_u128(2),
            line: "l".to_owned(),
            state: VoucherState::Issued,
            description: String::new(),
            worth,
            cost: Account::Expense,
            redeemed: 0,
            code: String::new(),
            expires_at: Timestamp::from_seconds(100),
            created_at: Timestamp::from_seconds(0),
        }
    }

    const NOW: Timestamp = Timestamp::from_seconds(99);

    #[test]
    fn an_amount_is_used_in_parts_and_never_beyond_it() {
        let mut it = voucher(Worth::Amount(money("EUR", 1_000)));
        assert_eq!(it.redeem(Some(money("EUR", 1_001)), NOW), Err(Refusal::Insufficient { left: money("EUR", 1_000) }));
        assert_eq!(it.redeem(Some(money("EUR", 400)), NOW), Ok(Worth::Amount(money("EUR", 400))));
        assert_eq!((it.state, it.remaining()), (VoucherState::Issued, Some(money("EUR", 600))));
        let before = it.clone();
        for (wanted, refusal) in [
            (Some(money("EUR", 601)), Refusal::Insufficient { left: money("EUR", 600) }),
            (Some(money("EUR", 0)), Refusal::Insufficient { left: money("EUR", 600) }),
            (Some(money("EUR", -1)), Refusal::Insufficient { left: money("EUR", 600) }),
            (Some(money("USD", 1)), Refusal::Currency { left: money("EUR", 600) }),
            (None, Refusal::AmountMissing { left: money("EUR", 600) }),
        ] {
            assert_eq!(it.redeem(wanted, NOW), Err(refusal));
        }
        assert_eq!(it, before);
        assert_eq!(it.redeem(Some(money("EUR", 600)), NOW), Ok(Worth::Amount(money("EUR", 600))));
        assert_eq!((it.state, it.remaining()), (VoucherState::Redeemed, Some(money("EUR", 0))));
        assert_eq!(it.redeem(Some(money("EUR", 1)), NOW), Err(Refusal::NotUsable(VoucherState::Redeemed)));
    }

    #[test]
    fn a_discount_is_used_once() {
        let mut it = voucher(Worth::Percent(10));
        assert_eq!(it.redeem(Some(money("EUR", 1)), NOW), Err(Refusal::AmountOnDiscount));
        assert_eq!(it.redeem(None, NOW), Ok(Worth::Percent(10)));
        assert_eq!((it.state, it.remaining()), (VoucherState::Redeemed, None));
        assert_eq!(it.redeem(None, NOW), Err(Refusal::NotUsable(VoucherState::Redeemed)));
    }

    #[test]
    fn its_time_ends_to_the_moment() {
        let end = Timestamp::from_seconds(100);
        for worth in [Worth::Amount(money("EUR", 10)), Worth::Percent(10)] {
            let wanted = if worth == Worth::Percent(10) { None } else { Some(money("EUR", 10)) };
            let refused = Err(Refusal::NotUsable(VoucherState::Expired));
            assert_eq!(voucher(worth).redeem(wanted, end), refused);
            assert!(voucher(worth).redeem(wanted, Timestamp::from_micros(end.micros() - 1)).is_ok());
        }
    }

    #[test]
    fn what_is_left_in_the_end_is_what_was_not_used() {
        for event in [VoucherEvent::Expire, VoucherEvent::Void] {
            let mut it = voucher(Worth::Amount(money("JPY", 1_000)));
            it.redeem(Some(money("JPY", 300)), NOW).expect("enough is left");
            assert_eq!(it.end(event), Ok(Some(money("JPY", 700))));
            assert_eq!(it.remaining(), Some(money("JPY", 0)));
            assert!(it.end(event).is_err());
            assert_eq!(voucher(Worth::Percent(5)).end(event), Ok(None));
        }
    }

    proptest! {
        #[test]
        fn the_parts_never_exceed_the_whole(amount in 1..10_000_i64, parts in prop::collection::vec(-5..3_000_i64, 0..40)) {
            let mut it = voucher(Worth::Amount(money("KWD", amount)));
            let mut used = 0;
            for part in parts {
                let wanted = money("KWD", part);
                let fits = it.state == VoucherState::Issued && part > 0 && part <= amount - used;
                prop_assert_eq!(it.redeem(Some(wanted), NOW).is_ok(), fits);
                used += if fits { part } else { 0 };
                prop_assert_eq!(it.redeemed, used);
                prop_assert_eq!(it.state == VoucherState::Redeemed, used == amount);
            }
        }
    }
}
