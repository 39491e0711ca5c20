//! Hot queries are served by an index, however much is stored.

use durable::{Backend, sql};
use sea_orm::ConnectionTrait as _;

use crate::harness::{Desk, TEMPLATE};

async fn plan(desk: &Desk, query: &str) -> String {
    let backend = desk.engine.db().backend();
    let (prefix, column) = match backend {
        Backend::Postgres => ("EXPLAIN ", "QUERY PLAN"),
        Backend::Sqlite => ("EXPLAIN QUERY PLAN ", "detail"),
    };
    let work = |tx: durable::Tx| {
        let text = format!("{prefix}{query}");
        async move {
            if tx.backend() == Backend::Postgres {
                tx.execute(sql::statement(tx.backend(), "SET LOCAL enable_seqscan = off", [])).await?;
            }
            let rows = tx.conn().query_all_raw(sql::statement(tx.backend(), text, [])).await?;
            rows.iter().map(|row| sql::column::<String>(row, column)).collect::<Result<Vec<_>, _>>().map_err(Into::into)
        }
    };
    desk.engine.run_tx("test", work).await.unwrap().join("\n")
}

/// Fills the tables, so that the planner has something to weigh.
async fn fill(desk: &Desk) {
    let id = match desk.engine.db().backend() {
        Backend::Postgres => "lpad(i::text, 32, '0')::uuid",
        Backend::Sqlite => "CAST(printf('%016d', i) AS BLOB)",
    };
    let tenant = "'t' || (i % 3)";
    let inserts = [
        format!(
            "remedies (tenant_id, id, case_id, customer_id, state, event, severity, payee, assessment, version, \
             created_at, updated_at) SELECT {tenant}, {id}, {id}, {id}, 'OFFERED', '', 'LOW', '', '', 1, i, i"
        ),
        format!(
            "offers (tenant_id, id, remedy_id, case_id, state, options, plus, accepted_option, decline_reason, fair_ask, \
             made_by, expires_at, created_at, updated_at) \
             SELECT {tenant}, {id}, {id}, {id}, 'OPEN', '', '', '', '', '', '', i, i, i"
        ),
        format!(
            "vouchers SELECT {tenant}, {id}, {id}, {id}, {id}, {id}, 'l', 'ISSUED', '', 1, 'EUR', NULL, 'c' || i, i, i, i, 0, 'expense'"
        ),
        format!(
            "payouts SELECT {tenant}, {id}, {id}, {id}, {id}, 'l', 'RESERVED', 1, 'EUR', '', 'k' || i, {id_bytes}, 0, 0, NULL, \
                 NULL, i, NULL, '', '', i, i, 'expense'",
            id_bytes = if id.contains("lpad") { "'x'::bytea" } else { id }
        ),
        format!(
            "ledger_entries SELECT {tenant}, {id}, side.n, 'expense', side.name, 1, 'EUR' FROM n, \
                 (SELECT 1 AS n, 'DEBIT' AS name UNION SELECT 2, 'CREDIT') AS side"
        ),
        format!("ledger_transactions SELECT {tenant}, {id}, 'VOUCHER_ISSUED', 's' || i, {id}, i, NULL"),
        format!("voucher_redemptions SELECT {tenant}, {id}, {id}, 1, 'EUR', '', '', i"),
        format!("voucher_misses SELECT {tenant}, 'c', 'p' || i, 'r', i"),
        format!("grant_reversals SELECT {tenant}, 'g' || i, NULL, NULL, NULL, '', '', i"),
        format!("orders SELECT {tenant}, 'o' || i, 'EUR', 5, 0, i, i"),
        format!("captures SELECT {tenant}, 'o' || i, 'c', 5, 'EUR', i"),
        format!("order_refunds SELECT {tenant}, {id}, 'o' || i, 'HELD', 5, 'EUR', i, i"),
        format!("order_vouchers SELECT {tenant}, {id}, 'o' || i, 5, 5, 'EUR', i, i"),
        format!("payout_freezes SELECT {tenant} || '-' || i, 'FROZEN', '', '', i"),
        format!("ledger_reservations SELECT {tenant}, {id}, 'PENDING', 1, 'EUR', i, i"),
        format!("policies SELECT {tenant}, {id}, 'ABUSE', 'v' || i, '', i, 'a', i"),
        format!(
            "approval_requests SELECT {tenant}, {id}, {id}, {id}, {id}, 'OFFER', 'PENDING', 'a', '', '', '', NULL, NULL, '', '', '', '', \
                 '', '', i, i, i, '', ''"
        ),
        format!("spending_holders SELECT {tenant}, 'CASE', 'c' || i, 1"),
        format!("spending_days SELECT {tenant}, 'CASE', 'c' || i, 'MONEY', 'EUR', i, 1"),
        format!("spending_counted SELECT {tenant}, {id}, i, ''"),
        format!("autonomous_decisions SELECT {tenant}, {id}, {id}, {id}, {id}, 'a' || (i % 50), '', '', '', '', '', i"),
        format!("goodwill_claims SELECT {tenant}, 'CUSTOMER', 'c' || (i % 50), {id}, {id}, i"),
        format!("abuse_signals SELECT {tenant}, {id}, 'CUSTOMER', {id}, {id}, {id}, '', 1, 1, 1, '', '', i"),
        format!(
            "experiments SELECT {tenant}, 'e' || i, '', CASE WHEN i % 50 = 0 THEN 'RUNNING' ELSE 'EXPIRED' END, '', 'a', '', '', \
             CASE WHEN i % 50 = 0 THEN NULL ELSE i END, 1, i"
        ),
        format!("experiment_arms SELECT {tenant}, 'e' || i, 'a', 1, 0, 0, 0, 0, 0, 0, 0"),
        format!("experiment_assignments SELECT {tenant}, 'e' || (i % 9), {id}, {id}, 'a', 'u' || i, i"),
        format!("experiment_outcomes SELECT {tenant}, 'e' || (i % 9), {id}, 'LAPSED', NULL, NULL, i"),
        format!("experiment_strata SELECT {tenant}, 'e' || i, 'a', 'LOW', 'k', '-', 1, 0, 0, 0"),
    ];
    let work = |tx: durable::Tx| {
        let inserts = inserts.clone();
        async move {
            for insert in inserts {
                let from = if insert.contains(" FROM n") { "" } else { " FROM n" };
                let text = format!("INSERT INTO {insert}{from}").replace(
                    "SELECT 't'",
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT 't'",
                );
                tx.execute(sql::statement(tx.backend(), text, [])).await?;
            }
            Ok(())
        }
    };
    desk.engine.run_tx("test", work).await.unwrap();
    desk.sql("ANALYZE").await.unwrap();
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn no_hot_query_reads_a_whole_table(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        fill(&desk).await;
        let id = match desk.engine.db().backend() {
            Backend::Postgres => "'00000000-0000-0000-0000-000000000007'",
            Backend::Sqlite => "x'00000000000000000000000000000007'",
        };
        let page = |table: &str, filter: &str| {
            format!("SELECT * FROM {table} WHERE tenant_id = 't1' AND {filter} AND (created_at, id) > (5, {id}) \
                     ORDER BY created_at, id LIMIT 51")
        };
        // Query and the index that serves it; a primary key's has another name on each database.
        let queries = [
            (format!("SELECT * FROM remedies WHERE tenant_id = 't1' AND id = {id}"), ""),
            (page("remedies", &format!("case_id = {id}")), "remedies_by_case"),
            (format!("SELECT x.id FROM remedies x WHERE x.tenant_id = 't1' AND x.customer_id = {id} AND x.created_at >= 5 \
                      ORDER BY x.created_at DESC, x.id DESC LIMIT 50"), "remedies_by_customer"),
            (format!("SELECT from_outcome FROM gate_overrides WHERE tenant_id = 't1' AND remedy_id = {id} ORDER BY ordinal"), ""),
            (page("offers", &format!("case_id = {id}")), "offers_by_case"),
            (page("vouchers", &format!("case_id = {id}")), "vouchers_by_case"),
            (page("payouts", &format!("case_id = {id}")), "payouts_by_case"),
            (format!("SELECT state, created_at FROM payouts WHERE tenant_id = 't1' AND remedy_id = {id}"), "payouts_by_remedy"),
            (format!("SELECT remedy_id, id FROM vouchers WHERE tenant_id = 't1' AND remedy_id IN ({id})"), "vouchers_by_remedy"),
            (page("ledger_transactions", "true"), "ledger_transactions_by_time"),
            (page("ledger_transactions", &format!("case_id = {id}")), "ledger_transactions_by_case"),
            (format!("SELECT * FROM ledger_entries WHERE tenant_id = 't1' AND transaction_id IN ({id})"), ""),
            (format!("SELECT * FROM ledger_reservations WHERE tenant_id = 't1' AND payout_id = {id}"), ""),
            ("SELECT * FROM vouchers WHERE tenant_id = 't1' AND code = 'c7'".to_owned(), "vouchers_code"),
            ("SELECT count(*) FROM voucher_misses WHERE tenant_id = 't1' AND client = 'c' AND presented_by = 'p1' AND missed_at > 5".to_owned(), "voucher_misses"),
            ("SELECT * FROM grant_reversals WHERE tenant_id = 't1' AND grant_name = 'g7'".to_owned(), ""),
            ("SELECT id FROM ledger_transactions WHERE tenant_id = 't1' AND subject = 's7' AND kind = 'VOUCHER_ISSUED'".to_owned(), "ledger_transactions_fact"),
            ("SELECT * FROM orders WHERE tenant_id = 't1' AND order_reference = 'o7'".to_owned(), ""),
            ("SELECT * FROM captures WHERE tenant_id = 't1' AND order_reference = 'o7' AND capture = 'c'".to_owned(), ""),
            (format!("SELECT * FROM order_refunds WHERE tenant_id = 't1' AND payout_id = {id}"), ""),
            ("SELECT * FROM order_refunds WHERE tenant_id = 't1' AND order_reference = 'o7'".to_owned(), "order_refunds_by_order"),
            (format!("SELECT * FROM order_vouchers WHERE tenant_id = 't1' AND voucher_id = {id}"), ""),
            ("SELECT * FROM order_vouchers WHERE tenant_id = 't1' AND order_reference = 'o7'".to_owned(), "order_vouchers_by_order"),
            (format!("SELECT * FROM offers WHERE tenant_id = 't1' AND case_id = {id} AND remedy_id = {id}"), "offers_by_case"),
            ("SELECT state FROM payout_freezes WHERE tenant_id = 't1-1'".to_owned(), ""),
            ("SELECT revision FROM pack_revisions WHERE tenant_id = 't1'".to_owned(), ""),
            ("SELECT document FROM applied_packs WHERE tenant_id = 't1' ORDER BY revision".to_owned(), ""),
            ("SELECT * FROM sandbox_executions WHERE payout_key = 'k'".to_owned(), ""),
            (page("settlement_discrepancies", "state = 'OPEN'"), "settlement_discrepancies_open"),
            (page("settlement_discrepancies", "true"), "settlement_discrepancies_by_time"),
            (page("payout_settlements", &format!("payout_id = {id}")), "payout_settlements_by_payout"),
            (format!("SELECT p.id FROM payouts p WHERE p.tenant_id = 't1' AND p.first_attempt_at IS NOT NULL AND p.first_attempt_at < 9 \
                      AND (p.first_attempt_at, p.id) > (5, {id}) ORDER BY p.first_attempt_at, p.id LIMIT 51"), "payouts_by_attempt"),
            ("SELECT * FROM payouts WHERE tenant_id = 't1' AND payout_key = 'k7'".to_owned(), "payouts_key"),
            (format!("SELECT number FROM settlement_lines WHERE tenant_id = 't1' AND payout_id = {id} AND payout_id IS NOT NULL"), "settlement_lines_payout"),
            ("SELECT kind FROM provider_events WHERE tenant_id = 't1' AND event = 'e7'".to_owned(), ""),
            (
                "SELECT id FROM policies WHERE tenant_id = 't1' AND kind = 'ABUSE' AND in_force_from <= 5 \
                 ORDER BY in_force_from DESC, created_at DESC, id DESC LIMIT 1".to_owned(),
                "policies_in_force",
            ),
            (page("approval_requests", "state = 'PENDING'"), "approvals_by_state"),
            (page("approval_requests", &format!("case_id = {id}")), "approvals_by_case"),
            (
                format!("SELECT * FROM approval_requests WHERE tenant_id = 't1' AND remedy_id = {id} AND state = 'PENDING' AND kind = 'OFFER'"),
                "approvals_waiting",
            ),
            (
                "SELECT sum(amount) FROM spending_days WHERE tenant_id = 't1' AND scope = 'CASE' AND holder = 'c7' \
                 AND kind = 'MONEY' AND unit = 'EUR' AND day >= 3".to_owned(),
                "",
            ),
            (format!("SELECT day, entries FROM spending_counted WHERE tenant_id = 't1' AND offer_id = {id}"), ""),
            (
                format!("SELECT * FROM autonomous_decisions WHERE tenant_id = 't1' AND agent = 'a7' \
                         AND (created_at, offer_id) < (5, {id}) ORDER BY created_at DESC, offer_id DESC LIMIT 51"),
                "autonomous_decisions_by_agent",
            ),
            (
                format!("SELECT * FROM autonomous_decisions WHERE tenant_id = 't1' \
                         AND (created_at, offer_id) < (5, {id}) ORDER BY created_at DESC, offer_id DESC LIMIT 51"),
                "autonomous_decisions_by_time",
            ),
            (
                "SELECT count(*) FROM goodwill_claims WHERE tenant_id = 't1' AND dimension = 'CUSTOMER' AND value = 'c7' \
                 AND created_at >= 2990".to_owned(),
                "goodwill_claims",
            ),
            (
                format!("SELECT * FROM abuse_signals WHERE tenant_id = 't1' AND customer_id = {id} \
                         AND (created_at, id) < (5, {id}) ORDER BY created_at DESC, id DESC LIMIT 51"),
                "abuse_signals_by_customer",
            ),
            ("SELECT revision FROM experiment_revisions WHERE tenant_id = 't1'".to_owned(), ""),
            ("SELECT * FROM experiments WHERE tenant_id = 't1' AND id = 'e7'".to_owned(), ""),
            (
                "SELECT * FROM experiments WHERE tenant_id = 't1' AND state = 'RUNNING' ORDER BY created_at, id".to_owned(),
                "experiments_running",
            ),
            (
                "SELECT * FROM experiments WHERE tenant_id = 't1' AND (created_at, id) < (5, 'e') \
                 ORDER BY created_at DESC, id DESC LIMIT 51".to_owned(),
                "experiments_by_time",
            ),
            ("SELECT * FROM experiment_arms WHERE tenant_id = 't1' AND experiment_id = 'e7'".to_owned(), ""),
            (
                format!("SELECT experiment_id, arm FROM experiment_assignments WHERE tenant_id = 't1' AND case_id = {id}"),
                "experiment_assignments_by_case",
            ),
            (
                format!("SELECT result FROM experiment_outcomes WHERE tenant_id = 't1' AND experiment_id = 'e7' AND case_id = {id}"),
                "",
            ),
            ("SELECT * FROM experiment_strata WHERE tenant_id = 't1' AND experiment_id = 'e7'".to_owned(), ""),
        ];
        // Read whole, and holds nothing but what is not settled.
        let unsettled = "SELECT state, min(updated_at) FROM payouts WHERE state IN ('SUBMITTING', 'UNKNOWN', 'MANUAL') \
                         GROUP BY state";
        let measured = plan(&desk, unsettled).await;
        assert!(measured.contains("payouts_unsettled") && !measured.contains("Seq Scan"), "{measured}");
        let frozen = plan(&desk, "SELECT count(*) AS n FROM payout_freezes WHERE state = 'FROZEN'").await;
        assert!(frozen.contains("payout_freezes_frozen") && !frozen.contains("Seq Scan"), "{frozen}");
        let liability = "SELECT currency, sum(amount_minor - redeemed_minor) FROM vouchers WHERE tenant_id = 't1' \
                         AND state = 'ISSUED' AND amount_minor IS NOT NULL GROUP BY currency";
        let told = plan(&desk, liability).await;
        // PostgreSQL weighs it against the tenant's other indexes until the table has been vacuumed.
        let served = told.contains("vouchers_out")
            || (desk.engine.db().backend() == Backend::Postgres && told.contains("Index Cond"));
        assert!(served, "{told}");
        for (query, index) in queries {
            let plan = plan(&desk, &query).await;
            let served = match desk.engine.db().backend() {
                Backend::Postgres => plan.contains("Index Cond") && plan.contains(index),
                Backend::Sqlite => plan.contains("INDEX") && plan.contains(index),
            };
            assert!(served && !plan.contains("SCAN") && !plan.contains("Seq Scan") && !plan.contains("TEMP B-TREE"), "{query}\n{plan}");
        }
    }
}
