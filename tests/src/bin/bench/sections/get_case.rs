//! `GetCase` on PostgreSQL against a SELECT of the same row by its key.

use anyhow::Context as _;

use crate::bench::Bench;
use crate::load::Operation;
use crate::node::Deployment;
use crate::pgbench::{Yardstick, script};
use crate::report;
use crate::sections::compare::Comparison;

/// Measures and prints.
pub async fn run(bench: &Bench) -> anyhow::Result<()> {
    report::section("GetCase on PostgreSQL");
    let cases = bench.options.size(20_000, 100);
    report::progress("GetCase: filling both databases");
    let yardstick = Yardstick::of_open_case(bench).await?;
    let filled = yardstick.pgbench.repeat(&yardstick.scripts.one_statement, 1, cases).await?;
    let read = script::read_one("cases", &yardstick.writes, &yardstick.recorded, filled, cases);
    let read = read.context("OpenCase writes no row to `cases`")?;
    let databases = bench.postgres()?.databases("get_case", &["intake"]).await;
    let deployment = Deployment::new("get-case", &databases.urls())?;
    deployment.migrate().await?;
    let _process = deployment.serve(&["intake"], &[]).await?;
    report::note(&format!(
        "Any of {} cases; pgbench selects the row of a case by its key.",
        report::count(cases as f64)
    ));
    let comparison = Comparison {
        name: "GetCase".to_owned(),
        address: deployment.address("intake"),
        operation: Operation::GetCase { cases },
        unit: "calls",
        units_per_call: 1,
        pgbench: &yardstick.pgbench,
        scripts: vec![("pgbench, SELECT", &read)],
        callers: bench.options.callers.clone(),
    };
    comparison.run(bench).await
}
