//! Queries over experiments: what runs, how it stands, and its counts.

use durable::{Tx, sql};
use kernel::{TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};

use super::row::{expect_one, from_json, state, time, to_json};
use crate::domain::experiment::figures::Counts;
use crate::domain::experiment::look::Look;
use crate::domain::experiment::state::ExperimentState;

/// An experiment as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredExperiment {
    /// Its id.
    pub id: String,
    /// The document.
    pub document: String,
    /// Where it stands.
    pub state: ExperimentState,
    /// The looks that were taken.
    pub looks: Vec<Look>,
    /// Who applied it.
    pub applied_by: String,
    /// Who stopped it; empty unless a person did.
    pub stopped_by: String,
    /// Why it was stopped, in words.
    pub stop_reason: String,
    /// When it stopped.
    pub stopped_at: Option<Timestamp>,
    /// When it was applied.
    pub created_at: Timestamp,
}

/// Where a page of experiments ended.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ExperimentCursor {
    /// Microseconds.
    pub created_at: i64,
    /// Id.
    pub id: String,
}

const COLUMNS: &str = "id, document, state, looks, applied_by, stopped_by, stop_reason, stopped_at, created_at";

/// The revision of a tenant's experiments; 0 when it has had none.
pub async fn revision(connection: &impl ConnectionTrait, tenant: &TenantId) -> Result<i64, DbErr> {
    let sql = "SELECT revision FROM experiment_revisions WHERE tenant_id = $1";
    let rows = query(connection, sql.to_owned(), vec![tenant.as_str().into()]).await?;
    rows.first().map_or(Ok(0), |row| sql::column(row, "revision"))
}

/// The next revision; locks the tenant's experiments for this transaction.
pub async fn lock_in_tx(tx: &Tx, tenant: &TenantId) -> Result<(), DbErr> {
    let text = "INSERT INTO experiment_revisions (tenant_id, revision) VALUES ($1, 1) \
                ON CONFLICT (tenant_id) DO UPDATE SET revision = experiment_revisions.revision + 1";
    tx.execute(sql::statement(tx.backend(), text, [tenant.as_str().into()])).await.map(|_| ())
}

/// Writes a new experiment, with a row of counts for each arm.
pub async fn insert_in_tx(
    tx: &Tx,
    tenant: &TenantId,
    experiment: &StoredExperiment,
    arms: &[&str],
) -> Result<(), DbErr> {
    let text = format!(
        "INSERT INTO experiments (tenant_id, {COLUMNS}, version) VALUES ($1, $2, $3, $4, $5, $6, '', '', NULL, $7, 1)"
    );
    let values = [
        tenant.as_str().into(),
        experiment.id.as_str().into(),
        experiment.document.as_str().into(),
        experiment.state.as_str().into(),
        to_json(&experiment.looks)?.into(),
        experiment.applied_by.as_str().into(),
        experiment.created_at.micros().into(),
    ];
    tx.execute(sql::statement(tx.backend(), &text, values)).await?;
    let text = "INSERT INTO experiment_arms (tenant_id, experiment_id, arm, assigned, recovered, not_recovered, lapsed, \
                reopened, scored, score_sum, score_squares) VALUES ($1, $2, $3, 0, 0, 0, 0, 0, 0, 0, 0)";
    for arm in arms {
        let values = [tenant.as_str().into(), experiment.id.as_str().into(), (*arm).into()];
        tx.execute(sql::statement(tx.backend(), text, values)).await?;
    }
    Ok(())
}

/// One experiment.
pub async fn get(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: &str,
) -> Result<Option<StoredExperiment>, DbErr> {
    let text = format!("SELECT {COLUMNS} FROM experiments WHERE tenant_id = $1 AND id = $2");
    let rows = query(connection, text, vec![tenant.as_str().into(), id.into()]).await?;
    rows.first().map(read).transpose()
}

/// One experiment, locked for the rest of the transaction.
pub async fn lock_one_in_tx(tx: &Tx, tenant: &TenantId, id: &str) -> Result<Option<StoredExperiment>, DbErr> {
    let text = "UPDATE experiments SET version = version + 1 WHERE tenant_id = $1 AND id = $2";
    tx.execute(sql::statement(tx.backend(), text, [tenant.as_str().into(), id.into()])).await?;
    get(tx.conn(), tenant, id).await
}

/// The experiments that run, oldest first.
pub async fn running(connection: &impl ConnectionTrait, tenant: &TenantId) -> Result<Vec<StoredExperiment>, DbErr> {
    let text =
        format!("SELECT {COLUMNS} FROM experiments WHERE tenant_id = $1 AND state = 'RUNNING' ORDER BY created_at, id");
    query(connection, text, vec![tenant.as_str().into()]).await?.iter().map(read).collect()
}

/// A page, newest first.
pub async fn list_page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    after: Option<ExperimentCursor>,
    limit: u64,
) -> Result<Vec<StoredExperiment>, DbErr> {
    let limit: Value = i64::try_from(limit).unwrap_or(i64::MAX).into();
    let mut values: Vec<Value> = vec![tenant.as_str().into(), limit];
    let mut filter = "";
    if let Some(after) = after {
        filter = "AND (created_at, id) < ($3, $4)";
        values.extend([after.created_at.into(), after.id.into()]);
    }
    let text = format!(
        "SELECT {COLUMNS} FROM experiments WHERE tenant_id = $1 {filter} ORDER BY created_at DESC, id DESC LIMIT $2"
    );
    query(connection, text, values).await?.iter().map(read).collect()
}

/// Writes where a locked experiment stands, with its looks.
pub async fn update_in_tx(tx: &Tx, tenant: &TenantId, experiment: &StoredExperiment) -> Result<(), DbErr> {
    let text = "UPDATE experiments SET state = $3, looks = $4, stopped_by = $5, stop_reason = $6, stopped_at = $7 \
                WHERE tenant_id = $1 AND id = $2";
    let values = [
        tenant.as_str().into(),
        experiment.id.as_str().into(),
        experiment.state.as_str().into(),
        to_json(&experiment.looks)?.into(),
        experiment.stopped_by.as_str().into(),
        experiment.stop_reason.as_str().into(),
        experiment.stopped_at.map(Timestamp::micros).into(),
    ];
    let written = tx.execute(sql::statement(tx.backend(), text, values)).await?;
    expect_one(written, &experiment.id)
}

/// The counts of an experiment, by arm.
pub async fn counts(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: &str,
) -> Result<std::collections::BTreeMap<String, Counts>, DbErr> {
    let text = "SELECT * FROM experiment_arms WHERE tenant_id = $1 AND experiment_id = $2";
    let rows = query(connection, text.to_owned(), vec![tenant.as_str().into(), id.into()]).await?;
    let read = |row: &QueryResult| {
        let number = |name: &str| sql::column::<i64>(row, name);
        let counts = Counts {
            assigned: number("assigned")?,
            recovered: number("recovered")?,
            not_recovered: number("not_recovered")?,
            lapsed: number("lapsed")?,
            reopened: number("reopened")?,
            scored: number("scored")?,
            score_sum: number("score_sum")?,
            score_squares: number("score_squares")?,
        };
        Ok((sql::column(row, "arm")?, counts))
    };
    rows.iter().map(read).collect()
}

pub(super) async fn query(
    connection: &impl ConnectionTrait,
    text: String,
    values: Vec<Value>,
) -> Result<Vec<QueryResult>, DbErr> {
    let backend = connection.get_database_backend();
    connection.query_all_raw(Statement::from_sql_and_values(backend, text, values)).await
}

fn read(row: &QueryResult) -> Result<StoredExperiment, DbErr> {
    let text = |name: &str| sql::column::<String>(row, name);
    Ok(StoredExperiment {
        id: text("id")?,
        document: text("document")?,
        state: state(ExperimentState::parse, &text("state")?)?,
        looks: from_json(&text("looks")?)?,
        applied_by: text("applied_by")?,
        stopped_by: text("stopped_by")?,
        stop_reason: text("stop_reason")?,
        stopped_at: time(sql::column(row, "stopped_at")?),
        created_at: Timestamp::from_micros(sql::column(row, "created_at")?),
    })
}
