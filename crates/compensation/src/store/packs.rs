//! Queries over the packs that tenants have applied. Rows are only ever added.

use durable::{Tx, sql};
use kernel::{TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, Statement};

/// A version as it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedPack {
    /// Its place among all that the tenant has applied, from 1.
    pub revision: i64,
    /// Id of the pack.
    pub pack: String,
    /// Its version.
    pub version: String,
    /// The document.
    pub document: String,
    /// Who applied it.
    pub applied_by: String,
    /// When.
    pub applied_at: Timestamp,
}

/// The place of the last version that the tenant has applied; 0 when there is none.
pub async fn revision(connection: &impl ConnectionTrait, tenant: &TenantId) -> Result<i64, DbErr> {
    let sql = "SELECT revision FROM pack_revisions WHERE tenant_id = $1";
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, [tenant.as_str().into()]);
    let row = connection.query_one_raw(statement).await?;
    row.map_or(Ok(0), |row| sql::column(&row, "revision"))
}

/// All versions that the tenant has applied, in their order.
pub async fn list(connection: &impl ConnectionTrait, tenant: &TenantId) -> Result<Vec<AppliedPack>, DbErr> {
    let sql = "SELECT revision, pack_id, version, document, applied_by, applied_at FROM applied_packs \
               WHERE tenant_id = $1 ORDER BY revision";
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, [tenant.as_str().into()]);
    let rows = connection.query_all_raw(statement).await?;
    let packs = rows.iter().map(|row| {
        Ok(AppliedPack {
            revision: sql::column(row, "revision")?,
            pack: sql::column(row, "pack_id")?,
            version: sql::column(row, "version")?,
            document: sql::column(row, "document")?,
            applied_by: sql::column(row, "applied_by")?,
            applied_at: Timestamp::from_micros(sql::column(row, "applied_at")?),
        })
    });
    packs.collect()
}

/// Locks the tenant's packs for this transaction: who applies at the same time waits.
pub async fn lock_in_tx(tx: &Tx, tenant: &TenantId) -> Result<(), DbErr> {
    let sql = "INSERT INTO pack_revisions (tenant_id, revision) VALUES ($1, 1) \
               ON CONFLICT (tenant_id) DO UPDATE SET revision = pack_revisions.revision + 1";
    tx.execute(sql::statement(tx.backend(), sql, [tenant.as_str().into()])).await.map(|_| ())
}

/// Adds a version at the place that the lock has reserved.
pub async fn insert_in_tx(tx: &Tx, tenant: &TenantId, pack: &AppliedPack) -> Result<(), DbErr> {
    let sql = "INSERT INTO applied_packs (tenant_id, revision, pack_id, version, document, applied_by, applied_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = [
        tenant.as_str().into(),
        pack.revision.into(),
        pack.pack.as_str().into(),
        pack.version.as_str().into(),
        pack.document.as_str().into(),
        pack.applied_by.as_str().into(),
        pack.applied_at.micros().into(),
    ];
    tx.execute(sql::statement(tx.backend(), sql, values)).await.map(|_| ())
}
