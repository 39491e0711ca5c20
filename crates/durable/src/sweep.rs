//! Removes old answers from the log of answered requests.
//!
//! An answer is kept for `engine.keep_answers_s`, longer than any sender goes on with a call by itself. What protects
//! from a second effect after that:
//!
//! - A call in a lane: the lane's place, which is never removed. A repeat is told `LANE_REUSED`, and does nothing.
//! - A timer, and whatever else a service asks of itself: its subject's state. A timer may always come too late or twice.
//! - A request of a client: nothing here. Each service names what must not be done twice, and those answers stay.
//!
//! The sweep goes through the log by age, once: what is behind it was removed, or stays for ever. A step of it is one
//! transaction of bounded size, and counts the durable calls whose receipts it removes.

use std::collections::BTreeMap;
use std::time::Duration;

use kernel::{ServiceError, Timestamp};
use sea_orm::{DbErr, Statement, Value};
use tokio_util::sync::CancellationToken;

use crate::bulk::ColumnType::{Integer, Text};
use crate::{Backend, Bulk, Engine, Tx, sql};

/// Answers that one transaction looks at; those of one more group when the last of them came with others.
pub(crate) const STEP: u64 = 500;
/// Transactions of one round at most: between two rounds the upkeep does its other work. A round goes with each poll while
/// there is more, which keeps up with some 2,500 answers a second.
const STEPS_A_ROUND: u32 = 4;

/// What a round of the sweep, or of the removal of old calls, came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Answers or calls removed.
    pub removed: u64,
    /// True when there are more that are old.
    pub more: bool,
}

/// Which answers to requests outside of lanes stay for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeptAnswers {
    /// Those of these methods.
    OfMethods(&'static [&'static str]),
    /// All but those of the calls that the service makes to itself: a service whose every answer is about money.
    #[default]
    OfEveryMethod,
}

impl Engine {
    /// Removes answers that are older than the configuration keeps, as many as one round may. The relay's upkeep does it
    /// by itself.
    ///
    /// # Errors
    /// UNAVAILABLE when the database does not answer: what was removed before is gone, the rest comes next time.
    pub async fn sweep_answers(&self, kept: KeptAnswers, stop: &CancellationToken) -> Result<Swept, ServiceError> {
        let cutoff = self.now().minus(Duration::from_secs(self.config().keep_answers_s));
        let service = self.service();
        let mut round = Swept::default();
        for _ in 0..STEPS_A_ROUND {
            if stop.is_cancelled() {
                break;
            }
            let work = |tx: Tx| async move { Ok(one_step(&tx, service, kept, cutoff).await?) };
            let step = self.run_tx("durable.sweep_answers", work).await?;
            round = Swept { removed: round.removed + step.removed, more: step.more };
            if !step.more {
                break;
            }
        }
        Ok(round)
    }
}

async fn one_step(tx: &Tx, service: &str, kept: KeptAnswers, cutoff: Timestamp) -> Result<Swept, DbErr> {
    let backend = tx.backend();
    let from = tx.query(sql::statement(backend, "SELECT swept_until FROM inbound_sweep WHERE id = 1", [])).await?;
    let from: i64 = from.first().map_or(Ok(-1), |row| sql::column(row, "swept_until"))?;
    if from >= cutoff.micros() {
        return Ok(Swept { removed: 0, more: false });
    }
    let end = tx.query(end_statement(backend, from, cutoff)).await?;
    let more = !end.is_empty();
    let until: i64 = end.first().map_or(Ok(cutoff.micros()), |row| sql::column(row, "created_at"))?;
    let moved = sql::statement(
        backend,
        "UPDATE inbound_sweep SET swept_until = $2 WHERE id = 1 AND swept_until = $1",
        [from.into(), until.into()],
    );
    if tx.execute(moved).await? == 0 {
        // Another replica is at it.
        return Ok(Swept { removed: 0, more: false });
    }
    let rows = tx.query(delete_statement(backend, service, kept, from, until)).await?;
    let mut receipts: BTreeMap<(String, String), i64> = BTreeMap::new();
    for row in &rows {
        let client: String = sql::column(row, "client")?;
        if client.starts_with("service:") {
            *receipts.entry((sql::column(row, "tenant_id")?, client)).or_default() += 1;
        }
    }
    count(tx, receipts).await?;
    Ok(Swept { removed: rows.len() as u64, more })
}

/// Where a step ends before the cutoff: at the age of the last answer that it may look at.
pub(crate) fn end_statement(backend: Backend, from: i64, cutoff: Timestamp) -> Statement {
    sql::statement(
        backend,
        format!(
            "SELECT created_at FROM inbound_requests WHERE created_at > $1 AND created_at <= $2 \
             ORDER BY created_at LIMIT 1 OFFSET {}",
            STEP - 1
        ),
        [from.into(), cutoff.micros().into()],
    )
}

pub(crate) fn delete_statement(backend: Backend, service: &str, kept: KeptAnswers, from: i64, until: i64) -> Statement {
    let mut values: Vec<Value> = vec![from.into(), until.into(), format!("service:{service}").into()];
    let of_methods = match kept {
        KeptAnswers::OfEveryMethod => String::new(),
        KeptAnswers::OfMethods([]) => " OR true".to_owned(),
        KeptAnswers::OfMethods(methods) => {
            let parameters: Vec<String> = (0..methods.len()).map(|n| format!("${}", values.len() + n + 1)).collect();
            values.extend(methods.iter().map(|method| Value::from(*method)));
            format!(" OR method NOT IN ({})", parameters.join(", "))
        }
    };
    Statement::from_sql_and_values(
        backend.dialect(),
        format!(
            "DELETE FROM inbound_requests WHERE created_at > $1 AND created_at <= $2 \
             AND (lane IS NOT NULL OR client = $3{of_methods}) RETURNING tenant_id, client"
        ),
        values,
    )
}

async fn count(tx: &Tx, receipts: BTreeMap<(String, String), i64>) -> Result<(), DbErr> {
    if receipts.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[("tenant_id", Text), ("client", Text), ("requests", Integer)]);
    for ((tenant, client), requests) in receipts {
        input.push([tenant.into(), client.into(), requests.into()]);
    }
    tx.execute_all(input.statements(
        tx.backend(),
        "INSERT INTO inbound_removed (tenant_id, client, requests) SELECT tenant_id, client, requests FROM input \
         WHERE true ON CONFLICT (tenant_id, client) DO UPDATE SET requests = inbound_removed.requests + excluded.requests",
        &[],
    ))
    .await?;
    Ok(())
}
