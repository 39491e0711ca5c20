//! The migrations that keep the sums of the ledger's accounts find what was booked before, between them and after.

use durable::{Backend, Db, sql};
use testkit::Template;

use crate::harness::Desk;

const TOTAL: &str = "m20261127_000101_total_ledger";

fn until(name: &str, with: bool) -> Vec<Box<dyn sea_orm_migration::MigrationTrait>> {
    let mut all = (compensation::migrations().0)();
    let at = all.iter().position(|migration| migration.name() == name).unwrap();
    all.truncate(at + usize::from(with));
    all
}

/// A database as it was before.
static BEFORE: Template = Template::new("compensation-before-totals", |url| {
    Box::pin(async move {
        let config = durable::DatabaseConfig { url, ..durable::DatabaseConfig::default() };
        let db = Db::connect(&config).await.expect("the template can be opened");
        durable::migrate(&db, durable::Migrations(|| until(TOTAL, false))).await.expect("the template can be migrated");
        db.close().await;
    })
});

/// Books a voucher of an amount, as any version of the service does.
async fn book(desk: &Desk, number: u8, amount: i64, currency: &str) {
    let id = match desk.engine.db().backend() {
        Backend::Postgres => format!("'00000000-0000-0000-0000-0000000000{number:02x}'"),
        Backend::Sqlite => format!("x'000000000000000000000000000000{number:02x}'"),
    };
    let texts = [
        format!(
            "INSERT INTO ledger_entries VALUES ('default', {id}, 1, 'expense', 'DEBIT', {amount}, '{currency}'), \
             ('default', {id}, 2, 'voucher_liability', 'CREDIT', {amount}, '{currency}')"
        ),
        format!(
            "INSERT INTO ledger_transactions (tenant_id, id, kind, subject, case_id, created_at) \
             VALUES ('default', {id}, 'VOUCHER_ISSUED', 's{number}', {id}, 9)"
        ),
    ];
    let work = |tx: durable::Tx| {
        let texts = texts.clone();
        async move {
            for text in texts {
                tx.execute(sql::statement(tx.backend(), text, [])).await?;
            }
            Ok(())
        }
    };
    desk.engine.run_tx("test", work).await.unwrap();
}

testkit::on_both_databases! {
    template: BEFORE;

    async fn what_was_booked_before_between_and_after_adds_up(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        book(&desk, 1, 500, "EUR").await;
        book(&desk, 2, 70, "EUR").await;
        book(&desk, 3, 9, "USD").await;
        // A replica of the version before books on while the migrations run.
        durable::migrate(desk.engine.db(), durable::Migrations(|| until(TOTAL, true))).await.unwrap();
        book(&desk, 4, 1_000, "EUR").await;
        book(&desk, 5, 3, "JPY").await;
        durable::migrate(desk.engine.db(), compensation::migrations()).await.unwrap();
        book(&desk, 6, 20_000, "EUR").await;
        let expected = [("EUR", 21_570), ("JPY", 3), ("USD", 9)];
        let balances = desk.balances().await;
        for (currency, amount) in expected {
            assert_eq!(balances.get(&format!("expense {currency}")), Some(&amount), "{balances:?}");
            assert_eq!(balances.get(&format!("voucher_liability {currency}")), Some(&-amount), "{balances:?}");
        }
        assert_eq!(balances.len(), 6);
        assert_eq!(desk.count("SELECT CAST(sum(debit_minor) AS BIGINT) AS n FROM ledger_totals").await, 579);
    }
}
