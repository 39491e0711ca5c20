//! Queries over what agents decided alone.

use durable::{Tx, sql};
use kernel::{CaseId, CustomerId, Money, OfferId, RemedyId, ResourceId, TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::row::{Cursor, from_json, to_json};

/// A decision of an agent, within the agent's authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutonomousDecision {
    /// The offer that was made.
    pub offer: OfferId,
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
    /// Version of the policy that allowed it.
    pub policy_version: String,
    /// What was offered.
    pub summary: String,
    /// The most that it costs, by currency.
    pub costs: Vec<Money>,
    /// What the customer is worth, where that is known.
    pub lifetime_value: Option<Money>,
    /// When.
    pub created_at: Timestamp,
}

/// Which decisions are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this agent.
    pub agent: Option<String>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub before: Option<Timestamp>,
}

/// Writes a decision.
pub async fn insert_in_tx(tx: &Tx, tenant: &TenantId, decision: &AutonomousDecision) -> Result<(), DbErr> {
    let text = "INSERT INTO autonomous_decisions (tenant_id, offer_id, remedy_id, case_id, customer_id, agent, role, \
                policy_version, summary, costs, lifetime_value, created_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let values = [
        tenant.as_str().into(),
        decision.offer.uuid().into(),
        decision.remedy.uuid().into(),
        decision.case.uuid().into(),
        decision.customer.uuid().into(),
        decision.agent.as_str().into(),
        decision.role.as_str().into(),
        decision.policy_version.as_str().into(),
        decision.summary.as_str().into(),
        to_json(&decision.costs)?.into(),
        to_json(&decision.lifetime_value)?.into(),
        decision.created_at.micros().into(),
    ];
    tx.execute(sql::statement(tx.backend(), text, values)).await.map(|_| ())
}

/// A page of decisions, newest first.
pub async fn list_page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u64,
) -> Result<Vec<AutonomousDecision>, DbErr> {
    let mut values: Vec<Value> = vec![tenant.as_str().into()];
    let mut bind = |value: Value| {
        values.push(value);
        values.len()
    };
    let mut text = String::new();
    if let Some(agent) = &filter.agent {
        text.push_str(&format!(" AND agent = ${}", bind(agent.as_str().into())));
    }
    if let Some(from) = filter.from {
        text.push_str(&format!(" AND created_at >= ${}", bind(from.micros().into())));
    }
    if let Some(before) = filter.before {
        text.push_str(&format!(" AND created_at < ${}", bind(before.micros().into())));
    }
    if let Some(after) = after {
        let (at, id) = (bind(after.created_at.into()), bind(after.id.into()));
        text.push_str(&format!(" AND (created_at, offer_id) < (${at}, ${id})"));
    }
    let limit = bind(i64::try_from(limit).unwrap_or(i64::MAX).into());
    let text = format!(
        "SELECT * FROM autonomous_decisions WHERE tenant_id = $1{text} \
         ORDER BY created_at DESC, offer_id DESC LIMIT ${limit}"
    );
    let backend = connection.get_database_backend();
    let rows = connection.query_all_raw(Statement::from_sql_and_values(backend, text, values)).await?;
    rows.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<AutonomousDecision, DbErr> {
    let text = |name: &str| sql::column::<String>(row, name);
    let id = |name: &str| sql::column::<Uuid>(row, name);
    Ok(AutonomousDecision {
        offer: id("offer_id")?.into(),
        remedy: id("remedy_id")?.into(),
        case: id("case_id")?.into(),
        customer: id("customer_id")?.into(),
        agent: text("agent")?,
        role: text("role")?,
        policy_version: text("policy_version")?,
        summary: text("summary")?,
        costs: from_json(&text("costs")?)?,
        lifetime_value: from_json(&text("lifetime_value")?)?,
        created_at: Timestamp::from_micros(sql::column(row, "created_at")?),
    })
}
