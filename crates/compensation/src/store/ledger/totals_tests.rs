//! What is kept of accounts is what their entries add up to, whoever posts, folds and reads at once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use durable::{Backend, Engine, Tx, sql};
use kernel::{Currency, Money, TenantId, VoucherId};
use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

use super::fold::tail_statement;
use super::read::sums_sql;
use super::{FOLD_STEP, append_in_tx, balances, fold_in_tx};
use crate::domain::ledger::{Account, Transaction};
use crate::testing::{TEMPLATE, count, engine, plan};

fn issued(engine: &Engine, number: u32, minor: i64) -> Transaction {
    let voucher: VoucherId = Uuid::from_u128(1_000 + u128::from(number)).into();
    let currency = Currency::parse(if number.is_multiple_of(3) { "USD" } else { "EUR" }).unwrap();
    let worth = (Money::new(currency, minor), Account::Expense);
    Transaction::voucher_issued(engine.new_id().into(), voucher, Uuid::from_u128(7).into(), worth)
}

async fn post(engine: &Engine, tenant: &TenantId, transactions: &[Transaction]) {
    let work = |tx: Tx| async move {
        let all: Vec<_> = transactions.iter().map(|transaction| (tenant, transaction)).collect();
        Ok(append_in_tx(&tx, &all).await?)
    };
    engine.run_tx("test", work).await.unwrap();
}

async fn fold(engine: &Engine) -> u64 {
    engine.run_tx("test", |tx: Tx| async move { Ok(fold_in_tx(&tx).await?) }).await.unwrap()
}

/// Debits and credits by account and currency.
type Sums = BTreeMap<(String, String), (i64, i64)>;

async fn kept(engine: &Engine, tenant: &TenantId) -> Sums {
    let balances = balances(engine.read(), tenant).await.unwrap();
    let of = |b: super::Balance| ((b.account, b.debits.currency.code().to_owned()), (b.debits.minor, b.credits.minor));
    balances.into_iter().map(of).collect()
}

async fn of_entries(engine: &Engine, tenant: &TenantId) -> Sums {
    let text = "SELECT account, currency, CAST(sum(CASE side WHEN 'DEBIT' THEN amount_minor ELSE 0 END) AS BIGINT) AS d, \
                CAST(sum(CASE side WHEN 'CREDIT' THEN amount_minor ELSE 0 END) AS BIGINT) AS c \
                FROM ledger_entries WHERE tenant_id = $1 GROUP BY account, currency";
    let statement = sql::statement(engine.db().backend(), text, [tenant.as_str().into()]);
    let rows = engine.read().query_all_raw(statement).await.unwrap();
    let number = |row, name| sql::column::<i64>(row, name).unwrap();
    let text = |row, name| sql::column::<String>(row, name).unwrap();
    rows.iter()
        .map(|row| ((text(row, "account"), text(row, "currency")), (number(row, "d"), number(row, "c"))))
        .collect()
}

testkit::on_both_databases! {
    template: TEMPLATE;

    /// A hundred postings at once, with folds and reads between them: no total is lost or counted twice, and whoever
    /// reads meanwhile sees books that balance.
    async fn a_hundred_at_once_add_up(database: testkit::TestDatabase) {
        let (engine, _) = engine(&database).await;
        let tenants = ["a", "b"].map(|name| TenantId::parse(name).unwrap());
        let all = (0..100_u32).map(|number| {
            let (engine, tenant) = (&engine, &tenants[(number % 2) as usize]);
            async move {
                let transactions = [issued(engine, 2 * number, 11), issued(engine, 2 * number + 1, i64::from(number) + 1)];
                post(engine, tenant, &transactions).await;
                if number % 5 == 0 {
                    fold(engine).await;
                }
                let seen = kept(engine, tenant).await;
                for currency in ["EUR", "USD"] {
                    let of = seen.iter().filter(|((_, code), _)| code == currency);
                    assert_eq!(of.map(|(_, (debits, credits))| debits - credits).sum::<i64>(), 0, "{seen:?}");
                }
            }
        });
        futures::future::join_all(all).await;
        let mut in_all = 0;
        for tenant in &tenants {
            let sums = kept(&engine, tenant).await;
            assert_eq!(sums, of_entries(&engine, tenant).await);
            in_all += sums.values().map(|(debits, _)| debits).sum::<i64>();
        }
        assert_eq!(in_all, 100 * 11 + 5_050);
        while fold(&engine).await > 0 {}
        assert_eq!(count(&engine, "SELECT count(*) AS n FROM ledger_tail").await, 0);
        for tenant in &tenants {
            assert_eq!(kept(&engine, tenant).await, of_entries(&engine, tenant).await, "the tail is in the totals now");
        }
    }

    /// Postings wait for nobody: what one transaction has posted and not committed stops neither another posting, nor a
    /// fold of what stands, nor a read.
    async fn a_posting_that_is_open_is_in_nobodys_way(database: testkit::TestDatabase) {
        let (engine, _) = engine(&database).await;
        if engine.db().backend() == Backend::Sqlite {
            // One writer at a time, whatever is written.
            return;
        }
        let tenant = TenantId::default_tenant();
        post(&engine, &tenant, &[issued(&engine, 1, 5)]).await;
        let (others, own, of) = (&engine, issued(&engine, 4, 9), &tenant);
        let work = |tx: Tx| {
            let own = own.clone();
            async move {
                append_in_tx(&tx, &[(of, &own)]).await?;
                post(others, of, &[issued(others, 2, 7)]).await;
                assert_eq!(fold(others).await, 4);
                assert_eq!(kept(others, of).await.values().next(), Some(&(12, 0)));
                Ok(())
            }
        };
        engine.run_tx("test", work).await.unwrap();
        assert_eq!(kept(&engine, &tenant).await.values().next(), Some(&(21, 0)));
    }

    /// A balance reads rows of totals and of the tail, and no entry; a fold takes the oldest rows by their key.
    async fn a_balance_reads_no_entry(database: testkit::TestDatabase) {
        let (engine, _) = engine(&database).await;
        let transactions: Vec<_> = (0..300).map(|number| issued(&engine, number, 5)).collect();
        for transaction in &transactions {
            post(&engine, &TenantId::default_tenant(), std::slice::from_ref(transaction)).await;
        }
        let backend = engine.db().backend();
        let statements = [
            (sums_sql(false).replace("$1", "'default'"), "ledger_tail_by_account"),
            (sums_sql(true).replace("$1", "'default'").replace("$2", "'expense'"), "ledger_tail_by_account"),
            (tail_statement(backend).sql, ""),
        ];
        for (text, index) in statements {
            let plan = plan(&engine, &text).await;
            assert!(!plan.contains("ledger_entries") && !plan.contains("Seq Scan"), "{plan}");
            let by_key = ["Index", "INDEX", "PRIMARY KEY"].iter().any(|key| plan.contains(key));
            assert!(plan.contains(index) && by_key, "{plan}");
        }
        assert!(fold(&engine).await <= FOLD_STEP);
    }
}
