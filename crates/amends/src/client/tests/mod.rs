//! The commands against scripted servers on a loopback socket.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod affected;
mod audit;
mod authority;
mod commands;
mod errors;
mod experiments;
mod help;
mod money;
mod packs;
mod retries;
mod server;
mod settlement;
mod table;
mod watch;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser;

use super::call::Caller;
use super::command::{Command, dispatch};
use super::output::Screen;
use super::session::Patience;
use server::Server;

const CASE: &str = "cases/01980000-0000-7000-8000-000000000001";
const CUSTOMER: &str = "customers/01980000-0000-7000-8000-000000000002";
const OFFER: &str = "offers/01980000-0000-7000-8000-000000000003";

/// The command line as the binary has it.
#[derive(Debug, Parser)]
#[command(name = "amends", version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// What came of a command.
#[derive(Debug)]
pub struct Ran {
    pub out: String,
    pub notes: String,
    pub error: String,
}

impl Ran {
    /// The answer of a command that succeeded.
    pub fn answer(&self) -> &str {
        assert_eq!(self.error, "", "{self:?}");
        &self.out
    }
}

/// Types `arguments` at `server`, with pauses of a millisecond.
pub async fn run(server: &Server, arguments: &[&str]) -> Ran {
    let patience =
        Patience { deadline: Duration::from_secs(20), pause: Duration::from_millis(1), ..Patience::default() };
    run_with(&server.address, patience, arguments).await
}

pub async fn run_with(address: &str, patience: Patience, arguments: &[&str]) -> Ran {
    let line = [&["amends"], arguments, &["--address", address]].concat();
    let cli = Cli::try_parse_from(line).unwrap();
    let (out, notes) = (Buffer::default(), Buffer::default());
    let connection = cli.command.connection();
    let screen = Screen::new(connection.output, Box::new(out.clone()), Box::new(notes.clone()));
    let session = connection.session().unwrap().with_patience(patience);
    let result = Box::pin(dispatch(&cli.command, &mut Caller::with(session, screen))).await;
    let error = result.map_or_else(|error| format!("{error:#}"), |()| String::new());
    Ran { out: out.text(), notes: notes.text(), error }
}

#[derive(Clone, Debug, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
