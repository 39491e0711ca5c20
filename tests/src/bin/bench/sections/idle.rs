//! `amends dev`: how long until it serves, and how much memory it keeps when nothing happens.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use amends_tests::running::Running;
use anyhow::Context as _;
use testkit::Scratch;

use crate::bench::Bench;
use crate::report::{self, Table, median, milliseconds};
use crate::{machine, node};

/// Measures and prints.
pub async fn run(bench: &Bench) -> anyhow::Result<()> {
    report::section("amends dev");
    let starts = bench.options.size(5, 1);
    let idle = Duration::from_secs(if bench.options.quick { 1 } else { 10 });
    let (mut first, mut again, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for start in 1..=starts {
        report::progress(&format!("amends dev: start {start} of {starts}"));
        let data = Scratch::new("dev");
        let (process, took) = dev(&data).await?;
        drop(process);
        first.push(took.as_micros() as f64);
        let (process, took) = dev(&data).await?;
        again.push(took.as_micros() as f64);
        tokio::time::sleep(idle).await;
        let resident =
            machine::resident_kib(process.id()).context("this system does not tell how much memory a process has")?;
        memory.push(resident as f64 / 1_024.0);
    }
    let mut table = Table::new(&[&format!("median of {starts}"), "figure"]);
    table.row(vec![
        "start to SERVING, empty data directory (four databases made), ms".to_owned(),
        milliseconds(median(first)),
    ]);
    table.row(vec!["start to SERVING, data there, ms".to_owned(), milliseconds(median(again))]);
    table.row(vec![format!("resident memory after {} s idle, MiB", idle.as_secs()), format!("{:.1}", median(memory))]);
    table.print();
    Ok(())
}

/// Starts `amends dev`; how long until it served.
async fn dev(data: &Scratch) -> anyhow::Result<(Running, Duration)> {
    let listen = format!("127.0.0.1:{}", testkit::free_port());
    let mut command = Command::new(node::binary()?);
    command.args(["dev", "--listen", &listen, "--data"]).arg(data.path()).current_dir(data.path());
    command.stdout(Stdio::null()).stderr(std::fs::File::create(data.path().join("dev.log"))?);
    let began = Instant::now();
    let mut process = Running::start(&mut command)?;
    node::serving(&mut process, &format!("http://{listen}")).await?;
    Ok((process, began.elapsed()))
}
