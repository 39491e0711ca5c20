//! Backtests over a year of flights: events a second, by the rate at which the same events are read, sent, decoded and
//! checked without being judged.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use testkit::Scratch;

use crate::bench::Bench;
use crate::node::Deployment;
use crate::process;
use crate::report::{self, Table, count, median, ratio};

const PACK: &str = include_str!("../../../../../crates/compensation/packs/care-klm/pack.yaml");
const YEAR: &str = "2013-01-01";

/// Measures and prints.
pub async fn run(bench: &Bench) -> anyhow::Result<()> {
    report::section("Backtest over the flights of 2013");
    report::note(
        "`amends pack backtest`, which reads the flights, against one process of compensation on SQLite, which judges them. \
         The first row is the yardstick: a version that was not in force, so that nothing is judged. Every report is of \
         every flight.",
    );
    let data = Scratch::new("backtest");
    let url = format!("sqlite://{}", data.path().join("compensation.db").display());
    let deployment = Deployment::new("backtest", &BTreeMap::from([("compensation", url)]))?;
    deployment.migrate().await?;
    let _process = deployment.serve(&["compensation"], &[]).await?;
    let write = |name: &str, text: String| -> anyhow::Result<PathBuf> {
        let path = data.path().join(name);
        ensure!(text != PACK, "{name} is the pack as it is");
        std::fs::write(&path, text)?;
        Ok(path)
    };
    let later = write("later.yaml", PACK.replace(YEAR, "2014-01-01"))?;
    let sooner = write("sooner.yaml", PACK.replace("> 180", ">= 120"))?;
    let (known, later, sooner) = ("packs/care-klm@1.1.0", text(&later)?, text(&sooner)?);
    let contenders: [(&str, Vec<&str>); 3] =
        [("not judged", vec![later]), ("one version", vec![known]), ("two versions", vec![sooner, "--against", known])];
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); contenders.len()];
    let mut events = 0;
    for round in 0..bench.options.rounds as usize {
        for place in 0..contenders.len() {
            let contender = (round + place) % contenders.len();
            let (name, arguments) = &contenders[contender];
            report::progress(&format!("backtest: {name}, round {}", round + 1));
            let (seen, seconds) = backtest(bench, &deployment, arguments).await?;
            events = seen;
            rates[contender].push(seen as f64 / seconds);
        }
    }
    let mut table = Table::new(&["backtest", "events", "s", "events/s", "by the first"]);
    for ((name, _), found) in contenders.iter().zip(&rates) {
        let rate = median(found.iter().copied());
        table.row(vec![
            (*name).to_owned(),
            count(events as f64),
            format!("{:.1}", events as f64 / rate),
            count(rate),
            ratio(median(found.iter().zip(&rates[0]).map(|(rate, first)| rate / first))),
        ]);
    }
    table.print();
    Ok(())
}

/// Events in the report, and how long it took.
async fn backtest(bench: &Bench, deployment: &Deployment, arguments: &[&str]) -> anyhow::Result<(u64, f64)> {
    let mut command = deployment.command()?;
    command.args(["pack", "backtest", "--output", "json", "--address", &deployment.address("compensation")]);
    if bench.options.quick {
        command.args(["--limit", "2000"]);
    }
    command.args(arguments);
    let started = Instant::now();
    let output = process::output(command).await?;
    let seconds = started.elapsed().as_secs_f64();
    let report: Value = serde_json::from_str(output.lines().last().unwrap_or_default())?;
    let events = report["report"]["events"].as_str().context("the report has no events")?.parse()?;
    Ok((events, seconds))
}

fn text(path: &std::path::Path) -> anyhow::Result<&str> {
    path.to_str().context("the path is no text")
}
