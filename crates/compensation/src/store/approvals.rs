//! Queries over approvals: read, insert in groups, decide.

use durable::{Bulk, ColumnType, Tx, sql};
use kernel::{ApprovalId, CaseId, RemedyId, ResourceId, TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::row::{Cursor, broken, expect_one, from_json, state, time, to_json};
use crate::domain::approval::{Approval, ApprovalState, Asked, CounterTo};

const COLUMNS: &str = "id, remedy_id, case_id, customer_id, kind, state, requested_by, requested_client, role, options, lines, \
     offer_expires_at, counter_to, counter_reason, reasons, policies, decided_by, decided_client, rejection, alternative, expires_at, created_at, updated_at";

/// Writes new approvals, all of them waiting.
pub async fn insert_in_tx(tx: &Tx, approvals: &[(&TenantId, &Approval)]) -> Result<(), DbErr> {
    if approvals.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("id", ColumnType::Uuid),
        ("remedy_id", ColumnType::Uuid),
        ("case_id", ColumnType::Uuid),
        ("customer_id", ColumnType::Uuid),
        ("kind", ColumnType::Text),
        ("requested_by", ColumnType::Text),
        ("requested_client", ColumnType::Text),
        ("role", ColumnType::Text),
        ("options", ColumnType::Text),
        ("lines", ColumnType::Text),
        ("offer_expires_at", ColumnType::Integer),
        ("counter_to", ColumnType::Uuid),
        ("counter_reason", ColumnType::Text),
        ("reasons", ColumnType::Text),
        ("policies", ColumnType::Text),
        ("expires_at", ColumnType::Integer),
        ("created_at", ColumnType::Integer),
    ])
    .nullable(&["offer_expires_at", "counter_to"]);
    for (tenant, approval) in approvals {
        let (options, lines, offer_expires_at, counter) = match &approval.asked {
            Asked::Offer { options, plus, offer_expires_at, counter } => {
                (to_json(options)?, to_json(plus)?, *offer_expires_at, counter.as_ref())
            }
            Asked::Grant { lines } => ("[]".to_owned(), to_json(lines)?, None, None),
        };
        input.push([
            tenant.as_str().into(),
            approval.id.uuid().into(),
            approval.remedy.uuid().into(),
            approval.case.uuid().into(),
            approval.customer.uuid().into(),
            approval.asked.kind().into(),
            approval.requested_by.as_str().into(),
            approval.requested_client.as_str().into(),
            approval.role.as_str().into(),
            options.into(),
            lines.into(),
            offer_expires_at.map(Timestamp::micros).into(),
            counter.map(|counter| counter.declined.uuid()).into(),
            counter.map_or("", |counter| counter.reason.as_str()).into(),
            to_json(&approval.reasons)?.into(),
            to_json(&approval.policies)?.into(),
            approval.expires_at.micros().into(),
            approval.created_at.micros().into(),
        ]);
    }
    let body = "INSERT INTO approval_requests (tenant_id, id, remedy_id, case_id, customer_id, kind, state, \
                requested_by, requested_client, role, options, lines, offer_expires_at, counter_to, counter_reason, reasons, policies, \
                decided_by, rejection, alternative, expires_at, created_at, updated_at) \
                SELECT tenant_id, id, remedy_id, case_id, customer_id, kind, 'PENDING', requested_by, requested_client, role, options, \
                lines, offer_expires_at, counter_to, counter_reason, reasons, policies, '', '', '', expires_at, created_at, \
                created_at FROM input";
    tx.execute_all(input.statements(tx.backend(), body, &[])).await.map(|_| ())
}

/// One approval.
pub async fn get(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: ApprovalId,
) -> Result<Option<Approval>, DbErr> {
    let values = vec![tenant.as_str().into(), id.uuid().into()];
    Ok(select(connection, "id = $2", values).await?.pop())
}

/// One approval, locked for the rest of the transaction.
pub async fn lock_in_tx(tx: &Tx, tenant: &TenantId, id: ApprovalId) -> Result<Option<Approval>, DbErr> {
    let filter = format!("id = $2{}", sql::for_update(tx.backend()));
    Ok(select(tx.conn(), &filter, vec![tenant.as_str().into(), id.uuid().into()]).await?.pop())
}

/// The offer of a remedy that waits for approval.
pub async fn waiting(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    remedy: RemedyId,
) -> Result<Option<Approval>, DbErr> {
    let filter = "remedy_id = $2 AND state = 'PENDING' AND kind = 'OFFER'";
    Ok(select(connection, filter, vec![tenant.as_str().into(), remedy.uuid().into()]).await?.pop())
}

/// Writes a decision or the end of an approval that the caller has locked.
pub async fn update_in_tx(tx: &Tx, tenant: &TenantId, approval: &Approval) -> Result<(), DbErr> {
    let text = "UPDATE approval_requests SET state = $1, decided_by = $2, rejection = $3, alternative = $4, \
                updated_at = $5, decided_client = $8 WHERE tenant_id = $6 AND id = $7 AND state = 'PENDING'";
    let values = [
        approval.state.as_str().into(),
        approval.decided_by.as_str().into(),
        approval.rejection.as_str().into(),
        approval.alternative.as_str().into(),
        approval.updated_at.micros().into(),
        tenant.as_str().into(),
        approval.id.uuid().into(),
        approval.decided_client.as_str().into(),
    ];
    let done = tx.execute(sql::statement(tx.backend(), text, values)).await?;
    expect_one(done, approval.id)
}

/// A page of the approvals in a state, of a case, or both; oldest first.
pub async fn list_page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    in_state: Option<ApprovalState>,
    case: Option<CaseId>,
    after: Option<Cursor>,
    limit: u64,
) -> Result<Vec<Approval>, DbErr> {
    let mut values: Vec<Value> = vec![tenant.as_str().into()];
    let mut bind = |value: Value| {
        values.push(value);
        values.len()
    };
    let mut filter = "true".to_owned();
    if let Some(state) = in_state {
        filter.push_str(&format!(" AND state = ${}", bind(state.as_str().into())));
    }
    if let Some(case) = case {
        filter.push_str(&format!(" AND case_id = ${}", bind(case.uuid().into())));
    }
    if let Some(after) = after {
        let (at, id) = (bind(after.created_at.into()), bind(after.id.into()));
        filter.push_str(&format!(" AND (created_at, id) > (${at}, ${id})"));
    }
    let limit = bind(i64::try_from(limit).unwrap_or(i64::MAX).into());
    filter.push_str(&format!(" ORDER BY created_at, id LIMIT ${limit}"));
    select(connection, &filter, values).await
}

async fn select(connection: &impl ConnectionTrait, filter: &str, values: Vec<Value>) -> Result<Vec<Approval>, DbErr> {
    let text = format!("SELECT {COLUMNS} FROM approval_requests WHERE tenant_id = $1 AND {filter}");
    let backend = connection.get_database_backend();
    let rows = connection.query_all_raw(Statement::from_sql_and_values(backend, text, values)).await?;
    rows.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<Approval, DbErr> {
    let text = |name: &str| sql::column::<String>(row, name);
    let at = |name: &str| sql::column::<i64>(row, name).map(Timestamp::from_micros);
    let lines = from_json(&text("lines")?)?;
    let declined: Option<Uuid> = sql::column(row, "counter_to")?;
    let counter_reason = text("counter_reason")?;
    let asked = match text("kind")?.as_str() {
        "OFFER" => Asked::Offer {
            options: from_json(&text("options")?)?,
            plus: lines,
            offer_expires_at: time(sql::column(row, "offer_expires_at")?),
            counter: declined.map(|declined| CounterTo { declined: declined.into(), reason: counter_reason }),
        },
        "GRANT" => Asked::Grant { lines },
        other => return Err(broken(other)),
    };
    Ok(Approval {
        id: sql::column::<Uuid>(row, "id")?.into(),
        remedy: sql::column::<Uuid>(row, "remedy_id")?.into(),
        case: sql::column::<Uuid>(row, "case_id")?.into(),
        customer: sql::column::<Uuid>(row, "customer_id")?.into(),
        state: state(ApprovalState::parse, &text("state")?)?,
        asked,
        requested_by: text("requested_by")?,
        requested_client: text("requested_client")?,
        role: text("role")?,
        reasons: from_json(&text("reasons")?)?,
        policies: from_json(&text("policies")?)?,
        decided_by: text("decided_by")?,
        decided_client: text("decided_client")?,
        rejection: text("rejection")?,
        alternative: text("alternative")?,
        expires_at: at("expires_at")?,
        created_at: at("created_at")?,
        updated_at: at("updated_at")?,
    })
}
