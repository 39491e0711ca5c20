//! `OpenCase` of new customers on PostgreSQL against pgbench: what intake accepts alone, and with the suite at work.

use crate::bench::Bench;
use crate::load::Operation;
use crate::node::{Deployment, ROLES};
use crate::pgbench::Yardstick;
use crate::report;
use crate::sections::compare::Comparison;

/// Measures and prints.
pub async fn run(bench: &Bench) -> anyhow::Result<()> {
    report::section("OpenCase on PostgreSQL");
    report::progress("OpenCase: recording what one call writes");
    let yardstick = Yardstick::of_open_case(bench).await?;
    report::note(&format!("One call writes {}; each transaction of pgbench writes the same.", yardstick.describe()));
    for (roles, callers, note) in [
        (
            &ROLES[..1],
            bench.options.callers.clone(),
            "Intake alone; the other services are down, so that their work waits as durable calls:",
        ),
        (
            &ROLES[..],
            vec![bench.options.most_callers()],
            "All four services running, each recovery going on while cases are opened:",
        ),
    ] {
        let databases = bench.postgres()?.databases("open_case", roles).await;
        let deployment = Deployment::new("open-case", &databases.urls())?;
        deployment.migrate().await?;
        let mut processes = Vec::new();
        for role in roles {
            processes.push(deployment.serve(&[role], &[]).await?);
        }
        report::note(note);
        let comparison = Comparison {
            name: format!("OpenCase, {} services", roles.len()),
            address: deployment.address("intake"),
            operation: Operation::OpenCase,
            unit: "calls",
            units_per_call: 1,
            pgbench: &yardstick.pgbench,
            scripts: vec![
                ("pgbench, BEGIN … COMMIT", &yardstick.scripts.separate),
                ("pgbench, one statement", &yardstick.scripts.one_statement),
            ],
            callers,
        };
        comparison.run(bench).await?;
    }
    Ok(())
}
