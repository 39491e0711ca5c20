//! Reading the ledger.

use std::collections::BTreeMap;

use durable::Tx;
use durable::sql::column;
use kernel::{CaseId, Currency, LedgerTransactionId, Money, ResourceId, TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use uuid::Uuid;

use crate::domain::ledger::{Account, TransactionKind};
use crate::store::row::{Cursor, broken, money};

/// A transaction as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTransaction {
    /// Its id.
    pub id: LedgerTransactionId,
    /// What it records.
    pub kind: String,
    /// The payout or voucher.
    pub subject: String,
    /// The case.
    pub case: CaseId,
    /// The transaction that it takes back.
    pub reverses: Option<LedgerTransactionId>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// Its entries, in order.
    pub entries: Vec<StoredEntry>,
}

/// An entry as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// The account.
    pub account: String,
    /// True for a debit.
    pub is_debit: bool,
    /// The amount.
    pub amount: Money,
}

/// Sums of an account in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The account.
    pub account: String,
    /// Sum of the debits.
    pub debits: Money,
    /// Sum of the credits.
    pub credits: Money,
}

/// A page of transactions, oldest first, of one case where one is given.
pub async fn list_page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    case: Option<CaseId>,
    after: Option<Cursor>,
    limit: u64,
) -> Result<Vec<StoredTransaction>, DbErr> {
    let mut values: Vec<Value> = vec![tenant.as_str().into()];
    let mut bind = |value: Value| {
        values.push(value);
        values.len()
    };
    let mut filter = String::new();
    if let Some(case) = case {
        filter.push_str(&format!(" AND case_id = ${}", bind(case.uuid().into())));
    }
    if let Some(after) = after {
        let (at, id) = (bind(after.created_at.into()), bind(after.id.into()));
        filter.push_str(&format!(" AND (created_at, id) > (${at}, ${id})"));
    }
    let limit = bind(i64::try_from(limit).unwrap_or(i64::MAX).into());
    let sql = format!(
        "SELECT id, kind, subject, case_id, reverses_id, created_at FROM ledger_transactions WHERE tenant_id = $1{filter} \
         ORDER BY created_at, id LIMIT ${limit}"
    );
    let backend = connection.get_database_backend();
    let rows = connection.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let mut transactions = Vec::with_capacity(rows.len());
    for row in rows {
        transactions.push(StoredTransaction {
            id: column::<Uuid>(&row, "id")?.into(),
            kind: column(&row, "kind")?,
            subject: column(&row, "subject")?,
            case: column::<Uuid>(&row, "case_id")?.into(),
            reverses: column::<Option<Uuid>>(&row, "reverses_id")?.map(Into::into),
            created_at: Timestamp::from_micros(column(&row, "created_at")?),
            entries: Vec::new(),
        });
    }
    let mut entries = entries_of(connection, tenant, &transactions).await?;
    for transaction in &mut transactions {
        transaction.entries = entries.remove(&transaction.id).unwrap_or_default();
    }
    Ok(transactions)
}

async fn entries_of(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    transactions: &[StoredTransaction],
) -> Result<BTreeMap<LedgerTransactionId, Vec<StoredEntry>>, DbErr> {
    let mut entries: BTreeMap<LedgerTransactionId, Vec<StoredEntry>> = BTreeMap::new();
    if transactions.is_empty() {
        return Ok(entries);
    }
    let mut values: Vec<Value> = vec![tenant.as_str().into()];
    let places: Vec<String> = transactions
        .iter()
        .map(|transaction| {
            values.push(transaction.id.uuid().into());
            format!("${}", values.len())
        })
        .collect();
    let sql = format!(
        "SELECT transaction_id, account, side, amount_minor, currency FROM ledger_entries \
         WHERE tenant_id = $1 AND transaction_id IN ({}) ORDER BY transaction_id, ordinal",
        places.join(", ")
    );
    let backend = connection.get_database_backend();
    for row in connection.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await? {
        let currency: String = column(&row, "currency")?;
        let entry = StoredEntry {
            account: column(&row, "account")?,
            is_debit: column::<String>(&row, "side")? == "DEBIT",
            amount: money(column(&row, "amount_minor")?, &currency)?,
        };
        entries.entry(column::<Uuid>(&row, "transaction_id")?.into()).or_default().push(entry);
    }
    Ok(entries)
}

/// The one transaction that records a fact.
pub async fn find_in_tx(
    tx: &Tx,
    tenant: &TenantId,
    subject: &str,
    kind: TransactionKind,
) -> Result<Option<LedgerTransactionId>, DbErr> {
    let sql = "SELECT id FROM ledger_transactions WHERE tenant_id = $1 AND subject = $2 AND kind = $3";
    let values = [tenant.as_str().into(), subject.into(), kind.as_str().into()];
    let rows = tx.query(durable::sql::statement(tx.backend(), sql, values)).await?;
    rows.first().map(|row| column::<Uuid>(row, "id").map(Into::into)).transpose()
}

/// The sums of every account and currency that has entries, by account and currency.
pub async fn balances(connection: &impl ConnectionTrait, tenant: &TenantId) -> Result<Vec<Balance>, DbErr> {
    sums(connection, tenant, None).await
}

/// The sums of one account, by currency.
pub async fn balances_of(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    account: Account,
) -> Result<Vec<Balance>, DbErr> {
    sums(connection, tenant, Some(account)).await
}

/// Totals and tail together, in one statement, which sees one state of both: what is folded meanwhile is in one of them.
pub(super) fn sums_sql(of_one_account: bool) -> String {
    let filter = if of_one_account { "tenant_id = $1 AND account = $2" } else { "tenant_id = $1" };
    let part = |table: &str| format!("SELECT account, currency, debit_minor, credit_minor FROM {table} WHERE {filter}");
    // PostgreSQL sums integers to a decimal; a sum that does not fit an integer is an error, never cut off.
    format!(
        "SELECT account, currency, CAST(sum(debit_minor) AS BIGINT) AS debits, \
         CAST(sum(credit_minor) AS BIGINT) AS credits FROM ({} UNION ALL {}) AS sums \
         GROUP BY account, currency ORDER BY account, currency",
        part("ledger_totals"),
        part("ledger_tail")
    )
}

async fn sums(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    account: Option<Account>,
) -> Result<Vec<Balance>, DbErr> {
    let mut values: Vec<Value> = vec![tenant.as_str().into()];
    values.extend(account.map(|account| account.as_str().into()));
    let sql = sums_sql(account.is_some());
    let backend = connection.get_database_backend();
    let rows = connection.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    rows.iter()
        .map(|row| {
            let code: String = column(row, "currency")?;
            let currency = Currency::parse(&code).ok_or_else(|| broken(&code))?;
            Ok(Balance {
                account: column(row, "account")?,
                debits: Money::new(currency, column(row, "debits")?),
                credits: Money::new(currency, column(row, "credits")?),
            })
        })
        .collect()
}
