//! `AddAffected` on PostgreSQL: customers a second, in batches of one and of as many as a batch may have.

use crate::bench::Bench;
use crate::load::Operation;
use crate::node::Deployment;
use crate::pgbench::Yardstick;
use crate::report;
use crate::sections::compare::Comparison;

/// Customers in a batch.
const BATCHES: [usize; 2] = [1, 500];

/// Measures and prints.
pub async fn run(bench: &Bench) -> anyhow::Result<()> {
    report::section("AddAffected on PostgreSQL");
    report::progress("AddAffected: recording what one customer writes");
    let yardstick = Yardstick::of_add_affected(bench).await?;
    report::note(&format!(
        "A customer writes {}; each transaction of pgbench writes that for one customer, so its rate is in customers too. \
         Intake alone; the other services are down.",
        yardstick.describe()
    ));
    for batch in BATCHES {
        let databases = bench.postgres()?.databases("add_affected", &["intake"]).await;
        let deployment = Deployment::new("add-affected", &databases.urls())?;
        deployment.migrate().await?;
        let _process = deployment.serve(&["intake"], &[]).await?;
        report::note(&format!("Batches of {batch}:"));
        let comparison = Comparison {
            name: format!("AddAffected, batches of {batch}"),
            address: deployment.address("intake"),
            operation: Operation::AddAffected { batch },
            unit: "customers",
            units_per_call: batch,
            pgbench: &yardstick.pgbench,
            scripts: vec![
                ("pgbench, BEGIN … COMMIT", &yardstick.scripts.separate),
                ("pgbench, one statement", &yardstick.scripts.one_statement),
            ],
            callers: bench.options.callers.clone(),
        };
        comparison.run(bench).await?;
    }
    Ok(())
}
