//! Queries over what experiments did: assignments, outcomes, and the money of those who were hit alike.

use std::collections::{BTreeMap, BTreeSet};

use durable::{Bulk, ColumnType, Tx, sql};
use kernel::{CaseId, RemedyId, ResourceId, TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::experiments::query;
use super::row::{expect_one, state};
use crate::domain::event::Severity;
use crate::domain::experiment::figures::Counts;
use crate::domain::experiment::outcome::{Outcome, OutcomeResult};
use crate::domain::experiment::strata::{Given, Stratum};

/// How the count of all cases is stored: a currency that is none.
const ALL: &str = "-";

/// A case in an arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Id of the experiment.
    pub experiment: String,
    /// The case.
    pub case: CaseId,
    /// The remedy by which it was assigned.
    pub remedy: RemedyId,
    /// Id of the arm.
    pub arm: String,
    /// What the arm was chosen by.
    pub unit: String,
    /// When.
    pub created_at: Timestamp,
    /// What it adds to its strata.
    pub strata: BTreeMap<Stratum, Given>,
}

/// Which of these cases an experiment may take: it runs, and the case was never assigned in it.
pub async fn open_to_in_tx(
    tx: &Tx,
    wanted: &[(&TenantId, &str, CaseId)],
) -> Result<BTreeSet<(String, String, CaseId)>, DbErr> {
    if wanted.is_empty() {
        return Ok(BTreeSet::new());
    }
    let columns =
        &[("tenant_id", ColumnType::Text), ("experiment_id", ColumnType::Text), ("case_id", ColumnType::Uuid)];
    let mut input = Bulk::new(columns);
    for (tenant, experiment, case) in wanted {
        input.push([tenant.as_str().into(), (*experiment).into(), case.uuid().into()]);
    }
    let body = "SELECT i.tenant_id, i.experiment_id, i.case_id FROM input i JOIN experiments e \
                ON e.tenant_id = i.tenant_id AND e.id = i.experiment_id AND e.state = 'RUNNING' \
                LEFT JOIN experiment_assignments a ON a.tenant_id = i.tenant_id \
                AND a.experiment_id = i.experiment_id AND a.case_id = i.case_id WHERE a.arm IS NULL";
    let rows = tx.query_all(input.statements(tx.backend(), body, &[])).await?;
    rows.iter()
        .map(|row| {
            let case: Uuid = sql::column(row, "case_id")?;
            Ok((sql::column(row, "tenant_id")?, sql::column(row, "experiment_id")?, case.into()))
        })
        .collect()
}

/// Writes assignments, and counts them. Last in its transaction: the rows of counts are shared by everybody.
pub async fn assign_in_tx(tx: &Tx, assignments: &[(&TenantId, &Assignment)]) -> Result<(), DbErr> {
    if assignments.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("experiment_id", ColumnType::Text),
        ("case_id", ColumnType::Uuid),
        ("remedy_id", ColumnType::Uuid),
        ("arm", ColumnType::Text),
        ("unit", ColumnType::Text),
        ("created_at", ColumnType::Integer),
    ]);
    for (tenant, assignment) in assignments {
        let Assignment { experiment, case, remedy, arm, unit, created_at, .. } = assignment;
        input.push([
            tenant.as_str().into(),
            experiment.as_str().into(),
            case.uuid().into(),
            remedy.uuid().into(),
            arm.as_str().into(),
            unit.as_str().into(),
            created_at.micros().into(),
        ]);
    }
    // Where two remedies of one case are opened at once, the first one counts.
    let body = "INSERT INTO experiment_assignments \
                (tenant_id, experiment_id, case_id, remedy_id, arm, unit, created_at) \
                SELECT tenant_id, experiment_id, case_id, remedy_id, arm, unit, created_at FROM input WHERE true \
                ON CONFLICT (tenant_id, experiment_id, case_id) DO NOTHING RETURNING remedy_id";
    let rows = tx.query_all(input.statements(tx.backend(), body, &[])).await?;
    let written: BTreeSet<Uuid> = rows.iter().map(|row| sql::column(row, "remedy_id")).collect::<Result<_, _>>()?;
    let mut arms: BTreeMap<(&str, &str, &str), i64> = BTreeMap::new();
    let mut strata: BTreeMap<(&str, &str, &str, &Stratum), Given> = BTreeMap::new();
    for (tenant, assignment) in assignments.iter().filter(|(_, assignment)| written.contains(&assignment.remedy.uuid()))
    {
        let Assignment { experiment, arm, .. } = assignment;
        *arms.entry((tenant.as_str(), experiment, arm)).or_default() += 1;
        for (stratum, given) in &assignment.strata {
            let sum = strata.entry((tenant.as_str(), experiment, arm, stratum)).or_default();
            sum.cases += given.cases;
            sum.minor = sum.minor.saturating_add(given.minor);
            sum.compared += given.compared;
            sum.squares += given.squares;
        }
    }
    if written.is_empty() {
        return Ok(());
    }
    count_strata(tx, &strata).await?;
    for ((tenant, experiment, arm), assigned) in arms {
        add_counts(tx, (tenant, experiment, arm), Counts { assigned, ..Counts::default() }).await?;
    }
    Ok(())
}

async fn count_strata(tx: &Tx, strata: &BTreeMap<(&str, &str, &str, &Stratum), Given>) -> Result<(), DbErr> {
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("experiment_id", ColumnType::Text),
        ("arm", ColumnType::Text),
        ("severity", ColumnType::Text),
        ("kind", ColumnType::Text),
        ("currency", ColumnType::Text),
        ("cases", ColumnType::Integer),
        ("minor", ColumnType::Integer),
        ("compared", ColumnType::Integer),
        ("squares", ColumnType::Integer),
    ]);
    for ((tenant, experiment, arm, stratum), given) in strata {
        let currency = if stratum.currency.is_empty() { ALL } else { stratum.currency.as_str() };
        input.push([
            (*tenant).into(),
            (*experiment).into(),
            (*arm).into(),
            stratum.severity.as_str().into(),
            stratum.kind.as_str().into(),
            currency.into(),
            given.cases.into(),
            given.minor.into(),
            given.compared.into(),
            given.squares.into(),
        ]);
    }
    let body = "INSERT INTO experiment_strata \
                (tenant_id, experiment_id, arm, severity, kind, currency, cases, minor, compared, squares) \
                SELECT tenant_id, experiment_id, arm, severity, kind, currency, cases, minor, compared, squares \
                FROM input WHERE true ORDER BY tenant_id, experiment_id, arm, severity, kind, currency \
                ON CONFLICT (tenant_id, experiment_id, arm, severity, kind, currency) DO UPDATE SET \
                cases = experiment_strata.cases + excluded.cases, minor = experiment_strata.minor + excluded.minor, \
                compared = experiment_strata.compared + excluded.compared, \
                squares = experiment_strata.squares + excluded.squares";
    tx.execute_all(input.statements(tx.backend(), body, &[])).await.map(|_| ())
}

/// Adds to the counts of an arm.
pub async fn add_counts(tx: &Tx, (tenant, experiment, arm): (&str, &str, &str), add: Counts) -> Result<(), DbErr> {
    let text = "UPDATE experiment_arms SET assigned = assigned + $4, recovered = recovered + $5, \
                not_recovered = not_recovered + $6, lapsed = lapsed + $7, reopened = reopened + $8, \
                scored = scored + $9, score_sum = score_sum + $10, score_squares = score_squares + $11 \
                WHERE tenant_id = $1 AND experiment_id = $2 AND arm = $3";
    let values = [
        tenant.into(),
        experiment.into(),
        arm.into(),
        add.assigned.into(),
        add.recovered.into(),
        add.not_recovered.into(),
        add.lapsed.into(),
        add.reopened.into(),
        add.scored.into(),
        add.score_sum.into(),
        add.score_squares.into(),
    ];
    let written = tx.execute(sql::statement(tx.backend(), text, values)).await?;
    expect_one(written, arm)
}

/// Experiments and arms of a case, in the order of the experiments.
pub async fn arms_of_case(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    case: CaseId,
) -> Result<Vec<(String, String)>, DbErr> {
    let text = "SELECT experiment_id, arm FROM experiment_assignments WHERE tenant_id = $1 AND case_id = $2 \
                ORDER BY experiment_id";
    let rows = query(connection, text.to_owned(), vec![tenant.as_str().into(), case.uuid().into()]).await?;
    rows.iter().map(|row| Ok((sql::column(row, "experiment_id")?, sql::column(row, "arm")?))).collect()
}

/// What is known of the outcome of a case. Its experiment is locked.
pub async fn outcome_in_tx(
    tx: &Tx,
    tenant: &TenantId,
    experiment: &str,
    case: CaseId,
) -> Result<Option<Outcome>, DbErr> {
    let text = "SELECT result, score, delta FROM experiment_outcomes \
                WHERE tenant_id = $1 AND experiment_id = $2 AND case_id = $3";
    let values = vec![tenant.as_str().into(), experiment.into(), case.uuid().into()];
    let rows = query(tx.conn(), text.to_owned(), values).await?;
    let read = |row: &sea_orm::QueryResult| {
        let (score, delta): (Option<i64>, Option<i64>) = (sql::column(row, "score")?, sql::column(row, "delta")?);
        Ok(Outcome {
            result: state(OutcomeResult::parse, &sql::column::<String>(row, "result")?)?,
            score: score.and_then(|score| u8::try_from(score).ok()),
            delta: delta.and_then(|delta| i8::try_from(delta).ok()),
        })
    };
    rows.first().map(read).transpose()
}

/// Writes the outcome of a case in the place of what was known. Its experiment is locked.
pub async fn record_in_tx(
    tx: &Tx,
    tenant: &TenantId,
    experiment: &str,
    case: CaseId,
    outcome: Outcome,
) -> Result<(), DbErr> {
    let text = "INSERT INTO experiment_outcomes (tenant_id, experiment_id, case_id, result, score, delta, recorded_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, experiment_id, case_id) DO UPDATE SET \
                result = excluded.result, score = excluded.score, delta = excluded.delta, \
                recorded_at = excluded.recorded_at";
    let values = [
        tenant.as_str().into(),
        experiment.into(),
        case.uuid().into(),
        outcome.result.as_str().into(),
        outcome.score.map(i64::from).into(),
        outcome.delta.map(i64::from).into(),
        tx.now().micros().into(),
    ];
    tx.execute(sql::statement(tx.backend(), text, values)).await.map(|_| ())
}

/// The money of an experiment, by stratum and arm.
pub async fn strata(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    experiment: &str,
) -> Result<BTreeMap<(Stratum, String), Given>, DbErr> {
    let text = "SELECT * FROM experiment_strata WHERE tenant_id = $1 AND experiment_id = $2";
    let rows = query(connection, text.to_owned(), vec![tenant.as_str().into(), experiment.into()]).await?;
    let read = |row: &sea_orm::QueryResult| {
        let text = |name: &str| sql::column::<String>(row, name);
        let number = |name: &str| sql::column::<i64>(row, name);
        let currency = text("currency")?;
        let stratum = Stratum {
            severity: state(Severity::parse, &text("severity")?)?,
            kind: text("kind")?,
            currency: if currency == ALL { String::new() } else { currency },
        };
        let given = Given {
            cases: number("cases")?,
            minor: number("minor")?,
            compared: number("compared")?,
            squares: number("squares")?,
        };
        Ok(((stratum, text("arm")?), given))
    };
    rows.iter().map(read).collect()
}
