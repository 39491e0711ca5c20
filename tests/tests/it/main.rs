//! The tests that need more than one crate, in one binary: rules of the tree, flows, faults.

mod bad_input;
mod bench;
mod checker_books;
mod deps;
mod fault_kill;
mod flow_experiment;
mod flow_recovery;
mod flow_telemetry;
mod model_payout;
mod model_relay;
mod purity;
mod source;
mod support;
mod tree;
