//! The replay of real disruptions on both databases: whole recoveries a second, through all four services.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::Context as _;
use serde::Deserialize;

use crate::bench::Bench;
use crate::node::{self, ROLES};
use crate::process;
use crate::report::{self, Table, count};

/// Flights of a quick run.
const FEW: &str = "--flights=5";

/// What the demo reports, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Summary {
    customers: u64,
    seconds: f64,
    recoveries_per_second: f64,
}

/// Measures and prints.
pub async fn run(bench: &Bench) -> anyhow::Result<()> {
    report::section("Replay of the flights of 2013");
    report::note(&format!(
        "`amends demo {} --json`: four services in one process on a virtual clock, each disruption from the report to the \
         end of its follow-up.",
        period(bench)
    ));
    let mut table = Table::new(&["database", "recoveries", "s", "recoveries/s"]);
    table.row(replay(bench, "SQLite", None).await?);
    let databases = bench.postgres()?.databases("replay", &ROLES).await;
    table.row(replay(bench, "PostgreSQL", Some(databases.urls())).await?);
    table.print();
    Ok(())
}

async fn replay(
    bench: &Bench,
    name: &str,
    urls: Option<BTreeMap<&'static str, String>>,
) -> anyhow::Result<Vec<String>> {
    report::progress(&format!("replay on {name}"));
    let data = testkit::Scratch::new("replay");
    let mut command = Command::new(node::binary()?);
    command.args(["demo", period(bench), "--json", "--data"]).arg(data.path());
    if let Some(urls) = urls {
        let config = data.path().join("amends.toml");
        std::fs::write(&config, stores(&urls))?;
        command.arg("--config").arg(config);
    }
    let output = process::output(command).await?;
    let summary: Summary = serde_json::from_str(output.trim()).with_context(|| format!("the demo said: {output}"))?;
    Ok(vec![
        name.to_owned(),
        count(summary.customers as f64),
        format!("{:.1}", summary.seconds),
        count(summary.recoveries_per_second),
    ])
}

/// Which flights.
fn period(bench: &Bench) -> &'static str {
    if bench.options.quick { FEW } else { "--year" }
}

/// Only where the databases are: the demo knows the rest.
fn stores(urls: &BTreeMap<&'static str, String>) -> String {
    let section = |role: &str| format!("[{role}.store.database]\nurl = \"{}\"\n", urls[role]);
    ROLES.map(section).join("\n")
}
