//! The relay: durable calls that wait for a service which was down, and how fast it gets them when it is back.
//!
//! The receiver is routing, which puts each call on record and opens a work item for it. It cannot report back while it
//! is measured, so that nothing but these deliveries goes on.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use sqlx::postgres::PgConnection;

use crate::bench::Bench;
use crate::load;
use crate::node::Deployment;
use crate::postgres;
use crate::report::{self, Table, count, median};

/// Customers in a batch of the preparation.
const BATCH: usize = 500;
/// Longest time that the deliveries of a round may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// Pause between two looks at what is left.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// A port on which nobody listens.
const NOBODY: &str = "http://127.0.0.1:9";

const LEFT: &str = "SELECT count(*) FROM outbound_calls WHERE target = 'routing' AND state IN ('pending', 'leased')";

/// The first and the last hundredth are left out: the relay's breaker lets single calls probe a target that was down,
/// and those that failed meanwhile come late.
const RATE: &str = "
SELECT count(*), (percentile_disc(0.99) WITHIN GROUP (ORDER BY finished_at)
    - percentile_disc(0.01) WITHIN GROUP (ORDER BY finished_at))
FROM outbound_calls WHERE target = 'routing' AND state = 'done'";

/// Measures and prints.
pub async fn run(bench: &Bench) -> anyhow::Result<()> {
    report::section("Durable calls");
    let calls = bench.options.size(40_000, 500);
    let mut rates = Vec::new();
    let mut delivered = Vec::new();
    for round in 1..=bench.options.rounds {
        report::progress(&format!("relay: {calls} calls wait, round {round}"));
        let databases = bench.postgres()?.databases("relay", &["intake", "routing"]).await;
        let deployment = Deployment::new("relay", &databases.urls())?;
        deployment.migrate().await?;
        let _intake = deployment.serve(&["intake"], &[]).await?;
        load::fill(&deployment.address("intake"), bench.next_run(), calls / BATCH, BATCH).await?;
        bench.postgres()?.checkpoint().await?;
        let _routing = deployment.serve(&["routing"], &[("AMENDS_TARGETS__INTAKE", NOBODY)]).await?;
        let mut connection = postgres::connect(databases.url("intake")).await?;
        drained(&mut connection).await?;
        let (done, took_us): (i64, i64) = sqlx::query_as(RATE).fetch_one(&mut connection).await?;
        delivered.push(done as f64);
        rates.push(done as f64 * 0.98 * 1e6 / took_us.max(1) as f64);
    }
    report::note(
        "Intake's calls to routing wait while routing is down; then it starts, and each call is sent, put on record and \
         carried out by the receiver, and finalised by the sender. Calls between the first and the last hundredth.",
    );
    let mut table = Table::new(&["one relay, one receiver", "calls", "deliveries/s"]);
    table.row(vec!["OpenWork".to_owned(), count(median(delivered)), count(median(rates))]);
    table.print();
    Ok(())
}

async fn drained(connection: &mut PgConnection) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left: i64 =
            sqlx::query_scalar(LEFT).fetch_one(&mut *connection).await.context("looking at what is left")?;
        if left == 0 {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < deadline, "{left} calls to routing are left after {PATIENCE:?}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
