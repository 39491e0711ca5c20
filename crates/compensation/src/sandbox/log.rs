//! The log of the sandbox: what was asked for, how often it was executed, and each execution by itself.

use std::time::Duration;

use durable::sql::{column, for_update, statement};
use durable::{Tx, TxError};
use kernel::{Currency, Money, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};

/// What a caller wants.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) key: String,
    pub(super) request: Vec<u8>,
    /// What is paid, which is not what was asked for when the payee asks for that.
    pub(super) amount: Money,
    pub(super) payee: String,
    pub(super) reference: String,
}

/// One payout in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Its key.
    pub payout_key: String,
    /// The request that it was first asked for with.
    pub request: Vec<u8>,
    /// True when it was executed, false when it was refused.
    pub executed: bool,
    /// The provider's reference.
    pub reference: String,
    /// What was paid.
    pub amount: Money,
    /// To whom.
    pub payee: String,
    /// How often it was asked for.
    pub requests: i64,
    /// How often it was executed: more than once only when its key had been forgotten.
    pub executions: i64,
    /// Until when the key is known.
    pub key_until: Timestamp,
    /// From when on look-ups know of it.
    pub visible_at: Timestamp,
}

const COLUMNS: &str = "payout_key, request, outcome, reference, amount_minor, currency, payee, requests, executions, \
                       key_until, visible_at";

/// Takes a request: executes it when its key is new or has been forgotten.
pub(super) async fn take_in_tx(
    tx: &Tx,
    wanted: &Wanted,
    declines: bool,
    key_ttl: Duration,
    lag: Duration,
) -> Result<Execution, TxError> {
    let now = tx.now();
    tx.execute(statement(
        tx.backend(),
        "INSERT INTO sandbox_executions (payout_key, request, outcome, reference, amount_minor, currency, payee, \
         requests, executions, key_until, visible_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8, $9, $10) \
         ON CONFLICT (payout_key) DO NOTHING",
        [
            wanted.key.as_str().into(),
            wanted.request.clone().into(),
            if declines { "DECLINED" } else { "EXECUTED" }.into(),
            wanted.reference.as_str().into(),
            wanted.amount.minor.into(),
            wanted.amount.currency.code().into(),
            wanted.payee.as_str().into(),
            now.plus(key_ttl).micros().into(),
            now.plus(lag).micros().into(),
            now.micros().into(),
        ],
    ))
    .await?;
    let sql = format!("SELECT {COLUMNS} FROM sandbox_executions WHERE payout_key = $1{}", for_update(tx.backend()));
    let rows = tx.query(statement(tx.backend(), sql, [wanted.key.as_str().into()])).await?;
    let mut entry = execution(rows.first().ok_or_else(|| DbErr::RecordNotFound(wanted.key.clone()))?)?;
    let forgotten = entry.requests > 0 && now >= entry.key_until;
    if entry.executed && (entry.requests == 0 || forgotten) {
        entry.executions += 1;
        entry.reference.clone_from(&wanted.reference);
        tx.execute(statement(
            tx.backend(),
            "INSERT INTO sandbox_payments (payout_key, ordinal, reference, amount_minor, currency, executed_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            [
                wanted.key.as_str().into(),
                entry.executions.into(),
                entry.reference.as_str().into(),
                entry.amount.minor.into(),
                entry.amount.currency.code().into(),
                now.micros().into(),
            ],
        ))
        .await?;
    }
    if forgotten {
        entry.key_until = now.plus(key_ttl);
    }
    entry.requests += 1;
    tx.execute(statement(
        tx.backend(),
        "UPDATE sandbox_executions SET requests = $1, executions = $2, key_until = $3, reference = $4 \
         WHERE payout_key = $5",
        [
            entry.requests.into(),
            entry.executions.into(),
            entry.key_until.micros().into(),
            entry.reference.as_str().into(),
            wanted.key.as_str().into(),
        ],
    ))
    .await?;
    Ok(entry)
}

/// One payout.
pub(super) async fn find(connection: &impl ConnectionTrait, key: &str) -> Result<Option<Execution>, DbErr> {
    let sql = format!("SELECT {COLUMNS} FROM sandbox_executions WHERE payout_key = $1");
    let backend = connection.get_database_backend();
    let row = connection.query_one_raw(Statement::from_sql_and_values(backend, sql, [key.into()])).await?;
    row.as_ref().map(execution).transpose()
}

/// The whole log, by key: for tests and for settling accounts with the sandbox.
///
/// # Errors
/// When the database does not answer.
pub async fn executions(connection: &impl ConnectionTrait) -> Result<Vec<Execution>, DbErr> {
    let sql = format!("SELECT {COLUMNS} FROM sandbox_executions ORDER BY payout_key");
    let backend = connection.get_database_backend();
    connection.query_all_raw(Statement::from_string(backend, sql)).await?.iter().map(execution).collect()
}

/// The number of this request, from 0, whether it arrives or not: for payees that ask for a sequence.
pub(super) async fn next_request_in_tx(tx: &Tx, key: &str) -> Result<usize, TxError> {
    let sql = "INSERT INTO sandbox_requests (payout_key, requests) VALUES ($1, 1) \
               ON CONFLICT (payout_key) DO UPDATE SET requests = sandbox_requests.requests + 1 RETURNING requests";
    let rows = tx.query(statement(tx.backend(), sql, [key.into()])).await?;
    let row = rows.first().ok_or_else(|| DbErr::RecordNotFound(key.to_owned()))?;
    let requests: i64 = column(row, "requests")?;
    Ok(usize::try_from(requests - 1).unwrap_or_default())
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The key of the payout.
    pub payout_key: String,
    /// The how-manieth execution under this key, from 1.
    pub ordinal: i64,
    /// The provider's reference.
    pub reference: String,
    /// What was paid.
    pub amount: Money,
    /// When.
    pub executed_at: Timestamp,
}

/// Executions from `from` on and before `until`, in order of time, after `after`: the sandbox's settlement.
///
/// # Errors
/// When the database does not answer.
pub async fn payments(
    connection: &impl ConnectionTrait,
    (from, until): (Timestamp, Timestamp),
    after: Option<&Payment>,
    limit: u32,
) -> Result<Vec<Payment>, DbErr> {
    let (at, key, ordinal) = after
        .map_or((from.micros(), "", 0), |last| (last.executed_at.micros(), last.payout_key.as_str(), last.ordinal));
    let sql = "SELECT payout_key, ordinal, reference, amount_minor, currency, executed_at FROM sandbox_payments \
               WHERE executed_at < $1 AND (executed_at, payout_key, ordinal) > ($2, $3, $4) \
               ORDER BY executed_at, payout_key, ordinal LIMIT $5";
    let values = [until.micros().into(), at.into(), key.into(), ordinal.into(), i64::from(limit).into()];
    let backend = connection.get_database_backend();
    let rows = connection.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    rows.iter()
        .map(|row| {
            Ok(Payment {
                payout_key: column(row, "payout_key")?,
                ordinal: column(row, "ordinal")?,
                reference: column(row, "reference")?,
                amount: money(row)?,
                executed_at: Timestamp::from_micros(column(row, "executed_at")?),
            })
        })
        .collect()
}

fn money(row: &QueryResult) -> Result<Money, DbErr> {
    let code: String = column(row, "currency")?;
    let currency = Currency::parse(&code).ok_or_else(|| DbErr::Custom(format!("currency {code}")))?;
    Ok(Money::new(currency, column(row, "amount_minor")?))
}

fn execution(row: &QueryResult) -> Result<Execution, DbErr> {
    Ok(Execution {
        payout_key: column(row, "payout_key")?,
        request: column(row, "request")?,
        executed: column::<String>(row, "outcome")? == "EXECUTED",
        reference: column(row, "reference")?,
        amount: money(row)?,
        payee: column(row, "payee")?,
        requests: column(row, "requests")?,
        executions: column(row, "executions")?,
        key_until: Timestamp::from_micros(column(row, "key_until")?),
        visible_at: Timestamp::from_micros(column(row, "visible_at")?),
    })
}
