//! The ledger as a state machine: payouts, vouchers and orders live through any sequence of events, and the books that come
//! out of it are compared with what their states say.

use std::collections::BTreeMap;

use kernel::{Currency, LedgerTransactionId, Money, PayoutId, ResourceId as _, Timestamp, VoucherId};
use proptest::prelude::*;
use uuid::Uuid;

use super::grant::{Voucher, Worth};
use super::ledger::{Account, Side, Transaction, TransactionKind};
use super::order_funds::OrderFunds;
use super::payout::{PayoutEvent, PayoutState};
use super::reservation::{ReservationEvent, ReservationState};
use super::voucher::{VoucherEvent, VoucherState};

const CODES: [&str; 2] = ["EUR", "JPY"];
const CAPTURED: i64 = 900_000;
const NOW: Timestamp = Timestamp::from_seconds(1);

#[derive(Clone, Copy, Debug)]
enum Op {
    Decide { place: usize, minor: i64, currency: usize, refund: bool },
    Payout(usize, PayoutEvent),
    ComeBack(usize, i64),
    Issue { place: usize, minor: i64, currency: usize },
    Redeem(usize, i64),
    End(usize, VoucherEvent),
}

fn op() -> impl Strategy<Value = Op> {
    use PayoutEvent::{Begin, Confirm, Decline, GiveUp, Lose, RuleOut, Void};
    let (place, minor, currency) = (0..4_usize, 1..400_000_i64, 0..CODES.len());
    let events = prop::sample::select(vec![Begin, Begin, Confirm, Confirm, Decline, Lose, GiveUp, RuleOut, Void]);
    let ends = prop::sample::select(vec![VoucherEvent::Expire, VoucherEvent::Void]);
    prop_oneof![
        2 => (place.clone(), minor.clone(), currency.clone(), any::<bool>())
            .prop_map(|(place, minor, currency, refund)| Op::Decide { place, minor, currency, refund }),
        6 => (place.clone(), events).prop_map(|(place, event)| Op::Payout(place, event)),
        2 => (place.clone(), minor.clone()).prop_map(|(place, minor)| Op::ComeBack(place, minor)),
        2 => (place.clone(), minor.clone(), currency)
            .prop_map(|(place, minor, currency)| Op::Issue { place, minor, currency }),
        4 => (place.clone(), minor).prop_map(|(place, minor)| Op::Redeem(place, minor)),
        1 => (place, ends).prop_map(|(place, event)| Op::End(place, event)),
    ]
}

struct Paid {
    id: PayoutId,
    amount: Money,
    cost: Account,
    state: PayoutState,
    reservation: ReservationState,
    refund: bool,
    posted: Option<LedgerTransactionId>,
    came_back: i64,
}

struct Books {
    payouts: Vec<Paid>,
    vouchers: Vec<(Voucher, LedgerTransactionId)>,
    orders: Vec<OrderFunds>,
    booked: Vec<Transaction>,
}

fn money(currency: usize, minor: i64) -> Money {
    Money::new(Currency::parse(CODES[currency]).expect("known"), minor)
}

fn signed(side: Side, amount: Money) -> i64 {
    if side == Side::Debit { amount.minor } else { -amount.minor }
}

impl Books {
    fn new() -> Self {
        let order = |currency| OrderFunds { order: "o".to_owned(), captured: money(currency, CAPTURED), refunded: 0 };
        Self { payouts: vec![], vouchers: vec![], orders: (0..CODES.len()).map(order).collect(), booked: vec![] }
    }

    fn next(&self) -> Uuid {
        Uuid::from_u128(1 + self.booked.len() as u128)
    }

    fn order(&mut self, currency: Currency) -> &mut OrderFunds {
        self.orders.iter_mut().find(|order| order.captured.currency == currency).expect("one of each currency")
    }

    /// What the use cases do, with the machines that they ask.
    fn run(&mut self, op: Op) {
        let (id, case) = (self.next().into(), Uuid::from_u128(7).into());
        match op {
            Op::Decide { place, minor, currency, refund } if place >= self.payouts.len() => {
                let amount = money(currency, minor);
                let order = self.order(amount.currency);
                if refund && order.left().minor < minor {
                    return;
                }
                order.refunded += if refund { minor } else { 0 };
                let payout = Uuid::from_u128(1_000 + self.payouts.len() as u128).into();
                self.booked.push(Transaction::payout_reserved(id, payout, case, amount));
                let (state, reservation) = (PayoutState::Reserved, ReservationState::Pending);
                let cost = cost(self.payouts.len());
                self.payouts.push(Paid {
                    id: payout,
                    amount,
                    cost,
                    state,
                    reservation,
                    refund,
                    posted: None,
                    came_back: 0,
                });
            }
            Op::Payout(place, event) => self.move_payout(place, event, id),
            Op::ComeBack(place, minor) => {
                let Some(payout) = self.payouts.get_mut(place) else { return };
                let Some(posted) = payout.posted.filter(|_| payout.came_back == 0) else { return };
                let amount = Money::new(payout.amount.currency, minor.min(payout.amount.minor));
                payout.came_back = amount.minor;
                self.booked.push(Transaction::payout_reversed((id, posted), payout.id, case, (amount, payout.cost)));
            }
            Op::Issue { place, minor, currency } if place >= self.vouchers.len() => {
                let worth = money(currency, minor);
                let voucher = voucher(self.vouchers.len(), worth);
                self.booked.push(Transaction::voucher_issued(id, voucher.id, case, (worth, voucher.cost)));
                self.vouchers.push((voucher, id));
            }
            Op::Redeem(place, minor) => {
                let redemption = Uuid::from_u128(3_000 + self.booked.len() as u128).into();
                let Some((voucher, _)) = self.vouchers.get_mut(place) else { return };
                let Worth::Amount(worth) = voucher.worth else { return };
                if let Ok(Worth::Amount(used)) = voucher.redeem(Some(Money::new(worth.currency, minor)), NOW) {
                    self.booked.push(Transaction::voucher_redeemed(id, redemption, case, used));
                }
            }
            Op::End(place, event) => {
                let Some((voucher, issued)) = self.vouchers.get_mut(place) else { return };
                let Ok(Some(left)) = voucher.end(event) else { return };
                self.booked.push(match event {
                    VoucherEvent::Void => {
                        Transaction::voucher_reversed((id, *issued), voucher.id, case, (left, voucher.cost))
                    }
                    _ => Transaction::voucher_expired(id, voucher.id, case, (left, voucher.cost)),
                });
            }
            Op::Decide { .. } | Op::Issue { .. } => {}
        }
    }

    fn move_payout(&mut self, place: usize, event: PayoutEvent, id: LedgerTransactionId) {
        let case = Uuid::from_u128(7).into();
        let Some(payout) = self.payouts.get_mut(place) else { return };
        let Ok(next) = payout.state.on(event) else { return };
        let ends = match next {
            PayoutState::Confirmed => ReservationEvent::Post,
            PayoutState::Declined | PayoutState::Voided => ReservationEvent::Void,
            PayoutState::Reserved | PayoutState::Submitting | PayoutState::Unknown | PayoutState::Manual => {
                payout.state = next;
                return;
            }
        };
        payout.state = next;
        // Said twice is booked once.
        let Ok(reservation) = payout.reservation.on(ends) else { return };
        payout.reservation = reservation;
        let (amount, refund) = (payout.amount, payout.refund);
        if ends == ReservationEvent::Post {
            payout.posted = Some(id);
            self.booked.push(Transaction::payout_posted(id, payout.id, case, (amount, payout.cost)));
        } else {
            self.booked.push(Transaction::payout_voided(id, payout.id, case, amount));
            self.order(amount.currency).refunded -= if refund { amount.minor } else { 0 };
        }
    }

    /// Debits less credits by account, of the transactions of one subject or of all.
    fn balances(&self, subject: Option<&str>, currency: Currency) -> BTreeMap<Account, i64> {
        let mut balances: BTreeMap<Account, i64> = Account::ALL.into_iter().map(|account| (account, 0)).collect();
        let booked = self.booked.iter().filter(|booked| subject.is_none_or(|subject| booked.subject == subject));
        for entry in booked.flat_map(|booked| &booked.entries).filter(|entry| entry.amount.currency == currency) {
            *balances.entry(entry.account).or_default() += signed(entry.side, entry.amount);
        }
        balances
    }

    /// What transactions of a kind debit, all together.
    fn sum(&self, kind: TransactionKind, currency: Currency) -> i64 {
        let booked = self.booked.iter().filter(|booked| booked.kind == kind);
        let entries = booked.flat_map(|booked| &booked.entries);
        entries
            .filter(|entry| entry.side == Side::Debit && entry.amount.currency == currency)
            .map(|entry| entry.amount.minor)
            .sum()
    }

    fn check(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.booked.iter().all(Transaction::is_balanced));
        for order in &self.orders {
            let balances = self.balances(None, order.captured.currency);
            prop_assert_eq!(balances.values().sum::<i64>(), 0);
            for (account, balance) in &balances {
                let owed_to_us =
                    matches!(account, Account::Expense | Account::NoFaultGoodwill | Account::BudgetReserved);
                prop_assert!(if owed_to_us { *balance >= 0 } else { *balance <= 0 }, "{:?} {}", account, balance);
            }
            let sum = |kind| self.sum(kind, order.captured.currency);
            use TransactionKind as K;
            let gone = sum(K::VoucherRedeemed) + sum(K::VoucherExpired) + sum(K::VoucherReversed);
            prop_assert_eq!(-balances[&Account::VoucherLiability], sum(K::VoucherIssued) - gone);
            let refunds = self.payouts.iter().filter(|payout| {
                let may_be_paid = !matches!(payout.state, PayoutState::Declined | PayoutState::Voided);
                payout.refund && may_be_paid && payout.amount.currency == order.captured.currency
            });
            prop_assert_eq!(order.refunded, refunds.map(|payout| payout.amount.minor).sum::<i64>());
            prop_assert!((0..=CAPTURED).contains(&order.refunded));
        }
        self.check_reversals()?;
        self.check_payouts()?;
        self.check_vouchers()
    }

    fn check_reversals(&self) -> Result<(), TestCaseError> {
        let mut seen: Vec<LedgerTransactionId> = vec![];
        for (reversal, of) in self.booked.iter().filter_map(|booked| booked.reverses.map(|of| (booked, of))) {
            prop_assert!(!seen.contains(&of), "one reversal at most");
            seen.push(of);
            let original = self.booked.iter().find(|booked| booked.id == of).expect("it was booked before");
            let most = original.entries.iter().map(|entry| entry.amount.minor).max();
            prop_assert!(reversal.entries.iter().map(|entry| entry.amount.minor).max() <= most);
        }
        Ok(())
    }

    /// Each state of a payout has its exact shape in the books.
    fn check_payouts(&self) -> Result<(), TestCaseError> {
        for payout in &self.payouts {
            let found = self.balances(Some(&payout.id.to_string()), payout.amount.currency);
            let (amount, back) = (payout.amount.minor, payout.came_back);
            let shape = match payout.state {
                PayoutState::Reserved | PayoutState::Submitting | PayoutState::Unknown | PayoutState::Manual => {
                    vec![(Account::BudgetReserved, amount), (Account::CustomerPayable, -amount)]
                }
                PayoutState::Confirmed => {
                    vec![(payout.cost, amount - back), (Account::ProviderClearing, back - amount)]
                }
                PayoutState::Declined | PayoutState::Voided => vec![],
            };
            for account in Account::ALL {
                let expected = shape.iter().find(|(shaped, _)| *shaped == account).map_or(0, |(_, sum)| *sum);
                prop_assert_eq!(found[&account], expected, "{:?} {:?}", payout.state, account);
            }
        }
        Ok(())
    }

    /// What vouchers may still cost is what is left of those that are out.
    fn check_vouchers(&self) -> Result<(), TestCaseError> {
        for order in &self.orders {
            let currency = order.captured.currency;
            let left = self.vouchers.iter().filter_map(|(voucher, _)| voucher.remaining());
            let left: i64 = left.filter(|left| left.currency == currency).map(|left| left.minor).sum();
            prop_assert_eq!(-self.balances(None, currency)[&Account::VoucherLiability], left);
        }
        Ok(())
    }
}

/// Every other one is given although the fault is not ours.
const fn cost(number: usize) -> Account {
    if number.is_multiple_of(2) { Account::Expense } else { Account::NoFaultGoodwill }
}

fn voucher(number: usize, worth: Money) -> Voucher {
    let id: VoucherId = Uuid::from_u128(2_000 + number as u128).into();
    Voucher {
        id,
        remedy: Uuid::from_u128(2).into(),
        case: Uuid::from_u128(7).into(),
        customer: Uuid::from_u128(4).into(),
        grant: id.uuid(),
        line: String::new(),
        state: VoucherState::Issued,
        description: String::new(),
        worth: Worth::Amount(worth),
        cost: cost(number),
        redeemed: 0,
        code: String::new(),
        expires_at: Timestamp::from_seconds(100),
        created_at: Timestamp::from_seconds(0),
    }
}

proptest! {
    #[test]
    fn any_life_keeps_the_books_right(ops in prop::collection::vec(op(), 1..80)) {
        let mut books = Books::new();
        for op in ops {
            books.run(op);
            books.check()?;
        }
    }
}

/// The names are stored and shown: none of them is another's, and they stay as they are.
#[test]
fn names_are_stored_as_they_were() {
    let accounts = Account::ALL.map(Account::as_str);
    assert_eq!(
        accounts,
        [
            "expense",
            "customer_payable",
            "provider_clearing",
            "voucher_liability",
            "budget_reserved",
            "voucher_clearing",
            "no_fault_goodwill"
        ]
    );
    use TransactionKind as K;
    let kinds = [
        (K::PayoutReserved, "PAYOUT_RESERVED"),
        (K::PayoutPosted, "PAYOUT_POSTED"),
        (K::PayoutVoided, "PAYOUT_VOIDED"),
        (K::VoucherIssued, "VOUCHER_ISSUED"),
        (K::VoucherExpired, "VOUCHER_EXPIRED"),
        (K::VoucherRedeemed, "VOUCHER_REDEEMED"),
        (K::VoucherReversed, "VOUCHER_REVERSED"),
        (K::PayoutReversed, "PAYOUT_REVERSED"),
    ];
    assert!(kinds.iter().all(|(kind, name)| kind.as_str() == *name));
    assert_eq!([Side::Debit, Side::Credit].map(Side::as_str), ["DEBIT", "CREDIT"]);
}

/// A transaction that somebody puts together by hand: each way of being wrong is found.
#[test]
fn what_does_not_balance_is_found() {
    let good = Transaction::payout_posted(
        Uuid::from_u128(1).into(),
        Uuid::from_u128(2).into(),
        Uuid::from_u128(3).into(),
        (money(0, 500), Account::Expense),
    );
    let wrong = |change: fn(&mut Transaction)| {
        let mut transaction = good.clone();
        change(&mut transaction);
        !transaction.is_balanced()
    };
    assert!(good.is_balanced());
    assert!(wrong(|transaction| transaction.entries.clear()), "nothing");
    assert!(wrong(|transaction| transaction.entries.truncate(1)), "one side");
    assert!(wrong(|transaction| transaction.entries[0].amount.minor = 501), "unequal");
    assert!(wrong(|transaction| transaction.entries.iter_mut().for_each(|entry| entry.amount.minor = 0)), "zero");
    assert!(wrong(|transaction| transaction.entries.iter_mut().for_each(|entry| entry.amount.minor = -1)), "negative");
    assert!(wrong(|transaction| transaction.entries[0].amount = money(1, 500)), "currencies are never added up");
    assert!(!wrong(|transaction| transaction.entries.truncate(2)), "two entries do");
}
