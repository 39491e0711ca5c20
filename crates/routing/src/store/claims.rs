//! Which work an agent gets next: the most urgent that fits, and that nobody else is taking at this moment.
//!
//! Each queue gives its few most urgent fitting items by index; the best of all that is not locked is taken. So the
//! cost does not grow with the backlog, and agents who claim at the same time take different items without waiting.

use std::collections::BTreeSet;

use durable::{Backend, Tx, sql};
use kernel::{TenantId, WorkItemId};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use uuid::Uuid;

use crate::domain::QueueId;

/// Items that are looked at in the first try; more agents than that rarely claim in the same millisecond.
const FIRST_DEPTH: u32 = 32;
/// Items that are looked at in the last try.
const LAST_DEPTH: u32 = 2_048;

/// What an agent can take.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    /// The agent's tenant.
    pub(crate) tenant: TenantId,
    /// The queues that the agent serves and has the skills for.
    pub(crate) queues: Vec<QueueId>,
    /// The agent's skills.
    pub(crate) skills: BTreeSet<String>,
    /// How often the work may have been escalated.
    pub(crate) highest_escalation: u32,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// This work item, locked.
    Locked(WorkItemId),
    /// Work that fits, but others hold a lock on all of it.
    AllLocked,
    /// No work fits.
    Nothing,
}

/// Locks the most urgent work that fits and is not locked by others.
pub(crate) async fn lock_most_urgent(tx: &Tx, reach: &Reach) -> Result<Found, DbErr> {
    let mut depth = FIRST_DEPTH;
    while depth <= LAST_DEPTH {
        let Some(statement) = lock_statement(tx.backend(), reach, depth) else { return Ok(Found::Nothing) };
        if let Some(row) = tx.query(statement).await?.pop() {
            return Ok(Found::Locked(sql::column::<Uuid>(&row, "id")?.into()));
        }
        if !something_fits(tx.conn(), tx.backend(), reach).await? {
            return Ok(Found::Nothing);
        }
        depth *= 8;
    }
    Ok(Found::AllLocked)
}

/// True when some waiting work fits, whoever has a lock on it.
pub(crate) async fn something_fits(
    connection: &impl ConnectionTrait,
    backend: Backend,
    reach: &Reach,
) -> Result<bool, DbErr> {
    let Some((candidates, values)) = candidates(reach, 1) else { return Ok(false) };
    let statement = Statement::from_sql_and_values(backend.dialect(), format!("{candidates} LIMIT 1"), values);
    Ok(connection.query_one_raw(statement).await?.is_some())
}

/// The statement that locks the best of the `depth` most urgent items of each queue.
pub(super) fn lock_statement(backend: Backend, reach: &Reach, depth: u32) -> Option<Statement> {
    let (candidates, values) = candidates(reach, depth)?;
    // CROSS JOIN: SQLite keeps to the written order and does not walk through all work by urgency instead.
    let text = format!(
        "WITH best AS MATERIALIZED ({candidates}) SELECT w.id FROM best CROSS JOIN work_items w \
         WHERE w.tenant_id = $1 AND w.id = best.id AND w.state = 'WAITING' \
         ORDER BY w.urgency, w.created_at, w.id LIMIT 1{}",
        sql::for_update_skip_locked(backend)
    );
    Some(Statement::from_sql_and_values(backend.dialect(), text, values))
}

/// The ids of the most urgent items that fit, up to `depth` from each queue; `None` when there is no queue.
fn candidates(reach: &Reach, depth: u32) -> Option<(String, Vec<Value>)> {
    if reach.queues.is_empty() {
        return None;
    }
    let mut values: Vec<Value> =
        vec![reach.tenant.as_str().into(), i64::from(reach.highest_escalation).into(), i64::from(depth).into()];
    let mut next = |value: Value| {
        values.push(value);
        format!("${}", values.len())
    };
    let skills: Vec<String> = reach.skills.iter().map(|skill| next(skill.as_str().into())).collect();
    let lacking =
        if skills.is_empty() { String::new() } else { format!(" AND s.skill NOT IN ({})", skills.join(", ")) };
    let of_queue = |queue: String| {
        format!(
            "SELECT id FROM (SELECT w.id FROM work_items w WHERE w.tenant_id = $1 AND w.queue_id = {queue} \
             AND w.state = 'WAITING' AND w.escalation_level <= $2 AND NOT EXISTS (SELECT 1 FROM work_skills s \
             WHERE s.tenant_id = w.tenant_id AND s.work_item_id = w.id{lacking}) \
             ORDER BY w.urgency, w.created_at, w.id LIMIT $3) q"
        )
    };
    let queues: Vec<String> = reach.queues.iter().map(|queue| of_queue(next(queue.as_str().into()))).collect();
    Some((queues.join(" UNION ALL "), values))
}
