//! Lists of work items, the most urgent first, by keyset.

use durable::Backend;
use kernel::{CaseId, ResourceId as _, TenantId};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::work_clocks::CLOCK_COLUMNS;
use super::work_items::with_clocks;
use crate::domain::{QueueId, Work, WorkState};

/// Which work items; a page token is bound to it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct WorkFilter {
    /// Only these.
    pub(crate) state: Option<WorkState>,
    /// Only of this queue.
    pub(crate) queue: Option<QueueId>,
    /// Only of this case.
    pub(crate) case: Option<CaseId>,
}

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkCursor {
    urgency: i64,
    created_at: i64,
    id: Uuid,
}

impl WorkCursor {
    /// After this work item.
    pub(crate) fn after(work: &Work) -> Self {
        Self { urgency: work.urgency(), created_at: work.created_at.micros(), id: work.id.uuid() }
    }
}

/// At most `limit` work items.
pub(crate) async fn list_work(
    connection: &impl ConnectionTrait,
    backend: Backend,
    tenant: &TenantId,
    filter: &WorkFilter,
    after: Option<WorkCursor>,
    limit: u64,
) -> Result<Vec<Work>, DbErr> {
    let statement = list_statement(backend, tenant, filter, after, limit);
    with_clocks(&connection.query_all_raw(statement).await?)
}

pub(super) fn list_statement(
    backend: Backend,
    tenant: &TenantId,
    filter: &WorkFilter,
    after: Option<WorkCursor>,
    limit: u64,
) -> Statement {
    let mut values: Vec<Value> = vec![tenant.as_str().into(), limit.cast_signed().into()];
    let mut next = |value: Value| {
        values.push(value);
        format!("${}", values.len())
    };
    let mut conditions = String::new();
    if let Some(state) = filter.state {
        // That the index of open work covers it, PostgreSQL sees by the literal and SQLite by the index's own condition.
        // Waiting work of a queue has an index of its own.
        let of_a_queue = state == WorkState::Waiting && filter.queue.is_some();
        if !state.is_final() && !of_a_queue {
            conditions.push_str(" AND w.state IN ('UNATTENDED', 'WAITING', 'CLAIMED')");
        }
        conditions.push_str(&format!(" AND w.state = '{}'", state.as_str()));
    }
    if let Some(queue) = &filter.queue {
        conditions.push_str(&format!(" AND w.queue_id = {}", next(queue.as_str().into())));
    }
    if let Some(case) = filter.case {
        conditions.push_str(&format!(" AND w.case_id = {}", next(case.uuid().into())));
    }
    if let Some(after) = after {
        let (urgency, created_at, id) =
            (next(after.urgency.into()), next(after.created_at.into()), next(after.id.into()));
        conditions.push_str(&format!(" AND (w.urgency, w.created_at, w.id) > ({urgency}, {created_at}, {id})"));
    }
    let text = format!(
        "SELECT page.*, {CLOCK_COLUMNS} FROM (SELECT w.* FROM work_items w WHERE w.tenant_id = $1{conditions} \
         ORDER BY w.urgency, w.created_at, w.id LIMIT $2) page \
         JOIN work_clocks c ON c.tenant_id = page.tenant_id AND c.work_item_id = page.id \
         ORDER BY page.urgency, page.created_at, page.id, c.position"
    );
    Statement::from_sql_and_values(backend.dialect(), text, values)
}
