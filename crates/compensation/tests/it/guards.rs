//! What the databases themselves refuse, whatever the code does.

use durable::Backend;

use crate::harness::{Desk, TEMPLATE, event, integer, remedy};

async fn desk_with_a_voucher(database: &testkit::TestDatabase) -> Desk {
    let desk = Desk::open(database).await;
    desk.remedy(remedy(event(&desk, "flight.delayed", &[("arrival_delay_minutes", integer(200))]))).await;
    desk
}

/// A UUID as a literal of the database.
fn id(desk: &Desk, number: u8) -> String {
    match desk.engine.db().backend() {
        Backend::Postgres => format!("'00000000-0000-0000-0000-0000000000{number:02x}'"),
        Backend::Sqlite => format!("x'000000000000000000000000000000{number:02x}'"),
    }
}

fn entries(transaction: &str, rows: &[(&str, i64, &str)]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(ordinal, (side, amount, currency))| {
            format!("('default', {transaction}, {ordinal}, 'expense', '{side}', {amount}, '{currency}')")
        })
        .collect();
    format!(
        "INSERT INTO ledger_entries (tenant_id, transaction_id, ordinal, account, side, amount_minor, currency) \
         VALUES {}",
        rows.join(", ")
    )
}

fn head(transaction: &str, subject: &str) -> String {
    format!(
        "INSERT INTO ledger_transactions (tenant_id, id, kind, subject, case_id, created_at) \
         VALUES ('default', {transaction}, 'VOUCHER_ISSUED', '{subject}', {transaction}, 0)"
    )
}

async fn both(desk: &Desk, entries: String, head: String) -> Result<(), kernel::ServiceError> {
    let work = |tx: durable::Tx| {
        let texts = [entries.clone(), head.clone()];
        async move {
            for text in texts {
                tx.execute(durable::sql::statement(tx.backend(), text, [])).await?;
            }
            Ok(())
        }
    };
    desk.engine.run_tx("test", work).await
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn the_ledger_is_only_ever_added_to(database: testkit::TestDatabase) {
        let desk = desk_with_a_voucher(&database).await;
        for change in [
            "UPDATE ledger_entries SET amount_minor = 1",
            "UPDATE ledger_transactions SET subject = 'x'",
            "DELETE FROM ledger_entries",
            "DELETE FROM ledger_transactions",
        ] {
            let refused = desk.sql(change).await.expect_err(change);
            assert!(refused.internal.is_some_and(|cause| cause.contains("append-only")), "{change}");
        }
        if desk.engine.db().backend() == Backend::Postgres {
            assert!(desk.sql("TRUNCATE ledger_entries").await.is_err());
        }
        desk.assert_ledger_balances().await;
        assert_eq!(desk.count("SELECT count(*) AS n FROM ledger_entries").await, 2);
    }

    /// What was applied, decided, captured, used and taken back stays as it was written.
    async fn records_are_only_ever_added_to(database: testkit::TestDatabase) {
        let desk = desk_with_a_voucher(&database).await;
        let tables = [
            ("applied_packs", "'default', 7, 'p', '1', '', 'ada', 1".to_owned(), "version = '2'"),
            (
                "gate_overrides",
                "'default', (SELECT id FROM remedies), 1, 'DELIGHT', 'RESTORE', 'because', 'ada', 1".to_owned(),
                "reason = 'x'",
            ),
            ("captures", "'default', 'o', 'c', 5, 'EUR', 1".to_owned(), "amount_minor = 6"),
            (
                "voucher_redemptions",
                format!("'default', {}, (SELECT id FROM vouchers), 1, 'EUR', '', '', 1", id(&desk, 1)),
                "amount_minor = 2",
            ),
            ("grant_reversals", "'default', 'g', NULL, NULL, NULL, 'because', 'ada', 1".to_owned(), "reason = 'x'"),
        ];
        desk.sql("INSERT INTO orders VALUES ('default', 'o', 'EUR', 5, 0, 1, 1)").await.unwrap();
        for (table, values, change) in tables {
            desk.sql(&format!("INSERT INTO {table} VALUES ({values})")).await.unwrap();
            for attempt in [format!("UPDATE {table} SET {change}"), format!("DELETE FROM {table}")] {
                let refused = desk.sql(&attempt).await.expect_err(&attempt);
                assert!(refused.internal.is_some_and(|cause| cause.contains("append-only")), "{attempt}");
            }
            if desk.engine.db().backend() == Backend::Postgres {
                assert!(desk.sql(&format!("TRUNCATE {table}")).await.is_err(), "{table}");
            }
            assert_eq!(desk.count(&format!("SELECT count(*) AS n FROM {table}")).await, 1, "{table}");
        }
    }

    async fn what_does_not_balance_is_not_committed(database: testkit::TestDatabase) {
        let desk = desk_with_a_voucher(&database).await;
        let t = |number| id(&desk, number);
        both(&desk, entries(&t(1), &[("DEBIT", 5, "EUR"), ("CREDIT", 5, "EUR")]), head(&t(1), "good")).await.unwrap();
        for (number, rows) in [
            (2, vec![("DEBIT", 5, "EUR"), ("CREDIT", 4, "EUR")]),
            (3, vec![("DEBIT", 5, "EUR"), ("CREDIT", 5, "USD")]),
            (4, vec![("DEBIT", 5, "EUR"), ("CREDIT", 5, "EUR"), ("DEBIT", 1, "USD")]),
            (5, vec![("DEBIT", 0, "EUR"), ("CREDIT", 0, "EUR")]),
            (6, vec![("DEBIT", -5, "EUR"), ("CREDIT", -5, "EUR")]),
        ] {
            let refused = both(&desk, entries(&t(number), &rows), head(&t(number), "bad")).await;
            assert!(refused.is_err(), "{rows:?}");
        }
        // A transaction without entries, entries without a transaction, entries that join later, a fact booked twice.
        assert!(desk.sql(&head(&t(7), "empty")).await.is_err());
        assert!(desk.sql(&entries(&t(8), &[("DEBIT", 5, "EUR"), ("CREDIT", 5, "EUR")])).await.is_err());
        let later = entries(&t(1), &[("DEBIT", 5, "EUR")]).replace(", 0, 'expense'", ", 9, 'expense'");
        assert!(desk.sql(&later).await.is_err());
        let pair = entries(&t(1), &[("DEBIT", 5, "EUR"), ("CREDIT", 5, "EUR")]);
        let pair = pair.replace(", 0, 'expense'", ", 8, 'expense'").replace(", 1, 'expense'", ", 9, 'expense'");
        assert!(desk.sql(&pair).await.is_err(), "a pair that balances joins no transaction that stands");
        let twice = entries(&t(9), &[("DEBIT", 5, "EUR"), ("CREDIT", 5, "EUR")]);
        assert!(both(&desk, twice, head(&t(9), "good")).await.is_err());
        assert_eq!(desk.count("SELECT count(*) AS n FROM ledger_transactions").await, 2);
        assert_eq!(desk.count("SELECT count(*) AS n FROM ledger_entries").await, 4);
    }

    /// The database takes a line once, an open offer once per remedy, and no payout that was never begun but sent.
    async fn what_would_give_twice_is_refused(database: testkit::TestDatabase) {
        let desk = desk_with_a_voucher(&database).await;
        desk.remedy(remedy(event(&desk, "flight.cancelled", &[]))).await;
        desk.refund("ada", ("EUR", 100)).await;
        let copy = |table: &str, columns: &str, number: u8| {
            let others: Vec<_> = columns.split(", ").filter(|column| *column != "id").collect();
            let others = others.join(", ");
            format!("INSERT INTO {table} (id, {others}) SELECT {}, {others} FROM {table}", id(&desk, number))
        };
        let offers = "id, tenant_id, remedy_id, case_id, state, options, plus, accepted_option, decline_reason, fair_ask, \
                      made_by, expires_at, created_at, updated_at";
        let vouchers = "id, tenant_id, remedy_id, case_id, customer_id, grant_id, line, state, description, amount_minor, \
                        currency, percent, code, expires_at, created_at, updated_at";
        assert!(desk.sql(&copy("offers", offers, 1)).await.is_err());
        let other_code = copy("vouchers", vouchers, 2).replace("percent, code, expires_at, created_at, updated_at FROM",
            "percent, 'another', expires_at, created_at, updated_at FROM");
        assert!(desk.sql(&other_code).await.is_err(), "the same line of the same grant");
        assert!(desk.sql("UPDATE payouts SET first_attempt_at = 1, key_valid_until = 2 WHERE state = 'RESERVED'").await.is_err());
        assert!(desk.sql("UPDATE payouts SET payout_key = ''").await.is_err());
        assert!(desk.sql("UPDATE payouts SET amount_minor = 0").await.is_err());
    }
}
