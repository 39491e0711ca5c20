//! Figures of passing tests, which `cargo test` shows whatever it captures.

use std::io::Write as _;

/// Writes a line past the capture of a test's output, which takes what `println!` and `eprintln!` write.
pub fn report(line: &str) {
    // A closed stderr is no reason to fail a test.
    let _written = writeln!(std::io::stderr().lock(), "{line}");
}
