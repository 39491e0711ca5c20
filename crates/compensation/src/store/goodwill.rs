//! Queries over gestures as they repeat: claims, and the signals that came of them.

use std::collections::BTreeMap;

use durable::{Backend, Bulk, ColumnType, Tx, sql};
use kernel::{CaseId, CustomerId, RemedyId, ResourceId, TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::row::{Cursor, count, from_json, state, to_json};
use crate::domain::policy::abuse::{Claim, Dimension, MAX_AT, Seen, Signal};

/// Most remedies that a signal shows as evidence.
const EVIDENCE: usize = 10;

/// A signal as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSignal {
    /// Its id.
    pub id: Uuid,
    /// What is repeated.
    pub dimension: Dimension,
    /// The remedy whose gesture was held back.
    pub remedy: RemedyId,
    /// Its case.
    pub case: CaseId,
    /// Its customer.
    pub customer: CustomerId,
    /// What was observed.
    pub reason: String,
    /// How many.
    pub count: u32,
    /// From which number on a person looks first.
    pub threshold: u32,
    /// In how many days.
    pub window_days: u32,
    /// Version of the policy.
    pub policy_version: String,
    /// Remedies that it repeats.
    pub evidence: Vec<RemedyId>,
    /// When.
    pub created_at: Timestamp,
}

const CLAIM: &[(&str, ColumnType)] = &[
    ("place", ColumnType::Integer),
    ("tenant_id", ColumnType::Text),
    ("dimension", ColumnType::Text),
    ("value", ColumnType::Text),
    ("remedy_id", ColumnType::Uuid),
    ("customer_id", ColumnType::Uuid),
    ("since", ColumnType::Integer),
];

fn input(claims: &[(&TenantId, &Claim, Timestamp)]) -> Bulk {
    let mut input = Bulk::new(CLAIM);
    for (place, (tenant, claim, since)) in (0_i64..).zip(claims) {
        input.push([
            place.into(),
            tenant.as_str().into(),
            claim.dimension.as_str().into(),
            claim.value.as_str().into(),
            claim.remedy.uuid().into(),
            claim.customer.uuid().into(),
            since.micros().into(),
        ]);
    }
    input
}

/// What was seen of claims since a time, in their order; not counting the remedies that make them. Of each the newest
/// [`MAX_AT`] are read, however many there are: no threshold is higher.
pub async fn seen_in_tx(tx: &Tx, claims: &[(&TenantId, &Claim, Timestamp)]) -> Result<Vec<Seen>, DbErr> {
    let mut seen = vec![Seen::default(); claims.len()];
    if claims.is_empty() {
        return Ok(seen);
    }
    for row in tx.query_all(input(claims).statements(tx.backend(), &seen_sql(tx.backend()), &[])).await? {
        let place = usize::try_from(sql::column::<i64>(&row, "place")?).unwrap_or(usize::MAX);
        if let Some(seen) = seen.get_mut(place) {
            *seen = Seen {
                remedies: count(sql::column(&row, "remedies")?)?,
                customers: count(sql::column(&row, "customers")?)?,
            };
        }
    }
    Ok(seen)
}

pub(super) fn seen_sql(backend: Backend) -> String {
    let newest = format!(
        "FROM goodwill_claims x WHERE x.tenant_id = i.tenant_id AND x.dimension = i.dimension AND x.value = i.value \
         AND x.created_at >= i.since AND x.remedy_id <> i.remedy_id ORDER BY x.created_at DESC LIMIT {MAX_AT}"
    );
    let join = match backend {
        Backend::Postgres => format!("CROSS JOIN LATERAL (SELECT x.customer_id {newest}) c"),
        // SQLite knows no LATERAL; its rows have numbers.
        Backend::Sqlite => format!("CROSS JOIN goodwill_claims c ON c.rowid IN (SELECT x.rowid {newest})"),
    };
    format!(
        "SELECT i.place, count(*) AS remedies, count(DISTINCT CASE WHEN c.customer_id <> i.customer_id \
         THEN c.customer_id END) AS customers FROM input i {join} GROUP BY i.place"
    )
}

/// The remedies that claims repeat, newest first, by the place of the claim.
pub async fn evidence_in_tx(
    tx: &Tx,
    claims: &[(&TenantId, &Claim, Timestamp)],
) -> Result<BTreeMap<usize, Vec<RemedyId>>, DbErr> {
    let mut evidence: BTreeMap<usize, Vec<RemedyId>> = BTreeMap::new();
    for (place, (tenant, claim, since)) in claims.iter().enumerate() {
        // Signals are rare: one query for each.
        let text = "SELECT remedy_id FROM goodwill_claims WHERE tenant_id = $1 AND dimension = $2 AND value = $3 \
                    AND created_at >= $4 AND remedy_id <> $5 ORDER BY created_at DESC, remedy_id DESC LIMIT $6";
        let values = [
            tenant.as_str().into(),
            claim.dimension.as_str().into(),
            claim.value.as_str().into(),
            since.micros().into(),
            claim.remedy.uuid().into(),
            i64::try_from(EVIDENCE).unwrap_or(i64::MAX).into(),
        ];
        for row in tx.query(sql::statement(tx.backend(), text, values)).await? {
            evidence.entry(place).or_default().push(sql::column::<Uuid>(&row, "remedy_id")?.into());
        }
    }
    Ok(evidence)
}

/// Remembers claims; one that is known stays as it was.
pub async fn remember_in_tx(tx: &Tx, claims: &[(&TenantId, &Claim)]) -> Result<(), DbErr> {
    if claims.is_empty() {
        return Ok(());
    }
    let all: Vec<_> = claims.iter().map(|(tenant, claim)| (*tenant, *claim, tx.now())).collect();
    let body = "INSERT INTO goodwill_claims (tenant_id, dimension, value, remedy_id, customer_id, created_at) \
                SELECT tenant_id, dimension, value, remedy_id, customer_id, since FROM input WHERE true \
                ON CONFLICT (tenant_id, dimension, value, remedy_id) DO NOTHING";
    tx.execute_all(input(&all).statements(tx.backend(), body, &[])).await.map(|_| ())
}

/// A signal to store.
pub fn stored(
    id: Uuid,
    signal: &Signal,
    policy_version: &str,
    evidence: Vec<RemedyId>,
    created_at: Timestamp,
) -> StoredSignal {
    StoredSignal {
        id,
        dimension: signal.claim.dimension,
        remedy: signal.claim.remedy,
        case: signal.claim.case,
        customer: signal.claim.customer,
        reason: signal.reason(),
        count: signal.count,
        threshold: signal.threshold.at,
        window_days: signal.threshold.window_days,
        policy_version: policy_version.to_owned(),
        evidence,
        created_at,
    }
}

/// Writes signals.
pub async fn insert_signals_in_tx(tx: &Tx, signals: &[(&TenantId, &StoredSignal)]) -> Result<(), DbErr> {
    if signals.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("id", ColumnType::Uuid),
        ("dimension", ColumnType::Text),
        ("remedy_id", ColumnType::Uuid),
        ("case_id", ColumnType::Uuid),
        ("customer_id", ColumnType::Uuid),
        ("reason", ColumnType::Text),
        ("count", ColumnType::Integer),
        ("threshold", ColumnType::Integer),
        ("window_days", ColumnType::Integer),
        ("policy_version", ColumnType::Text),
        ("evidence", ColumnType::Text),
        ("created_at", ColumnType::Integer),
    ]);
    for (tenant, signal) in signals {
        input.push([
            tenant.as_str().into(),
            signal.id.into(),
            signal.dimension.as_str().into(),
            signal.remedy.uuid().into(),
            signal.case.uuid().into(),
            signal.customer.uuid().into(),
            signal.reason.as_str().into(),
            i64::from(signal.count).into(),
            i64::from(signal.threshold).into(),
            i64::from(signal.window_days).into(),
            signal.policy_version.as_str().into(),
            to_json(&signal.evidence)?.into(),
            signal.created_at.micros().into(),
        ]);
    }
    let body = "INSERT INTO abuse_signals (tenant_id, id, dimension, remedy_id, case_id, customer_id, reason, count, \
                threshold, window_days, policy_version, evidence, created_at) \
                SELECT tenant_id, id, dimension, remedy_id, case_id, customer_id, reason, count, threshold, \
                window_days, policy_version, evidence, created_at FROM input";
    tx.execute_all(input.statements(tx.backend(), body, &[])).await.map(|_| ())
}

/// A page of signals, newest first, about one customer where one is given.
pub async fn list_signals(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    customer: Option<CustomerId>,
    after: Option<Cursor>,
    limit: u64,
) -> Result<Vec<StoredSignal>, DbErr> {
    let mut values: Vec<Value> = vec![tenant.as_str().into()];
    let mut bind = |value: Value| {
        values.push(value);
        values.len()
    };
    let mut filter = String::new();
    if let Some(customer) = customer {
        filter.push_str(&format!(" AND customer_id = ${}", bind(customer.uuid().into())));
    }
    if let Some(after) = after {
        let (at, id) = (bind(after.created_at.into()), bind(after.id.into()));
        filter.push_str(&format!(" AND (created_at, id) < (${at}, ${id})"));
    }
    let limit = bind(i64::try_from(limit).unwrap_or(i64::MAX).into());
    let text = format!(
        "SELECT * FROM abuse_signals WHERE tenant_id = $1{filter} ORDER BY created_at DESC, id DESC LIMIT ${limit}"
    );
    let backend = connection.get_database_backend();
    let rows = connection.query_all_raw(Statement::from_sql_and_values(backend, text, values)).await?;
    rows.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<StoredSignal, DbErr> {
    let text = |name: &str| sql::column::<String>(row, name);
    let id = |name: &str| sql::column::<Uuid>(row, name);
    let number = |name: &str| count(sql::column(row, name)?);
    Ok(StoredSignal {
        id: id("id")?,
        dimension: state(Dimension::parse, &text("dimension")?)?,
        remedy: id("remedy_id")?.into(),
        case: id("case_id")?.into(),
        customer: id("customer_id")?.into(),
        reason: text("reason")?,
        count: number("count")?,
        threshold: number("threshold")?,
        window_days: number("window_days")?,
        policy_version: text("policy_version")?,
        evidence: from_json(&text("evidence")?)?,
        created_at: Timestamp::from_micros(sql::column(row, "created_at")?),
    })
}
