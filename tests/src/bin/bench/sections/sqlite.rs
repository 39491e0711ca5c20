//! `OpenCase` on SQLite, as in development and on one small machine; against itself with one caller.

use std::collections::BTreeMap;

use testkit::Scratch;

use crate::bench::Bench;
use crate::load::{Operation, Outcome, Pace};
use crate::node::{Deployment, ROLES};
use crate::report::{self, LATENCY_HEADINGS, Table, count, median, ratio};

/// Measures and prints.
pub async fn run(bench: &Bench) -> anyhow::Result<()> {
    report::section("OpenCase on SQLite");
    report::note("WAL, synchronous FULL; each measurement begins with empty databases.");
    for (roles, note) in [
        (&ROLES[..1], "Intake alone; the work of the other services waits as durable calls:"),
        (&ROLES[..], "All four services in one process, each recovery going on while cases are opened:"),
    ] {
        report::note(note);
        let headings: Vec<&str> =
            ["load", "calls/s"].into_iter().chain(LATENCY_HEADINGS).chain(["by the first"]).collect();
        let mut table = Table::new(&headings);
        let mut first = None;
        for &callers in &bench.options.callers {
            let outcomes = rounds(bench, roles, callers).await?;
            report::failures(&format!("SQLite, {callers} callers"), &outcomes)?;
            let rate = median(outcomes.iter().map(|outcome| outcome.per_second));
            let mut cells =
                vec![if callers == 1 { "1 caller".to_owned() } else { format!("{callers} callers") }, count(rate)];
            cells.extend(report::latency_cells(&outcomes));
            cells.push(ratio(rate / *first.get_or_insert(rate)));
            table.row(cells);
        }
        table.print();
    }
    Ok(())
}

async fn rounds(bench: &Bench, roles: &[&str], callers: usize) -> anyhow::Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for round in 1..=bench.options.rounds {
        report::progress(&format!("OpenCase on SQLite: {} services, {callers} callers, round {round}", roles.len()));
        let data = Scratch::new("sqlite");
        let url = |role: &str| format!("sqlite://{}", data.path().join(format!("{role}.db")).display());
        let urls: BTreeMap<&'static str, String> = ROLES.into_iter().map(|role| (role, url(role))).collect();
        let deployment = Deployment::in_one_process("sqlite", &urls)?;
        deployment.migrate().await?;
        let _process = deployment.serve(roles, &[]).await?;
        outcomes.push(bench.load(&deployment.address("intake"), Operation::OpenCase, Pace::Closed { callers }).await?);
    }
    Ok(outcomes)
}
