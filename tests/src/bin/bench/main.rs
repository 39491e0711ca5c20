//! `make bench`: measures the hot paths, those on PostgreSQL against pgbench in the same run, and prints Markdown.
//!
//! Owns the load generator, the yardstick and the report. Calls the product from outside only: its processes, its API,
//! its command line. Always holds: the suite, the load and the database are processes of their own; a comparison is
//! made round by round, one contender after the other, and a figure is the median over the rounds; no figure is asserted.

mod bench;
mod load;
mod machine;
mod node;
mod options;
mod pgbench;
mod postgres;
mod process;
mod report;
mod sections;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use bench::Bench;
use options::{Options, Section};
use postgres::Postgres;

/// Measures the hot paths of the suite and prints the figures as Markdown.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The load generator, which this program starts for itself.
    #[command(name = load::SUBCOMMAND, hide = true)]
    Load {
        /// What to do, as JSON.
        spec: String,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let work = async {
            match cli.command {
                Some(Command::Load { spec }) => load::main(&spec).await,
                None => measure(cli.options.settled()).await,
            }
        };
        tokio::select! {
            result = work => result,
            // What is dropped here ends the processes that were started.
            signal = chassis::shutdown_signal() => {
                signal?;
                anyhow::bail!("stopped by a signal")
            }
        }
    })
}

async fn measure(options: Options) -> anyhow::Result<()> {
    node::binary()?;
    let wanted = options.sections();
    println!("## Measurements\n");
    report::note(&machine::facts());
    let postgres = if wanted.iter().any(|section| section.needs_postgres()) {
        let postgres = Postgres::start().await;
        report::note(&format!("{}.", postgres.facts().await?));
        Some(postgres)
    } else {
        None
    };
    report::note(&basis(&options));
    let bench = Bench::new(options, postgres);
    for section in wanted {
        match section {
            Section::OpenCase => sections::open_case::run(&bench).await?,
            Section::AddAffected => sections::add_affected::run(&bench).await?,
            Section::GetCase => sections::get_case::run(&bench).await?,
            Section::Relay => sections::relay::run(&bench).await?,
            Section::Sqlite => sections::sqlite::run(&bench).await?,
            Section::Replay => sections::replay::run(&bench).await?,
            Section::Backtest => sections::backtest::run(&bench).await?,
            Section::Idle => sections::idle::run(&bench).await?,
        }
    }
    Ok(())
}

fn basis(options: &Options) -> String {
    let quick = if options.quick {
        "**A quick run, which shows that everything works; its figures mean nothing.** "
    } else {
        ""
    };
    format!(
        "{quick}Each figure is the median of {} rounds of {:?}. Service, load generator and database are processes of their own \
         on this machine. A ratio is the service's rate by pgbench's rate of the same round.",
        options.rounds,
        options.window()
    )
}
