//! Folds the tail of the ledger into the totals of its accounts, and compares debits and credits of all of them.
//!
//! Always holds: a row of the tail is in the tail or in the total, never in both and never in neither; a posting waits for
//! no total.

use std::collections::BTreeMap;

use durable::{Backend, Bulk, ColumnType, Tx, sql};
use sea_orm::{ConnectionTrait, DbErr, Statement};

use crate::store::row::broken;

/// Rows of the tail that one transaction folds.
pub const FOLD_STEP: u64 = 2_000;

/// Folds the oldest rows of the tail; how many. Fewer than [`FOLD_STEP`] when there are no more that nobody else folds.
pub async fn fold_in_tx(tx: &Tx) -> Result<u64, DbErr> {
    let rows = tx.query(tail_statement(tx.backend())).await?;
    let folded = rows.len() as u64;
    let mut sums: BTreeMap<(String, String, String), (i64, i64)> = BTreeMap::new();
    for row in &rows {
        let text = |name: &str| sql::column::<String>(row, name);
        let sum = sums.entry((text("tenant_id")?, text("account")?, text("currency")?)).or_default();
        for (part, name) in [(&mut sum.0, "debit_minor"), (&mut sum.1, "credit_minor")] {
            let added = part.checked_add(sql::column(row, name)?);
            *part = added.ok_or_else(|| broken("the sum of an account does not fit"))?;
        }
    }
    if sums.is_empty() {
        return Ok(folded);
    }
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("account", ColumnType::Text),
        ("currency", ColumnType::Text),
        ("debit_minor", ColumnType::Integer),
        ("credit_minor", ColumnType::Integer),
    ]);
    for ((tenant, account, currency), (debits, credits)) in sums {
        input.push([tenant.into(), account.into(), currency.into(), debits.into(), credits.into()]);
    }
    // In one order: replicas that fold at once wait for each other, and none waits for the one that waits for it.
    let body = "INSERT INTO ledger_totals (tenant_id, account, currency, debit_minor, credit_minor) \
                SELECT tenant_id, account, currency, debit_minor, credit_minor FROM input WHERE true \
                ORDER BY tenant_id, account, currency ON CONFLICT (tenant_id, account, currency) DO UPDATE SET \
                debit_minor = ledger_totals.debit_minor + excluded.debit_minor, \
                credit_minor = ledger_totals.credit_minor + excluded.credit_minor";
    tx.execute_all(input.statements(tx.backend(), body, &[])).await?;
    Ok(folded)
}

/// Takes the oldest rows off the tail. What another replica folds is left to it.
pub(super) fn tail_statement(backend: Backend) -> Statement {
    let lock = match backend {
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
        Backend::Sqlite => "",
    };
    let text = format!(
        "DELETE FROM ledger_tail WHERE id IN (SELECT id FROM ledger_tail ORDER BY id LIMIT {FOLD_STEP}{lock}) \
         RETURNING tenant_id, account, currency, debit_minor, credit_minor"
    );
    sql::statement(backend, text, [])
}

/// By currency, how far debits and credits of the tenants are apart, all tenants' differences added up; 0 in a ledger that
/// balances. Reads the totals and the tail, a row an account of a tenant, and no entry.
pub async fn imbalances(connection: &impl ConnectionTrait) -> Result<Vec<(String, u64)>, DbErr> {
    // One statement sees one state: what is being folded is in one of the two.
    let text = "SELECT currency, CAST(sum(abs(difference)) AS BIGINT) AS n FROM (\
                SELECT currency, sum(debit_minor - credit_minor) AS difference FROM (\
                SELECT tenant_id, currency, debit_minor, credit_minor FROM ledger_totals UNION ALL \
                SELECT tenant_id, currency, debit_minor, credit_minor FROM ledger_tail) AS sums \
                GROUP BY tenant_id, currency) AS tenants GROUP BY currency ORDER BY currency";
    let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), text)).await?;
    let of = |row| Ok((sql::column(row, "currency")?, sql::column::<i64>(row, "n")?.unsigned_abs()));
    rows.iter().map(of).collect()
}
