//! Double entry: which accounts a fact about money touches. A transaction can only be made balanced.
//!
//! A payout is reserved when it is decided (we owe it, and the budget is bound), posted when the provider has paid (we
//! owe it to the provider instead, and it is an expense), or voided when it certainly was not paid. A voucher is an
//! expense and a liability from its issue until it is redeemed or expires.

use std::collections::BTreeMap;

use kernel::{CaseId, Currency, LedgerTransactionId, Money, PayoutId, VoucherId, VoucherRedemptionId};

use super::line::Basis;

/// An account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What recovery has cost.
    Expense,
    /// What we owe to customers.
    CustomerPayable,
    /// What we owe to the provider for what it paid.
    ProviderClearing,
    /// What vouchers that are out may still cost.
    VoucherLiability,
    /// What is bound by payouts that are on their way.
    BudgetReserved,
    /// What vouchers have paid for, until sales takes it over.
    VoucherClearing,
    /// What recovery has cost where the fault was not the company's.
    NoFaultGoodwill,
}

impl Account {
    /// All accounts.
    pub const ALL: [Account; 7] = [
        Self::Expense,
        Self::CustomerPayable,
        Self::ProviderClearing,
        Self::VoucherLiability,
        Self::BudgetReserved,
        Self::VoucherClearing,
        Self::NoFaultGoodwill,
    ];

    /// The expense that a line is.
    pub const fn cost_of(basis: Basis) -> Self {
        match basis {
            Basis::Restitution | Basis::Time | Basis::Gesture | Basis::Statutory => Self::Expense,
            Basis::NoFaultGoodwill => Self::NoFaultGoodwill,
        }
    }

    /// The reverse of [`Account::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|account| account.as_str() == text)
    }

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expense => "expense",
            Self::CustomerPayable => "customer_payable",
            Self::ProviderClearing => "provider_clearing",
            Self::VoucherLiability => "voucher_liability",
            Self::BudgetReserved => "budget_reserved",
            Self::VoucherClearing => "voucher_clearing",
            Self::NoFaultGoodwill => "no_fault_goodwill",
        }
    }
}

/// What a transaction records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransactionKind {
    /// A payout was decided.
    PayoutReserved,
    /// The provider paid it.
    PayoutPosted,
    /// It certainly was not paid.
    PayoutVoided,
    /// A voucher was issued.
    VoucherIssued,
    /// A voucher ran out.
    VoucherExpired,
    /// A voucher was used.
    VoucherRedeemed,
    /// A voucher was voided.
    VoucherReversed,
    /// Money that was paid came back.
    PayoutReversed,
}

impl TransactionKind {
    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PayoutReserved => "PAYOUT_RESERVED",
            Self::PayoutPosted => "PAYOUT_POSTED",
            Self::PayoutVoided => "PAYOUT_VOIDED",
            Self::VoucherIssued => "VOUCHER_ISSUED",
            Self::VoucherExpired => "VOUCHER_EXPIRED",
            Self::VoucherRedeemed => "VOUCHER_REDEEMED",
            Self::VoucherReversed => "VOUCHER_REVERSED",
            Self::PayoutReversed => "PAYOUT_REVERSED",
        }
    }
}

/// Which side of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Debit.
    Debit,
    /// Credit.
    Credit,
}

impl Side {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debit => "DEBIT",
            Self::Credit => "CREDIT",
        }
    }
}

/// One side of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The account.
    pub account: Account,
    /// Its side.
    pub side: Side,
    /// Positive.
    pub amount: Money,
}

/// A balanced transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its id.
    pub id: LedgerTransactionId,
    /// What it records.
    pub kind: TransactionKind,
    /// The payout, voucher or use of a voucher, as a resource name.
    pub subject: String,
    /// The transaction that it takes back, of which it is the only reversal.
    pub reverses: Option<LedgerTransactionId>,
    /// The case.
    pub case: CaseId,
    /// The entries, debit and credit in turn.
    pub entries: Vec<Entry>,
}

impl Transaction {
    fn of_pairs(
        (id, kind, subject, case): (LedgerTransactionId, TransactionKind, String, CaseId),
        amount: Money,
        pairs: &[(Account, Account)],
    ) -> Self {
        let entries = pairs.iter().flat_map(|&(debit, credit)| {
            [Entry { account: debit, side: Side::Debit, amount }, Entry { account: credit, side: Side::Credit, amount }]
        });
        Self { id, kind, subject, reverses: None, case, entries: entries.collect() }
    }

    /// A payout was decided.
    pub fn payout_reserved(id: LedgerTransactionId, payout: PayoutId, case: CaseId, amount: Money) -> Self {
        let head = (id, TransactionKind::PayoutReserved, payout.to_string(), case);
        Self::of_pairs(head, amount, &[(Account::BudgetReserved, Account::CustomerPayable)])
    }

    /// The provider paid it, an expense on `cost`.
    pub fn payout_posted(
        id: LedgerTransactionId,
        payout: PayoutId,
        case: CaseId,
        (amount, cost): (Money, Account),
    ) -> Self {
        let head = (id, TransactionKind::PayoutPosted, payout.to_string(), case);
        let pairs = [(Account::CustomerPayable, Account::ProviderClearing), (cost, Account::BudgetReserved)];
        Self::of_pairs(head, amount, &pairs)
    }

    /// It certainly was not paid.
    pub fn payout_voided(id: LedgerTransactionId, payout: PayoutId, case: CaseId, amount: Money) -> Self {
        let head = (id, TransactionKind::PayoutVoided, payout.to_string(), case);
        Self::of_pairs(head, amount, &[(Account::CustomerPayable, Account::BudgetReserved)])
    }

    /// A voucher with an amount was issued, an expense on `cost`.
    pub fn voucher_issued(
        id: LedgerTransactionId,
        voucher: VoucherId,
        case: CaseId,
        (amount, cost): (Money, Account),
    ) -> Self {
        let head = (id, TransactionKind::VoucherIssued, voucher.to_string(), case);
        Self::of_pairs(head, amount, &[(cost, Account::VoucherLiability)])
    }

    /// A part of a voucher, or all of it, was used.
    pub fn voucher_redeemed(
        id: LedgerTransactionId,
        redemption: VoucherRedemptionId,
        case: CaseId,
        amount: Money,
    ) -> Self {
        let head = (id, TransactionKind::VoucherRedeemed, redemption.to_string(), case);
        Self::of_pairs(head, amount, &[(Account::VoucherLiability, Account::VoucherClearing)])
    }

    /// A voucher with an amount was voided: takes back what is left of its issue.
    pub fn voucher_reversed(
        (id, issued): (LedgerTransactionId, LedgerTransactionId),
        voucher: VoucherId,
        case: CaseId,
        (left, cost): (Money, Account),
    ) -> Self {
        let head = (id, TransactionKind::VoucherReversed, voucher.to_string(), case);
        let entries = Self::of_pairs(head, left, &[(Account::VoucherLiability, cost)]);
        Self { reverses: Some(issued), ..entries }
    }

    /// Money that a payout paid came back.
    pub fn payout_reversed(
        (id, posted): (LedgerTransactionId, LedgerTransactionId),
        payout: PayoutId,
        case: CaseId,
        (amount, cost): (Money, Account),
    ) -> Self {
        let head = (id, TransactionKind::PayoutReversed, payout.to_string(), case);
        let entries = Self::of_pairs(head, amount, &[(Account::ProviderClearing, cost)]);
        Self { reverses: Some(posted), ..entries }
    }

    /// What was left of a voucher with an amount when it ran out.
    pub fn voucher_expired(
        id: LedgerTransactionId,
        voucher: VoucherId,
        case: CaseId,
        (left, cost): (Money, Account),
    ) -> Self {
        let head = (id, TransactionKind::VoucherExpired, voucher.to_string(), case);
        Self::of_pairs(head, left, &[(Account::VoucherLiability, cost)])
    }

    /// True when debits equal credits in every currency, there are at least two entries, and every amount is positive.
    pub fn is_balanced(&self) -> bool {
        let mut balance: BTreeMap<Currency, i128> = BTreeMap::new();
        for entry in &self.entries {
            let signed = match entry.side {
                Side::Debit => i128::from(entry.amount.minor),
                Side::Credit => -i128::from(entry.amount.minor),
            };
            *balance.entry(entry.amount.currency).or_default() += signed;
        }
        self.entries.len() >= 2
            && balance.values().all(|sum| *sum == 0)
            && self.entries.iter().all(|entry| entry.amount.minor > 0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    proptest! {
        #[test]
        fn every_transaction_balances_and_every_life_ends_without_a_remainder(minor in 1..i64::MAX, code in prop::sample::select(vec!["EUR", "JPY", "KWD", "CLF"]), no_fault: bool) {
            let amount = Money::new(Currency::parse(code).expect("known"), minor);
            let case = id(9).into();
            let cost = Account::cost_of(if no_fault { Basis::NoFaultGoodwill } else { Basis::Restitution });
            let reserved = Transaction::payout_reserved(id(1).into(), id(5).into(), case, amount);
            let posted = Transaction::payout_posted(id(2).into(), id(5).into(), case, (amount, cost));
            let voided = Transaction::payout_voided(id(3).into(), id(5).into(), case, amount);
            let issued = Transaction::voucher_issued(id(4).into(), id(6).into(), case, (amount, cost));
            let expired = Transaction::voucher_expired(id(7).into(), id(6).into(), case, (amount, cost));
            let redeemed = Transaction::voucher_redeemed(id(10).into(), id(11).into(), case, amount);
            let withdrawn = Transaction::voucher_reversed((id(12).into(), issued.id), id(6).into(), case, (amount, cost));
            let back = Transaction::payout_reversed((id(13).into(), posted.id), id(5).into(), case, (amount, cost));
            prop_assert_eq!((withdrawn.reverses, back.reverses), (Some(issued.id), Some(posted.id)));
            for transaction in [&reserved, &posted, &voided, &issued, &expired, &redeemed, &withdrawn, &back] {
                prop_assert!(transaction.is_balanced(), "{:?}", transaction);
            }
            let zero = |life: &[&Transaction], account: Account| {
                life.iter().flat_map(|t| &t.entries).filter(|e| e.account == account).map(|e| match e.side {
                    Side::Debit => i128::from(e.amount.minor),
                    Side::Credit => -i128::from(e.amount.minor),
                }).sum::<i128>() == 0
            };
            for account in Account::ALL {
                prop_assert!(zero(&[&reserved, &voided], account));
                prop_assert!(zero(&[&issued, &expired], account));
                prop_assert!(zero(&[&issued, &withdrawn], account));
                prop_assert!(zero(&[&reserved, &posted, &back], account));
                let paid = account == cost || account == Account::ProviderClearing;
                prop_assert_eq!(zero(&[&reserved, &posted], account), !paid);
                let used = account == cost || account == Account::VoucherClearing;
                prop_assert_eq!(zero(&[&issued, &redeemed], account), !used);
            }
        }
    }
}
