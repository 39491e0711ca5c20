//! Who changed what by hand, and why: an append-only chain of hashes per tenant.
//!
//! Each record's hash covers the record before it, so that a changed, removed or inserted record breaks the chain. For
//! acts of operators and decisions about money; the request log and the timelines hold everything else.

use kernel::{TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, Statement};
use sha2::{Digest as _, Sha256};

use crate::{Backend, Tx, sql};

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who: the client of the call.
    pub actor: String,
    /// What was done, `UPPER_SNAKE`.
    pub action: &'static str,
    /// To what.
    pub subject: String,
    /// Why.
    pub reason: String,
}

/// A record of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Place in the tenant's chain, from 1.
    pub seq: i64,
    /// When.
    pub happened_at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// SHA-256 over the previous hash and this record.
    pub hash: Vec<u8>,
}

/// Adds a record to the tenant's chain. Two at once conflict on their place, and the loser's transaction is run again.
pub async fn append_in_tx(tx: &Tx, tenant: &TenantId, entry: AuditEntry) -> Result<(), DbErr> {
    if tx.backend() == Backend::Postgres {
        // The chain grows one by one: a lock for the rest of the transaction, taken late in it.
        tx.query(sql::statement(tx.backend(), "SELECT pg_advisory_xact_lock(hashtext($1))", [tenant.as_str().into()]))
            .await?;
    }
    let last = tx
        .query(sql::statement(
            tx.backend(),
            "SELECT seq, hash FROM audit_records WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1",
            [tenant.as_str().into()],
        ))
        .await?;
    let (seq, previous): (i64, Vec<u8>) = match last.first() {
        Some(row) => (sql::column::<i64>(row, "seq")? + 1, sql::column(row, "hash")?),
        None => (1, Vec::new()),
    };
    let mut record = AuditRecord {
        seq,
        happened_at: tx.now(),
        actor: entry.actor,
        action: entry.action.to_owned(),
        subject: entry.subject,
        reason: entry.reason,
        hash: Vec::new(),
    };
    record.hash = hash(tenant, &previous, &record);
    tx.execute(sql::statement(
        tx.backend(),
        "INSERT INTO audit_records (tenant_id, seq, happened_at, actor, action, subject, reason, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        [
            tenant.as_str().into(),
            record.seq.into(),
            record.happened_at.micros().into(),
            record.actor.into(),
            record.action.into(),
            record.subject.into(),
            record.reason.into(),
            record.hash.into(),
        ],
    ))
    .await?;
    Ok(())
}

/// Records before `before_seq`, newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    before_seq: i64,
    limit: u64,
) -> Result<Vec<AuditRecord>, DbErr> {
    let rows = connection
        .query_all_raw(Statement::from_sql_and_values(
            connection.get_database_backend(),
            "SELECT seq, happened_at, actor, action, subject, reason, hash FROM audit_records \
             WHERE tenant_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
            [tenant.as_str().into(), before_seq.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()],
        ))
        .await?;
    rows.iter()
        .map(|row| {
            Ok(AuditRecord {
                seq: sql::column(row, "seq")?,
                happened_at: Timestamp::from_micros(sql::column(row, "happened_at")?),
                actor: sql::column(row, "actor")?,
                action: sql::column(row, "action")?,
                subject: sql::column(row, "subject")?,
                reason: sql::column(row, "reason")?,
                hash: sql::column(row, "hash")?,
            })
        })
        .collect()
}

/// A page of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPage {
    /// The records, newest first.
    pub records: Vec<AuditRecord>,
    /// True when there are older ones.
    pub more: bool,
    /// True when each record has the hash and the place that it must have, next to the record before it and to the page
    /// before. The chain is intact when all of its pages are.
    pub intact: bool,
}

/// A page of a tenant's chain: the records before `before_seq`, where the page before this one ended, or the newest.
pub async fn page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    before_seq: Option<i64>,
    size: u64,
) -> Result<AuditPage, DbErr> {
    let mut records = list(connection, tenant, before_seq.unwrap_or(i64::MAX), size + 1).await?;
    let joins = before_seq.is_none_or(|before| records.first().map_or(0, |record| record.seq) == before - 1);
    let ends = match records.last() {
        // The record behind the page is there to be compared with only.
        Some(last) if records.len() as u64 <= size => follows(tenant, last, None),
        _ => true,
    };
    let intact = joins && ends && records.windows(2).all(|pair| follows(tenant, &pair[0], Some(&pair[1])));
    let more = records.len() as u64 > size;
    records.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    Ok(AuditPage { records, more, intact })
}

/// True when every record of the tenant's chain has the hash and the place that it must have. Reads all of them.
pub async fn verify(connection: &impl ConnectionTrait, tenant: &TenantId) -> Result<bool, DbErr> {
    let mut before = None;
    loop {
        let page = page(connection, tenant, before, 500).await?;
        if !page.intact {
            return Ok(false);
        }
        before = page.records.last().map(|record| record.seq);
        if !page.more {
            return Ok(true);
        }
    }
}

/// True when a record has the place and the hash that it must have after the one before it, or as the first one.
fn follows(tenant: &TenantId, record: &AuditRecord, previous: Option<&AuditRecord>) -> bool {
    let (seq, previous) = previous.map_or((0, [].as_slice()), |previous| (previous.seq, previous.hash.as_slice()));
    record.seq == seq + 1 && record.hash == hash(tenant, previous, record)
}

fn hash(tenant: &TenantId, previous: &[u8], record: &AuditRecord) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    for part in [
        tenant.as_str(),
        &record.seq.to_string(),
        &record.happened_at.micros().to_string(),
        &record.actor,
        &record.action,
        &record.subject,
        &record.reason,
    ] {
        // Lengths keep two different records from reading the same.
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_vec()
}
