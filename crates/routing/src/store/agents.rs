//! Agents, and what they hold. What an agent holds is counted, not kept: a counter could drift.

use durable::{Backend, Tx, sql};
use kernel::{AgentId, ResourceId as _, TenantId, Timestamp, WorkItemId};
use sea_orm::entity::prelude::*;
use sea_orm::{FromQueryResult as _, QueryResult, Set, Value};

use super::{count, from_json, to_json, unreadable};
use crate::domain::{Agent, Presence, QueueId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "agents")]
pub(super) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    display_name: String,
    skills: String,
    queues: String,
    capacity: i64,
    level: i64,
    presence: String,
    created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(super) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What an agent holds, as a column.
const HELD: &str = "(SELECT COUNT(*) FROM work_items w WHERE w.tenant_id = a.tenant_id AND w.agent_id = a.id \
                    AND w.state = 'CLAIMED') AS held";

/// How much an agent holds.
pub(super) const COUNT_HELD: &str =
    "SELECT COUNT(*) AS held FROM work_items w WHERE w.tenant_id = $1 AND w.agent_id = $2 AND w.state = 'CLAIMED'";

/// What an agent holds.
pub(super) const HELD_WORK: &str = "SELECT w.id FROM work_items w \
    WHERE w.tenant_id = $1 AND w.agent_id = $2 AND w.state = 'CLAIMED' ORDER BY w.created_at, w.id";

/// Adds an agent.
pub(crate) async fn insert_agent(tx: &Tx, tenant: &TenantId, agent: &Agent) -> Result<(), DbErr> {
    let row = ActiveModel {
        tenant_id: Set(tenant.to_string()),
        id: Set(agent.id.uuid()),
        display_name: Set(agent.display_name.clone()),
        skills: Set(to_json(&agent.skills)),
        queues: Set(to_json(&agent.queues.iter().map(|queue| queue.as_str().to_owned()).collect())),
        capacity: Set(agent.capacity.into()),
        level: Set(agent.level.into()),
        presence: Set(agent.presence.as_str().to_owned()),
        created_at: Set(agent.created_at.micros()),
    };
    Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// The agent and how much it holds.
pub(crate) async fn find_agent(
    connection: &impl ConnectionTrait,
    backend: Backend,
    tenant: &TenantId,
    id: AgentId,
) -> Result<Option<(Agent, u32)>, DbErr> {
    let text = format!("SELECT a.*, {HELD} FROM agents a WHERE a.tenant_id = $1 AND a.id = $2");
    let statement = sql::statement(backend, text, [tenant.as_str().into(), id.uuid().into()]);
    connection.query_one_raw(statement).await?.as_ref().map(with_held).transpose()
}

/// The agent, locked: nobody else claims for it or changes it until the transaction ends.
pub(crate) async fn lock_agent(tx: &Tx, tenant: &TenantId, id: AgentId) -> Result<Option<Agent>, DbErr> {
    let lock = sql::for_update(tx.backend());
    let text = format!("SELECT a.* FROM agents a WHERE a.tenant_id = $1 AND a.id = $2{lock}");
    let statement = sql::statement(tx.backend(), text, [tenant.as_str().into(), id.uuid().into()]);
    let row = tx.query(statement).await?.pop();
    row.map(|row| Model::from_query_result(&row, "")?.try_into()).transpose()
}

/// How much the agent holds. Exact while the agent is locked, because only claims add to it.
pub(crate) async fn count_held(tx: &Tx, tenant: &TenantId, id: AgentId) -> Result<u32, DbErr> {
    let statement = sql::statement(tx.backend(), COUNT_HELD, [tenant.as_str().into(), id.uuid().into()]);
    let row = tx.query(statement).await?.pop();
    row.map_or(Ok(0), |row| count("held", sql::column(&row, "held")?))
}

/// The ids of what the agent holds, the oldest first.
pub(crate) async fn held_work(
    connection: &impl ConnectionTrait,
    backend: Backend,
    tenant: &TenantId,
    id: AgentId,
) -> Result<Vec<WorkItemId>, DbErr> {
    let statement = sql::statement(backend, HELD_WORK, [tenant.as_str().into(), id.uuid().into()]);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter().map(|row| sql::column::<Uuid>(row, "id").map(WorkItemId::from)).collect()
}

/// Changes whether an agent takes work.
pub(crate) async fn set_presence(tx: &Tx, tenant: &TenantId, id: AgentId, presence: Presence) -> Result<(), DbErr> {
    let text = "UPDATE agents SET presence = $3 WHERE tenant_id = $1 AND id = $2";
    let values = [tenant.as_str().into(), id.uuid().into(), presence.as_str().into()];
    tx.execute(sql::statement(tx.backend(), text, values)).await?;
    Ok(())
}

/// Where a page of agents starts, and how long it is.
pub(crate) struct AgentPage {
    /// After the agent made then, of this id.
    pub(crate) after: Option<(i64, Uuid)>,
    /// Agents at most.
    pub(crate) limit: u64,
}

/// Agents with what they hold, the oldest first.
pub(crate) async fn list_agents(
    connection: &impl ConnectionTrait,
    backend: Backend,
    tenant: &TenantId,
    page: &AgentPage,
) -> Result<Vec<(Agent, u32)>, DbErr> {
    let mut values: Vec<Value> = vec![tenant.as_str().into(), page.limit.cast_signed().into()];
    let mut after = "";
    if let Some((created_at, id)) = page.after {
        values.extend([created_at.into(), id.into()]);
        after = " AND (a.created_at, a.id) > ($3, $4)";
    }
    let text =
        format!("SELECT a.*, {HELD} FROM agents a WHERE a.tenant_id = $1{after} ORDER BY a.created_at, a.id LIMIT $2");
    let statement = sea_orm::Statement::from_sql_and_values(backend.dialect(), text, values);
    connection.query_all_raw(statement).await?.iter().map(with_held).collect()
}

fn with_held(row: &QueryResult) -> Result<(Agent, u32), DbErr> {
    let held = count("held", sql::column(row, "held")?)?;
    Ok((Model::from_query_result(row, "")?.try_into()?, held))
}

impl TryFrom<Model> for Agent {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        let queues = from_json("agents.queues", &row.queues)?;
        Ok(Self {
            id: row.id.into(),
            display_name: row.display_name,
            skills: from_json("agents.skills", &row.skills)?,
            queues: queues
                .iter()
                .map(|id| QueueId::parse(id).ok_or_else(|| unreadable("agents.queues", id)))
                .collect::<Result<_, _>>()?,
            capacity: count("agents.capacity", row.capacity)?,
            level: count("agents.level", row.level)?,
            presence: Presence::parse(&row.presence).ok_or_else(|| unreadable("agents.presence", &row.presence))?,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}
