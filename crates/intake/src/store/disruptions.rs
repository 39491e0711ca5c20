//! Queries over disruptions: read, insert, count their affected.

use std::collections::{BTreeMap, BTreeSet};

use durable::ColumnType::{Integer, Text, Uuid as Id};
use durable::{Backend, Bulk, Tx, Write, sql};
use kernel::{DisruptionId, ResourceId as _, TenantId, Timestamp};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, FromQueryResult as _, QueryFilter as _, Statement,
};

use super::entity::disruption;
use super::{from_json, known, tenant, to_json};
use crate::domain::disruption::{Disruption, DisruptionContent};
use crate::domain::event::{FailureEvent, Severity};

/// A disruption of a tenant.
pub type DisruptionKey = (TenantId, DisruptionId);

impl TryFrom<disruption::Model> for Disruption {
    type Error = DbErr;

    fn try_from(row: disruption::Model) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.id.into(),
            content: DisruptionContent {
                external_id: row.external_id,
                event: FailureEvent {
                    kind: row.event_kind,
                    occurred_at: Timestamp::from_micros(row.occurred_at),
                    reference: row.reference,
                    facts: from_json(&row.facts)?,
                },
                expected: row.expected,
                delivered: row.delivered,
                severity: known(Severity::parse(&row.severity), &row.severity)?,
            },
            affected_count: row.affected_count,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}

/// A disruption.
pub async fn disruption_get(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: DisruptionId,
) -> Result<Option<Disruption>, DbErr> {
    let row = disruption::Entity::find_by_id((tenant.as_str().to_owned(), id.uuid())).one(connection).await?;
    row.map(Disruption::try_from).transpose()
}

/// The disruption with the company's own id.
pub async fn disruption_get_by_external_id(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    external_id: &str,
) -> Result<Option<Disruption>, DbErr> {
    let row = disruption::Entity::find()
        .filter(disruption::Column::TenantId.eq(tenant.as_str()))
        .filter(disruption::Column::ExternalId.eq(external_id))
        .one(connection)
        .await?;
    row.map(Disruption::try_from).transpose()
}

/// Inserts a disruption; false when the company's own id is known.
pub async fn disruption_insert(tx: &Tx, tenant: &TenantId, disruption: &Disruption) -> Result<bool, DbErr> {
    let content = &disruption.content;
    let statement = sql::statement(
        tx.backend(),
        "INSERT INTO disruptions (tenant_id, id, external_id, event_kind, occurred_at, reference, facts, expected, \
         delivered, severity, affected_count, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT DO NOTHING",
        [
            tenant.as_str().into(),
            disruption.id.uuid().into(),
            content.external_id.as_str().into(),
            content.event.kind.as_str().into(),
            content.event.occurred_at.micros().into(),
            content.event.reference.as_str().into(),
            to_json(&content.event.facts)?.into(),
            content.expected.as_str().into(),
            content.delivered.as_str().into(),
            content.severity.as_str().into(),
            disruption.affected_count.into(),
            disruption.created_at.micros().into(),
        ],
    );
    Ok(tx.execute(statement).await? == 1)
}

/// These disruptions.
pub async fn disruptions_get_many(
    tx: &Tx,
    wanted: &BTreeSet<DisruptionKey>,
) -> Result<BTreeMap<DisruptionKey, Disruption>, DbErr> {
    let mut disruptions = BTreeMap::new();
    for row in tx.query_all(get_many_statements(tx.backend(), wanted)).await? {
        let row = disruption::Model::from_query_result(&row, "")?;
        let key = (tenant(&row.tenant_id)?, row.id.into());
        disruptions.insert(key, Disruption::try_from(row)?);
    }
    Ok(disruptions)
}

pub(super) fn get_many_statements(backend: Backend, wanted: &BTreeSet<DisruptionKey>) -> Vec<Statement> {
    let mut input = Bulk::new(&[("tenant_id", Text), ("id", Id)]);
    for (tenant, id) in wanted {
        input.push([tenant.as_str().into(), id.uuid().into()]);
    }
    input.statements(
        backend,
        "SELECT d.* FROM input JOIN disruptions d ON d.tenant_id = input.tenant_id AND d.id = input.id",
        &[],
    )
}

/// Has affected customers counted at the end. A disruption's row is what concurrent batches share, so this comes last.
pub fn disruptions_count(tx: &Tx, added: &BTreeMap<DisruptionKey, i64>) {
    let mut input = Bulk::new(&[("tenant_id", Text), ("id", Id), ("added", Integer)]);
    for ((tenant, id), added) in added.iter().filter(|(_, added)| **added > 0) {
        input.push([tenant.as_str().into(), id.uuid().into(), (*added).into()]);
    }
    let body = "UPDATE disruptions SET affected_count = affected_count + input.added FROM input \
                WHERE disruptions.tenant_id = input.tenant_id AND disruptions.id = input.id";
    tx.write_at_end(Write::new("disruptions", input, body));
}
