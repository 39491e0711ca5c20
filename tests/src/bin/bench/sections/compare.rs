//! One method against scripts of pgbench: in every round each contender once, at the same number of clients, and the
//! one that begins changes from round to round.

use crate::bench::Bench;
use crate::load::{Operation, Outcome, Pace};
use crate::pgbench::Pgbench;
use crate::report::{self, LATENCY_HEADINGS, Table, count, median, ratio};

/// A method under load and what it is compared with.
pub struct Comparison<'a> {
    /// Name of the method, for progress and failures.
    pub name: String,
    /// Where the service is.
    pub address: String,
    /// What is called.
    pub operation: Operation,
    /// What a second is counted in: calls, or the customers in them.
    pub unit: &'static str,
    /// How many of these a call has.
    pub units_per_call: usize,
    /// pgbench on its own database.
    pub pgbench: &'a Pgbench,
    /// Scripts, by what their column is headed with.
    pub scripts: Vec<(&'static str, &'a str)>,
    /// Callers of the closed loops.
    pub callers: Vec<usize>,
}

/// Rates of one number of callers, by round.
#[derive(Default)]
struct Rounds {
    suite: Vec<Outcome>,
    pgbench: Vec<Vec<f64>>,
}

impl Comparison<'_> {
    /// Measures and prints the table: closed loops, then an open loop at a part of the best rate.
    pub async fn run(&self, bench: &Bench) -> anyhow::Result<()> {
        let unit = format!("{}/s", self.unit);
        let mut headings = vec!["load", unit.as_str()];
        headings.extend(LATENCY_HEADINGS);
        for (name, _) in &self.scripts {
            headings.extend([*name, "ratio"]);
        }
        let mut table = Table::new(&headings);
        let mut best: f64 = 0.0;
        for &callers in &self.callers {
            let rounds = self.rounds(bench, callers).await?;
            report::failures(&format!("{}, {callers} callers", self.name), &rounds.suite)?;
            best = best.max(median(rounds.suite.iter().map(|outcome| outcome.per_second)));
            let callers = if callers == 1 { "1 caller".to_owned() } else { format!("{callers} callers") };
            table.row(self.row(callers, &rounds));
        }
        let per_second = best * bench.options.fraction;
        report::progress(&format!("{}: open loop, {per_second:.1} calls/s", self.name));
        bench.postgres()?.checkpoint().await?;
        let open = vec![bench.load(&self.address, self.operation, Pace::Open { per_second }).await?];
        report::failures(&format!("{}, open loop", self.name), &open)?;
        let label = format!("open loop at {:.0} %", bench.options.fraction * 100.0);
        table.row(self.row(label, &Rounds { suite: open, pgbench: vec![Vec::new(); self.scripts.len()] }));
        table.print();
        Ok(())
    }

    async fn rounds(&self, bench: &Bench, callers: usize) -> anyhow::Result<Rounds> {
        let mut rounds = Rounds { suite: Vec::new(), pgbench: vec![Vec::new(); self.scripts.len()] };
        let contenders = self.scripts.len() + 1;
        for round in 0..bench.options.rounds as usize {
            report::progress(&format!("{}: {callers} callers, round {}", self.name, round + 1));
            for place in 0..contenders {
                bench.postgres()?.checkpoint().await?;
                let contender = (round + place) % contenders;
                match self.scripts.get(contender) {
                    Some((_, script)) => {
                        let rate = self.pgbench.measure(script, callers, bench.options.window()).await?;
                        rounds.pgbench[contender].push(rate);
                    }
                    None => {
                        rounds.suite.push(bench.load(&self.address, self.operation, Pace::Closed { callers }).await?);
                    }
                }
            }
        }
        Ok(rounds)
    }

    fn row(&self, label: String, rounds: &Rounds) -> Vec<String> {
        let rates: Vec<f64> =
            rounds.suite.iter().map(|outcome| outcome.per_second * self.units_per_call as f64).collect();
        let mut cells = vec![label, count(median(rates.iter().copied()))];
        cells.extend(report::latency_cells(&rounds.suite));
        for yardstick in &rounds.pgbench {
            if yardstick.is_empty() {
                cells.extend(["".to_owned(), "".to_owned()]);
            } else {
                cells.push(count(median(yardstick.iter().copied())));
                cells.push(ratio(median(rates.iter().zip(yardstick).map(|(rate, yardstick)| rate / yardstick))));
            }
        }
        cells
    }
}
