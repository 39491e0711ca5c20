//! Opens a database of each kind, prints their URLs, one a line, and holds them until its standard input ends.
//!
//! For the test that kills it to see that nothing is left behind; and for a person who wants a PostgreSQL to look at:
//! `cargo run -p amends-testkit --bin hold`.

use std::io::Read;

use testkit::{Backend, database};

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let databases = [Backend::Postgres, Backend::Sqlite].map(|backend| runtime.block_on(database(backend, "hold")));
    for database in &databases {
        println!("{}", database.url);
    }
    let mut rest = String::new();
    // Whatever ends the input ends the program.
    let _read = std::io::stdin().read_to_string(&mut rest);
}
