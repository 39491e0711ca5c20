//! Queues that were made. Those that every tenant has are not stored, and no row ever has one of their ids.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use durable::{Bulk, ColumnType, Tx};
use kernel::{TenantId, Timestamp};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{FromQueryResult as _, QueryOrder as _, QuerySelect as _, Set};

use super::{from_json, to_json, unreadable};
use crate::domain::{Queue, QueueId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "queues")]
pub(super) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    id: String,
    display_name: String,
    required_skills: String,
    acknowledge_within: Option<i64>,
    resolve_within: Option<i64>,
    created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(super) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Adds a queue; false when its id is taken.
pub(crate) async fn insert_queue(tx: &Tx, tenant: &TenantId, queue: &Queue) -> Result<bool, DbErr> {
    let micros = |duration: Option<Duration>| duration.map(|d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX));
    let row = ActiveModel {
        tenant_id: Set(tenant.to_string()),
        id: Set(queue.id.as_str().to_owned()),
        display_name: Set(queue.display_name.clone()),
        required_skills: Set(to_json(&queue.required_skills)),
        acknowledge_within: Set(micros(queue.acknowledge_within)),
        resolve_within: Set(micros(queue.resolve_within)),
        created_at: Set(queue.created_at.unwrap_or(tx.now()).micros()),
    };
    let taken = OnConflict::columns([Column::TenantId, Column::Id]).do_nothing().to_owned();
    Ok(Entity::insert(row).on_conflict(taken).exec_without_returning(tx.conn()).await? == 1)
}

/// The queues of these ids that exist, built-in ones included.
pub(crate) async fn find_queues(
    connection: &impl ConnectionTrait,
    backend: durable::Backend,
    ids: &BTreeSet<(TenantId, QueueId)>,
) -> Result<BTreeMap<(TenantId, QueueId), Queue>, DbErr> {
    let mut found: BTreeMap<_, _> = ids
        .iter()
        .filter_map(|(tenant, id)| Queue::built_in(id).map(|queue| ((tenant.clone(), id.clone()), queue)))
        .collect();
    if found.len() == ids.len() {
        return Ok(found);
    }
    let mut input = Bulk::new(&[("tenant_id", ColumnType::Text), ("id", ColumnType::Text)]);
    for (tenant, id) in ids {
        input.push([tenant.as_str().into(), id.as_str().into()]);
    }
    let sql = "SELECT q.* FROM input i JOIN queues q ON q.tenant_id = i.tenant_id AND q.id = i.id";
    for statement in input.statements(backend, sql, &[]) {
        for row in connection.query_all_raw(statement).await? {
            let row = Model::from_query_result(&row, "")?;
            let tenant = TenantId::parse(&row.tenant_id).ok_or_else(|| unreadable("tenant_id", &row.tenant_id))?;
            let queue = Queue::try_from(row)?;
            found.insert((tenant, queue.id.clone()), queue);
        }
    }
    Ok(found)
}

/// At most `limit` queues by id, those after `after`, built-in ones among them.
pub(crate) async fn list_queues(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    after: Option<&QueueId>,
    limit: u64,
) -> Result<Vec<Queue>, DbErr> {
    let mut rows = Entity::find().filter(Column::TenantId.eq(tenant.as_str()));
    if let Some(after) = after {
        rows = rows.filter(Column::Id.gt(after.as_str()));
    }
    let rows = rows.order_by_asc(Column::Id).limit(limit).all(connection).await?;
    let built_in = QueueId::BUILT_IN.iter().filter_map(|id| QueueId::parse(id));
    let mut queues: BTreeMap<QueueId, Queue> = built_in
        .filter(|id| after.is_none_or(|after| id > after))
        .filter_map(|id| Queue::built_in(&id).map(|queue| (id, queue)))
        .collect();
    for row in rows {
        let queue = Queue::try_from(row)?;
        queues.insert(queue.id.clone(), queue);
    }
    Ok(queues.into_values().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
}

impl TryFrom<Model> for Queue {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        let duration = |micros: Option<i64>| micros.and_then(|m| u64::try_from(m).ok()).map(Duration::from_micros);
        Ok(Self {
            id: QueueId::parse(&row.id).ok_or_else(|| unreadable("queues.id", &row.id))?,
            display_name: row.display_name,
            required_skills: from_json("queues.required_skills", &row.required_skills)?,
            acknowledge_within: duration(row.acknowledge_within),
            resolve_within: duration(row.resolve_within),
            created_at: Some(Timestamp::from_micros(row.created_at)),
        })
    }
}
