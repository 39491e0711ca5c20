//! Queries of the gate: what happened to customers before, and what people decided against it.

use std::collections::BTreeMap;

use durable::{Backend, Bulk, ColumnType, Tx, sql};
use kernel::{CustomerId, RemedyId, ResourceId, TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use uuid::Uuid;

use super::row::{broken, from_json, state, time};
use crate::domain::event::FailureEvent;
use crate::domain::gate::{Outcome, PriorFailure};

/// Earlier failures of one customer that are looked at, the newest ones: more could only say the same louder.
const MOST: u32 = 50;

/// Earlier failures of these customers since then, newest first. One query for a whole group.
pub async fn priors_in_tx(
    tx: &Tx,
    customers: &[(&TenantId, CustomerId)],
    since: Timestamp,
) -> Result<BTreeMap<(String, CustomerId), Vec<PriorFailure>>, DbErr> {
    let mut wanted: Vec<_> = customers.iter().map(|(tenant, customer)| (tenant.as_str(), customer.uuid())).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut input = Bulk::new(&[("tenant_id", ColumnType::Text), ("customer_id", ColumnType::Uuid)]);
    for (tenant, customer) in wanted {
        input.push([tenant.into(), customer.into()]);
    }
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for row in tx.query_all(input.statements(tx.backend(), &priors_sql(tx.backend()), &[since.micros().into()])).await?
    {
        let tenant: String = sql::column(&row, "tenant_id")?;
        let customer: Uuid = sql::column(&row, "customer_id")?;
        let (kind, reference, occurred_at) = event_of(&row)?;
        found.entry((tenant, customer.into())).or_default().push(PriorFailure {
            remedy: sql::column::<Uuid>(&row, "id")?.into(),
            case: sql::column::<Uuid>(&row, "case_id")?.into(),
            kind,
            reference,
            occurred_at,
            apology_at: time(sql::column(&row, "apology_at")?),
        });
    }
    Ok(found)
}

/// What is compared of an event. Rows of older versions have it in the event alone, and only they have it read.
fn event_of(row: &QueryResult) -> Result<(String, String, Timestamp), DbErr> {
    if let Some(whole) = sql::column::<Option<String>>(row, "event")? {
        let event: FailureEvent = from_json(&whole)?;
        return Ok((event.kind, event.reference, event.occurred_at));
    }
    let occurred_at = Timestamp::from_micros(sql::column(row, "event_occurred_at")?);
    Ok((sql::column(row, "event_kind")?, sql::column(row, "event_reference")?, occurred_at))
}

/// At most [`MOST`] rows are read of each customer, whatever is stored.
fn priors_sql(backend: Backend) -> String {
    let newest = format!(
        "FROM remedies x WHERE x.tenant_id = i.tenant_id AND x.customer_id = i.customer_id AND x.created_at >= $1 \
         ORDER BY x.created_at DESC, x.id DESC LIMIT {MOST}"
    );
    let join = match backend {
        Backend::Postgres => format!("CROSS JOIN LATERAL (SELECT x.* {newest}) r"),
        // SQLite knows no LATERAL; its rows have numbers.
        Backend::Sqlite => format!("CROSS JOIN remedies r ON r.rowid IN (SELECT x.rowid {newest})"),
    };
    format!(
        "SELECT i.tenant_id, i.customer_id, r.id, r.case_id, r.event_kind, r.event_reference, r.event_occurred_at, \
         CASE WHEN r.event_kind IS NULL OR r.event_reference IS NULL OR r.event_occurred_at IS NULL THEN r.event END \
         AS event, r.apology_at FROM input i {join} \
         ORDER BY i.tenant_id, i.customer_id, r.created_at DESC, r.id DESC"
    )
}

/// A decision of a person against the one that held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateOverride {
    /// What held.
    pub from: Outcome,
    /// What holds from then on.
    pub to: Outcome,
    /// Why.
    pub reason: String,
    /// Who decided.
    pub decided_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// Adds a decision. The caller holds the lock of the remedy.
pub async fn override_in_tx(
    tx: &Tx,
    tenant: &TenantId,
    remedy: RemedyId,
    ordinal: usize,
    decided: &GateOverride,
) -> Result<(), DbErr> {
    let text = "INSERT INTO gate_overrides (tenant_id, remedy_id, ordinal, from_outcome, to_outcome, reason, decided_by, \
                created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = [
        tenant.as_str().into(),
        remedy.uuid().into(),
        i64::try_from(ordinal).map_err(broken)?.into(),
        decided.from.as_str().into(),
        decided.to.as_str().into(),
        decided.reason.as_str().into(),
        decided.decided_by.as_str().into(),
        decided.created_at.micros().into(),
    ];
    tx.execute(sql::statement(tx.backend(), text, values)).await.map(|_| ())
}

/// What people decided about a remedy, oldest first.
pub async fn overrides(
    connection: &impl ConnectionTrait,
    backend: Backend,
    tenant: &TenantId,
    remedy: RemedyId,
) -> Result<Vec<GateOverride>, DbErr> {
    let text = "SELECT from_outcome, to_outcome, reason, decided_by, created_at FROM gate_overrides \
                WHERE tenant_id = $1 AND remedy_id = $2 ORDER BY ordinal";
    let values = [tenant.as_str().into(), remedy.uuid().into()];
    let rows = connection.query_all_raw(sql::statement(backend, text, values)).await?;
    rows.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<GateOverride, DbErr> {
    Ok(GateOverride {
        from: state(Outcome::parse, &sql::column::<String>(row, "from_outcome")?)?,
        to: state(Outcome::parse, &sql::column::<String>(row, "to_outcome")?)?,
        reason: sql::column(row, "reason")?,
        decided_by: sql::column(row, "decided_by")?,
        created_at: Timestamp::from_micros(sql::column(row, "created_at")?),
    })
}
