//! Queries over what agents offered: what they decided alone, and what they asked somebody else to approve.

use kernel::{CaseId, CustomerId, RemedyId, TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::row::{Cursor, from_json};
use crate::domain::approval::ApprovalState;
use crate::domain::line::{OfferOption, RemedyLine};

/// An offer when an agent asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedOffer {
    /// Its id, whether it was put to the customer or not.
    pub id: Uuid,
    /// The remedy.
    pub remedy: RemedyId,
    /// The case.
    pub case: CaseId,
    /// The customer.
    pub customer: CustomerId,
    /// The agent.
    pub agent: String,
    /// In which role.
    pub role: String,
    /// When.
    pub asked_at: Timestamp,
    /// What was to be approved: options, and what comes along; `None` for what the agent decided alone.
    pub to_approve: Option<(Vec<OfferOption>, Vec<RemedyLine>)>,
}

/// A page of what agents asked for, oldest first: after `after` and before `before`.
pub async fn page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    after: Cursor,
    before: Timestamp,
    limit: u64,
) -> Result<Vec<AskedOffer>, DbErr> {
    let values: Vec<Value> = vec![
        tenant.as_str().into(),
        after.created_at.into(),
        after.id.into(),
        before.micros().into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    let backend = connection.get_database_backend();
    let rows = connection.query_all_raw(Statement::from_sql_and_values(backend, text(), values)).await?;
    rows.iter().map(read).collect()
}

/// Each of the parts reads one range of an index; approvals are found by their state.
fn text() -> String {
    let alone = "SELECT created_at, offer_id AS id, remedy_id, case_id, customer_id, agent, role, \
                 '' AS options, '' AS plus FROM autonomous_decisions \
                 WHERE tenant_id = $1 AND (created_at, offer_id) > ($2, $3) AND created_at < $4 \
                 ORDER BY created_at, offer_id LIMIT $5";
    let asked = ApprovalState::ALL.map(|state| {
        format!(
            "SELECT * FROM (SELECT created_at, id, remedy_id, case_id, customer_id, requested_by AS agent, role, \
             options, lines AS plus FROM approval_requests WHERE tenant_id = $1 AND state = '{}' \
             AND (created_at, id) > ($2, $3) AND created_at < $4 AND kind = 'OFFER' AND role <> '' \
             ORDER BY created_at, id LIMIT $5) AS {}",
            state.as_str(),
            state.as_str().to_lowercase()
        )
    });
    format!(
        "SELECT * FROM (SELECT * FROM ({alone}) AS alone UNION ALL {}) AS asked ORDER BY created_at, id LIMIT $5",
        asked.join(" UNION ALL ")
    )
}

fn read(row: &QueryResult) -> Result<AskedOffer, DbErr> {
    let id = |name: &str| durable::sql::column::<Uuid>(row, name);
    let text = |name: &str| durable::sql::column::<String>(row, name);
    let options = text("options")?;
    let to_approve = if options.is_empty() { None } else { Some((from_json(&options)?, from_json(&text("plus")?)?)) };
    Ok(AskedOffer {
        id: id("id")?,
        remedy: id("remedy_id")?.into(),
        case: id("case_id")?.into(),
        customer: id("customer_id")?.into(),
        agent: text("agent")?,
        role: text("role")?,
        asked_at: Timestamp::from_micros(durable::sql::column(row, "created_at")?),
        to_approve,
    })
}
