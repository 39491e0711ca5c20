//! What lines become when they are given: vouchers, payouts, and work for people.

use std::time::Duration;

use kernel::{CaseId, CustomerId, Money, PayoutId, RemedyId, Timestamp, VoucherId};
use uuid::Uuid;

use super::ledger::Account;
use super::line::{Benefit, RemedyLine};
use super::voucher::{VoucherState, code_of};

/// A voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// Its id.
    pub id: VoucherId,
    /// The remedy that gave it.
    pub remedy: RemedyId,
    /// The case.
    pub case: CaseId,
    /// The customer.
    pub customer: CustomerId,
    /// What gave it: the offer that was accepted, or the remedy itself.
    pub grant: Uuid,
    /// The line that gave it.
    pub line: String,
    /// Where it stands.
    pub state: VoucherState,
    /// What it is good for.
    pub description: String,
    /// What it is worth.
    pub worth: Worth,
    /// The account that it is an expense on.
    pub cost: Account,
    /// What was used of its amount, in minor units; 0 for a discount.
    pub redeemed: i64,
    /// The code that the customer shows.
    pub code: String,
    /// When it runs out; [`NEVER`] for one that does not.
    pub expires_at: Timestamp,
    /// When it was issued.
    pub created_at: Timestamp,
}

/// The end of the year 9999: when a voucher runs out that never does. Every voucher has a time, so that whatever compares
/// or sorts by it needs no second case.
pub const NEVER: Timestamp = Timestamp::from_seconds(253_402_300_799);

impl Voucher {
    /// When it runs out; none: never.
    pub fn expiry(&self) -> Option<Timestamp> {
        (self.expires_at < NEVER).then_some(self.expires_at)
    }
}

/// What a voucher is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// An amount.
    Amount(Money),
    /// Percent off.
    Percent(u32),
}

/// Money to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutOrder {
    /// The payout's id.
    pub id: PayoutId,
    /// The line that gave it.
    pub line: String,
    /// What is paid.
    pub amount: Money,
    /// The account that it is an expense on.
    pub cost: Account,
}

/// To whom lines are given, by what, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The remedy.
    pub remedy: RemedyId,
    /// The case.
    pub case: CaseId,
    /// The customer.
    pub customer: CustomerId,
    /// The offer that was accepted, or the remedy itself: a line is given at most once by it.
    pub grant: Uuid,
}

/// What lines become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Vouchers, issued.
    pub vouchers: Vec<Voucher>,
    /// Money to be paid.
    pub payouts: Vec<PayoutOrder>,
}

/// Turns lines into what is given. `new_id` gives a fresh random id at each call.
pub fn grant(
    lines: &[RemedyLine],
    to: Recipient,
    voucher_term: Duration,
    now: Timestamp,
    mut new_id: impl FnMut() -> Uuid,
) -> Grant {
    let mut grant = Grant::default();
    for line in lines {
        let cost = Account::cost_of(line.basis);
        let worth = match line.benefit {
            Benefit::Money(amount) => {
                grant.payouts.push(PayoutOrder { id: new_id().into(), line: line.id.clone(), amount, cost });
                continue;
            }
            Benefit::Voucher(amount) => Worth::Amount(amount),
            Benefit::Discount(percent) => Worth::Percent(percent),
            // People carry it out; the settlement's summary tells them.
            Benefit::Service => continue,
        };
        grant.vouchers.push(Voucher {
            id: new_id().into(),
            remedy: to.remedy,
            case: to.case,
            customer: to.customer,
            grant: to.grant,
            line: line.id.clone(),
            state: VoucherState::Issued,
            description: line.description.clone(),
            worth,
            cost,
            redeemed: 0,
            code: code_of(new_id()),
            expires_at: if line.origin.never_expires { NEVER } else { now.plus(voucher_term) },
            created_at: now,
        });
    }
    grant
}

#[cfg(test)]
mod tests {
    use kernel::Currency;

    use super::*;
    use crate::domain::line::{Basis, Origin};

    const TERM: Duration = Duration::from_secs(1_000);

    fn eur(minor: i64) -> Money {
        Money::new(Currency::parse("EUR").expect("a currency"), minor)
    }

    fn line(id: &str, basis: Basis, benefit: Benefit, never_expires: bool) -> RemedyLine {
        RemedyLine {
            id: id.to_owned(),
            basis,
            benefit,
            description: format!("the {id}"),
            arithmetic: String::new(),
            origin: Origin { never_expires, ..Origin::default() },
            refund: false,
        }
    }

    fn granted(lines: &[RemedyLine]) -> Grant {
        let id = Uuid::from_u128;
        let to = Recipient { remedy: id(1).into(), case: id(2).into(), customer: id(3).into(), grant: id(4) };
        let mut last = 100;
        grant(lines, to, TERM, Timestamp::from_seconds(50), || {
            last += 1;
            Uuid::from_u128(last)
        })
    }

    #[test]
    fn money_is_paid_vouchers_are_issued_and_services_are_left_to_people() {
        let lines = [
            line("cash", Basis::Statutory, Benefit::Money(eur(25_000)), false),
            line("meal", Basis::Statutory, Benefit::Voucher(eur(1_500)), false),
            line("ride", Basis::Restitution, Benefit::Service, false),
            line("less", Basis::NoFaultGoodwill, Benefit::Discount(10), true),
        ];
        let Grant { vouchers, payouts } = granted(&lines);
        let cash = PayoutOrder {
            id: Uuid::from_u128(101).into(),
            line: "cash".to_owned(),
            amount: eur(25_000),
            cost: Account::Expense,
        };
        assert_eq!(payouts, [cash]);
        let told: Vec<_> = vouchers
            .iter()
            .map(|one| (one.line.as_str(), one.description.as_str(), one.worth, one.cost, one.expiry()))
            .collect();
        let in_time = Some(Timestamp::from_seconds(50).plus(TERM));
        assert_eq!(
            told,
            [
                ("meal", "the meal", Worth::Amount(eur(1_500)), Account::Expense, in_time),
                ("less", "the less", Worth::Percent(10), Account::NoFaultGoodwill, None),
            ]
        );
        for voucher in &vouchers {
            assert_eq!((voucher.state, voucher.redeemed), (VoucherState::Issued, 0));
            assert_eq!((voucher.grant, voucher.created_at), (Uuid::from_u128(4), Timestamp::from_seconds(50)));
        }
        assert!(vouchers[0].id != vouchers[1].id && vouchers[0].code != vouchers[1].code);
        assert_eq!(granted(&lines[2..3]), Grant::default());
    }

    #[test]
    fn a_voucher_that_never_runs_out_has_no_expiry_and_every_other_has_one() {
        let issued = granted(&[line("meal", Basis::Gesture, Benefit::Voucher(eur(1)), true)]).vouchers;
        assert_eq!((issued[0].expires_at, issued[0].expiry()), (NEVER, None));
        let second_before = Timestamp::from_seconds(253_402_300_798);
        let last = Voucher { expires_at: second_before, ..issued[0].clone() };
        assert_eq!(last.expiry(), Some(second_before));
    }
}
