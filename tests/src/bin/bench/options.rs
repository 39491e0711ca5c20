//! What can be asked for, and how much of it.

use std::time::Duration;

use clap::{Args, ValueEnum};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Section {
    /// `OpenCase` on PostgreSQL against pgbench.
    OpenCase,
    /// `AddAffected` on PostgreSQL against pgbench.
    AddAffected,
    /// `GetCase` on PostgreSQL against pgbench.
    GetCase,
    /// Durable calls to a durable receiver.
    Relay,
    /// `OpenCase` on SQLite.
    Sqlite,
    /// The replay of real disruptions on both databases.
    Replay,
    /// Backtests over a year of flights.
    Backtest,
    /// `amends dev`: start and memory.
    Idle,
}

impl Section {
    /// True when it needs a PostgreSQL server.
    pub fn needs_postgres(self) -> bool {
        !matches!(self, Self::Sqlite | Self::Backtest | Self::Idle)
    }
}

/// Options of a measurement.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Measure only these, e.g. `--only open-case,relay`.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Section>,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Rounds of each measurement; figures are medians over them.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Callers of the closed loops.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64], value_parser = callers)]
    pub callers: Vec<usize>,
    /// Rate of the open loops as a part of what the closed loop reached with the most callers.
    #[arg(long, default_value_t = 0.7, value_parser = fraction)]
    pub fraction: f64,
    /// Only show that everything works: short runs, one round, few flights. The figures mean nothing.
    #[arg(long)]
    pub quick: bool,
}

impl Options {
    /// With `--quick` taken into account.
    #[must_use]
    pub fn settled(mut self) -> Self {
        if self.quick {
            self.rounds = 1;
            self.callers = vec![2];
        }
        self
    }

    /// What is to be measured, in order.
    pub fn sections(&self) -> Vec<Section> {
        let is_wanted = |section: &Section| self.only.is_empty() || self.only.contains(section);
        Section::value_variants().iter().copied().filter(is_wanted).collect()
    }

    /// How long a measurement counts.
    pub fn window(&self) -> Duration {
        if self.quick { Duration::from_millis(300) } else { Duration::from_secs(self.seconds) }
    }

    /// How long a load generator runs before anything counts.
    pub fn warm_up(&self) -> Duration {
        if self.quick { Duration::from_millis(100) } else { Duration::from_secs(1) }
    }

    /// The most callers.
    pub fn most_callers(&self) -> usize {
        self.callers.iter().copied().max().unwrap_or(1)
    }

    /// A size of a data set, smaller when it need only work.
    pub fn size(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

fn callers(text: &str) -> Result<usize, String> {
    match text.parse() {
        // Rows that each client of pgbench has of its own are made for so many.
        Ok(number @ 1..=MOST_CALLERS) => Ok(number),
        _ => Err(format!("give numbers from 1 to {MOST_CALLERS}")),
    }
}

/// PostgreSQL of a measurement accepts 200 connections.
const MOST_CALLERS: usize = 150;

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(fraction) if fraction > 0.0 && fraction <= 1.0 => Ok(fraction),
        _ => Err("give a number above 0, at most 1".to_owned()),
    }
}
