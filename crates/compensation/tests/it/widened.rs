//! The migration that widens the ledger and the vouchers keeps every row, index and guard that it finds.

use std::collections::BTreeSet;

use durable::{Backend, Db, sql};
use sea_orm::ConnectionTrait as _;
use testkit::Template;

use crate::harness::Desk;

const WIDEN: &str = "m20261122_000051_widen_ledger";

fn before() -> Vec<Box<dyn sea_orm_migration::MigrationTrait>> {
    let mut all = (compensation::migrations().0)();
    let at = all.iter().position(|migration| migration.name() == WIDEN).unwrap();
    all.truncate(at);
    all
}

/// A database as it was before.
static BEFORE: Template = Template::new("compensation-before-widening", |url| {
    Box::pin(async move {
        let config = durable::DatabaseConfig { url, ..durable::DatabaseConfig::default() };
        let db = Db::connect(&config).await.expect("the template can be opened");
        durable::migrate(&db, durable::Migrations(before)).await.expect("the template can be migrated");
        db.close().await;
    })
});

/// Names of the indexes and triggers of the tables that are widened.
async fn attached(db: &Db) -> BTreeSet<String> {
    let tables = "('ledger_entries', 'ledger_transactions', 'vouchers')";
    let query = match db.backend() {
        Backend::Sqlite => format!("SELECT name FROM sqlite_master WHERE tbl_name IN {tables} AND type <> 'table'"),
        Backend::Postgres => format!(
            "SELECT indexname::text AS name FROM pg_indexes WHERE tablename IN {tables} \
             UNION SELECT tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid \
             WHERE c.relname IN {tables} AND NOT tgisinternal"
        ),
    };
    let rows = db.read().query_all_raw(sql::statement(db.backend(), query, [])).await.unwrap();
    rows.iter().map(|row| sql::column(row, "name").unwrap()).collect()
}

testkit::on_both_databases! {
    template: BEFORE;

    async fn everything_that_was_there_is_there(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let db = desk.engine.db();
        let id = |number: u8| match db.backend() {
            Backend::Postgres => format!("'00000000-0000-0000-0000-0000000000{number:02x}'"),
            Backend::Sqlite => format!("x'000000000000000000000000000000{number:02x}'"),
        };
        let (one, two) = (id(1), id(2));
        let mut work = vec![format!(
            "INSERT INTO remedies VALUES ('t', {one}, {one}, {one}, 'SETTLED', '', 'LOW', '', '', NULL, 1, 1, 1)"
        )];
        for (voucher, state) in [(&one, "ISSUED"), (&two, "EXPIRED")] {
            work.push(format!(
                "INSERT INTO vouchers (tenant_id, id, remedy_id, case_id, customer_id, grant_id, line, state, description, \
                 amount_minor, currency, percent, code, expires_at, created_at, updated_at) VALUES ('t', {voucher}, {one}, \
                 {one}, {one}, {voucher}, 'l', '{state}', 'a ''voucher''', 500, 'EUR', NULL, '{state}', 1, 2, 3)"
            ));
            work.push(format!(
                "INSERT INTO ledger_entries VALUES ('t', {voucher}, 1, 'expense', 'DEBIT', 500, 'EUR'), \
                 ('t', {voucher}, 2, 'voucher_liability', 'CREDIT', 500, 'EUR')"
            ));
            work.push(format!(
                "INSERT INTO ledger_transactions VALUES ('t', {voucher}, 'VOUCHER_ISSUED', 'vouchers/{state}', {one}, 9)"
            ));
        }
        let all = |tx: durable::Tx| {
            let work = work.clone();
            async move {
                for text in work {
                    tx.execute(sql::statement(tx.backend(), text, [])).await?;
                }
                Ok(())
            }
        };
        desk.engine.run_tx("test", all).await.unwrap();
        let had = attached(db).await;
        assert!(had.len() >= 12, "{had:?}");

        durable::migrate(db, compensation::migrations()).await.unwrap();
        let has = attached(db).await;
        assert!(had.is_subset(&has), "lost: {:?}", had.difference(&has));
        assert!(has.contains("ledger_transactions_reversal") && has.contains("vouchers_out"));
        for (query, expected) in [
            ("SELECT count(*) AS n FROM vouchers WHERE redeemed_minor = 0 AND amount_minor = 500 AND updated_at = 3", 2),
            ("SELECT count(*) AS n FROM vouchers WHERE description = 'a ''voucher''' AND state = 'ISSUED'", 1),
            ("SELECT count(*) AS n FROM ledger_transactions WHERE reverses_id IS NULL AND created_at = 9", 2),
            ("SELECT CAST(sum(amount_minor) AS BIGINT) AS n FROM ledger_entries WHERE account = 'voucher_liability'", 1_000),
        ] {
            assert_eq!(desk.count(query).await, expected, "{query}");
        }
        // Guarded as before, and by the new rules.
        for refused in [
            "UPDATE ledger_entries SET amount_minor = 1".to_owned(),
            "DELETE FROM ledger_transactions".to_owned(),
            format!("INSERT INTO ledger_entries VALUES ('t', {one}, 3, 'expense', 'DEBIT', 1, 'EUR')"),
            "UPDATE vouchers SET redeemed_minor = 501".to_owned(),
            "UPDATE vouchers SET state = 'REDEEMED'".to_owned(),
            "UPDATE vouchers SET state = 'LOST'".to_owned(),
            "UPDATE vouchers SET remedy_id = id".to_owned() + &format!(" WHERE id = {two}"),
        ] {
            assert!(desk.sql(&refused).await.is_err(), "{refused}");
        }
        let booking = |transaction: &str, kind: &str, reverses: &str, amount: i64, account: &str| {
            [
                format!(
                    "INSERT INTO ledger_entries VALUES ('t', {transaction}, 1, 'voucher_liability', 'DEBIT', {amount}, 'EUR'), \
                     ('t', {transaction}, 2, '{account}', 'CREDIT', {amount}, 'EUR')"
                ),
                format!(
                    "INSERT INTO ledger_transactions (tenant_id, id, kind, subject, case_id, reverses_id, created_at) \
                     VALUES ('t', {transaction}, '{kind}', 'vouchers/' || '{kind}' || {amount}, {one}, {reverses}, 9)"
                ),
            ]
        };
        let book = |texts: [String; 2]| {
            let engine = &desk.engine;
            async move {
                let work = |tx: durable::Tx| {
                    let texts = texts.clone();
                    async move {
                        for text in texts {
                            tx.execute(sql::statement(tx.backend(), text, [])).await?;
                        }
                        Ok(())
                    }
                };
                engine.run_tx("test", work).await.is_ok()
            }
        };
        let (three, four, five) = (id(3), id(4), id(5));
        assert!(book(booking(&three, "VOUCHER_REDEEMED", "NULL", 10, "voucher_clearing")).await);
        assert!(!book(booking(&four, "NONSENSE", "NULL", 10, "voucher_clearing")).await, "an unknown kind");
        assert!(!book(booking(&four, "VOUCHER_REVERSED", &one, 501, "expense")).await, "more than was booked");
        assert!(!book(booking(&four, "VOUCHER_REVERSED", &one, 10, "voucher_clearing")).await, "another account");
        assert!(!book(booking(&four, "VOUCHER_REVERSED", &id(99), 10, "expense")).await, "nothing to take back");
        assert!(book(booking(&four, "VOUCHER_REVERSED", &one, 500, "expense")).await);
        assert!(!book(booking(&five, "VOUCHER_REVERSED", &one, 1, "expense")).await, "once");
    }
}
