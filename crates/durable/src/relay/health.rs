//! How the relay is doing: what waits for each target, and what a driver of a virtual clock must know.

use std::collections::BTreeMap;

use kernel::{ServiceError, TenantId, Timestamp};
use sea_orm::{ConnectionTrait as _, DbErr, Statement, Value};

use super::claim::IS_HEAD;
use crate::error::to_service_error;
use crate::{Engine, sql};

/// Calls that wait for their time are counted so far: a service may have millions of timers, and is asked often.
const SCHEDULED_AT_MOST: u64 = 10_000;

/// What waits for one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetHealth {
    /// The target.
    pub target: String,
    /// Calls that are due and not done.
    pub due: u64,
    /// Calls that wait for their time, 10,000 at most.
    pub scheduled: u64,
    /// Calls that are being sent.
    pub leased: u64,
    /// Calls that are parked.
    pub parked: u64,
    /// When the oldest due call became due.
    pub oldest_due: Option<Timestamp>,
    /// True while the circuit from this process to the target is open.
    pub circuit_open: bool,
}

/// The targets that have a pending call, one probe of an index each.
const PENDING_TARGETS: &str = "RECURSIVE targets(target) AS (\
     SELECT min(target) FROM outbound_calls WHERE state = 'pending' \
     UNION ALL SELECT (SELECT min(o.target) FROM outbound_calls o \
     WHERE o.state = 'pending' AND o.target > targets.target) FROM targets WHERE targets.target IS NOT NULL)";

/// What waits for each target that has open calls, by target: calls of one tenant, or of all for the service's own
/// metrics.
pub(crate) async fn targets(engine: &Engine, tenant: Option<&TenantId>) -> Result<Vec<TargetHealth>, DbErr> {
    let rows = engine.read().query_all_raw(targets_statement(engine, tenant)).await?;
    let mut targets: BTreeMap<String, TargetHealth> = BTreeMap::new();
    for row in rows {
        let target: String = sql::column(&row, "target")?;
        let stage: String = sql::column(&row, "stage")?;
        let calls = u64::try_from(sql::column::<i64>(&row, "calls")?).unwrap_or(0);
        let oldest: Option<i64> = sql::column(&row, "oldest")?;
        if calls == 0 {
            continue;
        }
        let health = targets.entry(target).or_insert_with_key(|target| TargetHealth {
            target: target.clone(),
            circuit_open: engine.relay_status().circuit_open(target),
            ..TargetHealth::default()
        });
        match stage.as_str() {
            "due" => {
                health.due = calls;
                health.oldest_due = oldest.map(Timestamp::from_micros);
            }
            "scheduled" => health.scheduled = calls,
            "leased" => health.leased = calls,
            _ => health.parked = calls,
        }
    }
    Ok(targets.into_values().collect())
}

/// Ranges of indexes: what is due, what is leased and what is parked as a whole, of what waits for its time the first.
pub(super) fn targets_statement(engine: &Engine, tenant: Option<&TenantId>) -> Statement {
    let mut values: Vec<Value> = vec![engine.now().micros().into()];
    let mut of = "";
    if let Some(tenant) = tenant {
        values.push(tenant.as_str().into());
        of = " AND tenant_id = $2";
    }
    let pending = format!("FROM outbound_calls WHERE state = 'pending' AND target = targets.target{of}");
    let text = format!(
        "WITH {PENDING_TARGETS} \
         SELECT target, 'due' AS stage, (SELECT count(*) {pending} AND due_at <= $1) AS calls, \
         (SELECT min(due_at) {pending} AND due_at <= $1) AS oldest FROM targets WHERE target IS NOT NULL \
         UNION ALL SELECT target, 'scheduled', \
         (SELECT count(*) FROM (SELECT 1 {pending} AND due_at > $1 LIMIT {SCHEDULED_AT_MOST}) AS waiting), NULL \
         FROM targets WHERE target IS NOT NULL \
         UNION ALL SELECT target, 'leased', count(*), NULL FROM outbound_calls WHERE state = 'leased'{of} GROUP BY 1 \
         UNION ALL SELECT target, 'parked', count(*), NULL FROM outbound_calls WHERE state = 'parked'{of} GROUP BY 1"
    );
    Statement::from_sql_and_values(engine.db().backend().dialect(), text, values)
}

/// Whether a service, or a suite of them, has durable calls to send now. What is parked, and what waits behind it, does
/// not count: only an operator moves it. Calls to a target that no relay knows count as long as they are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiescence {
    /// A call is due, or is being sent.
    Busy,
    /// Nothing happens before `next_due`; nothing ever, when there is none.
    Quiet {
        /// When the next call becomes due: a timer, or the next attempt at a call that failed.
        next_due: Option<Timestamp>,
    },
}

impl Quiescence {
    /// Of two services: busy when one of them is; else the earlier of what comes next.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Busy, _) | (_, Self::Busy) => Self::Busy,
            (Self::Quiet { next_due: a }, Self::Quiet { next_due: b }) => {
                Self::Quiet { next_due: a.into_iter().chain(b).min() }
            }
        }
    }
}

impl Engine {
    /// Whether this service has durable calls to send now, by its own clock. A few probes of indexes, however many
    /// calls wait.
    ///
    /// # Errors
    /// UNAVAILABLE when the database does not answer.
    pub async fn quiescence(&self) -> Result<Quiescence, ServiceError> {
        self.read_quiescence().await.map_err(|error| to_service_error(&error))
    }

    async fn read_quiescence(&self) -> Result<Quiescence, DbErr> {
        let rows = self.read().query_all_raw(quiescence_statement(self)).await?;
        let mut all = Quiescence::Quiet { next_due: None };
        for row in rows {
            let next_due: Option<i64> = sql::column(&row, "next_due")?;
            let busy: i64 = sql::column(&row, "busy")?;
            all = all.and(if busy == 0 {
                Quiescence::Quiet { next_due: next_due.map(Timestamp::from_micros) }
            } else {
                Quiescence::Busy
            });
        }
        Ok(all)
    }
}

pub(super) fn quiescence_statement(engine: &Engine) -> Statement {
    // The recursive part walks from one target to the next: the number of timers does not matter.
    sql::statement(
        engine.db().backend(),
        format!(
            "WITH {PENDING_TARGETS} \
             SELECT (SELECT min(n.due_at) FROM outbound_calls n \
             WHERE n.state = 'pending' AND n.target = targets.target AND n.due_at > $1) AS next_due, \
             CAST(CASE WHEN EXISTS (SELECT 1 FROM outbound_calls b \
             WHERE b.state = 'pending' AND b.target = targets.target AND b.due_at <= $1 AND {IS_HEAD}) \
             THEN 1 ELSE 0 END AS BIGINT) AS busy FROM targets WHERE targets.target IS NOT NULL \
             UNION ALL SELECT NULL, CAST(1 AS BIGINT) \
             WHERE EXISTS (SELECT 1 FROM outbound_calls WHERE state = 'leased')"
        ),
        [engine.now().micros().into()],
    )
}

/// Whether several services of this process, which call each other, have durable calls to send now. They are quiet
/// together only when none of them committed anything while they were looked at, one after the other: a call may have
/// gone from one that was not looked at yet to one that had been.
///
/// A driver of a virtual clock moves it to `next_due` when they are quiet, and then calls [`Engine::wake_relay`] on
/// each, because nothing else tells a relay that a virtual time has come. A call that failed is due again at a virtual
/// time too: it is tried again when the driver gets there.
///
/// # Errors
/// UNAVAILABLE when a database does not answer.
pub async fn quiescence(engines: &[Engine]) -> Result<Quiescence, ServiceError> {
    let commits = || engines.iter().map(Engine::commits).sum::<u64>();
    let before = commits();
    let mut all = Quiescence::Quiet { next_due: None };
    for engine in engines {
        all = all.and(engine.quiescence().await?);
        if all == Quiescence::Busy {
            return Ok(all);
        }
    }
    Ok(if commits() == before { all } else { Quiescence::Busy })
}
