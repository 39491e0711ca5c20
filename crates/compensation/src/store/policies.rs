//! Queries over policies: what is in force, and new versions.

use durable::{Bulk, ColumnType, Tx, sql};
use kernel::{TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::row::{broken, state};
use crate::domain::policy::PolicyKind;

/// A version of a policy as it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPolicy {
    /// Its id.
    pub id: Uuid,
    /// What it is about.
    pub kind: PolicyKind,
    /// Version of the document.
    pub version: String,
    /// The document.
    pub document: String,
    /// Since when it decides.
    pub in_force_from: Timestamp,
    /// Who applied it.
    pub applied_by: String,
    /// When it was applied.
    pub created_at: Timestamp,
}

const COLUMNS: &str = "id, kind, version, document, in_force_from, applied_by, created_at";

/// Writes a new version; false when another one was written under its name.
pub async fn insert_in_tx(tx: &Tx, tenant: &TenantId, policy: &StoredPolicy) -> Result<bool, DbErr> {
    let text = format!(
        "INSERT INTO policies (tenant_id, {COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (tenant_id, kind, version) DO NOTHING"
    );
    let values = [
        tenant.as_str().into(),
        policy.id.into(),
        policy.kind.as_str().into(),
        policy.version.as_str().into(),
        policy.document.as_str().into(),
        policy.in_force_from.micros().into(),
        policy.applied_by.as_str().into(),
        policy.created_at.micros().into(),
    ];
    tx.execute(sql::statement(tx.backend(), text, values)).await.map(|written| written == 1)
}

/// A version of a policy.
pub async fn version(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    kind: PolicyKind,
    version: &str,
) -> Result<Option<StoredPolicy>, DbErr> {
    let filter = "kind = $2 AND version = $3";
    one(connection, filter, [tenant.as_str().into(), kind.as_str().into(), version.into()]).await
}

/// The version of a policy that is in force at a time. Where two begin at the same moment, the one applied later.
pub async fn in_force(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    kind: PolicyKind,
    at: Timestamp,
) -> Result<Option<StoredPolicy>, DbErr> {
    let filter = "kind = $2 AND in_force_from <= $3 ORDER BY in_force_from DESC, created_at DESC, id DESC LIMIT 1";
    one(connection, filter, [tenant.as_str().into(), kind.as_str().into(), at.micros().into()]).await
}

/// A policy by its id.
pub async fn get(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: Uuid,
) -> Result<Option<StoredPolicy>, DbErr> {
    one(connection, "id = $2", [tenant.as_str().into(), id.into()]).await
}

/// The ids of the versions that are in force for these tenants; a tenant that has applied none has none.
pub async fn in_force_in_tx(
    tx: &Tx,
    wanted: &[(&TenantId, PolicyKind)],
) -> Result<Vec<(String, PolicyKind, Uuid)>, DbErr> {
    let mut input = Bulk::new(&[("tenant_id", ColumnType::Text), ("kind", ColumnType::Text)]);
    for (tenant, kind) in wanted {
        input.push([tenant.as_str().into(), kind.as_str().into()]);
    }
    let body = "SELECT i.tenant_id, i.kind, p.id FROM input i JOIN policies p ON p.tenant_id = i.tenant_id \
                AND p.id = (SELECT q.id FROM policies q WHERE q.tenant_id = i.tenant_id AND q.kind = i.kind \
                AND q.in_force_from <= $1 ORDER BY q.in_force_from DESC, q.created_at DESC, q.id DESC LIMIT 1)";
    let rows = tx.query_all(input.statements(tx.backend(), body, &[tx.now().micros().into()])).await?;
    rows.iter()
        .map(|row| {
            let kind = state(PolicyKind::parse, &sql::column::<String>(row, "kind")?)?;
            Ok((sql::column(row, "tenant_id")?, kind, sql::column(row, "id")?))
        })
        .collect()
}

async fn one<const N: usize>(
    connection: &impl ConnectionTrait,
    filter: &str,
    values: [Value; N],
) -> Result<Option<StoredPolicy>, DbErr> {
    let text = format!("SELECT {COLUMNS} FROM policies WHERE tenant_id = $1 AND {filter}");
    let backend = connection.get_database_backend();
    let rows = connection.query_all_raw(Statement::from_sql_and_values(backend, text, values)).await?;
    rows.first().map(read).transpose()
}

fn read(row: &QueryResult) -> Result<StoredPolicy, DbErr> {
    let kind: String = sql::column(row, "kind")?;
    Ok(StoredPolicy {
        id: sql::column(row, "id")?,
        kind: PolicyKind::parse(&kind).ok_or_else(|| broken(&kind))?,
        version: sql::column(row, "version")?,
        document: sql::column(row, "document")?,
        in_force_from: Timestamp::from_micros(sql::column(row, "in_force_from")?),
        applied_by: sql::column(row, "applied_by")?,
        created_at: Timestamp::from_micros(sql::column(row, "created_at")?),
    })
}
