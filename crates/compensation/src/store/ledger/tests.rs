//! The ledger as a state machine: whatever is asked of it, it balances, and each fact is booked at most once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use durable::Engine;
use kernel::{Currency, LedgerTransactionId, Money, PayoutId, TenantId, VoucherId};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use super::*;
use crate::domain::ledger::{Account, Transaction};
use crate::domain::reservation::ReservationEvent;
use crate::testing::{TEMPLATE, count, engine};

#[derive(Clone, Copy, Debug)]
enum Op {
    Reserve(u8, i64, bool),
    Post(u8),
    Void(u8),
    Issue(u8, i64, bool),
    Expire(u8),
    /// A part of a voucher, at most what is left of it: the voucher's row sees to that.
    Redeem(u8, i64),
    VoidVoucher(u8),
    ComeBack(u8, i64),
}

fn op() -> impl Strategy<Value = Op> {
    let subject = 0..6_u8;
    prop_oneof![
        (subject.clone(), 1..1_000_000_i64, any::<bool>()).prop_map(|(s, m, e)| Op::Reserve(s, m, e)),
        subject.clone().prop_map(Op::Post),
        subject.clone().prop_map(Op::Void),
        (subject.clone(), 1..1_000_000_i64, any::<bool>()).prop_map(|(s, m, e)| Op::Issue(s, m, e)),
        subject.clone().prop_map(Op::Expire),
        (subject.clone(), 1..1_000_000_i64).prop_map(|(s, m)| Op::Redeem(s, m)),
        subject.clone().prop_map(Op::VoidVoucher),
        (subject, 1..1_000_000_i64).prop_map(|(s, m)| Op::ComeBack(s, m)),
    ]
}

fn money(minor: i64, euro: bool) -> Money {
    Money::new(Currency::parse(if euro { "EUR" } else { "JPY" }).unwrap(), minor)
}

/// A voucher that was issued.
#[derive(Clone, Copy)]
struct Issued {
    left: Money,
    out: bool,
    reversed: bool,
    transaction: LedgerTransactionId,
}

/// What the ledger should hold.
#[derive(Default)]
struct Model {
    reserved: BTreeMap<u8, (Money, bool)>,
    posted: BTreeMap<u8, (Money, LedgerTransactionId, bool)>,
    issued: BTreeMap<u8, Issued>,
    balances: BTreeMap<(String, String), i64>,
    transactions: i64,
}

impl Model {
    fn book(&mut self, transaction: &Transaction) {
        self.transactions += 1;
        for entry in &transaction.entries {
            let key = (entry.account.as_str().to_owned(), entry.amount.currency.code().to_owned());
            let sign = if entry.side.as_str() == "DEBIT" { 1 } else { -1 };
            *self.balances.entry(key).or_default() += sign * entry.amount.minor;
        }
    }
}

struct Books {
    engine: Engine,
    tenant: TenantId,
}

impl Books {
    async fn append(&self, transaction: &Transaction) -> bool {
        let work = |tx| async move { Ok(append_in_tx(&tx, &[(&self.tenant, transaction)]).await?) };
        self.engine.run_tx("test.append", work).await.is_ok()
    }

    async fn reserve(&self, payout: PayoutId, amount: Money, transaction: &Transaction) -> bool {
        let work = |tx| async move {
            reserve_in_tx(&tx, &[(&self.tenant, payout, amount)]).await?;
            Ok(append_in_tx(&tx, &[(&self.tenant, transaction)]).await?)
        };
        self.engine.run_tx("test.reserve", work).await.is_ok()
    }

    async fn settle(&self, payout: PayoutId, event: ReservationEvent, transaction: &Transaction) -> bool {
        let work = |tx| async move { Ok(settle_in_tx(&tx, &self.tenant, payout, event, transaction).await?) };
        self.engine.run_tx("test.settle", work).await.unwrap()
    }
}

fn payout(number: u8) -> PayoutId {
    Uuid::from_u128(100 + u128::from(number)).into()
}

fn voucher(number: u8) -> VoucherId {
    Uuid::from_u128(200 + u128::from(number)).into()
}

async fn apply(books: &Books, model: &mut Model, op: Op) {
    let (id, case) = (books.engine.new_id().into(), Uuid::from_u128(7).into());
    let (expected, done, transaction) = match op {
        Op::Reserve(n, minor, euro) => {
            let amount = money(minor, euro);
            let transaction = Transaction::payout_reserved(id, payout(n), case, amount);
            let new = !model.reserved.contains_key(&n);
            model.reserved.entry(n).or_insert((amount, true));
            (new, books.reserve(payout(n), amount, &transaction).await, transaction)
        }
        Op::Post(n) | Op::Void(n) => {
            let (amount, pending) = model.reserved.get(&n).copied().unwrap_or((money(1, true), false));
            if let Some(entry) = model.reserved.get_mut(&n) {
                entry.1 = false;
            }
            if pending && matches!(op, Op::Post(_)) {
                model.posted.insert(n, (amount, id, false));
            }
            let (event, transaction) = if matches!(op, Op::Post(_)) {
                (ReservationEvent::Post, Transaction::payout_posted(id, payout(n), case, (amount, Account::Expense)))
            } else {
                (ReservationEvent::Void, Transaction::payout_voided(id, payout(n), case, amount))
            };
            (pending, books.settle(payout(n), event, &transaction).await, transaction)
        }
        Op::Issue(n, minor, euro) => {
            let amount = money(minor, euro);
            let transaction = Transaction::voucher_issued(id, voucher(n), case, (amount, Account::Expense));
            let new = !model.issued.contains_key(&n);
            model.issued.entry(n).or_insert(Issued { left: amount, out: true, reversed: false, transaction: id });
            (new, books.append(&transaction).await, transaction)
        }
        Op::Expire(n) => {
            let Some(issued) = model.issued.get_mut(&n).filter(|issued| issued.left.minor > 0) else { return };
            let transaction = Transaction::voucher_expired(id, voucher(n), case, (issued.left, Account::Expense));
            // What was voided does not run out: the voucher's row sees to that.
            if issued.reversed {
                return;
            }
            let was_out = std::mem::take(&mut issued.out);
            (was_out, books.append(&transaction).await, transaction)
        }
        Op::Redeem(n, minor) => {
            let Some(issued) = model.issued.get_mut(&n).filter(|issued| issued.out && issued.left.minor > 0) else {
                return;
            };
            let used = Money::new(issued.left.currency, minor.min(issued.left.minor));
            issued.left.minor -= used.minor;
            let transaction = Transaction::voucher_redeemed(id, books.engine.new_id().into(), case, used);
            (true, books.append(&transaction).await, transaction)
        }
        Op::VoidVoucher(n) => {
            let Some(issued) = model.issued.get_mut(&n).filter(|issued| issued.left.minor > 0) else { return };
            // What has run out is not voided: the voucher's row sees to that.
            if !issued.out && !issued.reversed {
                return;
            }
            let transaction = Transaction::voucher_reversed(
                (id, issued.transaction),
                voucher(n),
                case,
                (issued.left, Account::Expense),
            );
            let first = !std::mem::replace(&mut issued.reversed, true);
            issued.out = false;
            (first, books.append(&transaction).await, transaction)
        }
        Op::ComeBack(n, minor) => {
            let Some((paid, posted, reversed)) = model.posted.get_mut(&n) else { return };
            let amount = Money::new(paid.currency, minor);
            let transaction = Transaction::payout_reversed((id, *posted), payout(n), case, (amount, Account::Expense));
            // Once, and never above what was paid: the ledger itself refuses it.
            let expected = !*reversed && minor <= paid.minor;
            *reversed |= expected;
            (expected, books.append(&transaction).await, transaction)
        }
    };
    assert_eq!(done, expected, "{op:?}");
    if done {
        model.book(&transaction);
    }
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn any_sequence_balances_and_books_each_fact_once(database: testkit::TestDatabase) {
        let (engine, _clock) = engine(&database).await;
        let mut runner = TestRunner::deterministic();
        for run in 0..12 {
            let ops = prop::collection::vec(op(), 30..60).new_tree(&mut runner).unwrap().current();
            let books = Books { engine: engine.clone(), tenant: TenantId::parse(&format!("t{run}")).unwrap() };
            let mut model = Model::default();
            for op in ops {
                apply(&books, &mut model, op).await;
            }
            let stored = balances(engine.read(), &books.tenant).await.unwrap();
            let stored: BTreeMap<_, _> = stored
                .into_iter()
                .map(|b| ((b.account, b.debits.currency.code().to_owned()), b.debits.minor - b.credits.minor))
                .collect();
            model.balances.retain(|_, balance| *balance != 0);
            let stored: BTreeMap<_, _> = stored.into_iter().filter(|(_, balance)| *balance != 0).collect();
            assert_eq!(stored, model.balances, "run {run}");
            for currency in ["EUR", "JPY"] {
                let key = ("voucher_liability".to_owned(), currency.to_owned());
                let out = model.issued.values().filter(|issued| issued.out && issued.left.currency.code() == currency);
                let left: i64 = out.map(|issued| issued.left.minor).sum();
                assert_eq!(-stored.get(&key).copied().unwrap_or(0), left, "what vouchers may still cost in run {run}");
            }
            for currency in ["EUR", "JPY"] {
                let sum: i64 = stored.iter().filter(|((_, code), _)| code == currency).map(|(_, sum)| sum).sum();
                assert_eq!(sum, 0, "{currency} in run {run}");
            }
            let written =
                format!("SELECT count(*) AS n FROM ledger_transactions WHERE tenant_id = '{}'", books.tenant);
            assert_eq!(count(&engine, &written).await, model.transactions);
        }
    }

    /// Posting and releasing at once: one of them happens, once.
    async fn a_reservation_ends_once_whoever_asks(database: testkit::TestDatabase) {
        let (engine, _clock) = engine(&database).await;
        let books = Books { engine, tenant: TenantId::default_tenant() };
        let (case, amount) = (Uuid::from_u128(7).into(), money(500, true));
        let reserved = Transaction::payout_reserved(books.engine.new_id().into(), payout(1), case, amount);
        assert!(books.reserve(payout(1), amount, &reserved).await);
        let all = (0..60).map(|number| {
            let id = books.engine.new_id().into();
            let books = &books;
            async move {
                if number % 2 == 0 {
                    let posted = Transaction::payout_posted(id, payout(1), case, (amount, Account::Expense));
                    books.settle(payout(1), ReservationEvent::Post, &posted).await
                } else {
                    let voided = Transaction::payout_voided(id, payout(1), case, amount);
                    books.settle(payout(1), ReservationEvent::Void, &voided).await
                }
            }
        });
        let ended = futures::future::join_all(all).await.into_iter().filter(|ended| *ended).count();
        assert_eq!(ended, 1);
        assert_eq!(count(&books.engine, "SELECT count(*) AS n FROM ledger_transactions").await, 2);
    }
}
